"""The file store against a plain-Python model, through any sequence of calls, closings and killed connections."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis.stateful import rule
from store_machine import StoreMachine

from langswarm_nb.storage.duckdb import DuckDBSessionStorage


class FileStore(StoreMachine):
    def open_store(self, folder):
        return DuckDBSessionStorage(folder / "s.duckdb")

    @rule()
    def lose_the_connection(self):
        """As after a failed write: the engine opens the file anew, in the middle of everything."""
        self.storage._engine._drop_connection()


TestFileStore = FileStore.TestCase
TestFileStore.settings = settings(
    max_examples=12,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
