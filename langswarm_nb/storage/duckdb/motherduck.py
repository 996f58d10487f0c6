"""A database of MotherDuck, DuckDB's service."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import ClassVar

import duckdb

from ...errors import ConfigurationError
from .. import connecting
from . import extensions
from .encrypted import quoted
from .location import Location
from .sharing import RowTurns, SharedMark, Turns

SCHEMES = ("md:", "motherduck:")
TOKEN_VARIABLE = "motherduck_token"
_EXTENSION = "motherduck"
_NAME = re.compile(r"\w[\w\-]*")


@dataclass(frozen=True, repr=False)
class MotherDuck(Location):
    """The database `database` of whoever the variable `motherduck_token` belongs to."""

    is_shared: ClassVar[bool] = True
    key_name: ClassVar[str] = "token"

    database: str = ""

    @classmethod
    def at(cls, text: str, encryption_key: str | None) -> MotherDuck:
        """Return the database that `text` means."""
        if encryption_key is not None:
            raise ConfigurationError("encryption_key is for files. MotherDuck encrypts what it keeps itself.")
        database = text.partition(":")[2]
        if not _NAME.fullmatch(database):
            raise ConfigurationError(
                f"A database of MotherDuck is md:name. Its token goes into the variable {TOKEN_VARIABLE}."
            )
        return cls(f"md:{database}", None, None, database)

    @property
    def shown(self) -> str:
        return self.name

    @property
    def secrets(self) -> tuple[str, ...]:
        token = _token()
        return (token,) if token else ()

    def mark(self) -> SharedMark:
        return SharedMark()

    def turns(self, connection: duckdb.DuckDBPyConnection) -> Turns:
        return RowTurns(connection)

    def connect(self) -> duckdb.DuckDBPyConnection:
        if not _token():
            raise ConfigurationError(f"MotherDuck wants a token. Set the environment variable {TOKEN_VARIABLE}.")
        connection = connecting.connect()
        try:
            if not extensions.load(connection, _EXTENSION):
                raise ConfigurationError(
                    f"MotherDuck is reached with DuckDB's extension {_EXTENSION}, which is not installed. "
                    f"Install it once with: {extensions.how_to_install(_EXTENSION)}"
                )
            for statement in self.statements():
                connection.execute(statement)
        except BaseException:
            connection.close()
            raise
        return connection

    def statements(self) -> list[str]:
        """Return what connects to the database; the extension takes the token from the environment."""
        # External access stays: the service is reached by it.
        return [
            f"ATTACH {quoted(self.name)}",
            f'USE "{self.database}"',
            "SET GLOBAL TimeZone = 'UTC'",
            "SET GLOBAL python_enable_replacements = false",
        ]

    def cursor(self, connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        cursor = connection.cursor()
        cursor.execute(f'USE "{self.database}"')
        return cursor

    def tidy(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Do nothing: the service looks after what it keeps."""

    def size(self, connection: duckdb.DuckDBPyConnection) -> int:
        found = connection.execute("SELECT sum(estimated_size)::BIGINT FROM duckdb_tables() WHERE NOT internal")
        return found.fetchall()[0][0] or 0


def _token() -> str:
    return os.environ.get(TOKEN_VARIABLE) or os.environ.get(TOKEN_VARIABLE.upper()) or ""
