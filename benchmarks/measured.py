"""What the storage benchmarks share: a line of the table, and rows to write."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from langswarm_nb.clock import new_id, now
from langswarm_nb.models import SessionConfig, SessionContext, SessionMessage
from langswarm_nb.storage.duckdb import DuckDBSessionStorage
from langswarm_nb.storage.rows import message_to_row
from langswarm_nb.storage.schema import MESSAGES, create_table

ROUNDS = 5
_INSERT = f"INSERT INTO messages VALUES ({', '.join('?' * len(MESSAGES))})"


@dataclass(frozen=True)
class Result:
    """One line of the table; the target holds when `ratio` is at most, or at least, `limit`."""

    work: str
    ours: str
    other: str
    ratio: float
    limit: float
    at_most: bool

    @property
    def holds(self) -> bool:
        return self.ratio <= self.limit if self.at_most else self.ratio >= self.limit


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"


def message(session_id: str, number: int = 0) -> SessionMessage:
    content = f"message {number}: " + "some words of a usual question " * 4
    return SessionMessage(new_id(), session_id, "user", content, now(), metadata={"number": number})


async def start(storage: DuckDBSessionStorage, session_id: str) -> None:
    await storage.create_session(session_id, "ada", "mock", "m", SessionConfig(), SessionContext(session_id))


def bare(path: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(path))
    connection.execute(create_table("messages", MESSAGES))
    return connection


def insert_bare(connection: duckdb.DuckDBPyConnection, row: SessionMessage) -> None:
    connection.execute(_INSERT, list(message_to_row(row).values()))
