"""Other programs' SQLite files, opened so that reading changes nothing and runs nothing that is in them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from .inputs import Entry

_MAGIC = b"SQLite format 3\0"


def is_sqlite(entry: Entry) -> bool:
    """Return whether it is a SQLite file."""
    return entry.head.startswith(_MAGIC)


def tables_of(entry: Entry) -> dict[str, set[str]]:
    """Return the tables of a SQLite file on disk and their columns; none where it cannot be read."""
    if entry.path is None or not is_sqlite(entry):
        return {}
    try:
        with opened(entry) as store:
            return columns_of(store)
    except sqlite3.Error:
        return {}


def columns_of(store: sqlite3.Connection) -> dict[str, set[str]]:
    """Return the tables and their columns."""
    names = [row[0] for row in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {name: {row[1] for row in store.execute(f"PRAGMA table_info({quoted(name)})")} for name in names}


@contextmanager
def opened(entry: Entry) -> Iterator[sqlite3.Connection]:
    """Lend a read-only connection whose rows read by name; text that is no UTF-8 is read with U+FFFD."""
    if entry.path is None:
        raise ValueError("a database in a zip cannot be read; unpack it and import the file")
    store = _connect(entry, "mode=ro")
    try:
        try:
            store.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
        except sqlite3.OperationalError:
            # Its folder cannot be written, and SQLite would put the log's index there.
            store.close()
            store = _connect(entry, "mode=ro&immutable=1")
        yield store
    finally:
        store.close()


def _connect(entry: Entry, how: str) -> sqlite3.Connection:
    assert entry.path is not None
    store = sqlite3.connect(f"{entry.path.resolve().as_uri()}?{how}", uri=True, check_same_thread=False)
    store.row_factory = sqlite3.Row
    store.text_factory = lambda raw: raw.decode("utf-8", "replace")
    store.execute("PRAGMA trusted_schema = OFF")
    store.execute("PRAGMA query_only = ON")
    return store


def quoted(name: str) -> str:
    """Return a table's name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'
