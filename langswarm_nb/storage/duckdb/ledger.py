"""What the writer knows of the store while nobody else can change it, and the transaction that it is in.

Between opening and closing a file this process is the only one that writes. So the next `seq` of a session and the
ids already stored are looked up once and then remembered; after a failed transaction all is looked up anew, and in a
store that others write to, in every transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from ...errors import SessionNotFoundError
from ..rows import Row
from ..schema import MESSAGES, TABLES
from .lease import OwnerMark
from .sharing import SharedMark

if TYPE_CHECKING:
    from .location import Location

# Measured: one INSERT with a list per column beats one VALUES row per message from about five messages on, and an
# Arrow table from some hundreds on. Leaving out the columns that are NULL saves a quarter.
_VALUES_UP_TO = 4
_LISTS_UP_TO = 300
# A look-up costs 0.3 ms, the greatest id of a million messages 20 ms.
_LOOKUPS_BEFORE_FLOOR = 16
_MANY = 100_000


class Ledger:
    """The writer's side of one open connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, location: Location, mark: OwnerMark | SharedMark) -> None:
        self.connection = connection
        self.where = location.shown
        self.mark = mark
        self._turns = location.turns(connection)
        self.checkpointed: set[str] = self._column("SELECT message_id FROM checkpoints")
        self._pending: list[Row] = []
        self._pending_sessions: dict[str, Row] = {}
        self._in_transaction = False
        self.forget()

    def forget(self) -> None:
        """Look everything up anew from now on."""
        self._next_seq: dict[str, int] = {}
        self._written: set[str] = set()
        self._floor: str | None = None
        self._lookups = 0
        self._looked_up: set[str] = set()

    @property
    def is_shared(self) -> bool:
        """Whether others write to the store too."""
        return self._turns is not None

    def begin_turn(self, waits_s: float, *, transaction: bool) -> None:
        """Wait until no other process writes, and begin a transaction if there is to be one."""
        assert self._turns is not None
        self.forget()
        self._in_transaction = transaction
        self._turns.begin(waits_s, transaction=transaction)

    def look_ahead(self, session_ids: set[str], message_ids: set[str]) -> None:
        """Look up at once what many changes will ask for: over a network each question costs its time."""
        if not session_ids and not message_ids:
            return
        found = self.connection.execute(
            "WITH asked AS MATERIALIZED (SELECT session_id, message_id, seq FROM messages "
            "WHERE session_id IN (SELECT unnest($1::VARCHAR[])) OR message_id IN (SELECT unnest($2::VARCHAR[]))) "
            "SELECT session_id, 0, NULL FROM sessions WHERE session_id IN (SELECT unnest($1::VARCHAR[])) UNION ALL "
            "SELECT session_id, max(seq) + 1, list(message_id) FROM asked GROUP BY session_id",
            [sorted(session_ids), sorted(message_ids)],
        ).fetchall()
        there = {session_id for session_id, _, stored in found if stored is None} & session_ids
        self._next_seq.update(dict.fromkeys(there, 0))
        for session_id, following, stored in found:
            if stored is not None:
                self._written.update(message_ids.intersection(stored))
                if session_id in there:
                    self._next_seq[session_id] = max(self._next_seq[session_id], following or 0)
        self._looked_up |= message_ids

    def next_seq(self, session_id: str) -> int:
        """Return the number for the session's next message; SessionNotFoundError where there is no such session."""
        if session_id not in self._next_seq:
            self.flush()
            found = self.connection.execute(
                "SELECT (SELECT count(*) FROM sessions WHERE session_id = $1), "
                "(SELECT coalesce(max(seq), -1) + 1 FROM messages WHERE session_id = $1)",
                [session_id],
            ).fetchall()[0]
            if not found[0]:
                raise SessionNotFoundError(
                    f"There is no session {session_id}: it was deleted or never made.", session_id
                )
            self._next_seq[session_id] = found[1]
        return self._next_seq[session_id]

    def take_seq(self, session_id: str, seq: int | None) -> int:
        """Return `seq`, or the session's next number for None, and count on from there."""
        following = self.next_seq(session_id)
        chosen = following if seq is None else seq
        self._next_seq[session_id] = max(following, chosen + 1)
        return chosen

    def stored_among(self, message_ids: Sequence[str]) -> set[str]:
        """Return those of `message_ids` that the store has already."""
        stored = self._written.intersection(message_ids)
        asked = [i for i in message_ids if i not in stored and i not in self._looked_up]
        unsure = [i for i in asked if self._floor is None or i <= self._floor]
        if unsure:
            self._lookups += 1
            stored |= self._look_up(unsure)
        if self._floor is None and self._lookups >= _LOOKUPS_BEFORE_FLOOR:
            # An id above every stored one is new, unless it is in _written; ids are made in the order of time.
            self._floor = self.connection.execute("SELECT max(message_id) FROM messages").fetchall()[0][0] or ""
        return stored

    def append_session(self, row: Row) -> None:
        """Add a row of `sessions` to the transaction; it is inserted together with those that follow."""
        self._pending_sessions[row["session_id"]] = row
        # The first message of a session that has just been made needs no look-up.
        self._next_seq[row["session_id"]] = 0

    def append(self, rows: Iterable[Row]) -> None:
        """Add rows of `messages` to the transaction; they are inserted together with those that follow."""
        for row in rows:
            self._pending.append(row)
            self._written.add(row["message_id"])

    def begin(self) -> None:
        """Start a transaction if there is none; a single INSERT needs none."""
        if not self._in_transaction:
            self.connection.execute("BEGIN")
            self._in_transaction = True
        self.flush()

    def execute(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Run a changing statement in the transaction, after what was appended before it."""
        self.begin()
        self.connection.execute(sql, values)

    def insert(self, table: str, row: Row) -> None:
        """Insert one row into a table other than `messages`."""
        self.begin()
        insert(self.connection, table, TABLES[table], [row])

    def has_session(self, session_id: str) -> bool:
        """Return whether there is such a session."""
        # What was appended of messages may wait.
        if session_id in self._pending_sessions:
            return True
        return bool(self.connection.execute("SELECT 1 FROM sessions WHERE session_id = ?", [session_id]).fetchall())

    def exists(self, sql: str, *values: Any) -> bool:
        """Return whether the query finds anything, in the transaction so far."""
        self.flush()
        return bool(self.connection.execute(sql, values).fetchall())

    def flush(self) -> None:
        """Insert what was appended."""
        if self._pending_sessions:
            sessions, self._pending_sessions = list(self._pending_sessions.values()), {}
            insert(self.connection, "sessions", TABLES["sessions"], sessions)
        if self._pending:
            rows, self._pending = self._pending, []
            insert(self.connection, "messages", MESSAGES, rows)

    def commit(self) -> None:
        """Make the transaction durable."""
        written = len(self._pending)
        if self._pending_sessions and self._pending:
            self.begin()
        self.flush()
        if self._in_transaction:
            if self._turns is not None:
                self._turns.commit()
            else:
                self.connection.execute("COMMIT")
            self._in_transaction = False
        if self._turns is not None:
            self._turns.committed(written)
            self._turns.end()
        if len(self._written) > _MANY or len(self._next_seq) > _MANY:
            self.forget()

    def rollback(self) -> None:
        """Undo the transaction, as far as the connection still can."""
        self._pending = []
        self._pending_sessions = {}
        self.forget()
        if self._in_transaction:
            self._in_transaction = False
            # A refused COMMIT of a shared store has ended the transaction already.
            with suppress(*([duckdb.Error] if self.is_shared else [])):
                self.connection.execute("ROLLBACK")
        if self._turns is not None:
            self._turns.end()
        self.checkpointed = self._column("SELECT message_id FROM checkpoints")

    def _look_up(self, message_ids: list[str]) -> set[str]:
        if len(message_ids) <= 50:
            marks = ", ".join("?" * len(message_ids))
            return self._column(f"SELECT message_id FROM messages WHERE message_id IN ({marks})", message_ids)
        return self._column(
            "SELECT message_id FROM messages WHERE message_id IN (SELECT unnest(?::VARCHAR[]))", [message_ids]
        )

    def _column(self, sql: str, values: Sequence[Any] = ()) -> set[str]:
        return {value for (value,) in self.connection.execute(sql, values).fetchall()}


def insert(connection: duckdb.DuckDBPyConnection, table: str, kinds: dict[str, str], rows: Sequence[Row]) -> None:
    """Insert rows in one statement, the cheapest way for their number."""
    names = [name for name in kinds if any(row[name] is not None for row in rows)]
    quoted = ", ".join(f'"{name}"' for name in names)
    into = f"INSERT INTO {table} ({quoted})"
    if len(rows) <= _VALUES_UP_TO:
        marks = f"({', '.join('?' * len(names))})"
        connection.execute(f"{into} VALUES {', '.join([marks] * len(rows))}", [row[n] for row in rows for n in names])
    elif len(rows) <= _LISTS_UP_TO:
        lists = ", ".join(f"unnest(?::{kinds[name]}[])" for name in names)
        connection.execute(f"{into} SELECT {lists}", [[row[name] for row in rows] for name in names])
    else:
        incoming = pa.table({name: [row[name] for row in rows] for name in names})
        connection.register("langswarm_nb_incoming", incoming)
        try:
            connection.execute(f"{into} SELECT * FROM langswarm_nb_incoming")
        finally:
            connection.unregister("langswarm_nb_incoming")
