"""Where analytics read from: anything that answers SQL over `sessions`, `messages`, `events` and `session_summary`."""

from __future__ import annotations

import json
import os
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from ..errors import ConfigurationError, StorageError
from ..storage.schema import SESSION_SUMMARY, TABLES

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from ..interfaces import ISessionStorage
    from ..models import SessionMessage

Params = dict[str, Any] | Sequence[Any]


@runtime_checkable
class Source(Protocol):
    """What the rest of analytics needs: SQL in, Arrow out, times in UTC.

    `untrusted` means that a person wrote the statement: it may only read, and it reaches neither files nor network.
    """

    def query(self, sql: str, params: Params | None = None, *, untrusted: bool = False) -> pa.Table: ...


class ArrowSource:
    """The same tables and view over Arrow tables in memory; tables or columns that are left out are empty."""

    def __init__(self, tables: Mapping[str, pa.Table] | None = None) -> None:
        from ..storage import connecting

        self._connection = connecting.connect(
            config={"enable_external_access": "false", "autoinstall_known_extensions": "false"}
        )
        self._connection.execute("SET GLOBAL TimeZone = 'UTC'")
        for name, columns in TABLES.items():
            # Quoted, because DuckDB reserves the name of the column `at`.
            declared = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
            self._connection.execute(f"CREATE TABLE {name} ({declared})")
            if tables and name in tables:
                self._connection.register("incoming", tables[name])
                self._connection.execute(f"INSERT INTO {name} BY NAME SELECT * FROM incoming")
                self._connection.unregister("incoming")
        self._connection.execute(f"CREATE VIEW session_summary AS {SESSION_SUMMARY}")
        self._connection.execute("SET lock_configuration = true")

    def query(self, sql: str, params: Params | None = None, *, untrusted: bool = False) -> pa.Table:
        """Return the result of one statement."""
        import duckdb

        with self._connection.cursor() as cursor:
            try:
                if untrusted:
                    _check(cursor, sql)
                return run_statement(cursor, sql, params)
            except duckdb.Error as error:
                raise StorageError(f"The query failed: {error}") from error

    def close(self) -> None:
        """Let go of the tables."""
        self._connection.close()


class ConnectionSource:
    """A DuckDB connection of the caller's own, with tables and view of our names in it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def query(self, sql: str, params: Params | None = None, *, untrusted: bool = False) -> pa.Table:
        """Return the result of one statement; the connection's own settings say what it may reach."""
        with self._connection.cursor() as cursor:
            cursor.execute("SET TimeZone = 'UTC'")
            if untrusted:
                _check(cursor, sql)
            return run_statement(cursor, sql, params)


