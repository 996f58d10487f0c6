"""Many users at once, with everything that goes wrong: what the store holds is what the callers saw.

The short form takes some seconds; LANGSWARM_NB_SOAK=1 runs 200 users for a minute.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import random
import tracemalloc
from collections import Counter

import pytest

import langswarm_nb as ls

LONG = os.environ.get("LANGSWARM_NB_SOAK") == "1"
USERS, SECONDS = (200, 60.0) if LONG else (40, 4.0)


class Caller:
    """One user, who keeps count."""

    def __init__(self, manager, number):
        self.manager = manager
        self.user_id = f"user{number}"
        self.random = random.Random(number)
        self.sessions = 0
        self.messages = Counter()

    async def live(self, until):
        loop = asyncio.get_running_loop()
        while loop.time() < until:
            session = await self.manager.create_session(self.user_id, "mock", "mock-model")
            self.sessions += 1
            session.provider_session.set_response_delay(self.random.choice([0, 0, 20, 60]))
            for _ in range(self.random.randint(1, 6)):
                if loop.time() >= until:
                    break
                await self.turn(session)
            if self.random.random() < 0.3:
                await session.archive()

    async def turn(self, session):
        session.provider_session.set_error_rate(1 if self.random.random() < 0.15 else 0)
        sending = asyncio.create_task(session.send_message(f"from {self.user_id}: " + "word " * 20))
        chance = self.random.random()
        if chance < 0.25:
            await asyncio.sleep(self.random.random() * 0.05)
            session.cancel() if chance < 0.12 else sending.cancel()
        try:
            reply = await sending
            self.messages[reply.status] += 1
        except ls.TurnInterruptedError:
            self.messages["interrupted"] += 1
        except ls.ProviderError:
            self.messages["error"] += 1
        except asyncio.CancelledError:
            self.messages["cancelled"] += 1


async def soak(path, seconds, users):
    manager = ls.create_session_manager(path, providers={"mock": None}, preset="production", cache_size=50)
    async with manager:
        until = asyncio.get_running_loop().time() + seconds
        callers = [Caller(manager, number) for number in range(users)]
        await asyncio.gather(*[caller.live(until) for caller in callers])
        return callers, await manager.get_analytics(), await per_user(manager)


async def per_user(manager):
    rows = await asyncio.to_thread(
        manager.storage.query,
        "SELECT s.user_id, count(DISTINCT s.session_id) AS sessions, count(*) FILTER (WHERE m.role = 'user') AS asked,"
        " count(*) FILTER (WHERE m.role = 'assistant' AND m.status = 'complete') AS complete,"
        " count(*) FILTER (WHERE m.role = 'assistant' AND m.status = 'error') AS error,"
        " count(*) FILTER (WHERE m.role = 'assistant' AND m.status = 'interrupted') AS interrupted,"
        " count(*) FILTER (WHERE m.status = 'streaming') AS streaming"
        " FROM sessions s LEFT JOIN messages m USING (session_id) GROUP BY 1",
    )
    return {row["user_id"]: row for row in rows.to_pylist()}


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_the_store_holds_what_the_callers_saw(tmp_path):
    async def main():
        callers, report, stored = await soak(tmp_path / "soak.duckdb", SECONDS, USERS)
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert left == []
        for caller in callers:
            row, seen = stored[caller.user_id], caller.messages
            assert row["sessions"] == caller.sessions
            assert row["streaming"] == 0
            # A caller whose own task was cancelled does not learn how far the turn had come.
            unsure = seen["cancelled"]
            assert seen.total() - unsure <= row["asked"] <= seen.total()
            for status in ("complete", "error", "interrupted"):
                assert seen[status] <= row[status] <= seen[status] + unsure
            assert row["complete"] + row["error"] + row["interrupted"] <= row["asked"]
        assert report.total_sessions == sum(caller.sessions for caller in callers)
        assert report.user_messages == sum(row["asked"] for row in stored.values())
        assert sum(caller.messages["interrupted"] + caller.messages["cancelled"] for caller in callers) > 0
        assert sum(caller.messages["error"] for caller in callers) > 0

    asyncio.run(main())


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_memory_returns_to_its_level(tmp_path, caplog):
    # The test's own record of every log line would grow with what is done.
    caplog.set_level(logging.CRITICAL + 1, "langswarm_nb")

    def run(name):
        asyncio.run(soak(tmp_path / name, SECONDS / 2, USERS // 2))
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        first = run("first.duckdb")
        second = run("second.duckdb")
    finally:
        tracemalloc.stop()
    # What grows with every run would show as hundreds of sessions; a few caches may still be filling.
    assert second - first < 2_000_000
