"""The changes to a store, as values for the writer's queue; making one twice does no harm."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, delete, func, select, update

from ...clock import now
from ...errors import SessionNotFoundError, SessionStateError
from ..described import describe, described_message
from ..owners import is_gone
from ..rows import Row, moment
from .tables import Codec

# A list in a statement is kept below every engine's limit on parameters.
MANY = 500
# What a reply says of itself whose process ended; a reply that comes after all takes its place.
ABANDONED = "ProcessEnded"


@dataclass
class Ledger:
    """What changes are made with: a connection in a transaction, the store's ways, and who makes them."""

    connection: Connection
    codec: Codec
    owner: str
    checkpointed: set[str]

    def __post_init__(self) -> None:
        self.tables = self.codec.dialect.tables
        self._next_seq: dict[str, int] = {}

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        """Insert rows; one whose key is there already changes nothing."""
        if rows:
            encoded = [self.codec.encode(table, row) for row in rows]
            self.connection.execute(self.codec.dialect.insert(table), encoded if len(encoded) > 1 else encoded[0])

    def require(self, session_ids: set[str]) -> None:
        """Raise SessionNotFoundError unless there are all these sessions; they stay to the transaction's end."""
        missing = session_ids - self.codec.dialect.lock_sessions(self.connection, sorted(session_ids))
        if missing:
            session_id = min(missing)
            raise SessionNotFoundError(f"There is no session {session_id}: it was deleted or never made.", session_id)

    def take_seq(self, session_id: str, seq: int | None) -> int:
        """Return `seq`, or the session's next number for None, and count on from there."""
        if seq is None:
            if session_id not in self._next_seq:
                messages = self.tables["messages"]
                highest = select(func.max(messages.c.seq)).where(messages.c.session_id == session_id)
                found = self.connection.execute(highest).scalar()
                self._next_seq[session_id] = max(self._next_seq.get(session_id, 0), 0 if found is None else found + 1)
            seq = self._next_seq[session_id]
        if session_id in self._next_seq:
            self._next_seq[session_id] = max(self._next_seq[session_id], seq + 1)
        return seq

    def delete(self, table: str, *conditions: ColumnElement[bool]) -> None:
        """Delete the rows that meet every condition."""
        self.connection.execute(delete(self.tables[table]).where(and_(*conditions)))


class Change(ABC):
    """One change: all of it or nothing."""

    @abstractmethod
    def apply(self, ledger: Ledger) -> None:
        """Make the change within the ledger's transaction."""


@dataclass(frozen=True)
class CreateSession(Change):
    row: Row

    def apply(self, ledger: Ledger) -> None:
        session_id = self.row["session_id"]
        sessions = ledger.tables["sessions"]
        found = ledger.connection.execute(
            select(sessions.c.created_at).where(sessions.c.session_id == session_id)
        ).scalar()
        if found is None:
            ledger.insert("sessions", [self.row])
        elif moment(found) != self.row["created_at"]:
            raise SessionStateError(f"There is a session {session_id} already. Choose another id.", session_id)


@dataclass(frozen=True)
class AddMessages(Change):
    session_id: str
    rows: Sequence[Row]

    def apply(self, ledger: Ledger) -> None:
        add_all(ledger, [self])


def add_all(ledger: Ledger, additions: Sequence[AddMessages]) -> None:
    """Add the messages of many sessions in one statement."""
    ledger.require({addition.session_id for addition in additions})
    rows: dict[str, Row] = {}
    for addition in additions:
        for row in addition.rows:
            seq = ledger.take_seq(addition.session_id, row["seq"])
            rows.setdefault(row["message_id"], {**row, "session_id": addition.session_id, "seq": seq})
    streamed = sorted(ledger.checkpointed & rows.keys())
    if streamed:
        messages, checkpoints = ledger.tables["messages"], ledger.tables["checkpoints"]
        ledger.delete("messages", messages.c.message_id.in_(streamed), messages.c.error_type == ABANDONED)
        ledger.delete("checkpoints", checkpoints.c.message_id.in_(streamed))
    ledger.insert("messages", list(rows.values()))


@dataclass(frozen=True)
class ReplaceMessages(Change):
    session_id: str
    rows: Sequence[Row]

    def apply(self, ledger: Ledger) -> None:
        ClearMessages(self.session_id).apply(ledger)
        AddMessages(self.session_id, self.rows).apply(ledger)


@dataclass(frozen=True)
class AddEvent(Change):
    row: Row

    def apply(self, ledger: Ledger) -> None:
        ledger.insert("events", [self.row])


@dataclass(frozen=True)
class DeleteEvents(Change):
    user_id: str

    def apply(self, ledger: Ledger) -> None:
        ledger.delete("events", ledger.tables["events"].c.user_id == self.user_id)


