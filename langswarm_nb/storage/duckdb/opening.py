"""What has to be done before a store can be written to and read."""

from __future__ import annotations

import logging
import random

import duckdb

from . import failures
from .checkpoints import FoldAbandoned
from .lease import OwnerMark
from .ledger import Ledger
from .location import Location
from .migrations import migrate
from .sharing import Patience, SharedMark
from .write import commit_together

logger = logging.getLogger(__name__)

_WAITS_S = 10.0


def open_store(location: Location, mark: OwnerMark | SharedMark) -> Ledger:
    """Return the ledger of a new connection to the store, made if there is none, up to date, its replies recovered."""
    connection = location.connect()
    ledger = None
    try:
        _bring_up_to_date(connection, location)
        ledger = Ledger(connection, location, mark)
        ledger.take_over_journal()
        if ledger.checkpointed:
            recover(ledger)
    except BaseException:
        (ledger or connection).close()
        raise
    return ledger


def recover(ledger: Ledger) -> None:
    """Store as interrupted what writers that are gone left in flight."""
    fold = FoldAbandoned()
    (failure,) = commit_together(ledger, [fold], _WAITS_S)
    if failure is not None:
        raise failure
    if fold.count:
        logger.warning("%d interrupted replies were recovered in %s", fold.count, ledger.where)


def _bring_up_to_date(connection: duckdb.DuckDBPyConnection, location: Location) -> None:
    patience = Patience(_WAITS_S)
    while True:
        try:
            return migrate(connection, location.shown)
        except duckdb.Error as error:
            # Another process makes the same tables at this moment.
            is_late = failures.is_conflict(error) or "already exists" in str(error)
            if not (location.is_shared and is_late and patience.pause(random.random())):
                raise
