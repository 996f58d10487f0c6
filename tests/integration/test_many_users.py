"""People in several kernels on one DuckDB store: word reaches everybody, boundaries hold, what is deleted is gone."""

from __future__ import annotations

import asyncio

import pytest
from test_shared_sessions import elsewhere, new_manager

import langswarm_nb as ls


def path_bytes(folder):
    """Return every byte of every file in the folder."""
    return b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())


def test_a_participant_is_let_in_by_another_kernel_and_word_of_it_comes(tmp_path):
    async def main():
        path = tmp_path / "store.duckdb"
        async with new_manager(path) as manager:
            session = await manager.create_collaborative_session("plan", "alice", "mock", "mock-model")
            with pytest.raises(ls.SessionNotFoundError):
                await manager.for_user("bob").get_session(session.session_id)
            heard = []

            async def listen():
                async for event in manager.session_events(poll_s=0.2):
                    heard.append((event.kind, event.user_id))  # noqa: PERF401

            listening = asyncio.create_task(listen())
            await asyncio.sleep(0.1)
            await elsewhere(path, "join", session.session_id, "bob", "write")
            async with asyncio.timeout(30):
                while ("participant.added", "bob") not in heard:  # noqa: ASYNC110 - another process says it
                    await asyncio.sleep(0.05)
            listening.cancel()
            bobs = await manager.for_user("bob").get_session(session.session_id)
            await bobs.send_message("here I am")
            assert (await session.get_messages())[0].author_name == "bob"
            assert [e.kind for e in await manager.get_notifications("alice")] == ["participant.added", "message.posted"]

    asyncio.run(main())


def test_the_boundary_on_a_real_store(tmp_path):
    async def main():
        async with new_manager(tmp_path / "store.duckdb") as manager:
            hers = await manager.create_session("alice", "mock", "mock-model")
            await hers.send_message("her secret")
            view = manager.for_user("bob")
            assert await view.search_sessions(text="secret") == []
            assert await view.storage.get_all_messages(hers.session_id) == []
            assert (await view.get_analytics()).total_messages == 0
            assert await view.export_sessions() == "[]"
            assert len(ls.messages(view)) == 0
            with pytest.raises(ls.SessionNotFoundError):
                await view.delete_session(hers.session_id)

    asyncio.run(main())


def test_what_is_deleted_is_gone_from_the_file_and_its_backup(tmp_path):
    async def main():
        path, copy = tmp_path / "store.duckdb", tmp_path / "backup.duckdb"
        async with new_manager(path) as manager:
            kept = await manager.create_session("alice", "mock", "mock-model")
            await kept.send_message("the kept words")
            gone = await manager.create_session("bob", "mock", "mock-model")
            await gone.send_message("zanzibar sunset")
            await manager.backup(copy)
            assert b"zanzibar" in copy.read_bytes()
            report = await manager.delete_user("bob")
            assert (report.sessions, report.backups, report.failed) == ([gone.session_id], [str(copy)], {})
            async with ls.create_session_manager(copy, providers={"mock": None}) as backup:
                assert [s.user_id for s in await backup.search_sessions()] == ["alice"]
            await kept.send_message("and on")
            assert kept.message_count == 4
        assert [s["user_id"] for s in ls.sessions(str(path)).to_dict("records")] == ["alice"]

    asyncio.run(main())
    assert b"zanzibar" not in path_bytes(tmp_path)
