"""One session, written by several kernels or by several managers of one kernel."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

import langswarm_nb as ls

OTHER_KERNEL = Path(__file__).parent / "other_kernel.py"


async def elsewhere(path, *words):
    """Run a command in another process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", str(OTHER_KERNEL), str(path), *words, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()


def new_manager(path):
    return ls.create_session_manager(path, providers={"mock": None})


def positions(messages):
    """Return (content, seq, whether the parent is the message before)."""
    parents = [None, *(message.message_id for message in messages)]
    return [(m.content, m.seq, m.parent_id == parents[n]) for n, m in enumerate(messages)]


def test_the_conversation_goes_on_after_what_another_kernel_wrote(tmp_path):
    async def main():
        path = tmp_path / "store.duckdb"
        async with new_manager(path) as manager:
            session = await manager.create_session("ada", "mock", "mock-model")
            await session.send_message("one")
            await elsewhere(path, "send", session.session_id, "two", "three")
            await session.send_message("four")
            messages = await session.get_messages()
            assert positions([m for m in messages if m.role == "user"][:1]) == [("one", 1, True)]
            assert [content for content, _, _ in positions(messages)][::2] == ["one", "two", "three", "four"]
            assert [seq for _, seq, _ in positions(messages)] == list(range(1, 9))
            assert all(follows for _, _, follows in positions(messages))
            assert session.message_count == 8
            # The provider was told what it could not know.
            assert ("user", "three") in session.provider_session.history

    asyncio.run(main())


def test_status_context_and_limits_are_those_of_the_store(tmp_path):
    async def main():
        path = tmp_path / "store.duckdb"
        async with new_manager(path) as manager:
            session = await manager.create_session("ada", "mock", "mock-model")
            await session.update_context({"mine": 1})
            await elsewhere(path, "context", session.session_id, "yes")
            await session.update_context({"also_mine": 2})
            context = await session.get_context()
            assert context.user_context == {"mine": 1, "from_elsewhere": "yes", "also_mine": 2}
            await elsewhere(path, "config", session.session_id, "2")
            await session.send_message("one")
            with pytest.raises(ls.SessionStateError, match="max_messages"):
                await session.send_message("two")
            await elsewhere(path, "archive", session.session_id)
            assert [str(s.status) for s in await manager.get_user_sessions("ada")] == ["archived"]
            with pytest.raises(ls.SessionStateError, match="archived"):
                await session.send_message("two")
            await elsewhere(path, "delete", session.session_id)
            with pytest.raises(ls.SessionNotFoundError):
                await session.send_message("two")

    asyncio.run(main())


def test_two_managers_of_one_kernel_see_each_others_writes(tmp_path):
    async def main():
        path = tmp_path / "store.duckdb"
        async with new_manager(path) as first, new_manager(path) as second:
            mine = await first.create_session("ada", "mock", "mock-model")
            await mine.send_message("one")
            theirs = await second.get_session(mine.session_id)
            assert theirs is not mine
            await theirs.send_message("two")
            await mine.send_message("three")
            await theirs.send_message("four")
            messages = await mine.get_messages()
            assert [m.content for m in messages][::2] == ["one", "two", "three", "four"]
            assert all(follows for _, _, follows in positions(messages))
            await theirs.archive()
            with pytest.raises(ls.SessionStateError, match="archived"):
                await mine.send_message("five")

    asyncio.run(main())


def test_a_session_that_nobody_else_writes_is_not_read_at_every_turn(tmp_path):
    async def main():
        async with new_manager(tmp_path / "store.duckdb") as manager:
            session = await manager.create_session("ada", "mock", "mock-model")
            await session.send_message("one")
            reads = []
            storage = manager.storage
            for name in ("get_session", "get_messages"):
                method = getattr(storage, name)
                setattr(storage, name, lambda *args, _m=method, _n=name, **kw: reads.append(_n) or _m(*args, **kw))
            for n in range(5):
                await session.send_message(str(n))
            assert reads == []

    asyncio.run(main())


def test_of_many_kernels_one_cleans_up(tmp_path):
    path = tmp_path / "store.duckdb"

    async def main():
        async with new_manager(path) as manager:
            old = [(await manager.create_session("ada", "mock", "mock-model")).session_id for _ in range(3)]
        kernels = [
            await asyncio.create_subprocess_exec(
                sys.executable, str(OTHER_KERNEL), str(path), "clean_up", stdin=PIPE, stdout=PIPE
            )
            for _ in range(4)
        ]
        for kernel in kernels:
            assert await kernel.stdout.readline() == b"ready\n"
        for kernel in kernels:
            kernel.stdin.write(b"go\n")
        answers = [json.loads((await kernel.communicate())[0]) for kernel in kernels]
        assert sorted(answers, key=bool) == [None, None, None, sorted(old)]
        async with new_manager(path) as manager:
            events = await manager.storage.list_events(kinds=["maintenance.done"])
            assert [event["payload"]["archived"] for event in events] == [3]

    asyncio.run(main())
