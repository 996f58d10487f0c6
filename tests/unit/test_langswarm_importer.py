"""Sessions from LangSwarm's own stores."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from datetime import UTC, datetime

import pytest

import langswarm_nb as ls
from langswarm_nb.importers.langswarm import LangSwarmBridge, migrate_langswarm


def second_store(path, sessions=(("session_ada_1", "ada"), ("session_bob_2", "bob"))):
    """Write a store as LangSwarm 0.1.0 does."""
    with sqlite3.connect(path) as store:
        store.executescript("""
            CREATE TABLE sessions (session_id TEXT PRIMARY KEY, user_id TEXT NOT NULL, provider TEXT NOT NULL,
                model TEXT NOT NULL, backend TEXT NOT NULL, context_data TEXT NOT NULL,
                created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
            CREATE TABLE session_messages (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL,
                message_id TEXT NOT NULL, role TEXT NOT NULL, content TEXT NOT NULL, timestamp TIMESTAMP NOT NULL,
                metadata TEXT, provider_message_id TEXT, token_count INTEGER, finish_reason TEXT);
            CREATE TABLE session_metrics (session_id TEXT PRIMARY KEY, message_count INTEGER DEFAULT 0);
        """)
        for session_id, user_id in sessions:
            context = {
                "session_id": session_id,
                "backend": "hybrid",
                "provider_session_id": "thread_1",
                "max_messages": 100,
            }
            store.execute(
                "INSERT INTO sessions VALUES (?, ?, 'mock', 'gpt-4o', 'hybrid', ?, '2025-05-01 12:00:00', ?)",
                [session_id, user_id, json.dumps(context), "2025-05-01 12:00:00.250000"],
            )
            add_second(store, session_id, "msg_1", "user", f"hello from {user_id}", "2025-05-01 10:00:00.5", "{}")
            add_second(
                store, session_id, "msg_2", "assistant", "hi", "2025-05-01 10:00:01", '{"api_key": "sk-x", "a": 1}'
            )
    store.close()
    return path


def add_second(store, session_id, message_id, role, content, timestamp, metadata):
    tokens = 7 if role == "assistant" else None
    store.execute(
        "INSERT INTO session_messages (session_id, message_id, role, content, timestamp, metadata, token_count,"
        " finish_reason) VALUES (?, ?, ?, ?, ?, ?, ?, 'stop')",
        [session_id, message_id, role, content, timestamp, metadata, tokens],
    )


def first_store(path):
    """Write a store as LangSwarm's first session layer did."""
    with sqlite3.connect(path) as store:
        store.execute("""CREATE TABLE sessions (session_id TEXT PRIMARY KEY, user_id TEXT NOT NULL,
            provider TEXT NOT NULL, model TEXT NOT NULL, status TEXT NOT NULL, session_control TEXT NOT NULL,
            created_at TEXT NOT NULL, updated_at TEXT NOT NULL, last_activity TEXT, metadata TEXT NOT NULL,
            history TEXT NOT NULL)""")
        about = {"tags": ["work"], "provider_thread_id": "thread_9", "custom_metadata": {"team": "x"}}
        call = {"id": "c1", "function": {"name": "look", "arguments": '{"at": "sky"}'}}
        times = ["2024-03-01T09:00:00", "2024-03-01T09:00:05", "2024-03-01T09:00:06"]
        history = {
            "summary": "short", "truncated_at": "2024-03-01T10:00:00",
            "messages": [
                {"id": "a", "role": "user", "content": "what is up?", "timestamp": times[0], "metadata": {}},
                {"id": "b", "role": "assistant", "content": "", "timestamp": times[1], "tool_calls": [call]},
                {"id": "c", "role": "function", "content": "blue", "timestamp": times[2], "tool_call_id": "c1"},
                {"id": "d", "role": "oracle", "content": "?", "timestamp": times[2]},
                {"id": "e", "role": "assistant", "content": "The sky.", "timestamp": "nonsense"},
            ],
        }  # fmt: skip
        row = ["old_1", "ada", "openai", "gpt-4", "expired", "hybrid", *times, json.dumps(about), json.dumps(history)]
        store.execute(f"INSERT INTO sessions VALUES ({', '.join('?' * 11)})", row)
        store.execute(f"INSERT INTO sessions VALUES ({', '.join('?' * 11)})", ["old_2", *row[1:10], "{broken"])
    store.close()
    return path


def new_manager(**kwargs):
    return ls.create_session_manager(**{"storage": "memory", "providers": {"mock": None}, **kwargs})


def test_the_second_layers_store_moves_as_it_is(tmp_path):
    async def main():
        manager = new_manager()
        path = second_store(tmp_path / "langswarm_sessions.db")
        plan = await migrate_langswarm(path, manager, dry_run=True)
        assert (plan.sessions_moved, plan.messages_moved) == (2, 4)
        assert await manager.search_sessions() == []
        report = await migrate_langswarm(path, manager)
        assert (report.sessions_moved, report.messages_moved, report.skipped) == (2, 4, [])
        assert "2 sessions and 4 messages moved" in str(report)
        session = await manager.get_session("session_ada_1")
        question, reply = await session.get_messages()
        assert question.timestamp == datetime(2025, 5, 1, 10, 0, 0, 500_000, UTC)
        assert session.created_at == question.timestamp
        assert (reply.content, reply.token_count, reply.finish_reason) == ("hi", 7, "stop")
        assert (reply.metadata, reply.parent_id, reply.seq, reply.turn) == ({"a": 1}, question.message_id, 2, 1)
        assert (reply.source, reply.source_id) == ("langswarm", "session_ada_1/msg_2")
        # The talk goes on, and the model is told what was said.
        await session.send_message("again")
        assert session.provider_session.history[0] == ("user", "hello from ada")
        assert [m.seq for m in await session.get_messages()] == [1, 2, 3, 4]

    asyncio.run(main())


def test_running_it_again_changes_nothing_and_brings_what_is_new(tmp_path):
    async def main():
        manager = new_manager()
        path = second_store(tmp_path / "s.db")
        await migrate_langswarm(path, manager)
        again = await migrate_langswarm(path, manager)
        assert (again.sessions_moved, again.sessions_already_here) == (0, 2)
        assert (again.messages_moved, again.messages_already_here) == (0, 4)
        with sqlite3.connect(path) as store:
            for session_id in ("session_ada_1", "session_bob_2"):
                add_second(store, session_id, "msg_3", "user", "later", "2025-05-02 10:00:00", None)
        store.close()
        await (await manager.get_session("session_bob_2")).send_message("meanwhile, here")
        third = await migrate_langswarm(path, manager)
        assert third.messages_moved == 1
        assert third.notes == [("session_bob_2", "went on here; 1 later messages of the old store stay there")]
        assert [m.content for m in await (await manager.get_session("session_ada_1")).get_messages()][-1] == "later"

    asyncio.run(main())


def test_the_first_layers_store(tmp_path, monkeypatch):
    async def main():
        manager = new_manager()
        report = await migrate_langswarm(first_store(tmp_path / "old.db"), manager)
        assert report.sessions_moved == 1
        assert report.messages_moved == 4
        assert [(session_id, reason.split(":")[0]) for session_id, reason in report.skipped] == [
            ("old_1", "message d"), ("old_2", "the session cannot be understood"),
        ]  # fmt: skip
        assert {note for _, note in report.notes} == {
            "message e: its time was unreadable", "the old store had shortened its history",
        }  # fmt: skip
        session = await manager.get_session("old_1")
        assert session.status == "archived"
        assert session.config.tags == ["work"]
        assert session.config.metadata["langswarm"]["provider_thread_id"] == "thread_9"
        messages = await session.get_messages()
        assert [m.role for m in messages] == ["user", "assistant", "tool", "assistant"]
        assert messages[1].parts == [{"type": "tool_call", "id": "c1", "name": "look", "arguments": {"at": "sky"}}]
        assert messages[0].timestamp == datetime(2024, 3, 1, 9).astimezone(UTC)

    asyncio.run(main())


def test_a_bridge_moves_each_session_on_first_use(tmp_path):
    async def main():
        manager = new_manager()
        path = second_store(tmp_path / "s.db")
        manager.add_bridge(LangSwarmBridge(path))
        assert (await manager.get_session("session_ada_1")).message_count == 2
        assert len(await manager.search_sessions()) == 1
        assert [s.session_id for s in await manager.get_user_sessions("bob")] == ["session_bob_2"]
        assert len(await manager.search_sessions()) == 2
        with pytest.raises(ls.SessionNotFoundError):
            await manager.get_session("session_nobody")

    asyncio.run(main())


def test_an_id_that_is_taken_is_left_alone(tmp_path):
    async def main():
        manager = new_manager()
        mine = await manager.create_session("zoe", "mock", "m")
        path = second_store(tmp_path / "s.db", [(mine.session_id, "ada")])
        report = await migrate_langswarm(path, manager)
        assert report.skipped == [(mine.session_id, "another session has this id here")]
        assert await mine.get_messages() == []

    asyncio.run(main())


def test_what_is_no_such_store(tmp_path):
    (tmp_path / "text.db").write_text("not a database at all, only some words in a file")
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE t (a)").connection.close()
    for name, error in (
        ("none.db", ls.ConfigurationError),
        ("text.db", ls.StorageCorruptError),
        ("other.db", ls.StorageCorruptError),
    ):
        with pytest.raises(error, match=name):
            asyncio.run(migrate_langswarm(tmp_path / name, new_manager()))
    with pytest.raises(ls.ConfigurationError):
        LangSwarmBridge(tmp_path / "none.db")
