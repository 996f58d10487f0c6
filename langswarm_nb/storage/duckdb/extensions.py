"""DuckDB's extensions: loaded from where DuckDB keeps them, or from a wheel of them."""

from __future__ import annotations

from contextlib import suppress

import duckdb

from .. import connecting


def load(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Return whether the extension is loaded now; nothing is downloaded for it."""
    with suppress(duckdb.Error):
        connection.execute(f"LOAD {name}")
        return True
    with suppress(ImportError, duckdb.Error, OSError, RuntimeError):
        from duckdb_extensions import import_extension

        import_extension(name)
        connection.execute(f"LOAD {name}")
        return True
    return False


def is_available(*names: str) -> bool:
    """Return whether all these extensions are installed here."""
    with connecting.connect() as connection:
        return all(load(connection, name) for name in names)


def how_to_install(*names: str) -> str:
    """Return the command that installs the extensions."""
    return f"python -c \"import duckdb; duckdb.execute('{'; '.join(f'INSTALL {name}' for name in names)}')\""
