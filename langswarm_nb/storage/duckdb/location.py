"""Where a store is, and how to connect to it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import duckdb

from ...errors import ConfigurationError
from . import encrypted, failures
from .journal import Journal

MEMORY = ":memory:"
# DuckDB 2 writes a format that DuckDB 1.5 cannot read, unless told otherwise.
READABLE_SINCE = "v1.5.0"
_BEYOND_A_FILE = ("ducklake:", "quack:", "md:", "motherduck:")


@dataclass(frozen=True)
class Location:
    """A database file, or this process' memory where `path` is None."""

    name: str
    path: Path | None
    encryption_key: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, text: str | Path, encryption_key: str | None = None) -> Location:
        """Return the location that `text` means; ConfigurationError for one that this version cannot reach."""
        if str(text).startswith(_BEYOND_A_FILE):
            raise ConfigurationError(f"{str(text).split(':')[0]}: is no location that this version can open.")
        if encryption_key is not None and not encryption_key:
            raise ConfigurationError("encryption_key is empty. Give a secret, or None for a store in the clear.")
        if str(text) == MEMORY:
            if encryption_key is not None:
                raise ConfigurationError("A store in memory is never written down. Leave encryption_key out.")
            return cls(f"{MEMORY}{uuid4().hex}", None)
        path = Path(os.path.expandvars(text)).expanduser()
        # The folder's links are followed and the file's too, so that one file has one engine.
        return cls(str(text), path.resolve(), encryption_key)

    @property
    def identity(self) -> str:
        """What tells stores apart."""
        return str(self.path) if self.path else self.name

    @property
    def shown(self) -> str:
        """The location as a person knows it."""
        return str(self.path) if self.path else MEMORY

    @property
    def journal(self) -> Journal | None:
        """Where rows are made durable before they are in the database; None where each commit does that itself."""
        # What is encrypted in the file must not stand beside it in the clear.
        return Journal(self.path) if self.path is not None and self.encryption_key is None else None

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Return a connection, making file and folders where there are none."""
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.encryption_key is not None and self.path is not None:
            connection = encrypted.connect(self.path, self.encryption_key, READABLE_SINCE)
        else:
            connection = _connect_plainly(self.path)
        try:
            # Reading the file's first bytes instead would, on closing it, free every lock that this process has on it.
            kind = connection.execute("SELECT type FROM duckdb_databases() WHERE database_name = current_database()")
            if kind.fetchall() != [("duckdb",)]:
                raise failures.foreign(self.shown)
            connection.execute("SET GLOBAL TimeZone = 'UTC'")
            # No statement, whoever wrote it, has business with other files or with the variables of a notebook.
            connection.execute("SET GLOBAL python_enable_replacements = false")
            connection.execute("SET GLOBAL enable_external_access = false")
        except BaseException:
            connection.close()
            raise
        return connection

    def cursor(self, connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        """Return a further connection to the same store, for one thread."""
        cursor = connection.cursor()
        if self.encryption_key is not None:
            cursor.execute(encrypted.USE)
        return cursor


def _connect_plainly(path: Path | None) -> duckdb.DuckDBPyConnection:
    if path is None:
        return duckdb.connect(MEMORY)
    if not path.exists():
        # Closed at once: a connection with other options than the user's own to the same file would be refused.
        duckdb.connect(str(path), config={"storage_compatibility_version": READABLE_SINCE}).close()
    return duckdb.connect(str(path))
