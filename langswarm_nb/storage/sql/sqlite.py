"""Conversations in one SQLite file."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    Engine,
    Float,
    Text,
    create_engine,
    event,
    func,
    select,
    text,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL
from sqlalchemy.pool import QueuePool

from ...errors import ConfigurationError, StorageError
from ..arrow import arrow_schema, table_of_columns
from ..content_cipher import require_key_material
from ..schema import TABLES
from .database import Database
from .migrations import MIGRATIONS
from .storage import SQLSessionStorage
from .tables import PRIMARY_KEYS, Codec, Dialect, Tables

if TYPE_CHECKING:
    import pyarrow as pa

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ROWS_AT_ONCE = 50_000
_MAX_READERS = 32


class SQLiteSessionStorage(SQLSessionStorage):
    """Keeps conversations in the SQLite file `db_path`; its folders are made.

    Several processes may use it at once. Every commit reaches the disk (`synchronous=FULL`); writers of one process
    share commits. `pool_timeout` is how many seconds a connection, or another program's lock, is waited for.
    `auto_vacuum` lets `optimize_database` give space back without writing the file anew. With `encryption_key` the
    columns named in `content_cipher.ENCRYPTED` are encrypted.
    """

    backend = "sqlite"

    def __init__(
        self,
        db_path: str | Path = "langswarm_sessions.db",
        pool_size: int = 10,
        max_overflow: int = 20,
        pool_timeout: float = 30,
        enable_wal: bool = True,
        auto_vacuum: bool = True,
        encryption_key: str | None = None,
    ) -> None:
        require_key_material(encryption_key)
        if pool_size < 1 or max_overflow < 0:
            raise ConfigurationError("pool_size must be at least 1, and max_overflow at least 0.")
        self.db_path = _path_of(db_path)
        self._enable_wal = enable_wal
        self._auto_vacuum = auto_vacuum
        self._pool = {"pool_size": pool_size, "max_overflow": max_overflow, "pool_timeout": pool_timeout}
        self._timeout_s = pool_timeout
        super().__init__(
            Database(
                SQLite(),
                EngineMaker(self.db_path, self._pool, pool_timeout, enable_wal, auto_vacuum),
                str(self.db_path),
                readers=min(pool_size + max_overflow, _MAX_READERS),
                timeout_s=pool_timeout,
                encryption_key=encryption_key,
            )
        )

    def _health(self, connection: Connection) -> dict[str, Any]:
        found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if found != "ok":
            raise StorageError(f"The store {self.db_path} is damaged: {found}. Restore it from a backup.")
        return {"journal_mode": connection.exec_driver_sql("PRAGMA journal_mode").scalar()}

    def _size(self, connection: Connection) -> dict[str, Any]:
        pages, size, free = (
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("page_count", "page_size", "freelist_count")
        )
        return {"size_bytes": pages * size, "free_bytes": free * size}

    def _optimize(self) -> dict[str, Any]:
        engine, _ = self._database.opened()
        with engine.connect().execution_options(outside_transactions=True) as connection:
            raw = _raw(connection)
            before = self._size(connection)["size_bytes"]
            raw.execute("ANALYZE")
            # A script runs to its end; a single execute() would give back no more than one page.
            raw.executescript("PRAGMA incremental_vacuum" if self._auto_vacuum else "VACUUM")
            raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            after = self._size(connection)["size_bytes"]
        return {"optimized": True, "backend": self.backend, "size_before_bytes": before, "size_after_bytes": after}

    def _back_up(self, target: Path) -> str:
        if target == self.db_path:
            raise ConfigurationError(f"{target} is the store itself. Choose another path for the backup.")
        engine, _ = self._database.opened()
        with (
            replacing(target) as unfinished,
            engine.connect() as connection,
            closing(sqlite3.connect(unfinished)) as copy,
        ):
            _raw(connection).backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
        return str(target)

    def _export(self) -> dict[str, pa.Table]:
        engine, codec = self._database.opened()
        with engine.connect() as connection:
            return {name: _arrow_table(connection, codec, name) for name in TABLES}


class SQLite(Dialect):
    """Times are microseconds since 1970 in UTC, money is decimal text, JSON and tags are JSON text."""

    name = "sqlite"

    def __init__(self) -> None:
        plain = Text()
        self.tables = Tables(
            {
                "ID": plain,
                "VARCHAR": plain,
                "VARCHAR[]": plain,
                "JSON": plain,
                "BIGINT": BigInteger(),
                "DOUBLE": Float(),
                "BOOLEAN": Boolean(),
                "TIMESTAMPTZ": BigInteger(),
                "DECIMAL(18,9)": plain,
            }
        )

    def insert(self, table: str) -> sqlite.Insert:
        return sqlite.insert(self.tables[table]).on_conflict_do_nothing(index_elements=[PRIMARY_KEYS[table]])

    def encode(self, kind: str, value: Any) -> Any:
        if kind == "TIMESTAMPTZ":
            return (value - _EPOCH) // _MICROSECOND
        if kind == "VARCHAR[]":
            return json.dumps(value, ensure_ascii=False)
        return str(value) if isinstance(value, Decimal) else value

    def encode_sealed(self, kind: str, value: str) -> Any:
        return value

    def decode(self, kind: str, value: Any) -> Any:
        if kind == "DECIMAL(18,9)":
            return Decimal(value)
        if kind == "VARCHAR[]":
            return json.loads(value)
        return value

    def decode_sealed(self, kind: str, value: Any) -> str:
        return value

    def latest(self, first: ColumnElement[Any], second: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.max(first, func.coalesce(second, first))

    def has_tags(self, tags: Sequence[str]) -> ColumnElement[bool]:
        inside = func.json_each(self.tables["sessions"].c.tags).table_valued("value")
        found = select(func.count(inside.c.value.distinct())).where(inside.c.value.in_(sorted(set(tags))))
        return found.scalar_subquery() == len(set(tags))

    def contains(self, column: ColumnElement[Any], needle: str) -> ColumnElement[bool]:
        return func.instr(func.lower(column), needle.lower()) > 0

    def lock_for_change(self, connection: Connection) -> None:
        """Nothing: a transaction that writes has the file for itself from its begin."""

    def present_tables(self, connection: Connection) -> set[str]:
        found = connection.execute(text("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"))
        return {name for (name,) in found if not name.startswith("sqlite_")}

    def lock_sessions(self, connection: Connection, session_ids: Sequence[str]) -> set[str]:
        sessions = self.tables["sessions"]
        if len(session_ids) == 1:
            found = select(sessions.c.session_id).where(sessions.c.session_id == session_ids[0])
        else:
            found = select(sessions.c.session_id).where(sessions.c.session_id.in_(session_ids))
        return {name for (name,) in connection.execute(found)}


class EngineMaker:
    """Makes the engine: folders, the file, and what every connection is told."""

    def __init__(self, path: Path, pool: dict[str, Any], timeout_s: float, enable_wal: bool, auto_vacuum: bool) -> None:
        self._path = path
        self._pool = pool
        self._timeout_s = timeout_s
        self._enable_wal = enable_wal
        self._auto_vacuum = auto_vacuum

    def __call__(self) -> Engine:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._set_up_file()
        engine = create_engine(
            URL.create("sqlite", database=str(self._path)),
            poolclass=QueuePool,
            connect_args={"check_same_thread": False, "timeout": self._timeout_s},
            **self._pool,
        )
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
        return engine

    def _set_up_file(self) -> None:
        # Both settings live in the file; a foreign or a newer one is looked at before anything of it is changed.
        is_new = not self._path.exists() or self._path.stat().st_size == 0
        with closing(sqlite3.connect(self._path, timeout=self._timeout_s, isolation_level=None)) as connection:
            if not is_new and not _is_ours(connection):
                return
            if is_new and self._auto_vacuum:
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
            if self._enable_wal and mode != "wal":
                connection.execute("PRAGMA journal_mode = WAL")
        if is_new:
            with suppress(OSError):
                self._path.chmod(0o600)


def _is_ours(connection: sqlite3.Connection) -> bool:
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if "schema_migrations" not in names:
        return not names
    known = {step.__name__ for step in MIGRATIONS}
    return known >= {name for (name,) in connection.execute("SELECT name FROM schema_migrations")}


def _prepare(connection: sqlite3.Connection, _: object) -> None:
    # Transactions are begun by `_begin`, not by the driver's guess.
    connection.isolation_level = None
    # NORMAL could lose the last commits with the power; who was told "stored" must find it.
    connection.execute("PRAGMA synchronous = FULL")


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("outside_transactions"):
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes") else "BEGIN")


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Lend a path to write a file to that takes the place of `target` when it is whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.part")
    unfinished.unlink(missing_ok=True)
    try:
        yield unfinished
        os.replace(unfinished, target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _path_of(db_path: str | Path) -> Path:
    path = str(db_path)
    for prefix in ("sqlite+pysqlite:///", "sqlite:///", "sqlite:"):
        if path.startswith(prefix):
            path = path.removeprefix(prefix)
            break
    if path in ("", ":memory:"):
        raise ConfigurationError("SQLiteSessionStorage needs a file. To keep nothing, use storage='memory'.")
    return Path(os.path.expandvars(path)).expanduser().absolute()


def _raw(connection: Connection) -> sqlite3.Connection:
    found = connection.connection.driver_connection
    assert isinstance(found, sqlite3.Connection)
    return found


def _arrow_table(connection: Connection, codec: Codec, name: str) -> pa.Table:
    import pyarrow as pa

    columns = list(TABLES[name])
    cursor = _raw(connection).execute(f"SELECT {', '.join(columns)} FROM {name}")
    batches = [arrow_schema(name).empty_table()]
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        values: dict[str, Sequence[Any]] = dict(zip(columns, zip(*rows, strict=True), strict=True))
        codec.cipher.decrypt_columns(name, values[PRIMARY_KEYS[name]], values)
        if "tags" in values:
            values["tags"] = [json.loads(tags) if tags else [] for tags in values["tags"]]
        batches.append(table_of_columns(name, values))
    return pa.concat_tables(batches)
