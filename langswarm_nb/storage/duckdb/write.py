"""What the writer thread takes from its queue."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from ...errors import SessionError
from .ledger import Ledger


class Write(ABC):
    """One change: all of it or nothing. Several share a transaction, unless one has to be `alone`."""

    alone: ClassVar[bool] = False

    @abstractmethod
    def apply(self, ledger: Ledger) -> None:
        """Make the change within the ledger's transaction; a SessionError is raised before anything is changed."""


def commit_together(ledger: Ledger, writes: list[Write]) -> list[BaseException | None]:
    """Return for each write None once it is durable, or why it is not; one that fails does not harm the others."""
    try:
        return _attempt(ledger, writes)
    except Exception as error:
        ledger.rollback()
        if len(writes) == 1:
            return [error]
    return [outcome for write in writes for outcome in commit_together(ledger, [write])]


def _attempt(ledger: Ledger, writes: list[Write]) -> list[BaseException | None]:
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
