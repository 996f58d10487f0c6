"""Starting processes with a store open, and talking with them. Not a test."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from langswarm_nb.clock import new_id, now
from langswarm_nb.models import SessionConfig, SessionContext, SessionMessage
from langswarm_nb.storage.duckdb import DuckDBSessionStorage

Found = TypeVar("Found")


class Child(subprocess.Popen[str]):
    """A process that runs `duckdb_child.py`."""

    def __init__(self, path: Path, what: str, *arguments: object) -> None:
        command = [sys.executable, str(Path(__file__).with_name("duckdb_child.py")), str(path), what]
        super().__init__(
            [*command, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def hear(self) -> str:
        """Return the next line that it says."""
        assert self.stdout is not None
        line = self.stdout.readline().strip()
        if not line:
            assert self.stderr is not None
            raise AssertionError(f"the process ended early: {self.stderr.read()}")
        return line

    def last_words(self) -> list[str]:
        """Wait until it has ended and return the whole lines it said since the last `hear`.

        `communicate()` reads past the text that `readline()` has already taken from the pipe, and so drops lines
        or cuts one in half. A line that the process was killed in is left out.
        """
        assert self.stdout is not None
        said = self.stdout.read()
        self.wait()
        return said.split("\n")[:-1]

    def tell(self, line: str = "") -> None:
        """Write a line to it."""
        assert self.stdin is not None
        self.stdin.write(line + "\n")
        self.stdin.flush()


@contextmanager
def children(*started: Child) -> Iterator[tuple[Child, ...]]:
    """Give the processes, and end those that still run."""
    try:
        yield started
    finally:
        for child in started:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout, child.stderr):
                assert pipe is not None
                pipe.close()


def using(path: Path, scenario: Callable[[DuckDBSessionStorage], Coroutine[Any, Any, Found]], **options: Any) -> Found:
    """Return what the scenario returns on a storage that is closed afterwards."""

    async def main() -> Found:
        storage = DuckDBSessionStorage(path, **options)
        try:
            return await scenario(storage)
        finally:
            await storage.close()

    return asyncio.run(main())


async def start(storage: DuckDBSessionStorage, session_id: str = "s1") -> None:
    await storage.create_session(session_id, "ada", "mock", "m", SessionConfig(), SessionContext(session_id))


def message(session_id: str = "s1", content: str = "hello", **fields: Any) -> SessionMessage:
    return SessionMessage(new_id(), session_id, fields.pop("role", "user"), content, now(), **fields)
