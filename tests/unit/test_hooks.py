"""The dispatcher and the built-in hooks, in sessions with the mock provider."""

from __future__ import annotations

import asyncio
import sys
import threading
import time

import pytest

import langswarm_nb as ls
from langswarm_nb.hooks import AlertingHook, AuditLoggingHook, CleanupHook, MetricsCollectionHook
from langswarm_nb.hooks.trail import Trail
from langswarm_nb.interfaces import ISessionLifecycleHook


def new_manager(*hooks, **kwargs):
    return ls.create_session_manager(storage="memory", providers={"mock": None}, hooks=hooks, **kwargs)


async def live_a_little(manager, user_id="ada"):
    session = await manager.create_session(user_id, "mock", "mock-model")
    await session.send_message("hello")
    await session.update_context({"topic": "whales"})
    session.provider_session.set_error_rate(1)
    with pytest.raises(ls.ProviderError):
        await session.send_message("oh")
    await session.archive()
    return session


def test_a_hook_that_does_its_worst_breaks_nothing(caplog):
    class Nasty(ISessionLifecycleHook):
        heard = 0

        async def on_message_sent(self, session_id, message):
            raise SystemExit(3)

        async def on_message_received(self, session_id, message):
            self.heard += 1
            raise asyncio.CancelledError

    async def main():
        nasty = Nasty()
        manager = new_manager(nasty)
        session = await manager.create_session("ada", "mock", "m")
        await session.send_message("one")
        await session.send_message("two")
        await manager.close()
        assert nasty.heard == 2

    asyncio.run(main())
    assert "on_message_sent failed" in caplog.text


def test_a_blocking_plain_function_holds_up_nobody():
    class Blocking:
        heard = 0

        def on_message_sent(self, session_id, message):
            time.sleep(1)
            self.heard += 1

    async def main():
        blocking = Blocking()
        manager = new_manager(blocking)
        session = await manager.create_session("ada", "mock", "m")
        begin = time.monotonic()
        for n in range(3):
            await session.send_message(str(n))
        assert time.monotonic() - begin < 0.9
        await manager.close()
        assert blocking.heard == 3

    asyncio.run(main())


def test_closing_leaves_no_hook_running():
    class Stuck(ISessionLifecycleHook):
        async def on_message_sent(self, session_id, message):
            await asyncio.sleep(3600)

    async def main():
        manager = new_manager(Stuck())
        session = await manager.create_session("ada", "mock", "m")
        await session.send_message("one")
        await manager._hooks.drain(timeout_s=0.05)
        assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []

    asyncio.run(main())


def test_counting():
    async def main():
        counts = MetricsCollectionHook()
        manager = new_manager(counts)
        await live_a_little(manager)
        await manager.create_session("bob", "mock", "m")
        numbers = counts.get_metrics()
        assert numbers["sessions_created"] == 2
        assert numbers["sessions_archived"] == 1
        assert numbers["active_sessions"] == 1
        assert (numbers["messages_sent"], numbers["messages_received"], numbers["errors"]) == (2, 1, 1)
        assert numbers["error_rate"] == 0.5
        assert "langswarm_sessions_active 1" in counts.prometheus().splitlines()

    asyncio.run(main())


def test_alerts_on_thresholds():
    async def main():
        heard = []
        hook = AlertingHook(heard.append, error_rate=0.2, slow_reply_s=0.0, active_sessions=1, min_turns=3)
        manager = new_manager(hook)
        session = await manager.create_session("ada", "mock", "m")
        await session.send_message("slow by definition")
        await manager.create_session("bob", "mock", "m")
        session.provider_session.set_error_rate(1)
        for _ in range(3):
            with pytest.raises(ls.ProviderError):
                await session.send_message("oh")
        assert [alert.name for alert in heard] == ["slow_reply_s", "active_sessions", "error_rate"]
        assert heard[2].session_id == session.session_id
        assert heard[2].value == pytest.approx(2 / 3)
        assert "67" in heard[2].text or "66" in heard[2].text
        assert hook.get_status()["errors"] == 3

    asyncio.run(main())


def test_alerts_forget_and_do_not_nag():
    async def main():
        time_now = [0.0]
        hook = AlertingHook(error_rate=0.1, min_turns=1, window_s=60, repeat_after_s=100, clock=lambda: time_now[0])
        for moment in (0, 10, 20, 130):
            time_now[0] = moment
            await hook.on_session_error("s", RuntimeError())
        assert [alert.value for alert in hook.alerts] == [1.0, 1.0]
        assert hook.get_status()["turns"] == 1

    asyncio.run(main())


def test_the_audit_trail_is_in_the_store_and_says_nothing_that_was_said():
    async def main():
        manager = new_manager(AuditLoggingHook())
        session = await live_a_little(manager)
        await manager.close()
        events = manager.storage.events
        assert [event["kind"] for event in events] == [
            "session.created", "message.sent", "message.received", "context.updated", "message.sent", "error",
            "session.archived",
        ]  # fmt: skip
        assert events[0]["user_id"] == "ada"
        assert all(event["session_id"] == session.session_id for event in events)
        assert "hello" not in repr(events)

    asyncio.run(main())


def test_cleaning_up_keeps_a_user_in_bounds_and_tells_of_ends():
    async def main():
        ended = []
        manager = new_manager(CleanupHook(ended.append, max_active_per_user=2))
        sessions = []
        for _ in range(4):
            sessions.append(await manager.create_session("ada", "mock", "m"))
            await sessions[-1].send_message("hi")
        await manager.create_session("bob", "mock", "m")
        await manager.close()
        assert [str(session.status) for session in sessions] == ["archived", "archived", "active", "active"]
        assert ended == [sessions[0].session_id, sessions[1].session_id]

    asyncio.run(main())


def test_a_trail_is_put_to_from_several_event_loops():
    trail = Trail()
    stored = []

    async def store(number):
        await asyncio.sleep(0.001)
        stored.append(number)

    async def put():
        for number in range(1000):
            await trail.put(store(number))
        await trail.drain()

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=lambda: asyncio.run(put())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert len(stored) == 4000