@dataclass(frozen=True)
class UpdateSession(Change):
    session_id: str
    changes: Row

    def apply(self, ledger: Ledger) -> None:
        ledger.require({self.session_id})
        sessions = ledger.tables["sessions"]
        values = ledger.codec.encode("sessions", self.changes, self.session_id)
        ledger.connection.execute(update(sessions).where(sessions.c.session_id == self.session_id).values(values))


@dataclass(frozen=True)
class DeleteSession(Change):
    session_id: str

    def apply(self, ledger: Ledger) -> None:
        # The session first: whoever adds to it at this moment either comes before, or finds it gone.
        for table in ("sessions", "messages", "checkpoints", "events"):
            ledger.delete(table, ledger.tables[table].c.session_id == self.session_id)


@dataclass(frozen=True)
class ClearMessages(Change):
    session_id: str

    def apply(self, ledger: Ledger) -> None:
        ledger.require({self.session_id})
        for table in ("messages", "checkpoints"):
            ledger.delete(table, ledger.tables[table].c.session_id == self.session_id)


@dataclass(frozen=True)
class SetActiveBranch(Change):
    session_id: str
    message_ids: Sequence[str]

    def apply(self, ledger: Ledger) -> None:
        ledger.require({self.session_id})
        messages = ledger.tables["messages"]
        here = messages.c.session_id == self.session_id
        wanted = set(self.message_ids)
        stored = ledger.connection.execute(select(messages.c.message_id, messages.c.is_active_branch).where(here))
        wrong = [message_id for message_id, active in stored if bool(active) != (message_id in wanted)]
        for start in range(0, len(wrong), MANY):
            some = messages.c.message_id.in_(wrong[start : start + MANY])
            ledger.connection.execute(
                update(messages).where(here, some).values(is_active_branch=~messages.c.is_active_branch)
            )


@dataclass(frozen=True)
class Checkpoint(Change):
    """Keep the row of a message that is not whole yet, in place of the one kept before."""

    row: Row

    def apply(self, ledger: Ledger) -> None:
        message_id, session_id = self.row["message_id"], self.row["session_id"]
        ledger.require({session_id})
        messages, checkpoints = ledger.tables["messages"], ledger.tables["checkpoints"]
        if ledger.connection.execute(select(messages.c.message_id).where(messages.c.message_id == message_id)).scalar():
            return
        ledger.delete("checkpoints", checkpoints.c.message_id == message_id)
        kept = {
            "message_id": message_id,
            "session_id": session_id,
            "owner": ledger.owner,
            "message": describe(self.row),
        }
        ledger.insert("checkpoints", [kept])
        show_life(ledger)


def show_life(ledger: Ledger) -> None:
    """Say that the owner of this process' checkpoints is alive."""
    owners = ledger.tables["owners"]
    seen_at = ledger.codec.moment(now())
    alive = update(owners).where(owners.c.owner == ledger.owner).values(seen_at=seen_at)
    if not ledger.connection.execute(alive).rowcount:
        ledger.insert("owners", [{"owner": ledger.owner, "seen_at": now()}])


@dataclass(frozen=True)
class FoldAbandoned(Change):
    """Store what owners that are gone left behind as interrupted messages; with `leaving`, what this one leaves."""

    leaving: bool = False

    def apply(self, ledger: Ledger) -> None:
        checkpoints, owners = ledger.tables["checkpoints"], ledger.tables["owners"]
        seen = {owner: moment(at) for owner, at in ledger.connection.execute(select(owners.c.owner, owners.c.seen_at))}
        left = ledger.connection.execute(select(checkpoints)).mappings().all()
        names = {row["owner"] for row in left} | set(seen)
        mine = {ledger.owner} if self.leaving else set()
        gone = {owner for owner in names - {ledger.owner} if is_gone(owner, seen.get(owner))} | mine
        abandoned = [_abandoned_row(ledger.codec.decode("checkpoints", row)) for row in left if row["owner"] in gone]
        there = ledger.codec.dialect.lock_sessions(ledger.connection, sorted({row["session_id"] for row in abandoned}))
        for row in sorted(abandoned, key=lambda row: row["created_at"]):
            if row["session_id"] in there:
                row["seq"] = ledger.take_seq(row["session_id"], row["seq"])
                ledger.insert("messages", [row])
        if gone:
            ledger.delete("checkpoints", checkpoints.c.owner.in_(sorted(gone)))
            ledger.delete("owners", owners.c.owner.in_(sorted(gone)))


def _abandoned_row(kept: Row) -> Row:
    where = {"message_id": kept["message_id"], "session_id": kept["session_id"]}
    return {**described_message(kept["message"]), **where, "status": "interrupted", "error_type": ABANDONED}
