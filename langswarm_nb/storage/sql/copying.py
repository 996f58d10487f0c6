"""A backup of any store as a SQLite file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..content_cipher import ContentCipher
from ..rows import Row
from .migrations import migrate
from .sqlite import EngineMaker, SQLite, replacing
from .tables import Codec


def copy_to_sqlite(
    target: Path, tables: Iterable[tuple[str, Iterable[list[Row]]]], cipher: ContentCipher, meta: dict[str, str]
) -> str:
    """Write a SQLite store at `target`, in place of what is there, and return the path.

    `meta` is what the source says of its encryption; the copy is encrypted with the same key.
    """
    dialect = SQLite()
    codec = Codec(dialect, cipher)
    with replacing(target) as unfinished:
        engine = EngineMaker(unfinished, {}, 30, enable_wal=False, auto_vacuum=True)()
        try:
            migrate(engine, dialect, str(unfinished))
            with engine.connect().execution_options(writes=True) as connection, connection.begin():
                if meta:
                    rows = [{"name": name, "value": value} for name, value in meta.items()]
                    connection.execute(dialect.insert("meta"), rows)
                for name, batches in tables:
                    for batch in batches:
                        if batch:
                            connection.execute(dialect.insert(name), [codec.encode(name, row) for row in batch])
        finally:
            engine.dispose()
    return str(target)