def _check(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    from ..storage.duckdb.untrusted import check

    check(connection, sql)


def run_statement(connection: duckdb.DuckDBPyConnection, sql: str, params: Params | None = None) -> pa.Table:
    """Return the result of `sql` as an Arrow table, on every DuckDB that is supported."""
    import duckdb

    # DuckDB 1 plans a relation with parameters twice; DuckDB 2 copies what anything but a relation answers.
    if params and duckdb.__version__.startswith("1."):
        return connection.execute(sql, params).to_arrow_table()
    relation = connection.sql(sql, params=params) if params else connection.sql(sql)
    if relation is None:
        raise ConfigurationError("This statement returns no rows. Ask with SELECT.")
    return relation.to_arrow_table()


def state_of(source: Source) -> Hashable | None:
    """Return a value that stays the same while nothing in `source` changes; None where it cannot say so."""
    state = getattr(source, "state", None)
    return state() if state is not None else None


def open_source(source: Any = None) -> Source:
    """Return a Source for a manager, a storage, a path or location, a Source, or None for the default store.

    A folder with `messages.parquet`, which is a Parquet export, is read into memory, without a thread: so it works in a
    browser's Python too. A default store that is not there yet is empty. A storage without SQL is read once, here, as a
    whole: hold on to the result to ask it several things.
    """
    if type(source).__name__ == "DuckDBPyConnection":  # it has a `query` too, of another kind
        return ConnectionSource(source)
    if isinstance(source, Source):
        return source
    if source is None or isinstance(source, (str, os.PathLike)):
        return _at_location(None if source is None else os.fspath(source))
    storage = getattr(source, "storage", source)
    if isinstance(storage, Source):
        return storage
    if hasattr(storage, "export_tables"):
        return ArrowSource(storage.export_tables())
    if hasattr(storage, "get_messages"):
        return ArrowSource(read_storage(cast("ISessionStorage", storage)))
    raise ConfigurationError(
        f"{type(source).__name__} is no source of conversations. Give a session manager, a storage, a path, or nothing."
    )


def _at_location(location: str | None) -> Source:
    from .. import runtime
    from ..storage.paths import default_location

    if location is not None and os.path.exists(os.path.join(location, "messages.parquet")):
        return ArrowSource(_in_folder(location))
    if location is None:
        location = str(default_location())
        if _is_missing(location):
            return ArrowSource()
    elif _is_missing(location):
        raise StorageError(f"There is no store at {location}. Check the path; ls.chat() and %%chat make a new store.")
    return open_source(runtime.default_manager(location))


def _in_folder(folder: str) -> dict[str, pa.Table]:
    """Return the tables of a Parquet export; of each, the columns that are ours."""
    import pyarrow.parquet as pq

    paths = {name: os.path.join(folder, f"{name}.parquet") for name in TABLES}
    found = {name: pq.ParquetFile(path) for name, path in paths.items() if os.path.exists(path)}
    return {
        name: file.read(columns=[column for column in file.schema_arrow.names if column in TABLES[name]])
        for name, file in found.items()
    }


def _is_missing(location: str) -> bool:
    if location.startswith("ducklake:") and ":" not in location.removeprefix("ducklake:")[2:]:
        location = location.removeprefix("ducklake:")
    return ":" not in location[2:] and location != ":memory:" and not os.path.exists(location)


@contextmanager
def opened(source: Any = None) -> Iterator[Source]:
    """Yield `open_source(source)`, and let go of what was copied into memory for it."""
    opened_source = open_source(source)
    try:
        yield opened_source
    finally:
        if isinstance(opened_source, ArrowSource) and opened_source is not source:
            opened_source.close()


def read_storage(storage: ISessionStorage) -> dict[str, pa.Table]:
    """Return all sessions and messages of a storage without SQL as Arrow tables."""
    from .. import runtime

    async def read() -> tuple[list[dict[str, Any]], list[SessionMessage]]:
        records = await storage.list_sessions()
        return records, [m for record in records for m in await storage.get_all_messages(record["session_id"])]

    records, messages = runtime.run(read())
    return {
        "sessions": _table("sessions", records),
        "messages": _table("messages", [_message_row(message) for message in messages]),
    }


def _message_row(message: SessionMessage) -> dict[str, Any]:
    row = {name: getattr(message, name, None) for name in TABLES["messages"]}
    return {**row, **asdict(message.usage), "created_at": message.timestamp}


def _table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    import pyarrow as pa

    columns = TABLES[name]
    return pa.table(
        {c: pa.array([_plain(kind, row.get(c)) for row in rows], _arrow_type(kind)) for c, kind in columns.items()}
    )


def _arrow_type(kind: str) -> pa.DataType:
    import pyarrow as pa

    return {
        "BIGINT": pa.int64(),
        "DOUBLE": pa.float64(),
        "BOOLEAN": pa.bool_(),
        "TIMESTAMPTZ": pa.timestamp("us", tz="UTC"),
        "DECIMAL(18,9)": pa.decimal128(38, 9),
        "VARCHAR[]": pa.list_(pa.string()),
    }.get(kind, pa.string())


def _json(value: Any) -> str:
    # Not escaped: DuckDB refuses the escape of a lone surrogate, which as a letter is replaced like any other.
    return json.dumps(getattr(value, "__dict__", value), default=str, ensure_ascii=False)


def _plain(kind: str, value: Any) -> Any:
    """Return `value` as the column can hold it; a custom storage may hand over texts for times or objects for JSON."""
    from datetime import datetime
    from decimal import ROUND_HALF_EVEN, Decimal

    from ..clock import as_utc

    if value is None:
        return None
    match kind:
        case "TIMESTAMPTZ":
            return as_utc(datetime.fromisoformat(value) if isinstance(value, str) else value)
        case "DECIMAL(18,9)":
            return Decimal(str(value)).quantize(Decimal("1e-9"), ROUND_HALF_EVEN)
        case "JSON":
            text = value if isinstance(value, str) else _json(value)
            return text.encode("utf-8", "replace").decode()
        case "VARCHAR[]":
            return [str(item) for item in value]
        case "VARCHAR":
            # A lone surrogate has no UTF-8, and so no Arrow.
            return str(value).encode("utf-8", "replace").decode()
        case _:
            return value
