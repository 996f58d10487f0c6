"""A DuckDB that serves its database by the Quack protocol: `python quack_server.py <file> <port>`. Not a test."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TOKEN = "a-token-of-the-tests"


class QuackServer:
    """A process that serves the database at `path`, with the token above."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._process: subprocess.Popen[str] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    @property
    def location(self) -> str:
        """Where it is."""
        return f"quack:127.0.0.1:{self.port}"

    @property
    def options(self) -> dict[str, Any]:
        """What a storage of it takes."""
        return {"location": self.location, "token": TOKEN}

    def open(self) -> Any:
        """Return a storage of it."""
        from langswarm_nb.storage.duckdb import DuckDBSessionStorage

        return DuckDBSessionStorage(**self.options)

    @contextmanager
    def session(self) -> Iterator[Callable[[str], list[Any]]]:
        """Give a function that runs a statement on the server, all in one session."""
        import duckdb

        from langswarm_nb.storage.duckdb import extensions

        with duckdb.connect(":memory:") as connection:
            assert extensions.load(connection, "quack")
            connection.execute(f"ATTACH '{self.location}' AS store (TOKEN '{TOKEN}')")
            run = "SELECT * FROM quack_query_by_name('store', ?)"
            yield lambda statement: connection.execute(run, [statement]).fetchall()

    def empty(self) -> None:
        """Remove the tables of the test before."""
        with self.session() as ask:
            ask("DROP VIEW IF EXISTS session_summary")
            for (name,) in ask("SELECT table_name FROM duckdb_tables()"):
                ask(f'DROP TABLE "{name}"')

    def start(self) -> None:
        """Start the process, and wait until it serves."""
        command = [sys.executable, __file__, str(self.path), str(self.port)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "serving\n"

    def stop(self) -> None:
        """End the process as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _serve(path: str, port: str) -> None:
    import duckdb

    from langswarm_nb.storage.duckdb import extensions

    connection = duckdb.connect(path)
    assert extensions.load(connection, "quack")
    assert extensions.load(connection, "httpfs")
    connection.execute("CALL quack_serve(?, token = ?)", [f"quack:127.0.0.1:{port}", TOKEN]).fetchall()
    connection.execute("SET GLOBAL enable_external_access = false")
    sys.stdout.write("serving\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    _serve(*sys.argv[1:])
