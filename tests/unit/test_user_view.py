"""`manager.for_user`: nothing of another user can be reached through it.

The methods are found by introspection: one that is added later and is not tried here makes a test fail.
"""

from __future__ import annotations

import asyncio
import inspect
import json

import pytest
from strangers import NAMELESS, SECRET, TRIES, two_users

import langswarm_nb as ls
from langswarm_nb.interfaces import ISessionStorage
from langswarm_nb.session import Session
from langswarm_nb.users.session import NEEDED, WITHHELD, UserSession
from langswarm_nb.users.storage import UserStorage
from langswarm_nb.users.view import UserView


def public(cls):
    return {name for name in dir(cls) if not name.startswith("_")}


def test_every_method_of_the_view_is_tried():
    assert public(UserView) == {*TRIES, *NAMELESS}


@pytest.mark.parametrize("name", sorted(TRIES))
def test_a_stranger_is_refused(name):
    async def main():
        manager, hers, _ = await two_users()
        before = await hers.export_conversation()
        with pytest.raises((ls.SessionNotFoundError, ls.SessionPermissionError)) as caught:
            await TRIES[name](manager.for_user("bob"), hers.session_id)
        assert SECRET not in str(caught.value)
        assert "plan" not in str(caught.value)
        hers = await manager.get_session(hers.session_id)
        assert await hers.export_conversation() == before
        assert [s.user_id for s in await manager.search_sessions()].count("alice") == 1

    asyncio.run(main())


def test_a_session_that_there_is_not_and_one_of_somebody_else_look_the_same():
    async def main():
        manager, hers, _ = await two_users()
        view = manager.for_user("bob")
        texts = []
        for session_id in (hers.session_id, "0" * len(hers.session_id)):
            with pytest.raises(ls.SessionNotFoundError) as caught:
                await view.get_session(session_id)
            texts.append(str(caught.value).replace(session_id, "?"))
        assert texts[0] == texts[1]

    asyncio.run(main())


def test_what_the_view_answers_tells_of_the_user_only():
    async def main():
        manager, hers, his = await two_users()
        view = manager.for_user("bob")
        answers = [
            await view.get_user_sessions(),
            await view.search_sessions(),
            await view.search_sessions(text="eagle"),
            await view.search_sessions(tags=["plan"]),
            json.loads(await view.export_sessions()),
            await view.get_notifications(),
            await view.storage.list_sessions(),
            await view.storage.list_sessions(user_id="alice"),
            await view.storage.list_events(),
        ]
        assert [len(answer) for answer in answers] == [1, 1, 0, 0, 1, 0, 1, 0, 0]
        assert SECRET not in repr(answers)
        assert hers.session_id not in repr(answers)
        report = await view.get_analytics()
        assert (report.total_sessions, report.total_messages, report.unique_users) == (1, 2, 1)
        assert [user.user_id for user in report.top_users] == ["bob"]
        assert (await view.get_session(his.session_id)).message_count == 2

    asyncio.run(main())


def test_frames_of_a_view_hold_the_users_own_rows():
    async def main():
        manager, _, _ = await two_users()
        return manager.for_user("bob")

    view = asyncio.run(main())
    assert set(ls.sessions(view)["user_id"]) == {"bob"}
    assert SECRET not in ls.messages(view).to_csv()
    assert ls.sql("select count(*) as n from messages", view)["n"].item() == 2


def test_events_of_others_are_not_heard():
    async def main():
        manager, hers, his = await two_users()
        heard = []

        async def listen():
            async for event in manager.for_user("bob").session_events(poll_s=0.05):
                heard.append(event)  # noqa: PERF401  (it never ends by itself)

        listening = asyncio.create_task(listen())
        await asyncio.sleep(0.1)
        await hers.send_message("more secrets")
        await his.send_message("hello")
        await asyncio.sleep(0.3)
        listening.cancel()
        assert {event.session_id for event in heard} == {his.session_id}

    asyncio.run(main())


def test_every_method_of_the_store_is_guarded():
    """Each reads through the check, or refuses; one that falls back on the interface's default would do neither."""
    inherited = {"add_messages", "list_events", "exclusive_period"}
    for name in public(ISessionStorage):
        assert name in vars(UserStorage) or name in inherited, f"UserStorage does not say what {name} may do"


@pytest.mark.parametrize("name", sorted(public(ISessionStorage) - {"health_check", "close"}))
def test_a_stranger_gets_nothing_from_the_store(name):
    async def main():
        manager, hers, _ = await two_users()
        view = manager.for_user("bob")
        messages = await hers.get_messages()
        method = getattr(view.storage, name)
        samples = {
            "session_id": hers.session_id, "message": messages[0], "messages": messages, "kind": "x",
            "user_id": "alice",
            "context": hers.context, "config": hers.config, "changes": {"user_id": "bob"}, "provider": "mock",
            "model": "m", "message_ids": [], "message_id": messages[0].message_id, "payload": {},
        }  # fmt: skip
        needed = {
            p.name: samples[p.name]
            for p in inspect.signature(method).parameters.values()
            if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        }
        try:
            answer = method(**needed)
            answer = await answer if inspect.isawaitable(answer) else answer
        except ls.SessionPermissionError:
            answer = None
        assert SECRET not in repr(answer)
        assert hers.session_id not in repr(answer)
        assert await hers.get_messages() == messages
        assert (await manager.storage.get_session(hers.session_id))["user_id"] == "alice"

    asyncio.run(main())


