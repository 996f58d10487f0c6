"""Connections to DuckDB that show nothing of their own in a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

MEMORY = ":memory:"


def connect(database: str | Path = MEMORY, config: Mapping[str, str] | None = None) -> duckdb.DuckDBPyConnection:
    """Return a connection to the file `database`, or to a new database in memory, without DuckDB's progress bar.

    In a notebook DuckDB shows one for every statement that takes over two seconds, in whichever cell happens to run,
    and never closes its widgets. It is a setting of this one connection; cursors of a connection never have the bar.
    """
    connection = duckdb.connect(str(database), config=dict(config or {}))
    connection.execute("SET enable_progress_bar = false")
    return connection
