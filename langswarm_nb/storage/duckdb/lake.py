"""A lake: Parquet files, and a catalog of them in PostgreSQL or in a file (DuckLake)."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote, unquote

import duckdb

from ...errors import ConfigurationError, StorageError
from .. import connecting
from . import extensions, failures
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
_SILENT = re.compile(r"unable to connect|connection to server|server closed the connection|no connection to", re.I)
_REMOTE = re.compile(r"\w{2,}://")


@dataclass(frozen=True, repr=False)
class Lake(Location):
    """A DuckLake; `catalog` is what its catalog's PostgreSQL is asked for, or where its file is."""

    key_name: ClassVar[str] = "password"

    catalog: str = ""
    catalog_file: Path | None = None
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
            return cls(text, None, None, _POSTGRES.sub("", catalog, 1), None, where)
        file = Path(catalog.removeprefix("duckdb:")).expanduser().resolve()
        return cls(text, None, None, str(file), file, where)

    @property
    def is_shared(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether the catalog is a server's."""
        return self.catalog_file is None

    @property
    def leased(self) -> Path | None:
        return self.catalog_file

    @property
    def identity(self) -> str:
        return f"{SCHEME}{self.catalog}"

    @property
    def shown(self) -> str:
        shown = f"{SCHEME}{'postgres:' if self.is_shared else ''}{self.catalog}"
        return _URL_PASSWORD.sub(r"\g<user>", _PASSWORD.sub("password=***", shown))

    @property
    def secrets(self) -> tuple[str, ...]:
        found = [match["secret"] for match in _URL_PASSWORD.finditer(self.catalog)]
        found += [match["quoted"] or match["plain"] or "" for match in _PASSWORD.finditer(self.catalog)]
        return tuple(dict.fromkeys(form for text in found for form in (text, unquote(text)) if form))

    def mark(self) -> OwnerMark | SharedMark:
        return SharedMark() if self.is_shared else OwnerMark(self.leased)

    def turns(self, connection: duckdb.DuckDBPyConnection) -> Turns | None:
        return CatalogTurns(connection, self.shown) if self.is_shared else None

    def explained(self, error: BaseException) -> StorageError:
        error = failures.without(error, self.secrets)
        said = failures.first_lines(error)
        if not _SILENT.search(said):
            return super().explained(error)
        explained = StorageError(f"The catalog of {self.shown} cannot be reached: {said}")
        explained.__cause__ = error
        return explained

    def connect(self) -> duckdb.DuckDBPyConnection:
        wanted = ("ducklake", "postgres_scanner") if self.is_shared else ("ducklake",)
        connection = connecting.connect()
        try:
            _load(connection, "A lake", *wanted)
            if self.is_shared:
                options = {**_PATIENCE, "options": f"-c lock_timeout={_CONNECT_TIMEOUT_S}s"}
                connection.execute(f"ATTACH {quoted(_asked(self.catalog, options))} AS turns (TYPE postgres)")
                # Of two that make the lake at once, the second finds it made.
                turns = CatalogTurns(connection, self.shown)
                turns.begin(_CONNECT_TIMEOUT_S, transaction=False)
                try:
                    self._attach(connection)
                finally:
                    turns.end()
            else:
                Path(self.catalog).parent.mkdir(parents=True, exist_ok=True)
                self._attach(connection)
            self._wall_off(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _attach(self, connection: duckdb.DuckDBPyConnection) -> None:
        if self.data_path is not None and _REMOTE.match(self.data_path):
            _load_for(connection, self.data_path)
        options = f" (DATA_PATH {quoted(self.data_path)})" if self.data_path is not None else ""
        catalog = f"postgres:{_asked(self.catalog, _PATIENCE)}" if self.is_shared else self.catalog
        connection.execute(f"ATTACH {quoted(SCHEME + catalog)} AS store{options}")
        connection.execute("USE store")

    def _wall_off(self, connection: duckdb.DuckDBPyConnection) -> None:
        path = "SELECT value FROM ducklake_options('store') WHERE option_name = 'data_path'"
        folder = str(connection.execute(path).fetchall()[0][0])
        if _REMOTE.match(folder):
            _load_for(connection, folder)
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
        _maintain(connection, deleted=0.1, before="older_than => now() - INTERVAL '1 day'")

    def forget_deleted(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Leave nothing of deleted rows: neither in files, nor in what the lake was, nor in the catalog's tables."""
        _maintain(connection, deleted=0, before="older_than => now()", files="cleanup_all => true")

    def sweep(self, connection: duckdb.DuckDBPyConnection) -> None:
        if not self.is_shared:
            return
        # A cursor that does not use the lake: there every statement keeps a transaction of its own in the catalog. And
        # not in a turn, whose transaction would still see the rows that are to go.
        with connection.cursor() as cursor:
            names = (
                "SELECT format('%I.%I', schemaname, relname) FROM pg_stat_user_tables "
                "WHERE starts_with(relname, 'ducklake_')"
            )
            for (table,) in cursor.execute(f"FROM postgres_query('turns', {quoted(names)})").fetchall():
                vacuum = f"postgres_execute('turns', {quoted(f'VACUUM (FULL) {table}')}, use_transaction => false)"
                cursor.execute(f"CALL {vacuum}").fetchall()

    def size(self, connection: duckdb.DuckDBPyConnection) -> int:
        """Return the bytes of the lake's files; those of the catalog are not counted."""
        found = connection.execute(
            "SELECT sum(file_size_bytes + delete_file_size_bytes) FROM ducklake_table_info('store')"
        )
        return int(found.fetchall()[0][0] or 0)


# Who cannot be reached is not waited for much longer than a lock, and who falls silent not for ever.
_PATIENCE = {
    "connect_timeout": str(_CONNECT_TIMEOUT_S),
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "tcp_user_timeout": "60000",
}


def _load(connection: duckdb.DuckDBPyConnection, who: str, *names: str) -> None:
    for name in names:
        if not extensions.load(connection, name):
            raise ConfigurationError(
                f"{who} needs DuckDB's extension {name}, which is not installed. "
                f"Install it once with: {extensions.how_to_install(*names)}"
            )


def _load_for(connection: duckdb.DuckDBPyConnection, folder: str) -> None:
    scheme = folder.partition("://")[0]
    name = "azure" if scheme in ("az", "azure", "abfss") else "httpfs"
    _load(connection, f"A lake whose files are at {scheme}://", name)


def _asked(server: str, options: dict[str, str]) -> str:
    """Return the address of a PostgreSQL with those options that it does not have itself."""
    wanted = {name: value for name, value in options.items() if f"{name}=" not in server.replace(" ", "")}
    if "://" in server:
        asked = "&".join(f"{name}={quote(value)}" for name, value in wanted.items())
        return f"{server}{'&' if '?' in server else '?'}{asked}"
    return " ".join([server, *(f"{name}='{value}'" for name, value in wanted.items())])


def _maintain(connection: duckdb.DuckDBPyConnection, *, deleted: float, before: str, files: str | None = None) -> None:
    for call in (
        "ducklake_flush_inlined_data('store')",
        f"ducklake_rewrite_data_files('store', delete_threshold => {deleted})",
        "ducklake_merge_adjacent_files('store')",
        f"ducklake_expire_snapshots('store', {before})",
        f"ducklake_cleanup_old_files('store', {files or before})",
    ):
        # Each is done, and its transaction at an end, when all of its result is taken.
        connection.execute(f"SELECT count(*) FROM {call}").fetchall()
