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

    def lower(self, connection: duckdb.DuckDBPyConnection, megabytes: int) -> None:
        """Hold DuckDB to so much until somebody reads: what it writes it keeps in memory as long as there is room."""
        with self._guard:
            if self._readers:
                return
            # Once: it is told rounded down, and would become less with each time.
            asked = "SELECT current_setting('memory_limit')"
            self._usual = self._usual or connection.execute(asked).fetchall()[0][0]
            self._is_low = True
            with suppress(duckdb.Error):  # more is held at this moment
                connection.execute(f"SET GLOBAL memory_limit = '{megabytes}MB'")

    def lift(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Let DuckDB have what it is used to; not in a transaction that has failed."""
        with self._guard:
            if self._is_low:
                # RESET would only change what the setting says (DuckDB 1.5).
                connection.execute(f"SET GLOBAL memory_limit = '{self._usual}'")
                self._is_low = False

    @contextmanager
    def reading(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Let a reader have all there is: what is written meanwhile fills the little up."""
        with self._guard:
            self._readers += 1
        try:
            self.lift(connection)
            yield
        finally:
            with self._guard:
                self._readers -= 1
