"""A DuckDB server that others reach by the Quack protocol."""

from __future__ import annotations

import logging
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar, cast

import duckdb

from ...errors import ConfigurationError, StorageError
from .. import connecting
from . import extensions, failures
from .encrypted import quoted
from .location import Location, wall_off
from .server_connection import ServerConnection
from .sharing import RowTurns, SharedMark, Turns

logger = logging.getLogger(__name__)

SCHEME = "quack:"
TOKEN_VARIABLE = "LANGSWARM_NB_QUACK_TOKEN"
# The second speaks HTTP for the first, and would be looked for too late: behind the wall.
_EXTENSIONS = ("quack", "httpfs")
_ADDRESS = re.compile(r"[\w.\-]+(:\d+)?|\[[0-9a-fA-F:]+\](:\d+)?")
_SILENT = re.compile(r"failed to send message|invalid connection id", re.I)


@dataclass(frozen=True, repr=False)
class QuackServer(Location):
    """A server's default database."""

    is_shared: ClassVar[bool] = True
    key_name: ClassVar[str] = "token"

    token: str | None = None

    @classmethod
    def at(cls, text: str, encryption_key: str | None, token: str | None) -> QuackServer:
        """Return the server that `text` means."""
        if encryption_key is not None:
            raise ConfigurationError(
                "encryption_key is for files. Encrypt the server's file there, and connect to it through TLS."
            )
        address = text.removeprefix(SCHEME).strip("/")
        if not _ADDRESS.fullmatch(address):
            # Not repeated: whoever puts a token there should not read it in a log.
            raise ConfigurationError(
                "A server's location is quack:host or quack:host:port. Its token goes into "
                f"storage_config={{'token': ...}} or {TOKEN_VARIABLE}."
            )
        token = token or os.environ.get(TOKEN_VARIABLE)
        if not token:
            raise ConfigurationError(
                f"The server {address} wants a token: storage_config={{'token': ...}} or {TOKEN_VARIABLE}."
            )
        return cls(f"{SCHEME}{address}", None, None, token)

    @property
    def shown(self) -> str:
        return self.name

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.token,) if self.token else ()

    def mark(self) -> SharedMark:
        return SharedMark()

    def turns(self, connection: duckdb.DuckDBPyConnection) -> Turns:
        return RowTurns(connection)

    def explained(self, error: BaseException) -> StorageError:
        error = failures.without(error, self.secrets)
        said = failures.first_lines(error)
        if _SILENT.search(said):
            explained = StorageError(f"The server {self.shown} does not answer: {said} Nothing is known to be changed.")
        elif "authentication failed" in said.lower():
            explained = StorageError(f"The server {self.shown} refuses the token.", error_code="wrong_token")
        else:
            return super().explained(error)
        explained.__cause__ = error
        return explained

    def connect(self) -> duckdb.DuckDBPyConnection:
        # It has those methods of a connection that a store uses.
        return cast(duckdb.DuckDBPyConnection, ServerConnection(self._session))

    def cursor(self, connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        return connection.cursor()

    def tidy(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Refresh the statistics, and write the log into the file unless a transaction, of whomever, is open."""
        connection.execute("ANALYZE")
        with suppress(duckdb.Error):
            connection.execute("CHECKPOINT")

    def forget_deleted(self, connection: duckdb.DuckDBPyConnection) -> None:
        logger.warning("what was deleted leaves free space in the file of %s: rewrite the file there", self.shown)

    def size(self, connection: duckdb.DuckDBPyConnection) -> int:
        # Three headers of 4 kB come before the blocks.
        sizes = "SELECT sum(12288 + block_size * total_blocks)::BIGINT FROM pragma_database_size()"
        found = connection.execute(f"{sizes} WHERE database_name = current_database()").fetchall()
        return found[0][0] or 0

    def _session(self) -> duckdb.DuckDBPyConnection:
        session = connecting.connect()
        failure = None
        try:
            for name in _EXTENSIONS:
                if not extensions.load(session, name):
                    raise ConfigurationError(
                        f"A server is reached with DuckDB's extension {name}, which is not installed. "
                        f"Install it once with: {extensions.how_to_install(*_EXTENSIONS)}"
                    )
            session.execute("SET GLOBAL allow_persistent_secrets = false")
            wall_off(session)
            try:
                session.execute(f"ATTACH {quoted(self.name)} AS store (TOKEN {quoted(self.token or '')})")
            except duckdb.Error as error:
                # The error may quote the statement.
                failure = failures.without(type(error)(str(error).split("\n\n")[0]), self.secrets)
            if failure is not None:
                raise failure
        except BaseException:
            session.close()
            raise
        return session
