"""The store's schema, step by step. Steps are only ever added; each runs in one transaction with its record."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import duckdb

from ...clock import now
from ...errors import StorageCorruptError, StorageVersionError
from ..schema import SESSION_SUMMARY, TABLES, create_table

Connection = duckdb.DuckDBPyConnection


def m0001_first_tables(connection: Connection) -> None:
    for name, columns in TABLES.items():
        connection.execute(create_table(name, columns))
    connection.execute(f"CREATE VIEW session_summary AS {SESSION_SUMMARY}")


def m0002_checkpoints(connection: Connection) -> None:
    connection.execute(
        create_table(
            "checkpoints",
            {"message_id": "VARCHAR", "session_id": "VARCHAR", "owner": "VARCHAR", "message": "JSON"},
        )
    )


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (m0001_first_tables, m0002_checkpoints)


def migrate(connection: Connection, where: str) -> None:
    """Bring the store up to date; StorageVersionError for a newer one, which is left untouched."""
    found = connection.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = current_database()")
    present = {name for (name,) in found.fetchall()}
    if "schema_migrations" in present:
        done = {name for (name,) in connection.execute("SELECT name FROM schema_migrations").fetchall()}
    elif taken := sorted(present & {*TABLES, "checkpoints"}):
        raise StorageCorruptError(
            f"{where} is another program's database: it has a table {taken[0]!r} of its own. "
            "It was left untouched; choose another path for the store."
        )
    else:
        done = set()
    names = [step.__name__ for step in MIGRATIONS]
    if unknown := sorted(done - set(names)):
        raise StorageVersionError(
            f"A newer langswarm_nb wrote the store {where} (it knows {unknown[-1]!r}). It was left untouched. "
            "Upgrade with: pip install -U langswarm-nb"
        )
    for step in MIGRATIONS:
        if step.__name__ not in done:
            _run(connection, step)


def _run(connection: Connection, step: Callable[[Connection], None]) -> None:
    connection.execute("BEGIN")
    try:
        connection.execute("CREATE TABLE IF NOT EXISTS schema_migrations (name VARCHAR, applied_at TIMESTAMPTZ)")
        step(connection)
        connection.execute("INSERT INTO schema_migrations VALUES (?, ?)", [step.__name__, now()])
        connection.execute("COMMIT")
    except BaseException:
        with suppress(duckdb.Error):  # a refused COMMIT has ended it
            connection.execute("ROLLBACK")
        raise
