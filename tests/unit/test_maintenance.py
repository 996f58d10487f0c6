"""Retention: what is archived, deleted and forgotten, when, and by whom."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

import langswarm_nb as ls
from langswarm_nb.clock import now
from langswarm_nb.manager import maintenance

DAY = 24 * 3600.0


class Ageing(ls.InMemorySessionStorage):
    """A store whose sessions can be made older than they are."""

    def age(self, session_id, **ago):
        record = self._sessions[session_id]
        record["last_activity"] = record["created_at"] = record["updated_at"] = now() - timedelta(**ago)


def new_manager(storage=None, **kwargs):
    return ls.create_session_manager(storage or Ageing(), providers={"mock": None}, **kwargs)


async def sessions_of_ages(manager, *days):
    """Return a session for each age."""
    made = []
    for age in days:
        session = await manager.create_session("ada", "mock", "mock-model")
        await session.send_message("hello")
        manager.storage.age(session.session_id, days=age)
        made.append(session)
    return made


def test_a_policy_is_applied_and_a_dry_run_only_tells():
    async def main():
        manager = new_manager(
            cleanup_config={"archive_after_days": 30, "delete_after_days": 90, "idle_after_hours": 24}
        )
        manager._scheduler = None
        fresh, quiet, old, ancient = await sessions_of_ages(manager, 0, 2, 31, 0)
        await ancient.archive()
        manager.storage.age(ancient.session_id, days=91)
        plan = await manager.cleanup(dry_run=True)
        assert (plan.idle, plan.archived, plan.deleted) == (
            [quiet.session_id], [old.session_id], [ancient.session_id],
        )  # fmt: skip
        assert str(plan) == "1 sessions would be marked idle, 1 archived, 1 deleted, 0 failed"
        assert [str(s.status) for s in (fresh, quiet, old, ancient)] == ["active", "active", "active", "archived"]
        done = await manager.cleanup()
        assert (done.idle, done.archived, done.deleted) == (plan.idle, plan.archived, plan.deleted)
        assert [str(s.status) for s in (fresh, quiet, old, ancient)] == ["active", "idle", "archived", "deleted"]
        assert await manager.storage.get_session(ancient.session_id) is None
        # An idle session wakes with the next message.
        await quiet.send_message("still here")
        assert quiet.status == "active"

    asyncio.run(main())


def test_sessions_may_say_themselves_when_they_are_archived():
    async def main():
        manager = new_manager()
        session = await manager.create_session("ada", "mock", "m", session_config={"auto_archive_after": 60})
        await session.send_message("hello")
        assert (await manager.cleanup(dry_run=True)).archived == []
        manager.storage.age(session.session_id, seconds=61)
        assert (await manager.cleanup()).archived == [session.session_id]
        second = await manager.create_session("ada", "mock", "m", session_config={"auto_archive_after": 0.05})
        await asyncio.sleep(0.1)
        with pytest.raises(ls.SessionStateError, match="archived"):
            await second.send_message("too late")
        assert second.status == "archived"

    asyncio.run(main())


def test_the_older_calls_count():
    async def main():
        manager = new_manager()
        await sessions_of_ages(manager, 0, 40, 50)
        assert await manager.cleanup_inactive_sessions(days=30) == 2
        for record in await manager.storage.list_sessions(status="archived"):
            manager.storage.age(record["session_id"], days=100)
        assert await manager.cleanup_archived_sessions(days=90) == 2
        assert len(await manager.search_sessions()) == 1

    asyncio.run(main())


@pytest.mark.parametrize(
    "config",
    [{"archive_after": 3}, {"archive_after_days": 0}, {"cleanup_interval_hours": None, "delete_after_days": "x"}],
)
def test_a_policy_that_makes_no_sense(config):
    with pytest.raises(ls.ConfigurationError):
        new_manager(cleanup_config=config)


def test_among_many_kernels_one_does_the_work_once_an_interval():
    async def main():
        storage = Ageing()
        policy = {"archive_after_days": 30, "cleanup_interval_hours": 1}
        managers = [new_manager(storage, cleanup_config=policy) for _ in range(8)]
        await sessions_of_ages(new_manager(storage), 40, 50)
        runs = await asyncio.gather(*[m._maintenance.run_if_due(settle_s=0.1) for m in managers])
        done = [report for report in runs if report is not None]
        assert len(done) == 1
        assert len(done[0].archived) == 2
        # A restart remembers when the last run was.
        again = new_manager(storage, cleanup_config=policy)
        assert await again._maintenance.run_if_due(settle_s=0.0) is None
        for event in storage.events:
            event["at"] -= timedelta(hours=2)
        assert await again._maintenance.run_if_due(settle_s=0.0) is not None

    asyncio.run(main())


def test_a_kernel_that_died_at_it_is_replaced(monkeypatch):
    async def main():
        storage = Ageing()
        policy = {"archive_after_days": 30, "cleanup_interval_hours": 1}
        await new_manager(storage)._feed.record("maintenance.claimed")
        manager = new_manager(storage, cleanup_config=policy)
        assert await manager._maintenance.run_if_due(settle_s=0.0) is None
        monkeypatch.setattr(maintenance, "_CLAIM_TTL", timedelta(0))
        assert await manager._maintenance.run_if_due(settle_s=0.0) is not None

    asyncio.run(main())


def test_the_scheduler_runs_by_itself_and_ends_with_the_manager():
    async def main():
        storage = Ageing()
        old = (await sessions_of_ages(new_manager(storage), 40))[0]
        manager = new_manager(storage, cleanup_config={"archive_after_days": 30})
        await manager.create_session("bob", "mock", "m")
        for _ in range(100):
            if (await storage.get_session(old.session_id))["status"] == "archived":
                break
            await asyncio.sleep(0.05)
        else:
            raise AssertionError("nobody cleaned up")
        await manager.close()
        assert [t for t in asyncio.all_tasks() if t is not asyncio.current_task()] == []

    asyncio.run(main())


def test_deleting_leaves_no_trace_in_the_store():
    async def main():
        manager = new_manager(hooks=[ls.AuditLoggingHook()])
        session = await manager.create_session("ada", "mock", "mock-model")
        await session.send_message("a secret")
        question = (await session.get_messages())[0]
        await session.edit(question.message_id, "another secret")
        await manager.delete_session(session.session_id)
        await manager.close()
        kept = repr((manager.storage._sessions, manager.storage._messages))
        assert "secret" not in kept + repr(manager.storage.events)
        assert session.session_id not in kept
        assert [event["kind"] for event in manager.storage.events if event["session_id"]] == []

    asyncio.run(main())


def test_a_user_is_forgotten():
    async def main():
        manager = new_manager(hooks=[ls.AuditLoggingHook()])
        own = await manager.create_session("bob", "mock", "mock-model")
        await own.send_message("I am bob and this is mine")
        shared = await manager.create_collaborative_session("plan", "alice", "mock", "m", {"bob": ["write"]})
        await manager.send_message_as_participant(shared.session_id, "bob", "bob's idea")
        await manager.send_message_as_participant(shared.session_id, "alice", "alice's idea")
        report = await manager.delete_user("bob")
        await manager._hooks.drain()
        assert report.sessions == [own.session_id]
        assert report.messages_elsewhere == 1
        messages = await shared.get_messages()
        assert [m.content for m in messages][::2] == ["[deleted]", "alice's idea"]
        assert [m.author_name for m in messages][::2] == [None, "alice"]
        assert await manager.get_session_participants(shared.session_id) == ["alice"]
        everything = json.dumps([manager.storage._sessions, manager.storage.events], default=str)
        assert "bob" not in everything
        # The session goes on.
        await manager.send_message_as_participant(shared.session_id, "alice", "and on")
        assert [m.seq for m in await shared.get_messages()] == [1, 2, 3, 4, 5, 6]

    asyncio.run(main())
