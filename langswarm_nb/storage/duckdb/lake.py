"""A lake: Parquet files, and a catalog of them in PostgreSQL or in a file (DuckLake)."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote

import duckdb

from ...errors import ConfigurationError
from . import extensions
from .encrypted import quoted
from .lease import OwnerMark
from .location import Location, wall_off
from .sharing import CatalogTurns, SharedMark, Turns

SCHEME = "ducklake:"
_POSTGRES = re.compile(r"postgres(ql)?:", re.I)
_OTHER_CATALOGS = re.compile(r"(mysql|sqlite|md|motherduck):", re.I)
_URL_PASSWORD = re.compile(r"(?<=://)(?P<user>[^:@/]*):(?P<secret>[^@/]*)(?=@)")
_PASSWORD = re.compile(r"\b(?:ssl)?password\s*=\s*(?:'(?P<quoted>(?:[^'\\]|\\.)*)'|(?P<plain>[^\s&]+))", re.I)
_CONNECT_TIMEOUT_S = 10
_REMOTE = re.compile(r"\w{2,}://")


@dataclass(frozen=True)
class Lake(Location):
    """A DuckLake; `catalog` is what stands behind `ducklake:`."""

    key_name: ClassVar[str] = "password"

    catalog: str = ""
    data_path: str | None = None

    @classmethod
    def at(cls, text: str, encryption_key: str | None, data_path: str | Path | None) -> Lake:
        """Return the lake that `text` means."""
        if encryption_key is not None:
            raise ConfigurationError(
                "encryption_key is for files. A lake keeps its short rows and the keys of its files in its catalog: "
                "encrypt the disks of the PostgreSQL server and the storage of the files instead."
            )
        catalog = os.path.expandvars(text.removeprefix(SCHEME))
        if not catalog or _OTHER_CATALOGS.match(catalog):
            raise ConfigurationError(
                "A lake's catalog is a PostgreSQL database or a file: ducklake:postgres:dbname=chats host=... or "
                "ducklake:chats.ducklake."
            )
        where = None if data_path is None else os.path.expandvars(str(data_path))
        if where is not None and not _REMOTE.match(where):
            where = str(Path(where).expanduser().resolve())
        if _POSTGRES.match(catalog):
            return cls(text, None, None, _with_timeout(_POSTGRES.sub("", catalog, 1)), where)
        file = Path(catalog.removeprefix("duckdb:")).expanduser().resolve()
        return cls(text, file, None, str(file), where)

    @property
    def is_shared(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether the catalog is a server's."""
        return self.path is None

    @property
    def identity(self) -> str:
        return f"{SCHEME}{self.catalog}"

    @property
    def shown(self) -> str:
        shown = f"{SCHEME}{'postgres:' if self.is_shared else ''}{self.catalog}"
        return _URL_PASSWORD.sub(r"\g<user>", _PASSWORD.sub("password=***", shown)).replace(_TIMEOUT, "")

    @property
    def secrets(self) -> tuple[str, ...]:
        found = [match["secret"] for match in _URL_PASSWORD.finditer(self.catalog)]
        found += [match["quoted"] or match["plain"] or "" for match in _PASSWORD.finditer(self.catalog)]
        return tuple(dict.fromkeys(form for text in found for form in (text, unquote(text)) if form))

    def mark(self) -> OwnerMark | SharedMark:
        return SharedMark() if self.is_shared else OwnerMark(self.leased)

    def turns(self, connection: duckdb.DuckDBPyConnection) -> Turns | None:
        return CatalogTurns(connection, self.shown) if self.is_shared else None

    def connect(self) -> duckdb.DuckDBPyConnection:
        wanted = ("ducklake", "postgres_scanner") if self.is_shared else ("ducklake",)
        connection = duckdb.connect(":memory:")
        try:
            for name in wanted:
                if not extensions.load(connection, name):
                    raise ConfigurationError(
                        f"A lake needs DuckDB's extension {name}, which is not installed. "
                        f"Install it once with: {extensions.how_to_install(*wanted)}"
                    )
            if self.is_shared:
                connection.execute(f"ATTACH {quoted(self.catalog)} AS turns (TYPE postgres)")
                # Of two that make the lake at once, the second finds it made.
                turns = CatalogTurns(connection, self.shown)
                turns.begin(_CONNECT_TIMEOUT_S, transaction=False)
                try:
                    self._attach(connection)
                finally:
                    turns.end()
            else:
                assert self.path is not None
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._attach(connection)
            self._wall_off(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _attach(self, connection: duckdb.DuckDBPyConnection) -> None:
        options = f" (DATA_PATH {quoted(self.data_path)})" if self.data_path is not None else ""
        catalog = f"{SCHEME}{'postgres:' if self.is_shared else ''}{self.catalog}"
        connection.execute(f"ATTACH {quoted(catalog)} AS store{options}")
        connection.execute("USE store")

    def _wall_off(self, connection: duckdb.DuckDBPyConnection) -> None:
        path = "SELECT value FROM ducklake_options('store') WHERE option_name = 'data_path'"
        folder = str(connection.execute(path).fetchall()[0][0])
        if _REMOTE.match(folder):
            # Secrets that the user keeps in files are read now or not at all.
            connection.execute("SELECT count(*) FROM duckdb_secrets()").fetchall()
        else:
            # Behind the wall DuckDB makes folders in this one, and not this one.
            Path(folder).mkdir(parents=True, exist_ok=True)
        connection.execute(f"SET GLOBAL allowed_directories = [{quoted(folder)}]")
        wall_off(connection)

    def cursor(self, connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        cursor = connection.cursor()
        cursor.execute("USE store")
        return cursor

    def tidy(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Write rows of the catalog and small files into larger ones; forget what the lake was a day ago."""
        _maintain(connection, kept="1 day", delete_threshold=0.1)

    def size(self, connection: duckdb.DuckDBPyConnection) -> int:
        """Return the bytes of the lake's files; those of the catalog are not counted."""
        found = connection.execute(
            "SELECT sum(file_size_bytes + delete_file_size_bytes) FROM ducklake_table_info('store')"
        )
        return int(found.fetchall()[0][0] or 0)


_TIMEOUT = f" connect_timeout={_CONNECT_TIMEOUT_S}"


def _with_timeout(server: str) -> str:
    # Who cannot be reached is not waited for much longer than a lock.
    if "connect_timeout" in server or "://" in server:
        return server
    return server + _TIMEOUT


def _maintain(connection: duckdb.DuckDBPyConnection, kept: str, delete_threshold: float) -> None:
    before = f"now() - INTERVAL '{kept}'"
    for call in (
        "ducklake_flush_inlined_data('store')",
        f"ducklake_rewrite_data_files('store', delete_threshold => {delete_threshold})",
        "ducklake_merge_adjacent_files('store')",
        f"ducklake_expire_snapshots('store', older_than => {before})",
        f"ducklake_cleanup_old_files('store', older_than => {before})",
    ):
        connection.execute(f"CALL {call}")
