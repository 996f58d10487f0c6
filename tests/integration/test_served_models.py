"""SQLite, PostgreSQL and Redis against the plain-Python model that the DuckDB store is held against."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import initialize, rule
from test_duckdb_model import FileStore

from langswarm_nb.interfaces import ISessionStorage
from langswarm_nb.storage import PostgreSQLSessionStorage, RedisSessionStorage, SQLiteSessionStorage

URLS: dict[str, str] = {}


@pytest.fixture(scope="module", autouse=True)
def servers(postgresql_url, valkey_url):
    URLS.update(postgresql=postgresql_url, redis=valkey_url)


class ServedStore(FileStore):
    def open_storage(self) -> ISessionStorage:
        raise NotImplementedError

    @initialize()
    def open(self):
        self.folder = Path(tempfile.mkdtemp())
        self.name = f"t{uuid4().hex}"
        self.loop = asyncio.new_event_loop()
        self.storage = self.open_storage()
        self.model = {}
        self.count = 0

    @rule()
    def close_and_open(self):
        self.run(self.storage.close())
        self.storage = self.open_storage()
        for session in self.model.values():
            for draft in list(session.drafts.values()):
                session.add(replace(draft, status="interrupted", error_type="ProcessEnded"))

    @rule()
    def lose_the_connection(self):
        """Another storage on the same store takes over."""
        other = self.open_storage()
        self.run(other.list_sessions())
        self.run(other.close())


class SQLiteStore(ServedStore):
    def open_storage(self):
        return SQLiteSessionStorage(self.folder / "s.db")


class PostgreSQLStore(ServedStore):
    def open_storage(self):
        # Encrypted, it keeps null bytes too.
        return PostgreSQLSessionStorage(URLS["postgresql"], schema=self.name, encryption_key="secret")


class RedisStore(ServedStore):
    def open_storage(self):
        return RedisSessionStorage(URLS["redis"], f"{self.name}:")


SETTINGS = settings(
    max_examples=5,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestSQLiteStore = SQLiteStore.TestCase
TestPostgreSQLStore = PostgreSQLStore.TestCase
TestRedisStore = RedisStore.TestCase
TestSQLiteStore.settings = TestPostgreSQLStore.settings = TestRedisStore.settings = SETTINGS
