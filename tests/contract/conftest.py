"""One suite, every storage. A new storage gets a line in STORAGES and passes."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from langswarm_nb.interfaces import ISessionStorage, SessionConfig, SessionContext, SessionMessage
from langswarm_nb.storage.duckdb import DuckDBSessionStorage, extensions
from langswarm_nb.storage.memory import InMemorySessionStorage
from langswarm_nb.storage.redis import RedisSessionStorage
from langswarm_nb.storage.sql import PostgreSQLSessionStorage, SQLiteSessionStorage


class MinimalStorage(ISessionStorage):
    """What someone writes in an afternoon: the six methods that must be there."""

    def __init__(self) -> None:
        self.sessions: dict[str, dict[str, Any]] = {}
        self.messages: dict[str, list[SessionMessage]] = {}

    async def create_session(
        self,
        session_id: str,
        user_id: str,
        provider: str,
        model: str,
        config: SessionConfig,
        context: SessionContext,
    ) -> None:
        self.sessions[session_id] = {
            "session_id": session_id,
            "user_id": user_id,
            "provider": provider,
            "model": model,
            "status": "active",
            "config": copy.deepcopy(config.__dict__),
            "context": copy.deepcopy(context.__dict__),
        }
        self.messages[session_id] = []

    async def get_session(self, session_id: str) -> dict[str, Any] | None:
        return self.sessions.get(session_id)

    async def add_message(self, session_id: str, message: SessionMessage) -> None:
        stored = self.messages[session_id]
        if all(other.message_id != message.message_id for other in stored):
            stored.append(copy.deepcopy(message))

    async def get_messages(self, session_id, limit=None, role=None, since=None):
        found = [
            message
            for message in self.messages[session_id]
            if (role is None or message.role == role) and (since is None or message.timestamp >= since)
        ]
        return found if limit is None else found[len(found) - limit :] if limit else []

    async def health_check(self) -> dict[str, Any]:
        return {"status": "healthy"}

    async def close(self) -> None:
        pass


STORAGES: dict[str, Callable[[Path], ISessionStorage]] = {
    "minimal": lambda folder: MinimalStorage(),
    "memory": lambda folder: InMemorySessionStorage(),
    "duckdb": lambda folder: DuckDBSessionStorage(folder / "sessions.duckdb"),
    "duckdb-encrypted": lambda folder: DuckDBSessionStorage(folder / "sessions.duckdb", encryption_key="secret"),
    "ducklake-file": lambda folder: DuckDBSessionStorage(f"ducklake:{folder / 'sessions.ducklake'}"),
    "duckdb-memory": lambda folder: DuckDBSessionStorage(":memory:"),
    "sqlite": lambda folder: SQLiteSessionStorage(folder / "sessions.db"),
    "sqlite-encrypted": lambda folder: SQLiteSessionStorage(folder / "sessions.db", encryption_key="secret"),
    "sqlite-rollback-journal": lambda folder: SQLiteSessionStorage(folder / "sessions.db", enable_wal=False),
}

# Of a server: the fixture that starts it, and the storage from its URL and a name that no other test has.
SERVED: dict[str, tuple[str, Callable[[str, str], ISessionStorage]]] = {
    "postgresql": ("postgresql_url", lambda url, name: PostgreSQLSessionStorage(url, schema=name)),
    "postgresql-encrypted": (
        "postgresql_url",
        lambda url, name: PostgreSQLSessionStorage(url, schema=name, encryption_key="secret"),
    ),
    "ducklake": ("lake_server", lambda server, name: server.open(name)),
    "quack": ("quack_server", lambda server, name: server.open()),
    "redis": ("valkey_url", lambda url, name: RedisSessionStorage(url, f"{name}:")),
    "redis-encrypted": ("valkey_url", lambda url, name: RedisSessionStorage(url, f"{name}:", encryption_key="secret")),
    "redis-ttl": ("valkey_url", lambda url, name: RedisSessionStorage(url, f"{name}:", ttl=600)),
}

# Of DuckDB, and by hand outside of CI: there a missing one is a failure.
EXTENSIONS = {
    "duckdb-encrypted": ("httpfs",),
    "ducklake": ("ducklake", "postgres_scanner"),
    "quack": ("quack", "httpfs"),
}


@pytest.fixture(params=sorted({*STORAGES, *SERVED}))
def make_storage(request, tmp_path) -> Callable[[], ISessionStorage]:
    """Return a function that opens the storage; it is called again to open the same store anew."""
    needed = EXTENSIONS.get(request.param.partition("-file")[0], ())
    if not os.environ.get("CI") and not extensions.is_available(*needed):
        pytest.skip(f"DuckDB's extensions {', '.join(needed)} are not installed")
    if request.param in STORAGES:
        return lambda: STORAGES[request.param](tmp_path)
    server, storage = SERVED[request.param]
    url, name = request.getfixturevalue(server), f"t{uuid4().hex}"
    return lambda: storage(url, name)


@pytest.fixture
def is_complete(request) -> bool:
    """Whether the storage has the optional methods too."""
    return "minimal" not in request.node.callspec.id
