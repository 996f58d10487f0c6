"""A process with a store open: `python storage_child.py <kind> <options as JSON> <what> [...]`. Not a test."""

from __future__ import annotations

import asyncio
import json
import os
import sys

from langswarm_nb.clock import new_id, now
from langswarm_nb.interfaces import ISessionStorage
from langswarm_nb.models import SessionConfig, SessionContext, SessionMessage
from langswarm_nb.storage import StorageFactory


def say(*words: object) -> None:
    print(*words, flush=True)  # noqa: T201


def message(session_id: str, content: str, role: str = "user", message_id: str | None = None) -> SessionMessage:
    return SessionMessage(message_id or new_id(), session_id, role, content, now())


async def start(storage: ISessionStorage, session_id: str) -> None:
    await storage.create_session(session_id, "ada", "mock", "m", SessionConfig(), SessionContext(session_id))


async def write(storage: ISessionStorage, session_id: str, name: str, count: str) -> None:
    """Write messages one after another, and close."""
    for number in range(int(count)):
        await storage.add_message(session_id, message(session_id, f"{name}-{number}"))
    await storage.close()


async def write_until_killed(storage: ISessionStorage, session_id: str, tasks: str) -> None:
    """Say each message's content once it is durable; several tasks at once."""
    await start(storage, session_id)

    async def talk(task: int) -> None:
        for number in range(1_000_000):
            await storage.add_message(session_id, message(session_id, f"{task}-{number}"))
            say(f"{task}-{number}")

    await asyncio.gather(*map(talk, range(int(tasks))))


async def stream_a_reply(storage: ISessionStorage, session_id: str, message_id: str) -> None:
    """Leave a reply half written until told to finish it."""
    await start(storage, session_id)
    await storage.checkpoint(message(session_id, "Once upon", "assistant", message_id))
    say("streaming")
    await asyncio.to_thread(sys.stdin.readline)
    await storage.add_message(session_id, message(session_id, "Once upon a time", "assistant", message_id))
    say("stored")


async def leave_open(storage: ISessionStorage, session_id: str) -> None:
    """Write, and end without closing."""
    # In development mode asyncio says what took long, which a busy machine does.
    asyncio.get_running_loop().slow_callback_duration = 60
    await start(storage, session_id)
    await storage.add_message(session_id, message(session_id, "kept"))
    await storage.checkpoint(message(session_id, "half", "assistant"))
    await storage.get_messages(session_id)


def fork(storage: ISessionStorage, session_id: str) -> None:
    """Write in this process, in a forked one, and in this one again."""
    asyncio.run(start(storage, session_id))
    asyncio.run(storage.add_message(session_id, message(session_id, "parent")))
    child = os.fork()
    asyncio.run(storage.add_message(session_id, message(session_id, "again" if child else "child")))
    asyncio.run(storage.close())
    if child:
        _, status = os.waitpid(child, 0)
        sys.exit(os.waitstatus_to_exitcode(status))
    if sys.argv[1] == "duckdb":
        # The threads of DuckDB that the parent had are not here, and its own end at exit does not bear that.
        os._exit(0)


if __name__ == "__main__":
    kind, options, what, *arguments = sys.argv[1:]
    opened = StorageFactory.create(kind, json.loads(options))
    work = {f.__name__: f for f in (write, write_until_killed, stream_a_reply, leave_open, fork)}[what]
    outcome = work(opened, *arguments)
    if outcome is not None:
        asyncio.run(outcome)
