"""What takes the lease's place where several processes and machines write to one store at once.

Writers take turns, one transaction each: so the ids and numbers that one looks up are still true when it commits.
Whatever was looked up before is not believed in the next turn.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import datetime
from typing import Protocol

import duckdb

from ...clock import now
from ...errors import StorageLockedError
from ..owners import is_gone, new_owner, retire
from ..rows import moment

# Of what everybody who writes here waits for; the number belongs to the one PostgreSQL database.
_LOCK = 7_235_419_036_688
# A machine that vanished in its turn holds up the others no longer than this.
_LONGEST_TURN_S = 600
# New rows stand in the catalog, and every look at a table reads them all; from there they go into a file.
_FLUSHED_EVERY = 1000


class Turns(Protocol):
    """Lets one process write, and then the next."""

    def begin(self, waits_s: float, *, transaction: bool) -> None:
        """Wait for this process' turn, and begin a transaction in it if there is to be one."""

    def committed(self, messages: int) -> None:
        """Hear how many messages the transaction that has just ended added."""

    def end(self) -> None:
        """Let the next one write; the transaction has ended."""


class CatalogTurns:
    """Turns by a lock in the PostgreSQL that is attached as `turns`: whoever asks first is next."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, where: str) -> None:
        self._connection = connection
        self._where = where
        # Its transaction holds the lock, and PostgreSQL frees it when this process dies.
        self._holder = connection.cursor()
        self._is_ours = False
        self._unflushed = 0

    def begin(self, waits_s: float, *, transaction: bool) -> None:
        waits_ms = max(int(waits_s * 1000), 1)
        self._holder.execute("BEGIN")
        self._is_ours = True
        try:
            self._holder.execute(
                "FROM postgres_query('turns', 'SELECT concat("
                f"set_config(''lock_timeout'', ''{waits_ms}ms'', true), "
                f"set_config(''idle_in_transaction_session_timeout'', ''{_LONGEST_TURN_S}s'', true), "
                f"pg_advisory_xact_lock({_LOCK}))')"
            ).fetchall()
            if transaction:
                self._connection.execute("BEGIN")
        except duckdb.Error as error:
            self.end()
            if "lock timeout" not in str(error):
                raise
        if not self._is_ours:
            raise busy(self._where, waits_s)

    def committed(self, messages: int) -> None:
        self._unflushed += messages
        if self._unflushed >= _FLUSHED_EVERY:
            self._unflushed = 0
            # Whatever comes of it, the messages are durable.
            with suppress(duckdb.Error):
                self._connection.execute("SELECT count(*) FROM ducklake_flush_inlined_data('store')").fetchall()

    def end(self) -> None:
        if self._is_ours:
            self._is_ours = False
            with suppress(duckdb.Error):
                self._holder.execute("ROLLBACK")


class RowTurns:
    """Turns by a row that every transaction writes: of two at once, the server refuses the later one."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def begin(self, waits_s: float, *, transaction: bool) -> None:
        if transaction:
            self._connection.execute("BEGIN")
            # It has to change: DuckDB writes nothing, and sees no conflict, where a value stays what it is.
            self._connection.execute(
                "UPDATE schema_migrations SET applied_at = applied_at + INTERVAL 1 MICROSECOND "
                "WHERE name = 'm0001_first_tables'"
            )

    def committed(self, messages: int) -> None:
        pass

    def end(self) -> None:
        pass


def busy(where: str, waits_s: float) -> StorageLockedError:
    """Return the error of a turn that did not come in time."""
    return StorageLockedError(
        f"Others kept writing to the store {where} for {waits_s:g} s. Nothing was changed. Try again.",
        error_code="locked",
    )


class SharedMark:
    """The proof that the writer of a checkpoint is alive: its process, if it is of this machine, else the time."""

    def __init__(self) -> None:
        self._owner: str | None = None

    def show(self) -> str:
        """Return what a checkpoint that is written now says of its writer."""
        if self._owner is None:
            self._owner = new_owner()
        return f"{self._owner}@{now().isoformat()}"

    def remove(self) -> None:
        """Say that there is nothing in flight any more."""
        if self._owner is not None:
            retire(self._owner)
            self._owner = None

    def is_alive(self, shown: str) -> bool:
        """Return whether the process that showed this still runs."""
        owner, _, at = shown.rpartition("@")
        return owner == self._owner or not is_gone(owner, _time(at))


def _time(text: str) -> datetime | None:
    with suppress(ValueError):
        return moment(text)
    return None


class Patience:
    """Pauses between attempts that grow, and end when the time is over."""

    def __init__(self, waits_s: float) -> None:
        self._deadline = time.monotonic() + waits_s
        self._attempt = 0

    def pause(self, random: float) -> bool:
        """Wait a moment, and return whether to try again; `random` between 0 and 1 keeps two from meeting again."""
        self._attempt += 1
        pause_s = min(0.01 * 2**self._attempt, 0.5) * (0.25 + random)
        if time.monotonic() + pause_s > self._deadline:
            return False
        time.sleep(pause_s)
        return True
