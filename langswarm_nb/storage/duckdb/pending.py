"""Rows that wait to be inserted together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import duckdb
import pyarrow as pa

from ..rows import Row
from ..schema import IDS, TABLES

# Measured: one INSERT with a list per column beats one VALUES row per message from about five messages on, and an
# Arrow table from some hundreds on. Leaving out the columns that are NULL saves a quarter.
_VALUES_UP_TO = 4
_LISTS_UP_TO = 300


class PendingRows:
    """New rows by table and id; `len` counts them."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Row]] = {table: {} for table in TABLES}

    def __len__(self) -> int:
        return sum(map(len, self._rows.values()))

    def __iter__(self) -> Iterator[tuple[str, Row]]:
        return ((table, row) for table, rows in self._rows.items() for row in rows.values())

    def add(self, table: str, row: Row) -> None:
        """Take in one more row."""
        self._rows[table][row[IDS[table]]] = row

    def has(self, table: str, row_id: str) -> bool:
        """Return whether the row is among these."""
        return row_id in self._rows[table]

    def drop(self, table: str, row_id: str) -> None:
        """Take the row out."""
        del self._rows[table][row_id]

    def ids(self, table: str) -> set[str]:
        """Return the ids of the table's rows."""
        return set(self._rows[table])

    def speaks_of(self, session_id: str) -> bool:
        """Return whether the session or a message of it is among these."""
        messages = self._rows["messages"].values()
        return self.has("sessions", session_id) or any(row["session_id"] == session_id for row in messages)

    def take_over(self, others: PendingRows) -> None:
        """Take in all of `others`, which has none then."""
        for table, row in others:
            self.add(table, row)
        others.clear()

    def clear(self) -> None:
        """Forget them."""
        for rows in self._rows.values():
            rows.clear()

    def insert(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Insert them, each table's in one statement; they stay here."""
        for table, rows in self._rows.items():
            if rows:
                insert(connection, table, list(rows.values()))


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Row]) -> None:
    """Insert rows in one statement, the cheapest way for their number."""
    kinds = TABLES[table]
    names = [name for name in kinds if any(row[name] is not None for row in rows)]
    quoted = ", ".join(f'"{name}"' for name in names)
    into = f"INSERT INTO {table} ({quoted})"
    if len(rows) <= _VALUES_UP_TO:
        marks = f"({', '.join('?' * len(names))})"
        connection.execute(f"{into} VALUES {', '.join([marks] * len(rows))}", [row[n] for row in rows for n in names])
    elif len(rows) <= _LISTS_UP_TO:
        lists = ", ".join(f"unnest(?::{kinds[name]}[])" for name in names)
        connection.execute(f"{into} SELECT {lists}", [[row[name] for row in rows] for name in names])
    else:
        incoming = pa.table({name: [row[name] for row in rows] for name in names})
        connection.register("langswarm_nb_incoming", incoming)
        try:
            connection.execute(f"{into} SELECT * FROM langswarm_nb_incoming")
        finally:
            connection.unregister("langswarm_nb_incoming")
