"""A whole table in the order in which its rows were stored, read by all cores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .source import Source

if TYPE_CHECKING:
    import pyarrow as pa

# To keep the order of rows while it reads, DuckDB writes the result twice. It has no order to keep where one side of a
# join has none, as after DISTINCT; and a join with a single row costs nothing.
_IN_ANY_ORDER = "CROSS JOIN (SELECT DISTINCT range FROM range(1))"
_PLACE = "place_of_row"


def rows_as_stored(source: Source, select: str) -> pa.Table:
    """Return the result of `SELECT columns FROM table`, in the order in which the rows were stored."""
    columns, _, table = select.rpartition(" FROM ")
    try:
        found = source.query(f"{columns}, {table}.rowid AS {_PLACE} FROM {table} {_IN_ANY_ORDER}")
    except Exception as error:
        if "rowid" not in str(error):
            raise
    else:
        return _in_order(found)
    return source.query(select)  # a view, which has no places


def _in_order(found: pa.Table) -> pa.Table:
    import numpy as np
    import pyarrow as pa

    order = np.argsort(found.column(_PLACE).to_numpy(), kind="stable")
    # Every core reads stretches of the table: there are few, and moving them costs nothing.
    starts = np.flatnonzero(np.diff(order, prepend=-2) != 1)
    ends = np.append(starts[1:], len(order))
    rows = found.drop_columns([_PLACE])
    if not len(order):
        return rows
    pieces = [rows.slice(order[start], end - start) for start, end in zip(starts, ends, strict=True)]
    return pa.concat_tables(pieces)
