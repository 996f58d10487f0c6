"""Conversations in PostgreSQL, for many processes on many machines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    DateTime,
    Engine,
    Numeric,
    Text,
    TypeDecorator,
    create_engine,
    event,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.types import UserDefinedType

from ...errors import ConfigurationError
from ..arrow import arrow_schema
from ..content_cipher import require_key_material
from ..schema import TABLES
from .copying import copy_to_sqlite
from .database import Database
from .queries import all_rows, read_meta
from .storage import SQLSessionStorage
from .tables import PRIMARY_KEYS, Codec, Dialect, Tables

if TYPE_CHECKING:
    import pyarrow as pa

_MIGRATION_LOCK = 0x6C616E67737761  # any number that other programs are not likely to take
_MAX_READERS = 32
_ROWS_AT_ONCE = 5_000
_CSV_BYTES_AT_ONCE = 32 * 2**20
_CONNECT_TIMEOUT_S = 10


class PostgreSQLSessionStorage(SQLSessionStorage):
    """Keeps conversations in the tables of `schema` in a PostgreSQL database; the schema is made.

    `pool_size` and `max_overflow` bound this process' connections; `pool_timeout` is how many seconds one of them,
    or a lock, is waited for. A null byte, which PostgreSQL cannot keep, becomes U+FFFD. With `encryption_key` the
    columns named in `content_cipher.ENCRYPTED` are encrypted before they leave this process.
    """

    backend = "postgresql"

    def __init__(
        self,
        url: str,
        pool_size: int = 10,
        max_overflow: int = 20,
        pool_timeout: float = 30,
        encryption_key: str | None = None,
        schema: str = "langswarm_nb",
    ) -> None:
        require_key_material(encryption_key)
        _require_driver()
        if pool_size < 1 or max_overflow < 0:
            raise ConfigurationError("pool_size must be at least 1, and max_overflow at least 0.")
        address = _address(url)
        dialect = PostgreSQL(schema)
        self.schema = schema

        def make_engine() -> Engine:
            engine = create_engine(
                address,
                pool_size=pool_size,
                max_overflow=max_overflow,
                pool_timeout=pool_timeout,
                pool_pre_ping=True,
                connect_args={"connect_timeout": _CONNECT_TIMEOUT_S, "application_name": "langswarm_nb"},
            )
            event.listen(engine, "connect", lambda connection, _: _prepare(connection, pool_timeout))
            return engine

        super().__init__(
            Database(
                dialect,
                make_engine,
                _shown(address),
                readers=min(pool_size + max_overflow, _MAX_READERS),
                timeout_s=pool_timeout,
                encryption_key=encryption_key,
            )
        )

    def _health(self, connection: Connection) -> dict[str, Any]:
        return {"server_version": connection.execute(text("SHOW server_version")).scalar()}

    def _size(self, connection: Connection) -> dict[str, Any]:
        size = text(
            "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c "
            "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = :schema AND c.relkind = 'r'"
        )
        return {"size_bytes": connection.execute(size, {"schema": self.schema}).scalar_one()}

    def _optimize(self) -> dict[str, Any]:
        engine, codec = self._database.opened()
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            before = self._size(connection)["size_bytes"]
            quote = engine.dialect.identifier_preparer
            for name in TABLES:
                connection.exec_driver_sql(f"VACUUM (ANALYZE) {quote.format_table(codec.dialect.tables[name])}")
            after = self._size(connection)["size_bytes"]
        return {"optimized": True, "backend": self.backend, "size_before_bytes": before, "size_after_bytes": after}

    def _back_up(self, target: Path) -> str:
        engine, codec = self._database.opened()
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            meta = read_meta(connection, codec.dialect.tables)
            rows = ((name, all_rows(connection, codec, name, _ROWS_AT_ONCE)) for name in TABLES)
            return copy_to_sqlite(target, rows, codec.cipher, meta)

    def _export(self) -> dict[str, pa.Table]:
        engine, codec = self._database.opened()
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            connection.execute(text("SET LOCAL TimeZone = 'UTC'"))
            return {name: _arrow_table(connection, codec, name) for name in TABLES}


class _Characters(TypeDecorator[str]):
    """Text without null bytes, which PostgreSQL does not take in values nor in conditions."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> Any:
        return value.replace("\0", "\ufffd") if isinstance(value, str) else value


