"""Sessions of several people."""

from __future__ import annotations

import asyncio

import pytest

import langswarm_nb as ls


def new_manager(storage="memory"):
    return ls.create_session_manager(storage=storage, providers={"mock": None})


async def review(manager=None):
    manager = manager or new_manager()
    session = await manager.create_collaborative_session(
        "review", "alice", "mock", "mock-model", {"bob": ["write"], "carl": ["read"]}
    )
    return manager, session, session.session_id


def test_participants_and_what_they_may_do():
    async def main():
        manager, session, session_id = await review()
        assert (session.user_id, session.config.name) == ("alice", "review")
        assert await manager.get_session_participants(session_id) == ["alice", "bob", "carl"]
        assert (await manager.get_permissions(session_id))["bob"] == ["read", "write"]
        await manager.add_participant(session_id, "dora", ["read"], by="alice")
        with pytest.raises(ls.SessionPermissionError, match="bob has no admin"):
            await manager.add_participant(session_id, "eve", by="bob")
        await manager.add_participant(session_id, "bob", ["admin"])
        await manager.add_participant(session_id, "eve", by="bob")
        await manager.remove_participant(session_id, "eve", by="eve")
        with pytest.raises(ls.SessionPermissionError):
            await manager.remove_participant(session_id, "bob", by="carl")
        with pytest.raises(ls.SessionStateError, match="owns"):
            await manager.remove_participant(session_id, "alice", by="bob")
        with pytest.raises(ls.ConfigurationError, match="'fly'"):
            await manager.add_participant(session_id, "eve", ["fly"])
        assert await manager.get_session_participants(session_id) == ["alice", "bob", "carl", "dora"]

    asyncio.run(main())


def test_sending_as_a_participant():
    async def main():
        manager, session, session_id = await review()
        reply = await manager.send_message_as_participant(session_id, "alice", "look at this")
        await manager.send_message_as_participant(session_id, "bob", "nice", {"mood": "good"})
        with pytest.raises(ls.SessionPermissionError, match="carl has no write") as caught:
            await manager.send_message_as_participant(session_id, "carl", "me too")
        assert isinstance(caught.value, PermissionError)
        with pytest.raises(ls.SessionPermissionError):
            await manager.send_message_as_participant(session_id, "stranger", "hello")
        messages = await session.get_messages()
        assert [m.author_name for m in messages] == ["alice", None, "bob", None]
        assert messages[2].metadata == {"mood": "good", "participant": "bob", "collaborative": True}
        assert reply.message_id == messages[1].message_id

    asyncio.run(main())


def test_word_reaches_the_others():
    async def main():
        manager, session, session_id = await review()
        await manager.send_message_as_participant(session_id, "bob", "nice")
        heard = await manager.get_notifications("alice")
        assert [(event.kind, event.user_id) for event in heard] == [("message.posted", "bob")]
        assert heard[0].message_id == (await session.get_messages())[0].message_id
        assert await manager.get_notifications("bob") == []
        assert [event.kind for event in await manager.get_notifications("carl")] == ["message.posted"]
        assert await manager.get_notifications("stranger") == []

    asyncio.run(main())


def test_nobody_grants_themselves_rights_through_the_context_or_the_tags():
    async def main():
        manager, session, session_id = await review()
        await session.update_context({"collaboration": {"permissions": {"mallory": ["admin"]}}})
        await session.update_config({"tags": ["participant:mallory", "mine"]})
        with pytest.raises(ls.SessionPermissionError):
            await manager.send_message_as_participant(session_id, "mallory", "hello")
        assert await manager.for_user("mallory").get_user_sessions() == []
        assert set(session.config.tags) >= {"mine", "participant:bob"}
        assert [s.session_id for s in await manager.for_user("bob").get_user_sessions()] == [session_id]

    asyncio.run(main())


def test_rate_limits_count_the_participant_who_sends():
    async def main():
        manager = new_manager()
        manager.add_middleware(ls.RateLimitMiddleware(rate=1, per_seconds=3600, burst=1, on_limit="refuse"))
        manager, _, session_id = await review(manager)
        await manager.send_message_as_participant(session_id, "alice", "1")
        await manager.send_message_as_participant(session_id, "bob", "2")
        with pytest.raises(ls.MiddlewareError):
            await manager.send_message_as_participant(session_id, "bob", "3")

    asyncio.run(main())


def test_people_who_come_at_once_all_get_in():
    async def main():
        manager, _, session_id = await review()
        await asyncio.gather(*[manager.add_participant(session_id, f"guest{n}") for n in range(20)])
        assert len(await manager.get_session_participants(session_id)) == 23

    asyncio.run(main())
