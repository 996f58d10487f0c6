"""Replies that are still streaming, kept so that a crash loses at most the last moments of them.

A checkpoint is a row of its own with the token of the process that writes it. `AddMessages` removes it. One whose
process is gone is folded into `messages` as interrupted when the store is next opened; one of a living process,
which may only have handed the file over, is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..described import describe, described_message
from ..rows import Row
from .ledger import Ledger
from .write import Write


@dataclass(frozen=True)
class Checkpoint(Write):
    """Keep the row of a message that is not whole yet, in place of the one kept before."""

    row: Row

    def looks_up(self) -> tuple[Sequence[str], Sequence[str]]:
        return [self.row["session_id"]], [self.row["message_id"]]

    def apply(self, ledger: Ledger) -> None:
        message_id, session_id = self.row["message_id"], self.row["session_id"]
        ledger.next_seq(session_id)
        if ledger.stored_among([message_id]):
            return
        drop(ledger, message_id)
        ledger.execute(
            "INSERT INTO checkpoints VALUES (?, ?, ?, ?)",
            [message_id, session_id, ledger.mark.show(), describe(self.row)],
        )
        ledger.checkpointed.add(message_id)


def drop(ledger: Ledger, message_id: str) -> None:
    """Remove the message's checkpoint, if there is one."""
    if message_id in ledger.checkpointed:
        ledger.execute("DELETE FROM checkpoints WHERE message_id = ?", [message_id])
        ledger.checkpointed.discard(message_id)


def take_back(ledger: Ledger, message_ids: Iterable[str]) -> None:
    """Remove what another process made of replies whose writer, this one, it took for gone."""
    streamed = sorted(ledger.checkpointed.intersection(message_ids))
    if streamed and ledger.is_shared:
        given_up = "message_id IN (SELECT unnest(?::VARCHAR[])) AND status = 'interrupted'"
        if ledger.exists(f"SELECT 1 FROM messages WHERE {given_up}", streamed):
            ledger.execute(f"DELETE FROM messages WHERE {given_up}", [streamed])
            ledger.forget()


@dataclass
class FoldAbandoned(Write):
    """Store what writers that are gone left as interrupted messages."""

    count: int = 0

    def apply(self, ledger: Ledger) -> None:
        self.count = 0
        left = ledger.connection.execute("SELECT message_id, session_id, owner, message FROM checkpoints").fetchall()
        alive = {owner for owner in {row[2] for row in left} if ledger.mark.is_alive(owner)}
        for message_id, session_id, owner, described in left:
            if owner in alive:
                continue
            self.count += 1
            if ledger.has_session(session_id) and not ledger.stored_among([message_id]):
                row = described_message(described)
                seq = ledger.take_seq(session_id, row["seq"])
                ledger.append("messages", {**row, "seq": seq, "status": "interrupted"})
            ledger.checkpointed.add(message_id)
            drop(ledger, message_id)
