"""What the writer knows of the store while nobody else can change it, and the transaction that it is in.

Between opening and closing a file this process is the only one that writes. So the next `seq` of a session and the
ids already stored are looked up once and then remembered; after a failed transaction all is looked up anew, and in a
store that others write to, in every transaction.

Where the store has a journal, a transaction of new rows alone is durable once it stands there. `settle` brings what
the journal holds into the database: before anything else is changed, and before anyone reads.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb

from ...errors import SessionNotFoundError
from ..rows import Row
from ..schema import IDS, TABLES
from .journal import Journal
from .lease import OwnerMark
from .memory import MemoryLimit
from .pending import PendingRows
from .sharing import SharedMark

if TYPE_CHECKING:
    from .location import Location

logger = logging.getLogger(__name__)

# A look-up costs 0.3 ms, the greatest id of a million messages 20 ms.
_LOOKUPS_BEFORE_FLOOR = 16
_MANY = 100_000
# So much may wait in the journal: what a reader, or the next opening after a crash, has to wait for.
_ROWS_AHEAD = 2_000
_BYTES_AHEAD = 8_000_000
# What DuckDB says of a row that does not fit its table. Rows are made to fit; this is for what nobody thought of.
_REFUSALS = (duckdb.DataError, duckdb.ProgrammingError, duckdb.NotSupportedError)


@dataclass
class _KnownIds:
    """Ids of one table: written since the last look, looked up ahead, and the greatest one before.

    An id above every stored one is new, unless it was written since; ids are made in the order of time.
    """

    written: set[str]
    looked_up: set[str] = field(default_factory=set)
    floor: str | None = None
    lookups: int = 0


class Ledger:
    """The writer's side of one open connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, location: Location, mark: OwnerMark | SharedMark) -> None:
        self.connection = connection
        self.where = location.shown
        self.memory = MemoryLimit()
        self.mark = mark
        self._turns = location.turns(connection)
        self._journal = location.journal
        self._fresh = PendingRows()
        self._journaled = PendingRows()
        self._in_transaction = False
        self.forget()
        self.checkpointed: set[str] = self._checkpoints()

    def forget(self) -> None:
        """Look everything up anew from now on."""
        self._next_seq: dict[str, int] = {}
        self._known = {table: _KnownIds(self._journaled.ids(table)) for table in TABLES}

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

    def close(self) -> None:
        """Let go of the store; what is not settled is taken over by who opens it next."""
        if self._journal is not None:
            self._journal.close()
        with suppress(duckdb.Error):
            self.connection.close()

    # --- what is there ---

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
        known = self._known["messages"]
        there = {session_id for session_id, _, stored in found if stored is None} & session_ids
        self._next_seq.update(dict.fromkeys(there, 0))
        for session_id, following, stored in found:
            if stored is not None:
                known.written.update(message_ids.intersection(stored))
                if session_id in there:
                    self._next_seq[session_id] = max(self._next_seq[session_id], following or 0)
        known.looked_up |= message_ids

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
        written = len(self._fresh)
        if self._in_transaction:
            self._flush()
            if self._turns is not None:
                self._turns.commit()
            else:
                self.connection.execute("COMMIT")
            self._in_transaction = False
        elif self._fresh and self._journal is not None:
            self._journal.append(self._fresh)
            self._journaled.take_over(self._fresh)
        elif self._fresh:
            self._insert_durably(self._fresh)
        if self._turns is not None:
            self._turns.committed(written)
            self._turns.end()
        if len(self._next_seq) > _MANY or any(len(known.written) > _MANY for known in self._known.values()):
            self.forget()

    def rollback(self) -> None:
        """Undo the transaction, as far as the connection still can."""
        self._fresh.clear()
        self.forget()
        if self._in_transaction:
            self._in_transaction = False
            # A refused COMMIT of a shared store has ended the transaction already.
            with suppress(*([duckdb.Error] if self.is_shared else [])):
                self.connection.execute("ROLLBACK")
        if self._turns is not None:
            self._turns.end()
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

    def take_over_journal(self) -> None:
        """Bring in what a crash left in the journal, each row once."""
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
        asked = [i for i in row_ids if i not in stored and i not in known.looked_up]
        unsure = [i for i in asked if known.floor is None or i <= known.floor]
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
