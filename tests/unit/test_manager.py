"""What a manager does besides opening sessions: presets, batches, the cache, events, numbers."""

from __future__ import annotations

import asyncio
import gc
import json
from datetime import UTC, datetime

import pytest

import langswarm_nb as ls
from langswarm_nb.clock import now
from langswarm_nb.interfaces import SessionMessage


def new_manager(**kwargs):
    return ls.create_session_manager(**{"storage": "memory", "providers": {"mock": None}, **kwargs})


def test_presets_differ_in_ways_that_one_can_read():
    plain, development, production = (new_manager(preset=p).describe() for p in (None, "development", "production"))
    assert plain["middleware"] == []
    assert development["middleware"] == ["LoggingMiddleware"]
    assert production["middleware"] == ["LoggingMiddleware", "MetricsMiddleware"]
    assert {"MetricsCollectionHook", "AlertingHook", "AuditLoggingHook"} <= set(production["hooks"])
    assert (plain["cleanup"], development["cleanup"]) == ("never", "never")
    assert production["cleanup"]["archive_after_days"] == 30
    assert production["session_defaults"]["timeout_s"] == 600
    json.dumps(production)


def test_what_is_given_wins_over_the_preset():
    async def main():
        manager = new_manager(
            preset="production", middleware=[], hooks=[], cleanup_config={"archive_after_days": 7},
            session_defaults={"timeout_s": 5},
        )  # fmt: skip
        described = manager.describe()
        assert described["middleware"] == []
        assert described["cleanup"] == {"archive_after_days": 7}
        session = await manager.create_session("ada", "mock", "m")
        assert session.config.timeout_s == 5
        session = await manager.create_session("ada", "mock", "m", session_config={"timeout_s": 9})
        assert session.config.timeout_s == 9
        await manager.close()

    asyncio.run(main())


@pytest.mark.parametrize("options", [{"preset": "staging"}, {"session_defaults": {"max_mesages": 3}}])
def test_wrong_options(options):
    with pytest.raises(ls.ConfigurationError):
        new_manager(**options)


def test_many_sessions_at_once():
    async def main():
        manager = new_manager()
        sessions = await manager.create_sessions(
            {"user_id": f"user{n}", "provider": "mock", "model": "m", "session_config": {"name": str(n)}}
            for n in range(120)
        )
        assert [session.config.name for session in sessions] == [str(n) for n in range(120)]
        with pytest.raises(ls.ConfigurationError):
            await manager.create_sessions(
                [{"user_id": "a", "provider": "mock", "model": "m"}, {"user_id": "a", "provider": "nope", "model": "m"}]
            )
        with pytest.raises(ls.ConfigurationError, match="colour"):
            await manager.create_sessions([{"user_id": "a", "provider": "mock", "model": "m", "colour": "red"}])
        assert len(await manager.search_sessions()) == 120
        assert await manager.archive_sessions([s.session_id for s in sessions[:30]]) == 30
        assert len(await manager.search_sessions(status="archived")) == 30
        with pytest.raises(ls.SessionNotFoundError):
            await manager.archive_sessions([sessions[40].session_id, "nope"])
        assert sessions[40].status == "active"

    asyncio.run(main())


def test_many_messages_at_once():
    async def main():
        manager = new_manager()
        session = await manager.create_session("ada", "mock", "m")
        given = SessionMessage("my-id", "elsewhere", "assistant", "two", datetime(2020, 1, 2, tzinfo=UTC))
        added = await manager.add_messages(
            session.session_id, [{"role": "user", "content": "one", "metadata": {"a": 1}}, given]
        )
        assert [(m.role, m.content, m.seq, m.session_id) for m in added] == [
            ("user", "one", 1, session.session_id), ("assistant", "two", 2, session.session_id),
        ]  # fmt: skip
        assert added[1].message_id == "my-id"
        assert added[1].timestamp.year == 2020
        assert added[1].parent_id == added[0].message_id
        with pytest.raises(ls.InvalidMessageError):
            await manager.add_messages(
                session.session_id, [{"role": "user", "content": "ok"}, {"role": "user", "content": ""}]
            )
        await session.send_message("three")
        assert [m.content for m in await session.get_messages()] == ["one", "two", "three", "Mock response to: three"]
        assert ("user", "one") in session.provider_session.history

    asyncio.run(main())


