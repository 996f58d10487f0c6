"""A process of its own with a store open: `python duckdb_child.py <path> <what> [arguments]`. Not a test."""

from __future__ import annotations

import asyncio
import os
import sys
import time

import duckdb

from langswarm_nb.clock import new_id, now
from langswarm_nb.models import SessionConfig, SessionContext, SessionMessage
from langswarm_nb.storage.duckdb import DuckDBSessionStorage


def say(*words: object) -> None:
    print(*words, flush=True)  # noqa: T201


def message(session_id: str, content: str, role: str = "user", message_id: str | None = None) -> SessionMessage:
    return SessionMessage(message_id or new_id(), session_id, role, content, now())


async def start(storage: DuckDBSessionStorage, session_id: str) -> None:
    await storage.create_session(session_id, "ada", "mock", "m", SessionConfig(), SessionContext(session_id))


async def write(path: str, session_id: str, count: str) -> None:
    """Write messages one after another, and close."""
    storage = DuckDBSessionStorage(path, lock_timeout_s=60)
    say("ready")
    sys.stdin.readline()
    began = time.perf_counter()
    await start(storage, session_id)
    for number in range(int(count)):
        await storage.add_message(session_id, message(session_id, str(number)))
    say("took", time.perf_counter() - began)
    await storage.close()


async def write_until_killed(path: str, session_id: str, tasks: str) -> None:
    """Say each message's content once it is durable; several tasks at once."""
    storage = DuckDBSessionStorage(path, lock_timeout_s=60)
    await start(storage, session_id)

    async def talk(task: int) -> None:
        for number in range(1_000_000):
            content = f"{task}-{number}"
            await storage.add_message(session_id, message(session_id, content))
            say("durable", content)

    await asyncio.gather(*(talk(task) for task in range(int(tasks))))


async def checkpoint_and_wait(path: str, session_id: str, message_id: str) -> None:
    """Leave a reply half written and go on living."""
    storage = DuckDBSessionStorage(path)
    await start(storage, session_id)
    await storage.checkpoint(message(session_id, "Once upon", "assistant", message_id))
    await storage.checkpoint(message(session_id, "Once upon a time", "assistant", message_id))
    say("ready")
    for line in sys.stdin:
        if line.strip() == "finish":
            await storage.add_message(session_id, message(session_id, "Once upon a time.", "assistant", message_id))
            say("finished")


async def hold(path: str) -> None:
    """Open the store, as a panel does, and do nothing."""
    storage = DuckDBSessionStorage(path, idle_release_s=3600)
    await start(storage, f"held-by-{os.getpid()}")
    say("ready")
    sys.stdin.readline()
    say(len(await storage.list_sessions()))
    await storage.close()


async def leave_open(path: str) -> None:
    """End without closing, with a write that nobody waits for."""
    storage = DuckDBSessionStorage(path)
    await start(storage, "s1")
    await storage.add_message("s1", message("s1", "waited for"))
    task = asyncio.ensure_future(storage.add_message("s1", message("s1", "not waited for")))
    await asyncio.sleep(0)
    task.cancel()


async def foreign(path: str, seconds: str) -> None:
    """Another program: plain DuckDB, no lease."""
    connection = duckdb.connect(path)
    say("ready")
    await asyncio.sleep(float(seconds))
    connection.close()
    say("closed")


if __name__ == "__main__":
    asyncio.run(globals()[sys.argv[2]](sys.argv[1], *sys.argv[3:]))
