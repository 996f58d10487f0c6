"""Writing a store anew, so that nothing is left in the file of what was deleted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb

from .. import connecting
from ..schema import TABLES
from .encrypted import quoted
from .lake import Lake
from .location import Location
from .migrations import migrate

_ROWS_AT_A_TIME = 50_000


def rewrite(location: Location) -> None:
    """Put a copy of what the store holds in place of its file, which nobody may have open."""
    path = location.leased
    assert path is not None, "a store in memory leaves nothing"
    draft = path.with_name(f"{path.name}.rewriting")
    _remove(draft)
    try:
        if isinstance(location, Lake):
            _copy_catalog(path, draft)
        else:
            _copy(location, replace(location, name=str(draft), path=draft))
        _wal(path).unlink(missing_ok=True)  # closing the store has folded it into the file
        draft.replace(path)
    finally:
        _remove(draft)


def _copy(location: Location, target: Location) -> None:
    source = location.connect()
    try:
        copy = target.connect()
        try:
            migrate(copy, target.shown)
            for name in (*TABLES, "checkpoints"):
                copy_table(source, copy, name)
            copy.execute("CHECKPOINT")
        finally:
            copy.close()
    finally:
        source.close()


def copy_table(source: duckdb.DuckDBPyConnection, target: duckdb.DuckDBPyConnection, name: str) -> None:
    """Add the rows of a table to the one of the same name, in constant memory."""
    rows = source.execute(f"SELECT * FROM {name}").to_arrow_reader(_ROWS_AT_A_TIME)
    target.register("langswarm_nb_incoming", rows)
    target.execute(f"INSERT INTO {name} BY NAME SELECT * FROM langswarm_nb_incoming")
    target.unregister("langswarm_nb_incoming")


def _copy_catalog(path: Path, draft: Path) -> None:
    with connecting.connect() as connection:
        connection.execute(f"ATTACH {quoted(str(path))} AS catalog (READ_ONLY)")
        connection.execute(f"ATTACH {quoted(str(draft))} AS draft")
        connection.execute("COPY FROM DATABASE catalog TO draft")
        connection.execute("CHECKPOINT draft")


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    _wal(path).unlink(missing_ok=True)


def _wal(path: Path) -> Path:
    return path.with_name(path.name + ".wal")
