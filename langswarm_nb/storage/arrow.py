"""Columns of the logical model as Arrow tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .schema import TABLES

if TYPE_CHECKING:
    import pyarrow as pa


def arrow_type(kind: str) -> pa.DataType:
    """Return the Arrow type of a column of DuckDB's type `kind`."""
    import pyarrow as pa

    return {
        "BIGINT": pa.int64(),
        "DOUBLE": pa.float64(),
        "BOOLEAN": pa.bool_(),
        "TIMESTAMPTZ": pa.timestamp("us", tz="UTC"),
        "DECIMAL(18,9)": pa.decimal128(18, 9),
        "VARCHAR[]": pa.list_(pa.string()),
    }.get(kind, pa.string())


def arrow_schema(name: str) -> pa.Schema:
    """Return the schema of the table `name`."""
    import pyarrow as pa

    return pa.schema([(column, arrow_type(kind)) for column, kind in TABLES[name].items()])


def table_of_columns(name: str, columns: Mapping[str, Sequence[Any]]) -> pa.Table:
    """Return the table `name`; a column may hold its type's own values, or what Arrow casts to it."""
    import pyarrow as pa

    return pa.table(
        [_array(columns[column], arrow_type(kind)) for column, kind in TABLES[name].items()], schema=arrow_schema(name)
    )


def table_of_rows(name: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return the table `name` of rows that have its columns."""
    return table_of_columns(name, {column: [row.get(column) for row in rows] for column in TABLES[name]})


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    import pyarrow as pa

    first = next((value for value in values if value is not None), None)
    if pa.types.is_decimal(kind) and isinstance(first, str):
        return pa.array(values, pa.string()).cast(kind)
    if pa.types.is_boolean(kind) and type(first) is int:
        return pa.array(values, pa.int8()).cast(kind)
    if pa.types.is_timestamp(kind) and isinstance(first, int):
        return pa.array(values, pa.int64()).cast(kind)
    return pa.array(values, kind)
