"""Many sessions with durable messages: ours on DuckDB against LangSwarm 0.1.0's session manager on its SQLite store.

    python benchmarks/sessions.py

Each session has five turns with a provider that answers at once: ten messages. With ours each is durable when its turn
goes on, with LangSwarm two together when the turn ends. Both run in the same minute on the same disk, each in a process
of its own; LangSwarm in an environment that is made when it is first needed (`peers.py`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sqlite3
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

TURNS = 5
ANSWER = "It depends on what you mean by that, but most of the time the answer is yes. " * 3
QUESTION = "Turn {turn} of session {number}: is that so, and why would one think it is?"


async def timed(count: int, at_once: int, one_session: Any) -> dict[str, float]:
    """Run `count` sessions, `at_once` at a time; return seconds, and the mean turn of first and last in ms."""
    room = asyncio.Semaphore(at_once)
    firsts: list[float] = []
    lasts: list[float] = []

    async def one(number: int) -> None:
        async with room:
            turns = await one_session(number)
            firsts.append(turns[0])
            lasts.append(turns[-1])

    began = time.perf_counter()
    await asyncio.gather(*[one(number) for number in range(count)])
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "messages_per_s": count * TURNS * 2 / seconds,
        "first_turn_ms": 1000 * sum(firsts) / count,
        "last_turn_ms": 1000 * sum(lasts) / count,
    }


async def turns_of(send: Any, number: int) -> list[float]:
    """Send the turns of one session; return how long each took."""
    taken = []
    for turn in range(TURNS):
        began = time.perf_counter()
        await send(QUESTION.format(turn=turn, number=number))
        taken.append(time.perf_counter() - began)
    return taken


async def ours(folder: Path, count: int, at_once: int) -> dict[str, float]:
    import langswarm_nb as ls
    from langswarm_nb.interfaces import Completed, IProviderSession, TextDelta

    class Instant(IProviderSession):
        provider_session_id = None

        def __init__(self, *_: Any) -> None:
            pass

        async def send_message_stream(self, content: str) -> Any:
            yield TextDelta(ANSWER)
            yield Completed("stop")

        async def send_message(self, content: str, role: str = "user", metadata: Any = None) -> Any:
            raise NotImplementedError

        async def get_provider_metadata(self) -> dict[str, Any]:
            return {}

        async def update_provider_config(self, config: dict[str, Any]) -> None: ...

        async def cleanup_provider_resources(self) -> None: ...

    ls.ProviderSessionFactory.register_provider("instant", Instant)
    async with ls.create_session_manager(folder / "ours.duckdb", providers={"instant": None}) as manager:

        async def one_session(number: int) -> list[float]:
            session = await manager.create_session(f"user{number}", "instant", "none")
            return await turns_of(session.send_message, number)

        await one_session(-1)  # opens the file
        result = await timed(count, at_once, one_session)
        stats = await manager.storage.get_database_stats()  # pyright: ignore[reportAttributeAccessIssue]
    return {**result, "stored": stats["messages"] - 2 * TURNS}


async def theirs(folder: Path, count: int, at_once: int) -> dict[str, float]:
    from langswarm.core.session import SessionManager, SQLiteSessionStorage  # pyright: ignore[reportMissingImports]
    from langswarm.core.session.interfaces import (  # pyright: ignore[reportMissingImports]
        MessageRole,
        SessionBackend,
        SessionMessage,
    )

    class Instant:
        async def create_provider_session(self, user_id: str, **_: Any) -> str:
            return f"p{user_id}"

        async def send_message(self, provider_session_id: str, message: str, role: Any = None) -> Any:
            from datetime import datetime
            from uuid import uuid4

            return SessionMessage(uuid4().hex, MessageRole.ASSISTANT, ANSWER, datetime.now(), {}, None, None, "stop")

    path = folder / "theirs.db"
    storage = SQLiteSessionStorage(str(path))
    await asyncio.sleep(1)  # it makes its tables in the background
    manager = SessionManager(storage, {"instant": Instant()})

    async def one_session(number: int) -> list[float]:
        session = await manager.create_session(f"user{number}", "instant", "none", backend=SessionBackend.HYBRID)
        return await turns_of(session.send_message, number)

    result = await timed(count, at_once, one_session)
    stored = sqlite3.connect(path).execute("SELECT count(*) FROM session_messages").fetchone()[0]
    return {**result, "stored": stored}


def measured(side: str, python: str, count: int, at_once: int) -> dict[str, float]:
    """Return what a process of its own measured."""
    command = [python, "-W", "ignore", __file__, "--side", side, "--sessions", str(count), "--at-once", str(at_once)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{side} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=50)
    parser.add_argument("--one-by-one", type=int, default=100, help="how many sessions to measure one at a time")
    parser.add_argument("--side", choices=["ours", "theirs"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        logging.disable(logging.CRITICAL)
        warnings.simplefilter("ignore")
        with tempfile.TemporaryDirectory() as folder:
            side = {"ours": ours, "theirs": theirs}[options.side]
            result = asyncio.run(side(Path(folder), options.sessions, options.at_once))
        print(json.dumps(result))
        return
    import peers  # needs what the other environment does not have

    print(
        f"{'sessions':>8} {'at once':>7} {'':24} {'messages/s':>10} {'stored':>7} {'first turn':>10} {'last turn':>10}"
    )
    for count, at_once in ((options.sessions, options.at_once), (options.one_by_one, 1)):
        results = {
            "langswarm_nb (DuckDB)": measured("ours", sys.executable, count, at_once),
            "LangSwarm 0.1.0 (SQLite)": measured("theirs", peers.interpreter(), count, at_once),
        }
        for name, result in results.items():
            print(
                f"{count:>8} {at_once:>7} {name:24} {result['messages_per_s']:>10.0f} {result['stored']:>7.0f} "
                f"{result['first_turn_ms']:>7.1f} ms {result['last_turn_ms']:>7.1f} ms"
            )
        own, other = (result["messages_per_s"] for result in results.values())
        print(f"{'':16} ratio {own / other:.1f}")


if __name__ == "__main__":
    main()
