"""What the writer knows of the store while nobody else can change it, and the transaction that it is in.

Between opening and closing the file this process is the only one that writes. So the next `seq` of a session and the
ids already stored are looked up once and then remembered; after a failed transaction all is looked up anew.

Where the store has a journal, a transaction of new rows alone is durable once it stands there. `settle` brings what
the journal holds into the database: before anything else is changed, and before anyone reads.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from ...errors import SessionNotFoundError
from ..rows import Row
from ..schema import IDS, TABLES
from .journal import Journal
from .lease import OwnerMark
from .pending import PendingRows

logger = logging.getLogger(__name__)

# A look-up costs 0.3 ms, the greatest id of a million messages 20 ms.
_LOOKUPS_BEFORE_FLOOR = 16
_MANY = 100_000
# So much may wait in the journal: what a reader, or the next opening after a crash, has to wait for.
_ROWS_AHEAD = 1_000
_BYTES_AHEAD = 8_000_000
# What DuckDB says of a row that does not fit its table. Rows are made to fit; this is for what nobody thought of.
_REFUSALS = (duckdb.DataError, duckdb.ProgrammingError, duckdb.NotSupportedError)


@dataclass
class _KnownIds:
    """Ids of one table: written since the last look, and the greatest one before.

    An id above every stored one is new, unless it was written since; ids are made in the order of time.
    """

    written: set[str]
    floor: str | None = None
    lookups: int = 0


class Ledger:
    """The writer's side of one open connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, mark: OwnerMark, journal: Journal | None = None) -> None:
        self.connection = connection
        self.mark = mark
        self._journal = journal
        self._fresh = PendingRows()
        self._journaled = PendingRows()
        self._in_transaction = False
        self.forget()
        self._take_over_journal()
        self.checkpointed: set[str] = self._checkpoints()

    def forget(self) -> None:
        """Look everything up anew from now on."""
        self._next_seq: dict[str, int] = {}
        self._known = {table: _KnownIds(self._journaled.ids(table)) for table in TABLES}

    # --- what is there ---

    def next_seq(self, session_id: str) -> int:
        """Return the number for the session's next message; SessionNotFoundError where there is no such session."""
        if session_id not in self._next_seq:
            if self._fresh.speaks_of(session_id) or self._journaled.speaks_of(session_id):
                self.begin()
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
        return self._stored("messages", message_ids)

    def has_session(self, session_id: str) -> bool:
        """Return whether there is such a session."""
        return bool(self._stored("sessions", [session_id]))

    def has_event(self, event_id: str) -> bool:
        """Return whether there is such an event."""
        return bool(self._stored("events", [event_id]))

    def exists(self, sql: str, *values: Any) -> bool:
        """Return whether the query finds anything, in the transaction so far."""
        self.begin()
        return bool(self.connection.execute(sql, values).fetchall())

    # --- the transaction ---

    def append(self, table: str, row: Row) -> None:
        """Add a new row to the transaction; it is inserted together with others."""
        self._fresh.add(table, row)
        self._known[table].written.add(row[IDS[table]])
        if table == "sessions":
            # The first message of a session that has just been made needs no look-up.
            self._next_seq[row["session_id"]] = 0

    def begin(self) -> None:
        """Let the transaction be one of the database, with what was appended so far."""
        if not self._in_transaction:
            self.settle()
            self.connection.execute("BEGIN")
            self._in_transaction = True
        self._flush()

    def execute(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Run a changing statement in the transaction, after what was appended before it."""
        self.begin()
        self.connection.execute(sql, values)

    def commit(self) -> None:
        """Make the transaction durable."""
        if self._in_transaction:
            self._flush()
            self.connection.execute("COMMIT")
            self._in_transaction = False
        elif self._fresh and self._journal is not None:
            self._journal.append(self._fresh)
            self._journaled.take_over(self._fresh)
        elif self._fresh:
            self._insert_durably(self._fresh)
        if len(self._next_seq) > _MANY or any(len(known.written) > _MANY for known in self._known.values()):
            self.forget()

    def rollback(self) -> None:
        """Undo the transaction, as far as the connection still can."""
        self._fresh.clear()
        self.forget()
        if self._in_transaction:
            self._in_transaction = False
            self.connection.execute("ROLLBACK")
        self.checkpointed = self._checkpoints()

    # --- the journal ---

    @property
    def is_ahead(self) -> bool:
        """Whether something is durable that readers of the database would not find."""
        return bool(self._journaled)

    @property
    def is_far_ahead(self) -> bool:
        """Whether there is so much of it that it should be settled now."""
        return len(self._journaled) > _ROWS_AHEAD or (self._journal is not None and self._journal.size > _BYTES_AHEAD)

    def settle(self) -> None:
        """Bring what the journal holds into the database, outside of any transaction; it stays there if that fails."""
        if self._journaled and self._journal is not None:
            try:
                self._insert_durably(self._journaled)
            except _REFUSALS:
                self._insert_one_by_one(self._journal)
            # Before anything else can be committed: a row that is deleted next must not come back from the journal.
            self._journal.clear()

    def _take_over_journal(self) -> None:
        if self._journal is None:
            return
        left = PendingRows()
        for table, row in self._journal.entries():
            left.add(table, row)
        for table in TABLES:
            for row_id in self._stored(table, sorted(left.ids(table))):
                left.drop(table, row_id)
        self._journaled.take_over(left)
        if self._journaled:
            logger.info("%d rows that a process left behind are taken over", len(self._journaled))
        self.settle()
        self._journal.clear()
        self.forget()

    def _insert_durably(self, rows: PendingRows) -> None:
        self.connection.execute("BEGIN")
        try:
            rows.insert(self.connection)
            self.connection.execute("COMMIT")
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        rows.clear()

    def _insert_one_by_one(self, journal: Journal) -> None:
        """Insert what the database takes; one row that it refuses must not keep the others out, nor be lost."""
        for table, row in list(self._journaled):
            alone = PendingRows()
            alone.add(table, row)
            try:
                self._insert_durably(alone)
            except _REFUSALS as error:
                place = journal.set_aside((table, row))
                logger.error("a row of %s was refused (%s); it is kept in %s", table, type(error).__name__, place)
        self._journaled.clear()

    def _flush(self) -> None:
        self._fresh.insert(self.connection)
        self._fresh.clear()

    def _stored(self, table: str, row_ids: Sequence[str]) -> set[str]:
        known = self._known[table]
        stored = known.written.intersection(row_ids)
        unsure = [i for i in row_ids if i not in stored and (known.floor is None or i <= known.floor)]
        if unsure:
            known.lookups += 1
            stored |= self._look_up(table, unsure)
        if known.floor is None and known.lookups >= _LOOKUPS_BEFORE_FLOOR:
            known.floor = self.connection.execute(f"SELECT max({IDS[table]}) FROM {table}").fetchall()[0][0] or ""
        return stored

    def _look_up(self, table: str, row_ids: Sequence[str]) -> set[str]:
        select = f"SELECT {IDS[table]} FROM {table} WHERE {IDS[table]} IN"
        if len(row_ids) <= 50:
            return self._column(f"{select} ({', '.join('?' * len(row_ids))})", row_ids)
        return self._column(f"{select} (SELECT unnest(?::VARCHAR[]))", [row_ids])

    def _checkpoints(self) -> set[str]:
        return self._column("SELECT message_id FROM checkpoints")

    def _column(self, sql: str, values: Sequence[Any] = ()) -> set[str]:
        return {value for (value,) in self.connection.execute(sql, values).fetchall()}