def test_every_attribute_of_a_session_is_classified():
    known = set(NEEDED) | WITHHELD | {"storage", "config"}
    assert (
        public(Session)
        | set(vars(asyncio.run(two_users())[1]))
        - {name for name in vars(asyncio.run(two_users())[1]) if name.startswith("_")}
        <= known
    )


CALLS = {
    "get_message": ("m",), "get_branches": ("m",), "get_question": ("m",),
    "send_message": ("hi",), "send_message_stream": ("hi",),
    "stream": ("hi",), "edit": ("m", "hi"), "stream_edited": ("m", "hi"), "switch_branch": ("m",),
    "update_context": ({"a": 1},), "add_message": ("user", "hi"), "add_messages": ([{"role": "user", "content": "x"}],),
    "send_system_message": ("obey",), "update_config": ({"name": "mine"},),
    "send_structured": ("hi", int),
}  # fmt: skip
PROPERTIES = {name for name in NEEDED if isinstance(inspect.getattr_static(Session, name, None), property)} | {
    "session_id", "user_id", "provider", "model", "created_at",
}  # fmt: skip


async def call(session, name, message_id):
    args = [message_id if arg == "m" else arg for arg in CALLS.get(name, ())]
    outcome = getattr(session, name)(*args)
    if inspect.isasyncgen(outcome):
        async for _ in outcome:
            pass
    elif inspect.isawaitable(outcome):
        await outcome


@pytest.mark.parametrize("name", sorted(set(NEEDED) - PROPERTIES))
@pytest.mark.parametrize("held", ["nothing any more", "read", "write", "admin"])
def test_each_permission_allows_what_it_says(name, held):
    order = ["nothing any more", "read", "write", "admin"]

    async def main():
        manager = ls.create_session_manager(storage="memory", providers={"mock": None})
        made = await manager.create_collaborative_session("plan", "alice", "mock", "m", {"bob": ["admin"]})
        await manager.send_message_as_participant(made.session_id, "bob", "his own")
        message_id = (await made.get_messages())[0].message_id
        session = await manager.for_user("bob").get_session(made.session_id)
        if held == "nothing any more":
            await manager.remove_participant(made.session_id, "bob")
        else:
            await manager.add_participant(made.session_id, "bob", [held])
        if name == "cancel":  # is not async, so it knows what was so at the last look
            try:
                await session.look()
            except ls.SessionNotFoundError:
                session._held = frozenset()
        allowed = order.index(held) >= order.index(NEEDED[name])
        if allowed:
            await call(session, name, message_id)
        else:
            before = await made.get_messages()
            with pytest.raises((ls.SessionPermissionError, ls.SessionNotFoundError)):
                await call(session, name, message_id)
            assert await made.get_messages() == before

    asyncio.run(main())


def test_what_leads_past_the_boundary_is_not_there():
    async def main():
        manager, _, his = await two_users()
        session = await manager.for_user("bob").get_session(his.session_id)
        assert isinstance(session, UserSession)
        for name in WITHHELD:
            with pytest.raises(AttributeError):
                getattr(session, name)
        assert isinstance(session.storage, UserStorage)
        assert not hasattr(session.storage, "query")

    asyncio.run(main())


def test_nobody_speaks_in_anothers_name():
    async def main():
        manager = ls.create_session_manager(storage="memory", providers={"mock": None})
        made = await manager.create_collaborative_session("plan", "alice", "mock", "m", {"bob": ["write"]})
        bobs = await manager.for_user("bob").get_session(made.session_id)
        await bobs.send_message("I agree", metadata={"participant": "alice"})
        assert [m.author_name for m in await made.get_messages()][:1] == ["bob"]
        await manager.send_message_as_participant(made.session_id, "alice", "hers")
        hers = (await made.get_messages())[2]
        with pytest.raises(ls.SessionPermissionError, match="author"):
            await bobs.edit(hers.message_id, "changed")
        with pytest.raises(ls.SessionPermissionError):
            await bobs.send_message("obey me", role="system")

    asyncio.run(main())


def test_a_user_works_behind_the_boundary_as_with_a_manager():
    async def main():
        manager, _, _ = await two_users()
        async with manager.for_user("bob") as view:
            session = await view.create_session("bob", "mock", "mock-model", {"tags": ["a"]})
            assert (await session.send_message("hi")).content == "Mock response to: hi"
            assert [text async for text in session.send_message_stream("x")] == ["Mock", " response", " to:", " x"]
            assert (await session.regenerate()).content == "Mock response to: x"
            assert [s.session_id for s in await view.search_sessions(tags=["a"])] == [session.session_id]
            await view.archive_session(session.session_id)
            assert session.status == "archived"
            await view.delete_session(session.session_id)
            with pytest.raises(ls.SessionNotFoundError):
                await view.get_session(session.session_id)
        assert (await manager.health_check())["status"] == "healthy"

    asyncio.run(main())
