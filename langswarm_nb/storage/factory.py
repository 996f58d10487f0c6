"""Finding a storage by name, URL or path."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar

from ..errors import ConfigurationError
from ..interfaces import ISessionStorage

# Imported on use only: each brings in a library of its own.
_BUILT_IN = {
    "duckdb": "langswarm_nb.storage.duckdb:DuckDBSessionStorage",
    "memory": "langswarm_nb.storage.memory:InMemorySessionStorage",
    "postgresql": "langswarm_nb.storage.sql:PostgreSQLSessionStorage",
    "redis": "langswarm_nb.storage.redis:RedisSessionStorage",
    "sqlite": "langswarm_nb.storage.sql:SQLiteSessionStorage",
}
_DUCKDB_LOCATIONS = ("ducklake:", "quack:", "md:", "motherduck:")
_URL_SCHEMES: dict[str, tuple[str, str]] = {
    "postgres:": ("postgresql", "url"),
    "postgresql+": ("postgresql", "url"),
    "postgresql:": ("postgresql", "url"),
    "redis:": ("redis", "redis_url"),
    "rediss:": ("redis", "redis_url"),
    "sqlite:": ("sqlite", "db_path"),
    "unix:": ("redis", "redis_url"),
    "valkey:": ("redis", "redis_url"),
    "valkeys:": ("redis", "redis_url"),
}


class StorageFactory:
    """The storages by name; the registry belongs to the class."""

    _registered: ClassVar[dict[str, Callable[..., ISessionStorage]]] = {}
    _schemas: ClassVar[dict[str, dict[str, Any]]] = {}

    @classmethod
    def create(cls, backend: str | Path | ISessionStorage, config: dict[str, Any] | None = None) -> ISessionStorage:
        """Return the storage named `backend`, or the one that a URL, a location or a path means.

        `config` holds the storage's own keyword arguments; ConfigurationError names one that it does not take.
        """
        options = dict(config or {})
        if not isinstance(backend, (str, Path)):
            return backend
        name, extra = cls._resolve(backend)
        try:
            return cls._constructor(name)(**extra, **options)
        except TypeError as error:
            raise ConfigurationError(f"storage_config does not fit the storage {name!r}: {error}.") from error

    @classmethod
    def register_backend(
        cls, name: str, backend: Callable[..., ISessionStorage], config_schema: dict[str, Any] | None = None
    ) -> None:
        """Make `backend` available as `name`; `config_schema` describes its keyword arguments, for readers."""
        cls._registered[name] = backend
        cls._schemas[name] = config_schema or {}

    @classmethod
    def list_backends(cls) -> list[str]:
        """Return the names, sorted."""
        return sorted({*_BUILT_IN, *cls._registered})

    @classmethod
    def _resolve(cls, backend: str | Path) -> tuple[str, dict[str, Any]]:
        text = str(backend)
        if text in cls._registered or text in _BUILT_IN:
            return text, {}
        if text.startswith(_DUCKDB_LOCATIONS):
            return "duckdb", {"location": text}
        for scheme, (name, argument) in _URL_SCHEMES.items():
            if text.startswith(scheme):
                return name, {argument: text}
        if "://" in text:
            # The rest is not repeated: it may hold a password.
            raise ConfigurationError(
                f"There is no storage for {text.split('://')[0]}: URLs. Use one of "
                f"{', '.join(sorted({*_URL_SCHEMES, *_DUCKDB_LOCATIONS}))} or a path."
            )
        if isinstance(backend, Path) or "/" in text or "\\" in text or text.endswith((".duckdb", ".db", ".ddb")):
            return "duckdb", {"db_path": text}
        close = get_close_matches(text, cls.list_backends(), 1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ConfigurationError(
            f"There is no storage {text!r}.{hint} Use one of {', '.join(cls.list_backends())}, or a path."
        )

    @classmethod
    def _constructor(cls, name: str) -> Callable[..., ISessionStorage]:
        if name in cls._registered:
            return cls._registered[name]
        module, _, attribute = _BUILT_IN[name].partition(":")
        return getattr(importlib.import_module(module), attribute)
