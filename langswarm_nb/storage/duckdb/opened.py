"""A store that this process has open: the connection that all cursors come from, and what its writer knows."""

from __future__ import annotations

import logging
from contextlib import suppress

import duckdb

from .checkpoints import fold_abandoned
from .lease import OwnerMark, is_alive
from .ledger import Ledger
from .location import Location
from .migrations import migrate

logger = logging.getLogger(__name__)


class OpenStore:
    """The store at `location`, brought up to date, with what a crash left behind in its place."""

    def __init__(self, location: Location, mark: OwnerMark) -> None:
        self.connection = location.connect()
        self._journal = location.journal
        try:
            migrate(self.connection, location.shown)
            self.ledger = Ledger(self.connection, mark, self._journal)
            folded = fold_abandoned(self.ledger, lambda token: is_alive(location.path, token))
            if folded:
                logger.warning("%d interrupted replies were recovered in %s", folded, location.shown)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the files; what is in the journal stays there."""
        if self._journal is not None:
            self._journal.close()
        with suppress(duckdb.Error):
            self.connection.close()
