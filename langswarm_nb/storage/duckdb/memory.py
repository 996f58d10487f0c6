"""How much memory DuckDB may use: little while much is written, unless somebody reads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import duckdb


class MemoryLimit:
    """The limit of one store in this process; it holds for everything that is done with the store at once."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._readers = 0
        self._usual = ""
        self._is_low = False

    @contextmanager
    def low(self, connection: duckdb.DuckDBPyConnection, megabytes: int) -> Iterator[None]:
        """Hold DuckDB to so much until somebody reads: what it writes it keeps in memory as long as there is room."""
        with self._guard:
            if not self._readers:
                # Once: it is told rounded down, and would become less with each time.
                asked = "SELECT current_setting('memory_limit')"
                self._usual = self._usual or connection.execute(asked).fetchall()[0][0]
                self._is_low = True
                with suppress(duckdb.Error):  # more is held at this moment
                    connection.execute(f"SET GLOBAL memory_limit = '{megabytes}MB'")
        try:
            yield
        finally:
            # Not in the transaction, which may have failed: there nothing can be set any more.
            with connection.cursor() as cursor:
                self._lift(cursor)

    @contextmanager
    def lifted(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Let a reader have all there is: what is written meanwhile fills the little up."""
        with self._guard:
            self._readers += 1
        try:
            self._lift(cursor)
            yield
        finally:
            with self._guard:
                self._readers -= 1

    def _lift(self, cursor: duckdb.DuckDBPyConnection) -> None:
        with self._guard:
            if self._is_low:
                # RESET would only change what the setting says (DuckDB 1.5).
                cursor.execute(f"SET GLOBAL memory_limit = '{self._usual}'")
                self._is_low = False
