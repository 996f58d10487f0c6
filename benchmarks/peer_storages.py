"""Twenty sessions write at once through another library's store: run by storage_writes.py with peers.interpreter().

It says "ready", and for each line that it hears how many messages a second were stored.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from uuid import uuid4

SESSIONS, MESSAGES = 20, 20
TEXT = "message {}: " + "some words of a usual question " * 4

# Stores the message of this number in the session of this one.
Store = Callable[[int, int], Awaitable[None]]


def openai_agents(path: Path) -> tuple[Store, str]:
    from agents import SQLiteSession  # pyright: ignore[reportMissingImports]

    sessions = [SQLiteSession(str(number), path) for number in range(SESSIONS)]

    async def store(session: int, number: int) -> None:
        await sessions[session].add_items([{"role": "user", "content": TEXT.format(number)}])

    return store, "agent_messages"


async def langswarm(path: Path) -> tuple[Store, str]:
    from langswarm.core.session import SQLiteSessionStorage  # pyright: ignore[reportMissingImports]
    from langswarm.core.session.interfaces import (  # pyright: ignore[reportMissingImports]
        MessageRole,
        SessionBackend,
        SessionContext,
        SessionMessage,
    )

    storage = SQLiteSessionStorage(str(path))
    await asyncio.sleep(1)  # it makes its tables in the background
    kept: list[list[object]] = [[] for _ in range(SESSIONS)]
    contexts = [SessionContext(str(n), "ada", "mock", "m", SessionBackend.LOCAL_MEMORY) for n in range(SESSIONS)]

    async def store(session: int, number: int) -> None:
        kept[session].append(SessionMessage(uuid4().hex, MessageRole.USER, TEXT.format(number), datetime.now(), {}))
        # Under load it gives up on a locked database and says so; its caller has to try again.
        while not await storage.save_session(str(session), kept[session], contexts[session]):  # noqa: ASYNC110
            await asyncio.sleep(0)

    return store, "session_messages"


async def main(library: str, path: Path) -> None:
    store, table = openai_agents(path) if library == "openai-agents" else await langswarm(path)

    async def talk(session: int) -> None:
        for number in range(MESSAGES):
            await store(session, number)

    print("ready", flush=True)
    for rounds, _ in enumerate(sys.stdin, 1):
        began = time.perf_counter()
        await asyncio.gather(*map(talk, range(SESSIONS)))
        took = time.perf_counter() - began
        stored = sqlite3.connect(path).execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        if stored != rounds * SESSIONS * MESSAGES:
            raise SystemExit(f"{library} kept {stored} of {rounds * SESSIONS * MESSAGES} messages")
        print(SESSIONS * MESSAGES / took, flush=True)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
