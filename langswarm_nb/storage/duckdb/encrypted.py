"""Database files encrypted by DuckDB itself (AES-GCM), with the log and temporary files beside them."""

from __future__ import annotations

from pathlib import Path

import duckdb

from ...errors import StorageError
from .. import connecting
from . import extensions

USE = "USE store"
# DuckDB writes encrypted files with the OpenSSL of this extension, and refuses to with what it has built in.
_EXTENSION = "httpfs"


def connect(path: Path, key: str, storage_version: str) -> duckdb.DuckDBPyConnection:
    """Return a connection that uses the encrypted file at `path`; its errors never show the key."""
    connection = connecting.connect()
    try:
        _load_extension(connection)
        options = [f"ENCRYPTION_KEY {quoted(key)}"]
        if not path.exists():
            options.append(f"STORAGE_VERSION {quoted(storage_version)}")
        failure = None
        try:
            connection.execute(f"ATTACH {quoted(str(path))} AS store ({', '.join(options)})")
        except duckdb.Error as error:
            # The error, and those chained to it, may quote the statement.
            failure = type(error)(str(error).split("\n\n")[0].replace(key, "[key]"))
        if failure is not None:
            raise failure
        connection.execute(USE)
        # What does not fit into memory goes beside the file, as with a store in the clear, and encrypted too.
        connection.execute(f"SET GLOBAL temp_directory = {quoted(f'{path}.tmp')}")
        connection.execute("SET GLOBAL temp_file_encryption = true")
    except BaseException:
        connection.close()
        raise
    return connection


def is_available() -> bool:
    """Return whether encrypted stores can be written here."""
    return extensions.is_available(_EXTENSION)


def _load_extension(connection: duckdb.DuckDBPyConnection) -> None:
    if not extensions.load(connection, _EXTENSION):
        raise StorageError(
            f"An encrypted store needs DuckDB's extension {_EXTENSION}, which is not installed. "
            f"Install it once with: {extensions.how_to_install(_EXTENSION)}"
        )


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