def test_the_cache_is_bounded_and_gives_one_object_a_session():
    async def main():
        manager = new_manager(cache_size=10)
        ids = [(await manager.create_session("ada", "mock", "m")).session_id for _ in range(50)]
        gc.collect()
        assert (await manager.health_check())["live_sessions"] == 10
        first = await manager.get_session(ids[0])
        assert await manager.get_session(ids[0]) is first
        assert (await manager.search_sessions(limit=50))[-1].session_id in ids
        for session_id in ids:
            await manager.get_session(session_id)
        gc.collect()
        # Somebody holds the first: it stays the same object.
        assert await manager.get_session(ids[0]) is first

    asyncio.run(main())


def test_events_of_this_process_come_at_once_and_those_of_others_soon():
    async def main():
        storage = ls.InMemorySessionStorage()
        mine, other = new_manager(storage=storage), new_manager(storage=storage)
        await (await other.create_session("old", "mock", "m")).archive()
        heard = []

        async def listen():
            async for event in mine.session_events(poll_s=0.1):
                heard.append((event.kind, event.session_id))  # noqa: PERF401  (it never ends by itself)

        listening = asyncio.create_task(listen())
        await asyncio.sleep(0.05)
        session = await mine.create_session("ada", "mock", "m")
        await session.send_message("hello")
        await asyncio.sleep(0.02)
        own = [kind for kind, _ in heard]
        assert own == ["session.created", "message.sent", "message.received"]
        shared = await other.create_collaborative_session("plan", "bob", "mock", "m")
        await other.add_participant(shared.session_id, "ada")
        await other.archive_session(shared.session_id)
        await other.delete_session(shared.session_id)
        await session.archive()
        await asyncio.sleep(0.4)
        listening.cancel()
        kinds = [kind for kind, session_id in heard if session_id == shared.session_id]
        assert "session.deleted" in kinds
        assert [kind for kind, session_id in heard if session_id == session.session_id] == [
            *own, "session.archived",
        ]  # fmt: skip
        assert len(heard) == len(set(heard))

    asyncio.run(main())


def test_analytics_compute_what_one_would_by_hand():
    async def main():
        manager = new_manager()
        for n, user in enumerate(["alice", "bob", "charlie", "diana", "eve"]):
            model = ("small", "large")[n % 2]
            session = await manager.create_session(user, "mock", model)
            for k in range((n + 1) * 2):
                await session.send_message(f"Message {k} from {user}")
        for _ in range(11):
            await manager.create_session("zoe", "mock", "small")
        failing = await manager.get_session(session.session_id)
        failing.provider_session.set_error_rate(1)
        with pytest.raises(ls.ProviderError):
            await failing.send_message("oh")
        report = await manager.get_analytics()
        assert report.total_sessions == report["overview"]["total_sessions"] == 16
        assert report.total_messages == 62
        assert report.overview.unique_users == 6
        assert report.active_users == report.user_behavior.active_users == 5
        assert report.provider_distribution == {"mock": 16}
        assert report.model_distribution == {"small": 14, "large": 2}
        assert report.performance.avg_processing_time_ms > 0
        assert report.performance.max_processing_time_ms >= report.performance.median_processing_time_ms
        assert report.avg_messages_per_session == pytest.approx(62 / 5)
        assert sum(report.hourly_activity.values()) == 62
        assert report.hourly_activity[report.peak_hour] == max(report.hourly_activity.values())
        assert [user.user_id for user in report.power_users] == ["zoe"]
        assert report.top_users[0].user_id == "eve"
        assert (report.errors, report.provider_calls) == (1, 31)
        assert report.cost_usd is None
        assert report.total_tokens > 0
        ours = await manager.get_analytics(user_id="bob")
        assert (ours.total_sessions, ours.total_messages) == (1, 8)
        assert (await manager.get_analytics(end_date="2020-01-01")).total_messages == 0
        assert (await manager.get_analytics(start_date=now().date())).total_sessions >= 0
        with pytest.raises(ls.ConfigurationError, match="start_date"):
            await manager.get_analytics(start_date="yesterday")
        with pytest.raises(AttributeError, match="no 'weather'"):
            report.weather  # noqa: B018

    asyncio.run(main())


def test_an_empty_store_has_numbers_too():
    report = asyncio.run(new_manager().get_analytics())
    assert (report.total_sessions, report.total_messages, report.active_users) == (0, 0, 0)
    assert report.peak_hour is None
    assert report.error_rate is None
    assert report.total_tokens is None


def test_a_manager_that_nobody_closes_leaves_no_noise(recwarn):
    async def main():
        manager = new_manager(cleanup_config={"archive_after_days": 1}, preset="production")
        await (await manager.create_session("ada", "mock", "m")).send_message("hello")

    asyncio.run(main())
    gc.collect()
    assert list(recwarn) == []