class _JsonText(UserDefinedType[Any]):
    """JSON that is text in Python and keeps its spelling: the order of keys, and what kind of number it is."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "JSON"


class PostgreSQL(Dialect):
    """The logical model's own types; ids are compared byte by byte, as Python does."""

    name = "postgresql"

    def __init__(self, schema: str) -> None:
        self.schema = schema
        self.tables = Tables(
            {
                "ID": _Characters(collation="C"),
                "VARCHAR": _Characters(),
                "VARCHAR[]": postgresql.ARRAY(_Characters()),
                "JSON": _JsonText(),
                "BIGINT": BigInteger(),
                "DOUBLE": postgresql.DOUBLE_PRECISION(),
                "BOOLEAN": Boolean(),
                "TIMESTAMPTZ": DateTime(timezone=True),
                "DECIMAL(18,9)": Numeric(18, 9),
            },
            schema,
        )

    def insert(self, table: str) -> postgresql.Insert:
        return postgresql.insert(self.tables[table]).on_conflict_do_nothing(index_elements=[PRIMARY_KEYS[table]])

    def encode(self, kind: str, value: Any) -> Any:
        if kind == "JSON" and "\\u0000" in value:
            return json.dumps(_without_nulls(json.loads(value)), ensure_ascii=False, separators=(",", ":"))
        return value

    def encode_sealed(self, kind: str, value: str) -> Any:
        return json.dumps(value) if kind == "JSON" else value

    def decode(self, kind: str, value: Any) -> Any:
        return value

    def decode_sealed(self, kind: str, value: Any) -> str:
        return json.loads(value) if kind == "JSON" else value

    def latest(self, first: ColumnElement[Any], second: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.greatest(first, second)

    def has_tags(self, tags: Sequence[str]) -> ColumnElement[bool]:
        return self.tables["sessions"].c.tags.contains(list(tags))

    def contains(self, column: ColumnElement[Any], needle: str) -> ColumnElement[bool]:
        return func.strpos(func.lower(column.collate("C")), literal(needle.lower(), _Characters())) > 0

    def lock_for_change(self, connection: Connection) -> None:
        connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))

    def present_tables(self, connection: Connection) -> set[str]:
        found = text(
            "SELECT tablename FROM pg_tables WHERE schemaname = :schema "
            "UNION SELECT viewname FROM pg_views WHERE schemaname = :schema"
        )
        return {name for (name,) in connection.execute(found, {"schema": self.schema})}

    def lock_sessions(self, connection: Connection, session_ids: Sequence[str]) -> set[str]:
        sessions = self.tables["sessions"]
        here = sessions.c.session_id == func.any(literal(list(session_ids), postgresql.ARRAY(_Characters())))
        found = select(sessions.c.session_id).where(here).order_by(sessions.c.session_id)
        return {name for (name,) in connection.execute(found.with_for_update(read=True, key_share=True))}


def _require_driver() -> None:
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            "PostgreSQLSessionStorage needs the package psycopg. "
            "Install it with: pip install 'langswarm-nb[postgresql]'"
        ) from error


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        # The text is not repeated: it may hold a password.
        raise ConfigurationError("This is no PostgreSQL URL. Use one like postgresql://user@host:5432/name.") from None
    if address.get_backend_name() not in ("postgresql", "postgres"):
        raise ConfigurationError(f"PostgreSQLSessionStorage cannot open a {address.get_backend_name()}: URL.")
    return address.set(drivername="postgresql+psycopg")


def _shown(address: URL) -> str:
    host = address.host or address.query.get("host") or "localhost"
    port = f":{address.port}" if address.port else ""
    return f"PostgreSQL at {host}{port}/{address.database or ''}"


def _prepare(connection: Any, timeout_s: float) -> None:
    from psycopg.types.string import TextLoader

    # JSON is parsed once, by `rows`, and for every engine alike.
    connection.adapters.register_loader("json", TextLoader)
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {int(timeout_s * 1000)}")
    connection.commit()


def _without_nulls(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    if isinstance(value, dict):
        return {_without_nulls(key): _without_nulls(item) for key, item in value.items()}
    return value


def _arrow_table(connection: Connection, codec: Codec, name: str) -> pa.Table:
    """Return a table by COPY: the server writes CSV, Arrow reads it, and Python sees no row."""
    import pyarrow as pa

    table = codec.dialect.tables[name]
    quote = connection.dialect.identifier_preparer
    columns = [
        f"to_json({quote.quote(column)})" if kind == "VARCHAR[]" else quote.quote(column)
        for column, kind in TABLES[name].items()
    ]
    query = f"COPY (SELECT {', '.join(columns)} FROM {quote.format_table(table)}) TO STDOUT (FORMAT csv)"
    raw: Any = connection.connection.driver_connection
    parts = [arrow_schema(name).empty_table()]
    waiting: list[bytes] = []
    size = 0
    with raw.cursor() as cursor, cursor.copy(query) as copy:
        # The server sends whole rows, so that a part ends where a row does.
        for data in copy:
            waiting.append(bytes(data))
            size += len(data)
            if size >= _CSV_BYTES_AT_ONCE:
                parts.append(_of_csv(b"".join(waiting), codec, name))
                waiting, size = [], 0
    if waiting:
        parts.append(_of_csv(b"".join(waiting), codec, name))
    return pa.concat_tables(parts)


def _of_csv(data: bytes, codec: Codec, name: str) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv

    schema = arrow_schema(name)
    # Of what Arrow's reader does not know: lists come as JSON, times as ISO 8601 with an offset, booleans as t and f.
    read_as = {
        f.name: pa.string() if pa.types.is_list(f.type) or pa.types.is_timestamp(f.type) else f.type for f in schema
    }
    found = csv.read_csv(
        BytesIO(data),
        read_options=csv.ReadOptions(column_names=schema.names, block_size=len(data) + 1),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=read_as,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )
    columns: dict[str, Any] = {column: found[column] for column in schema.names}
    if codec.cipher:
        for column in codec.cipher.columns(name):
            kind = TABLES[name][column]
            sealed = columns[column].to_pylist()
            columns[column] = [None if value is None else codec.dialect.decode_sealed(kind, value) for value in sealed]
        codec.cipher.decrypt_columns(name, columns[PRIMARY_KEYS[name]].to_pylist(), columns)
    if "tags" in columns:
        columns["tags"] = [json.loads(tags or "[]") for tags in columns["tags"].to_pylist()]
    return pa.table([_as(columns[f.name], f.type) for f in schema], schema=schema)


def _as(column: Any, kind: pa.DataType) -> Any:
    import pyarrow as pa
    import pyarrow.compute

    if isinstance(column, list):
        return pa.array(column, kind)
    if pa.types.is_timestamp(kind):
        # "+00" is ISO 8601 to PostgreSQL; Arrow wants the minutes too.
        return pyarrow.compute.call_function("binary_join_element_wise", [column, ":00", ""]).cast(kind)
    return column.cast(kind)
