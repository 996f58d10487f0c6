"""The changes to sessions, messages and events, as values for the writer's queue; making one twice does no harm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import duckdb

from ...errors import SessionNotFoundError, SessionStateError
from ..rows import Row
from .checkpoints import drop, take_back
from .ledger import Ledger
from .write import Write


@dataclass(frozen=True)
class CreateSession(Write):
    row: Row

    def apply(self, ledger: Ledger) -> None:
        session_id, created_at = self.row["session_id"], self.row["created_at"]
        if ledger.has_session(session_id):
            if ledger.exists("SELECT 1 FROM sessions WHERE session_id = ? AND created_at = ?", session_id, created_at):
                return
            raise SessionStateError(f"There is a session {session_id} already. Choose another id.", session_id)
        ledger.append("sessions", self.row)


@dataclass(frozen=True)
class AddMessages(Write):
    session_id: str
    rows: Sequence[Row]

    def looks_up(self) -> tuple[Sequence[str], Sequence[str]]:
        return [self.session_id], [row["message_id"] for row in self.rows]

    def apply(self, ledger: Ledger) -> None:
        take_back(ledger, [row["message_id"] for row in self.rows])
        ledger.next_seq(self.session_id)
        stored = ledger.stored_among([row["message_id"] for row in self.rows])
        fresh: dict[str, Row] = {}
        for row in self.rows:
            if row["message_id"] not in stored and row["message_id"] not in fresh:
                seq = ledger.take_seq(self.session_id, row["seq"])
                fresh[row["message_id"]] = {**row, "session_id": self.session_id, "seq": seq}
        for row in fresh.values():
            ledger.append("messages", row)
        for row in self.rows:
            drop(ledger, row["message_id"])


@dataclass(frozen=True)
class AddEvent(Write):
    row: Row

    def apply(self, ledger: Ledger) -> None:
        if not ledger.has_event(self.row["event_id"]):
            ledger.append("events", self.row)


@dataclass(frozen=True)
class DeleteEvents(Write):
    user_id: str

    def apply(self, ledger: Ledger) -> None:
        ledger.execute("DELETE FROM events WHERE user_id = ?", [self.user_id])


@dataclass(frozen=True)
class UpdateSession(Write):
    session_id: str
    changes: Row

    def apply(self, ledger: Ledger) -> None:
        _require(ledger, self.session_id)
        settings = ", ".join(f"{name} = ?" for name in self.changes)
        ledger.execute(
            f"UPDATE sessions SET {settings} WHERE session_id = ?", [*self.changes.values(), self.session_id]
        )


@dataclass(frozen=True)
class DeleteSession(Write):
    session_id: str

    def apply(self, ledger: Ledger) -> None:
        for table in ("messages", "checkpoints", "events", "sessions"):
            ledger.execute(f"DELETE FROM {table} WHERE session_id = ?", [self.session_id])
        ledger.forget()


@dataclass(frozen=True)
class ClearMessages(Write):
    session_id: str

    def apply(self, ledger: Ledger) -> None:
        _require(ledger, self.session_id)
        for table in ("messages", "checkpoints"):
            ledger.execute(f"DELETE FROM {table} WHERE session_id = ?", [self.session_id])
        ledger.forget()


@dataclass(frozen=True)
class SetActiveBranch(Write):
    session_id: str
    message_ids: Sequence[str]

    def apply(self, ledger: Ledger) -> None:
        _require(ledger, self.session_id)
        ledger.execute(
            "UPDATE messages SET is_active_branch = NOT is_active_branch WHERE session_id = ? "
            "AND is_active_branch <> (message_id IN (SELECT unnest(?::VARCHAR[])))",
            [self.session_id, list(self.message_ids)],
        )


@dataclass(frozen=True)
class Maintain(Write):
    """Look after the store as `work` does, outside of any transaction."""

    work: Callable[[duckdb.DuckDBPyConnection], None]
    alone: ClassVar[bool] = True
    in_transaction: ClassVar[bool] = False

    def apply(self, ledger: Ledger) -> None:
        ledger.settle()
        self.work(ledger.connection)


def _require(ledger: Ledger, session_id: str) -> None:
    if not ledger.has_session(session_id):
        raise SessionNotFoundError(f"There is no session {session_id}: it was deleted or never made.", session_id)
