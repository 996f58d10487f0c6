"""The store's schema, step by step. Steps are only ever added; each runs in one transaction with its record.

A step that makes a table makes it as `tables` describes it now; so one that adds a column adds it where it is missing.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, Engine, select
from sqlalchemy.schema import CreateSchema

from ...clock import now
from ...errors import StorageCorruptError, StorageVersionError
from .tables import Dialect

Step = Callable[[Connection, Dialect], None]


def m0001_first_tables(connection: Connection, dialect: Dialect) -> None:
    names = ("sessions", "messages", "events", "meta")
    dialect.tables.metadata.create_all(connection, [dialect.tables[name] for name in names])


def m0002_checkpoints(connection: Connection, dialect: Dialect) -> None:
    dialect.tables.metadata.create_all(connection, [dialect.tables[name] for name in ("checkpoints", "owners")])


MIGRATIONS: tuple[Step, ...] = (m0001_first_tables, m0002_checkpoints)


def migrate(engine: Engine, dialect: Dialect, where: str) -> None:
    """Bring the store up to date.

    StorageVersionError for a newer one and StorageCorruptError for another program's: both are left untouched.
    """
    with engine.connect() as connection:
        done = _done(connection, dialect, where)
    for step in MIGRATIONS:
        if step.__name__ not in done:
            _run(engine, dialect, step, where)


def _run(engine: Engine, dialect: Dialect, step: Step, where: str) -> None:
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        dialect.lock_for_change(connection)
        if step.__name__ in _done(connection, dialect, where):  # another process was faster
            return
        if dialect.tables.metadata.schema:
            connection.execute(CreateSchema(dialect.tables.metadata.schema, if_not_exists=True))
        record = dialect.tables["schema_migrations"]
        record.create(connection, checkfirst=True)
        step(connection, dialect)
        applied = {"name": step.__name__, "applied_at": dialect.encode("TIMESTAMPTZ", now())}
        connection.execute(record.insert(), applied)


def _done(connection: Connection, dialect: Dialect, where: str) -> set[str]:
    present = dialect.present_tables(connection)
    if "schema_migrations" not in present:
        if present:
            raise StorageCorruptError(
                f"{where} is another program's database: it has a table {min(present)!r} of its own. "
                "It was left untouched; choose another place for the store."
            )
        return set()
    record = dialect.tables["schema_migrations"]
    done = {name for (name,) in connection.execute(select(record.c.name))}
    if unknown := sorted(done - {step.__name__ for step in MIGRATIONS}):
        raise StorageVersionError(
            f"A newer langswarm_nb wrote the store {where} (it knows {unknown[-1]!r}). It was left untouched. "
            "Upgrade with: pip install -U langswarm-nb"
        )
    return done
