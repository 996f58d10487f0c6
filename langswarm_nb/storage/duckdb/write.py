"""What the writer thread takes from its queue."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from ...errors import SessionError, StorageLockedError
from . import failures
from .ledger import Ledger
from .sharing import Patience, busy


class Write(ABC):
    """One change: all of it or nothing. Several share a transaction, unless one has to be `alone`."""

    alone: ClassVar[bool] = False
    in_transaction: ClassVar[bool] = True

    def looks_up(self) -> tuple[Sequence[str], Sequence[str]]:
        """Return the sessions and the messages, by id, that the change asks the store about."""
        return (), ()

    @abstractmethod
    def apply(self, ledger: Ledger) -> None:
        """Make the change within the ledger's transaction; a SessionError is raised before anything is changed."""


def commit_together(ledger: Ledger, writes: list[Write], waits_s: float) -> list[BaseException | None]:
    """Return for each write None once it is durable, or why it is not; one that fails does not harm the others.

    Where others write too and were first, all is tried again, for `waits_s` at most.
    """
    patience = Patience(waits_s)
    while True:
        try:
            return _attempt(ledger, writes, waits_s)
        except Exception as error:
            ledger.rollback()
            failure = error
        if not ledger.is_shared or not failures.is_conflict(failure):
            break
        if not patience.pause(random.random()):
            return [busy(ledger.where, waits_s)] * len(writes)
    if len(writes) == 1 or isinstance(failure, StorageLockedError):
        return [failure] * len(writes)
    return [outcome for write in writes for outcome in commit_together(ledger, [write], waits_s)]


def _attempt(ledger: Ledger, writes: list[Write], waits_s: float) -> list[BaseException | None]:
    if ledger.is_shared:
        ledger.begin_turn(waits_s, transaction=all(write.in_transaction for write in writes))
        asked = [write.looks_up() for write in writes]
        ledger.look_ahead({i for ids, _ in asked for i in ids}, {i for _, ids in asked for i in ids})
    outcomes: list[BaseException | None] = []
    for write in writes:
        try:
            write.apply(ledger)
        except SessionError as error:
            outcomes.append(error)
        else:
            outcomes.append(None)
    ledger.commit()
    return outcomes
