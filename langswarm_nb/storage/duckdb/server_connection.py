"""Statements that run on a server as they stand, as if on a connection of DuckDB's own.

Queries over the attached catalog would run here instead, table by table, and DuckDB 1.5 refuses those that read two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

from ..schema import EVENTS, MESSAGES, SESSIONS
from .encrypted import quoted

_KINDS = {**EVENTS, **SESSIONS, **MESSAGES}
_ROWS_AT_A_TIME = 500
# Sessions on the server that wait for the next reader.
_SPARE = 8

Session = duckdb.DuckDBPyConnection


class ServerConnection:
    """One session on the server; `open_session` returns a connection with the server attached as `store`."""

    def __init__(self, open_session: Callable[[], Session], spare: list[Session] | None = None) -> None:
        self._open_session = open_session
        self._is_cursor = spare is not None
        self._spare: list[Session] = [] if spare is None else spare
        self._session = self._take()
        self._in_transaction = False
        self._is_spoiled = False

    def _take(self) -> Session:
        with suppress(IndexError):
            return self._spare.pop()
        session = self._open_session()
        try:
            session.execute("SELECT * FROM quack_query_by_name('store', ?)", ["SET TimeZone = 'UTC'"]).fetchall()
        except BaseException:
            session.close()
            raise
        return session

    def execute(self, sql: str, values: Sequence[Any] | Mapping[str, Any] | None = None) -> Session:
        """Run the statement, with values for its `?`, `$1` or `$name`, and return what its rows can be had from."""
        if values:
            sql = f"PREPARE asked AS {sql.rstrip().rstrip(';')}\n; EXECUTE asked({_arguments(values)})"
        command = sql[:8].upper()
        if command.startswith("BEGIN"):
            self._in_transaction = True
        try:
            found = self._session.execute("SELECT * FROM quack_query_by_name('store', ?)", [sql])
        except BaseException:
            self._is_spoiled = True
            raise
        if command.startswith(("COMMIT", "ROLLBACK")):
            self._in_transaction = False
        return found

    def sql(self, query: str, params: Sequence[Any] | Mapping[str, Any] | None = None) -> Session:
        """Run the query as `execute` does."""
        return self.execute(query, params)

    def register(self, name: str, table: pa.Table) -> None:
        """Make the rows, of columns of ours, a temporary table on the server."""
        kinds = [_KINDS[column] for column in table.column_names]
        columns = ", ".join(f'"{column}" {kind}' for column, kind in zip(table.column_names, kinds, strict=True))
        self.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({columns})")
        for batch in table.to_batches(max_chunksize=_ROWS_AT_A_TIME):
            lists = [
                f"unnest({literal(column.to_pylist())}::{kind}[])"
                for column, kind in zip(batch.columns, kinds, strict=True)
            ]
            self.execute(f"INSERT INTO {name} SELECT {', '.join(lists)}")

    def unregister(self, name: str) -> None:
        """Remove the table that `register` made; a refused transaction has taken it along already."""
        with suppress(duckdb.Error):
            self.execute(f"DROP TABLE IF EXISTS {name}")

    def cursor(self) -> ServerConnection:
        """Return a further session, with transactions of its own."""
        return ServerConnection(self._open_session, self._spare)

    def close(self) -> None:
        """Give the session back for the next one, if it is of use; the first one ends them all."""
        if self._is_cursor and self._in_transaction and not self._is_spoiled:
            with suppress(duckdb.Error):
                self.execute("ROLLBACK")
        if self._is_cursor and not self._in_transaction and not self._is_spoiled and len(self._spare) < _SPARE:
            self._spare.append(self._session)
            return
        self._session.close()
        while not self._is_cursor and self._spare:
            self._spare.pop().close()


def _arguments(values: Sequence[Any] | Mapping[str, Any]) -> str:
    if isinstance(values, Mapping):
        return ", ".join(f'"{name}" := {literal(value)}' for name, value in values.items())
    return ", ".join(map(literal, values))


def literal(value: Any) -> str:
    """Return the value as SQL: None, bool, int, float, Decimal, str, bytes, aware datetime, or a list of them."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"'{value}'::DOUBLE"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return f"'{value:f}'::DECIMAL(18,9)"
    if isinstance(value, datetime):
        return f"'{value.isoformat()}'::TIMESTAMPTZ"
    if isinstance(value, bytes):
        return f"unhex('{value.hex()}')"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return f"[{', '.join(map(literal, value))}]"
    # A NUL would end the statement.
    return " || chr(0) || ".join(map(quoted, str(value).split("\0"))) if "\0" in str(value) else quoted(str(value))
