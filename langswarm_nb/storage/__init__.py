"""Where conversations are kept. Each storage is imported on first use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .factory import StorageFactory

if TYPE_CHECKING:
    from .duckdb import DuckDBSessionStorage
    from .memory import InMemorySessionStorage
    from .redis import RedisSessionStorage
    from .sql import PostgreSQLSessionStorage, SQLiteSessionStorage

__all__ = [
    "DuckDBSessionStorage",
    "InMemorySessionStorage",
    "PostgreSQLSessionStorage",
    "RedisSessionStorage",
    "SQLiteSessionStorage",
    "StorageFactory",
]

_HOMES = {
    "DuckDBSessionStorage": ".duckdb",
    "InMemorySessionStorage": ".memory",
    "PostgreSQLSessionStorage": ".sql",
    "RedisSessionStorage": ".redis",
    "SQLiteSessionStorage": ".sql",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name], __name__), name)
