"""A caller's own query, in a transaction that only reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa

from ...errors import StorageError
from . import untrusted

Parameters = Sequence[Any] | dict[str, Any] | None

# DuckDB 1 gathers the whole result of a relation before it gives the first batch, DuckDB 2 that of a statement; and in
# a relation DuckDB 1 looks a list among the parameters through for each row.
_RELATIONS_ARE_LAZY = int(duckdb.__version__.split(".")[0]) >= 2


def table(connection: duckdb.DuckDBPyConnection, sql: str, params: Parameters, is_untrusted: bool) -> pa.Table:
    """Return all rows."""
    as_relation = _RELATIONS_ARE_LAZY or not params
    return _begun(connection, sql, params, is_untrusted, as_relation=as_relation).to_arrow_table()


def batches(
    connection: duckdb.DuckDBPyConnection, sql: str, params: Parameters, is_untrusted: bool, rows: int
) -> pa.RecordBatchReader:
    """Return the rows in batches of at most `rows`, each computed when it is asked for."""
    return _begun(connection, sql, params, is_untrusted, as_relation=_RELATIONS_ARE_LAZY).to_arrow_reader(rows)


def _begun(
    connection: duckdb.DuckDBPyConnection, sql: str, params: Parameters, is_untrusted: bool, *, as_relation: bool
) -> duckdb.DuckDBPyRelation | duckdb.DuckDBPyConnection:
    if is_untrusted:
        untrusted.check(connection, sql)
    connection.execute("BEGIN TRANSACTION READ ONLY")
    found = connection.sql(sql, params=params) if as_relation else connection.execute(sql, params)
    # None is what DuckDB returns where there is no statement, whatever its stubs say.
    if found is None:  # pyright: ignore[reportUnnecessaryComparison]
        raise StorageError("The statement returned nothing. query() takes queries only.")
    return found
