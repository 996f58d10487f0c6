"""Where a store is, and how to connect to it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from uuid import uuid4

import duckdb

from ...errors import ConfigurationError, StorageError
from .. import connecting
from ..connecting import MEMORY
from . import encrypted, failures
from .journal import Journal
from .lease import OwnerMark
from .sharing import SharedMark, Turns

# DuckDB 2 writes a format that DuckDB 1.5 cannot read, unless told otherwise.
READABLE_SINCE = "v1.5.0"


@dataclass(frozen=True, repr=False)
class Location:
    """A database file, or this process' memory where `path` is None; other places are classes made of this one."""

    # Whether several processes write at once. Else `leased` is the file that they take turns with, if any.
    is_shared: ClassVar[bool] = False
    # What opens it, as a person gives it.
    key_name: ClassVar[str] = "encryption_key"

    name: str
    path: Path | None
    encryption_key: str | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.shown!r})"

    @classmethod
    def of(cls, text: str | Path, encryption_key: str | None = None) -> Location:
        """Return the file, or the memory, that `text` means."""
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

    @property
    def leased(self) -> Path | None:
        """The file that one process at a time may have open."""
        return self.path

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no error may show."""
        return (self.encryption_key,) if self.encryption_key else ()

    def mark(self) -> OwnerMark | SharedMark:
        """Return what tells other processes that this one's replies are still being written."""
        return OwnerMark(self.leased)

    def turns(self, connection: duckdb.DuckDBPyConnection) -> Turns | None:
        """Return what makes writers take turns where several write at once."""
        return None

    def explained(self, error: BaseException) -> StorageError:
        """Return what an error of DuckDB or the system means here; neither it nor its cause shows a secret."""
        error = failures.without(error, self.secrets)
        explained = failures.storage_error(error, self.shown)
        explained.__cause__ = error
        return explained

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
            wall_off(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def tidy(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Refresh the statistics, and give back the space of deleted rows."""
        connection.execute("ANALYZE")
        connection.execute("CHECKPOINT")

    def forget_deleted(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Leave nothing of deleted rows, as far as that can be done while the store is open."""

    def sweep(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Give back the space of what `forget_deleted` removed."""

    def size(self, connection: duckdb.DuckDBPyConnection) -> int:
        """Return the bytes that the store takes."""
        if self.path is None:
            return 0
        files = (self.path, self.path.with_name(self.path.name + ".wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def cursor(self, connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        """Return a further connection to the same store, for one thread."""
        cursor = connection.cursor()
        if self.encryption_key is not None:
            cursor.execute(encrypted.USE)
        return cursor


def wall_off(connection: duckdb.DuckDBPyConnection) -> None:
    """Leave statements, whoever wrote them, no way to other files, to other hosts, or to a notebook's variables."""
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    connection.execute("SET GLOBAL python_enable_replacements = false")
    connection.execute("SET GLOBAL enable_external_access = false")


def _connect_plainly(path: Path | None) -> duckdb.DuckDBPyConnection:
    if path is None:
        return connecting.connect()
    if not path.exists():
        # Closed at once: a connection with other options than the user's own to the same file would be refused.
        connecting.connect(path, {"storage_compatibility_version": READABLE_SINCE}).close()
    return connecting.connect(path)
