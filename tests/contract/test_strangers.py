"""Behind `manager.for_user`, on every storage: nothing of another user is read, listed, counted, changed or removed."""

from __future__ import annotations

import asyncio
import json

import pytest
from strangers import SECRET, TRIES, two_users

import langswarm_nb as ls


def test_a_stranger_is_refused_whatever_the_method(make_storage, is_complete):
    async def main():
        manager, hers, _ = await two_users(make_storage(), with_context=is_complete)
        before = await hers.export_conversation()
        for name, attempt in TRIES.items():
            with pytest.raises((ls.SessionNotFoundError, ls.SessionPermissionError)) as caught:
                await attempt(manager.for_user("bob"), hers.session_id)
            assert SECRET not in str(caught.value), name
            assert "plan" not in str(caught.value), name
        hers = await manager.get_session(hers.session_id)
        assert await hers.export_conversation() == before
        await manager.close()

    asyncio.run(main())


def test_what_a_view_answers_tells_of_its_user_only(make_storage, is_complete):
    if not is_complete:
        pytest.skip("a minimal storage can list nothing, for anybody")

    async def main():
        manager, hers, _ = await two_users(make_storage())
        view = manager.for_user("bob")
        answers = [
            await view.get_user_sessions(),
            await view.search_sessions(),
            await view.search_sessions(text="eagle"),
            await view.search_sessions(tags=["plan"]),
            json.loads(await view.export_sessions()),
            await view.get_notifications(),
            await view.storage.list_sessions(user_id="alice"),
            await view.storage.list_events(),
        ]
        assert [len(answer) for answer in answers] == [1, 1, 0, 0, 1, 0, 0, 0]
        assert SECRET not in repr(answers)
        assert hers.session_id not in repr(answers)
        report = await view.get_analytics()
        assert (report.total_sessions, report.total_messages, report.unique_users) == (1, 2, 1)
        return manager

    manager = asyncio.run(main())
    view = manager.for_user("bob")
    assert set(ls.sessions(view)["user_id"]) == {"bob"}
    assert SECRET not in ls.messages(view).to_csv()
    assert ls.sql("select count(*) as n from messages", view)["n"].item() == 2
    asyncio.run(manager.close())
