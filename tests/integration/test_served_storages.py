"""What all that is past a file promises alike, with processes that die, crowd and forget to close."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import langswarm_nb as ls
from langswarm_nb.analytics.source import ArrowSource
from langswarm_nb.clock import new_id, now
from langswarm_nb.errors import ConfigurationError, StorageError
from langswarm_nb.models import SessionConfig, SessionContext, SessionMessage, Usage
from langswarm_nb.storage import SQLiteSessionStorage, StorageFactory, owners
from langswarm_nb.storage.duckdb import registry
from langswarm_nb.storage.schema import TABLES


@dataclass(frozen=True)
class Place:
    """Where a test's store is."""

    kind: str
    options: dict[str, Any]

    def open(self, **more: Any) -> Any:
        return StorageFactory.create(self.kind, {**self.options, **more})

    def using(self, scenario: Callable[[Any], Any], **more: Any) -> Any:
        async def main():
            storage = self.open(**more)
            try:
                return await scenario(storage)
            finally:
                await storage.close()

        return asyncio.run(main())

    def child(self, what: str, *arguments: object, options: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        script = Path(__file__).with_name("storage_child.py")
        command = [sys.executable, *options, str(script), self.kind, json.dumps(self.options), what]
        pipe = subprocess.PIPE
        return subprocess.Popen([*command, *map(str, arguments)], stdin=pipe, stdout=pipe, stderr=pipe, text=True)


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def place(request, tmp_path) -> Place:
    """A store that encrypts columns and is read as tables."""
    return place_of(request, tmp_path)


@pytest.fixture(params=["sqlite", "postgresql", "redis", "ducklake", "quack"])
def any_place(request, tmp_path) -> Place:
    """A store that several processes have open at once."""
    return place_of(request, tmp_path)


def place_of(request, tmp_path) -> Place:
    name = f"t{uuid4().hex}"
    if request.param == "sqlite":
        return Place("sqlite", {"db_path": str(tmp_path / "sessions.db")})
    if request.param == "postgresql":
        return Place("postgresql", {"url": request.getfixturevalue("postgresql_url"), "schema": name})
    if request.param == "quack":
        return Place("duckdb", {**request.getfixturevalue("quack_server").options, "lock_timeout_s": 60})
    if request.param == "ducklake":
        return Place("duckdb", {**request.getfixturevalue("lake_server").options(name), "lock_timeout_s": 60})
    return Place("redis", {"redis_url": request.getfixturevalue("valkey_url"), "key_prefix": f"{name}:"})


async def start(storage, session_id="s1", **config):
    await storage.create_session(session_id, "ada", "mock", "m", SessionConfig(**config), SessionContext(session_id))


def message(content="hello", session_id="s1", role="user", **fields) -> SessionMessage:
    return SessionMessage(fields.pop("message_id", None) or new_id(), session_id, role, content, now(), **fields)


def finish(child: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = child.communicate(timeout=60)
    return child.returncode, out, err


def hear(child: subprocess.Popen[str], word: str) -> None:
    assert child.stdout is not None
    assert child.stdout.readline().strip() == word, child.communicate()[1]


@pytest.mark.parametrize("seed", [1, 2])
def test_kill_9_loses_nothing_that_was_durable(any_place, seed):
    writer = any_place.child("write_until_killed", "s1", 6)
    assert writer.stdout is not None
    first = writer.stdout.readline().strip()
    time.sleep(random.Random(seed).random() * 0.8)
    writer.kill()
    rest = writer.stdout.read()  # communicate() would leave out what readline() has read ahead
    finish(writer)
    durable = [first, *rest.split("\n")[:-1]]  # the last line may have been cut off

    found = [m.content for m in any_place.using(lambda storage: storage.get_messages("s1"))]
    assert set(durable) <= set(found)
    assert len(found) == len(set(found))
    for task in range(6):
        numbers = [int(content.split("-")[1]) for content in found if content.startswith(f"{task}-")]
        assert numbers == list(range(len(numbers)))


def test_twenty_sessions_of_twenty_messages(any_place):
    async def scenario(storage):
        ids = [f"s{number}" for number in range(20)]
        await asyncio.gather(*(start(storage, session_id) for session_id in ids))

        async def talk(session_id):
            for number in range(20):
                await storage.add_message(session_id, message(f"{session_id} {number}", session_id))

        await asyncio.gather(*map(talk, ids))
        return {session_id: await storage.get_messages(session_id) for session_id in ids}

    for session_id, found in any_place.using(scenario).items():
        assert [m.content for m in found] == [f"{session_id} {number}" for number in range(20)]


def test_four_processes_write_to_one_session(any_place):
    any_place.using(start)
    writers = [any_place.child("write", "s1", name, 40) for name in "abcd"]
    for code, _, err in map(finish, writers):
        assert code == 0, err
    found = [m.content for m in any_place.using(lambda storage: storage.get_messages("s1"))]
    assert sorted(found) == sorted(f"{name}-{number}" for name in "abcd" for number in range(40))
    for name in "abcd":
        assert [c for c in found if c.startswith(name)] == [f"{name}-{number}" for number in range(40)]


def test_a_killed_process_leaves_its_reply_interrupted(any_place):
    message_id = new_id()
    child = any_place.child("stream_a_reply", "s1", message_id)
    hear(child, "streaming")
    child.kill()
    child.communicate()
    (found,) = any_place.using(lambda storage: storage.get_messages("s1"))
    assert (found.message_id, found.content, found.status) == (message_id, "Once upon", "interrupted")


def test_a_living_process_is_left_to_finish_its_reply(any_place):
    child = any_place.child("stream_a_reply", "s1", new_id())
    hear(child, "streaming")
    assert any_place.using(lambda storage: storage.get_messages("s1")) == []
    assert finish_after(child, "stored")[0] == 0
    (found,) = any_place.using(lambda storage: storage.get_messages("s1"))
    assert (found.content, found.status) == ("Once upon a time", "complete")


def finish_after(child: subprocess.Popen[str], word: str) -> tuple[int, str, str]:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()
    hear(child, word)
    return finish(child)


def test_a_reply_that_was_given_up_too_early_takes_its_place(any_place, monkeypatch):
    """Another machine heard nothing of the writer for too long, and was wrong."""
    half = message("Once upon", role="assistant")

    async def scenario(storage):
        await start(storage)
        await storage.checkpoint(half)
        with monkeypatch.context() as patch:
            patch.setattr(owners, "_here", set())
            # On another machine the storage would have an engine of its own.
            patch.setattr(registry, "_engines", {})
            other = any_place.open()
            (given_up,) = await other.get_messages("s1")
        await storage.add_message("s1", message("Once upon a time", role="assistant", message_id=half.message_id))
        await storage.add_message("s1", message("later", role="assistant", message_id=half.message_id))
        found = await other.get_messages("s1")
        await other.close()
        return given_up, found

    given_up, found = any_place.using(scenario)
    assert (given_up.content, given_up.status) == ("Once upon", "interrupted")
    assert [(m.content, m.status) for m in found] == [("Once upon a time", "complete")]


def test_what_is_left_in_flight_at_closing_is_interrupted(any_place):
    async def leave(storage):
        await start(storage)
        await storage.checkpoint(message("half", role="assistant"))

    any_place.using(leave)
    (found,) = any_place.using(lambda storage: storage.get_messages("s1"))
    assert (found.content, found.status) == ("half", "interrupted")


def test_ending_without_closing_is_quiet_and_loses_nothing(any_place):
    code, out, err = finish(any_place.child("leave_open", "s1", options=("-X", "dev", "-W", "error")))
    assert (code, out, err) == (0, "", "")
    found = any_place.using(lambda storage: storage.get_messages("s1"))
    assert [(m.content, m.status) for m in found] == [("kept", "complete"), ("half", "interrupted")]


def test_a_forked_process_has_connections_of_its_own(any_place):
    code, _, err = finish(any_place.child("fork", "s1"))
    assert code == 0, err
    found = [m.content for m in any_place.using(lambda storage: storage.get_messages("s1"))]
    assert sorted(found) == ["again", "child", "parent"]


def test_a_closed_storage_says_so(any_place):
    async def scenario(storage):
        await start(storage)
        await storage.close()
        with pytest.raises(StorageError, match="closed"):
            await storage.add_message("s1", message())
        with pytest.raises(StorageError, match="closed"):
            await storage.get_messages("s1")
        return await storage.health_check()

    assert any_place.using(scenario)["status"] == "unhealthy"


def test_the_same_id_again_is_refused_unless_it_is_the_same_session(any_place):
    async def scenario(storage):
        await start(storage)
        with pytest.raises(ls.SessionStateError, match="s1 already"):
            await start(storage)
        with pytest.raises(ConfigurationError, match=r"no .*'nonsense'"):
            await storage.update_session("s1", {"nonsense": 1})

    any_place.using(scenario)


def test_replacing_messages_and_forgetting_a_users_events(place):
    async def scenario(storage):
        await start(storage)
        old = message("old")
        await storage.add_message("s1", old)
        await storage.checkpoint(message("half", role="assistant"))
        await storage.replace_messages("s1", [old, *(message(str(number)) for number in range(500))])
        replaced = [m.content for m in await storage.get_messages("s1")]
        await storage.replace_messages("s1", [])
        for user, session_id in (("ada", "s1"), ("grace", "s1"), ("ada", None)):
            await storage.add_event("feedback", session_id, user_id=user)
        await storage.delete_events(user_id="ada")
        with pytest.raises(ls.SessionNotFoundError):
            await storage.replace_messages("nobody", [message()])
        return replaced, await storage.get_all_messages("s1"), [e["user_id"] for e in await storage.list_events()]

    replaced, emptied, events = place.using(scenario)
    assert replaced == ["old", *(str(number) for number in range(500))]
    assert emptied == []
    assert events == ["grace"]


# --- encryption ---


async def tell_secrets(storage):
    await start(storage, name="secret-title", description="secret-description", system_prompt="secret-prompt")
    sent = message(
        "secret-content",
        role="assistant",
        metadata={"a": "secret-metadata"},
        provider_metadata={"b": "secret-request"},
        parts=[{"type": "reasoning", "text": "secret-thought"}],
        error_message="secret-error",
    )
    await storage.add_message("s1", sent)
    await storage.checkpoint(message("secret-draft", role="assistant"))
    await storage.update_session(
        "s1", {"title": "secret-title-2", "context": {"user_context": {"x": "secret-context"}}}
    )
    await storage.add_event("feedback", "s1", payload={"comment": "secret-comment"})


def everything_stored(place: Place) -> bytes:
    if place.kind == "sqlite":
        return b"".join(path.read_bytes() for path in Path(place.options["db_path"]).parent.iterdir())
    if place.kind == "postgresql":
        import psycopg

        with closing(psycopg.connect(place.options["url"])) as connection:
            rows = [
                connection.execute(f'SELECT t::text FROM "{place.options["schema"]}".{table} t').fetchall()
                for table in (*TABLES, "checkpoints", "meta")
            ]
        return repr(rows).encode()
    import redis

    with closing(redis.Redis.from_url(place.options["redis_url"])) as client:
        keys = list(client.scan_iter(f"{place.options['key_prefix']}*"))
        return (
            b"".join(client.dump(key) for key in keys)
            + repr([client.hgetall(k) for k in keys if client.type(k) == b"hash"]).encode()
        )


def test_nothing_that_was_said_can_be_read_without_the_key(place):
    storage = place.open(encryption_key="k1")
    asyncio.run(tell_secrets(storage))
    assert b"secret-" not in everything_stored(place)
    assert b"ada" in everything_stored(place)
    tables = storage.export_tables()
    assert tables["messages"]["content"].to_pylist() == ["secret-content"]
    assert json.loads(tables["messages"]["parts"][0].as_py())[0]["text"] == "secret-thought"
    assert tables["sessions"]["title"].to_pylist() == ["secret-title-2"]
    assert json.loads(tables["events"]["payload"][0].as_py()) == {"comment": "secret-comment"}
    asyncio.run(storage.close())

    async def read(again):
        record = await again.get_session("s1")
        found = await again.list_sessions(text="SECRET-CONTENT")
        return record, found, await again.list_sessions(text="elsewhere"), await again.get_messages("s1")

    record, found, nothing, messages = place.using(read, encryption_key="k1")
    assert record["config"]["system_prompt"] == "secret-prompt"
    assert record["context"]["user_context"] == {"x": "secret-context"}
    assert [r["title"] for r in found] == ["secret-title-2"]
    assert nothing == []
    assert [m.content for m in messages] == ["secret-content", "secret-draft"]


@pytest.mark.parametrize(("made_with", "opened_with"), [("k1", "k2"), ("k1", None), (None, "k1")])
def test_a_wrong_key_is_refused_and_changes_nothing(place, made_with, opened_with):
    place.using(start, encryption_key=made_with)
    before = everything_stored(place) if place.kind != "sqlite" else Path(place.options["db_path"]).read_bytes()

    async def scenario(storage):
        for _ in range(2):
            with pytest.raises(StorageError, match="encrypt") as caught:
                await storage.get_session("s1")
            assert "k1" not in str(caught.value)
            assert "k2" not in str(caught.value)
        with pytest.raises(StorageError, match="encrypt"):
            await storage.add_message("s1", message())
        return await storage.health_check()

    assert place.using(scenario, encryption_key=opened_with)["status"] == "unhealthy"
    after = everything_stored(place) if place.kind != "sqlite" else Path(place.options["db_path"]).read_bytes()
    assert before == after
    assert place.using(lambda storage: storage.get_session("s1"), encryption_key=made_with) is not None


def test_two_processes_agree_on_the_key_of_a_new_store(place):
    async def scenario(storage):
        others = [place.open(encryption_key="k1") for _ in range(4)]
        await asyncio.gather(*(start(each, f"s{number}") for number, each in enumerate([storage, *others])))
        found = [len(await each.list_sessions()) for each in [storage, *others]]
        for each in others:
            await each.close()
        return found

    assert place.using(scenario, encryption_key="k1") == [5] * 5


def test_an_empty_key_is_a_mistake(place):
    with pytest.raises(ConfigurationError, match="encryption_key is empty"):
        place.open(encryption_key="")


# --- backup, and frames ---


async def fill(storage):
    for number in range(3):
        await start(storage, f"s{number}", name=f"Zürich {number}", tags=["a", 'with "quotes", and commas'])
        for turn in range(20):
            await storage.add_message(
                f"s{number}", message(f'line\nline, "{turn}"', f"s{number}", metadata={"n": turn})
            )
            await storage.add_message(
                f"s{number}",
                message(
                    "" if turn else "\\N",
                    f"s{number}",
                    "assistant",
                    usage=Usage(10, 20, 3),
                    cost_usd=ls.storage.rows.money("0.000123456"),
                    completed_at=now(),
                    duration_s=0.25,
                ),
            )
    await storage.set_active_branch("s0", [m.message_id for m in await storage.get_messages("s0", limit=5)])
    await storage.add_event("feedback", "s0", payload={"up": True})
    await storage.add_event("import", payload={"files": 2})


@pytest.mark.parametrize("key", [None, "k1"])
def test_a_backup_is_a_sqlite_store(place, tmp_path, key):
    target = tmp_path / "backups" / "copy.db"

    async def make(storage):
        await fill(storage)
        assert await storage.backup_database(target) == str(target)
        assert await storage.backup_database(target) == str(target)
        return [await read_all(storage, f"s{n}") for n in range(3)], await storage.list_events()

    async def read(storage):
        return [await read_all(storage, f"s{n}") for n in range(3)], await storage.list_events()

    async def read_all(storage, session_id):
        record = await storage.get_session(session_id)
        return record, [m.to_dict() for m in await storage.get_all_messages(session_id)]

    made = place.using(make, encryption_key=key)
    copy = Place("sqlite", {"db_path": str(target)})
    assert copy.using(read, encryption_key=key) == made
    assert [path.name for path in target.parent.iterdir() if "part" in path.name] == []


@pytest.mark.parametrize("key", [None, "k1"])
def test_tables_say_what_the_methods_say(place, key):
    async def scenario(storage):
        await fill(storage)
        tables = await asyncio.to_thread(storage.export_tables)
        records = {record["session_id"]: record for record in await storage.list_sessions()}
        messages = {m.message_id: m for n in range(3) for m in await storage.get_all_messages(f"s{n}")}
        return tables, records, messages, await storage.list_events()

    tables, records, messages, events = place.using(scenario, encryption_key=key)
    for name, table in tables.items():
        assert table.schema.names == list(TABLES[name])
    rows = {row["message_id"]: row for row in tables["messages"].to_pylist()}
    assert rows.keys() == messages.keys()
    for message_id, found in messages.items():
        row = rows[message_id]
        for name in (
            "session_id",
            "seq",
            "role",
            "content",
            "is_active_branch",
            "cost_usd",
            "duration_s",
            "completed_at",
        ):
            assert row[name] == getattr(found, name), name
        assert row["created_at"] == found.timestamp
        assert row["input_tokens"] == found.usage.input_tokens
        assert row["parent_id"] is None
        assert json.loads(row["metadata"]) == found.metadata
    for row in tables["sessions"].to_pylist():
        record = records[row["session_id"]]
        assert (row["title"], row["tags"], row["created_at"]) == (record["title"], record["tags"], record["created_at"])
        assert json.loads(row["config"]) == record["config"]
    assert sorted(row["event_id"] for row in tables["events"].to_pylist()) == [e["event_id"] for e in events]

    source = ArrowSource(tables)
    summary = source.query(
        "SELECT session_id, message_count, cost_usd FROM session_summary ORDER BY session_id"
    ).to_pylist()
    source.close()
    assert [row["message_count"] for row in summary] == [records[row["session_id"]]["message_count"] for row in summary]
    assert [row["message_count"] for row in summary] == [5, 40, 40]


def test_tables_of_an_empty_store(place):
    storage = place.open()
    assert [table.num_rows for table in storage.export_tables().values()] == [0, 0, 0]
    asyncio.run(storage.close())


def test_frames_and_a_manager(any_place):
    async def scenario(storage):
        manager = ls.create_session_manager(storage)
        session = await manager.create_session("ada", "mock", "mock-model")
        await session.send_message("hello")
        return session.session_id

    session_id = any_place.using(scenario)
    storage = any_place.open()
    frame = ls.messages(source=storage)
    assert list(frame["role"]) == ["user", "assistant"]
    asyncio.run(storage.close())

    async def go_on(again):
        session = await ls.create_session_manager(again).get_session(session_id)
        await session.send_message("and again")
        return [m.seq for m in await session.get_messages()]

    assert any_place.using(go_on) == [1, 2, 3, 4]


def test_statistics_and_tidying(any_place):
    async def scenario(storage):
        await fill(storage)
        stats = await storage.get_database_stats()
        tidied = await storage.optimize_database()
        return stats, tidied, await storage.health_check(), await storage.list_events(kinds=["import"], limit=1)

    stats, tidied, health, events = any_place.using(scenario)
    assert (stats["sessions"], stats["messages"], stats["events"]) == (3, 120, 2)
    assert stats["size_bytes"] > 0
    assert tidied["optimized"] is True
    assert health["status"] == "healthy"
    assert [event["payload"] for event in events] == [{"files": 2}]


def test_urls_name_storages(place):
    location = place.options.get("url") or place.options.get("redis_url") or f"sqlite:///{place.options['db_path']}"
    storage = StorageFactory.create(location)
    assert type(storage) is type(place.open())
    assert not isinstance(storage, SQLiteSessionStorage) or str(storage.db_path) == place.options["db_path"]
