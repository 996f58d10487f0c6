"""What every storage promises, in the words of ISessionStorage."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from langswarm_nb.clock import new_id, now
from langswarm_nb.errors import SessionNotFoundError, StorageError
from langswarm_nb.models import SessionConfig, SessionContext, SessionMessage, Usage

PAST = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def message(session_id="s1", content="hello", role="user", **fields) -> SessionMessage:
    return SessionMessage(new_id(), session_id, role, content, fields.pop("timestamp", now()), **fields)


@pytest.fixture
def with_storage(make_storage):
    """Run `scenario(storage)` on a storage with one session, s1, and close it."""

    def run(scenario):
        async def main():
            storage = make_storage()
            try:
                await start(storage, "s1")
                return await scenario(storage)
            finally:
                await storage.close()

        return asyncio.run(main())

    return run


async def start(storage, session_id, user_id="ada", provider="mock", **config):
    await storage.create_session(
        session_id, user_id, provider, "mock-model", SessionConfig(**config), SessionContext(session_id, {"lang": "en"})
    )


def contents(messages) -> list[str]:
    return [found.content for found in messages]


# --- what must be there ---


def test_a_session_comes_back(with_storage):
    async def scenario(storage):
        await start(storage, "s2", "grace", "openai", name="Trip", tags=["a", "b"], max_messages=5)
        return await storage.get_session("s2"), await storage.get_session("nobody")

    record, missing = with_storage(scenario)
    assert missing is None
    assert (record["user_id"], record["provider"], record["model"]) == ("grace", "openai", "mock-model")
    assert record["status"] == "active"
    assert record["config"]["max_messages"] == 5
    assert record["context"]["user_context"] == {"lang": "en"}
    json.dumps([record["config"], record["context"]])


def test_messages_come_back_in_the_order_they_were_added(with_storage):
    async def scenario(storage):
        for number in range(30):
            await storage.add_message("s1", message(content=str(number)))
        return await storage.get_messages("s1")

    assert contents(with_storage(scenario)) == [str(number) for number in range(30)]


def test_a_message_comes_back_whole(with_storage):
    sent = message(
        role="assistant",
        content="Grüße 🎉\n```python\nx = 'a\"b'\n```\ttab",
        timestamp=PAST,
        metadata={"nested": {"list": [1, 2.5, None, True]}, "ü": "🙂"},
        provider_message_id="msg_1",
        provider_metadata={"request": "req_1"},
        parent_id="p",
        seq=7,
        turn=3,
        author_name="Bot",
        parts=[{"type": "reasoning", "text": "hm"}],
        provider="openai",
        request_model="gpt",
        response_model="gpt-2026",
        finish_reason="stop",
        usage=Usage(10, 20, 3, 4, 5),
        cost_usd=Decimal("0.001234567"),
        cost_source="provider",
        completed_at=PAST + timedelta(seconds=2),
        duration_s=2.0,
        time_to_first_chunk_s=0.25,
        temperature=0.5,
        max_tokens=100,
        reasoning_level="low",
        source="chatgpt",
        source_id="x-1",
    )

    async def scenario(storage):
        await storage.add_message("s1", sent)
        return await storage.get_messages("s1")

    (found,) = with_storage(scenario)
    assert found.to_dict() == sent.to_dict()
    assert found.timestamp.utcoffset() == timedelta(0)


def test_writing_a_message_twice_keeps_the_first(with_storage):
    sent = message()

    async def scenario(storage):
        await storage.add_message("s1", sent)
        await storage.add_message("s1", replace(sent, content="changed"))
        await asyncio.gather(*(storage.add_message("s1", sent) for _ in range(5)))
        return await storage.get_messages("s1")

    assert contents(with_storage(scenario)) == ["hello"]


def test_limit_role_and_since(with_storage):
    async def scenario(storage):
        for number in range(6):
            role = "user" if number % 2 == 0 else "assistant"
            await storage.add_message(
                "s1", message(content=str(number), role=role, timestamp=PAST + timedelta(hours=number))
            )
        return [
            contents(await storage.get_messages("s1", **conditions))
            for conditions in (
                {"limit": 2},
                {"limit": 0},
                {"limit": 99},
                {"role": "user"},
                {"role": "user", "limit": 1},
                {"since": PAST + timedelta(hours=4)},
                {"role": "nobody"},
            )
        ]

    assert with_storage(scenario) == [["4", "5"], [], list("012345"), ["0", "2", "4"], ["4"], ["4", "5"], []]


def test_the_callers_values_are_copied(with_storage):
    sent = message(metadata={"a": [1]})

    async def scenario(storage):
        await storage.add_message("s1", sent)
        sent.content = "changed"
        sent.metadata["a"].append(2)
        (found,) = await storage.get_messages("s1")
        return found

    found = with_storage(scenario)
    assert (found.content, found.metadata) == ("hello", {"a": [1]})


def test_many_at_once(with_storage):
    async def scenario(storage):
        sessions = [f"c{number}" for number in range(10)]
        await asyncio.gather(*(start(storage, session_id) for session_id in sessions))

        async def talk(session_id):
            for number in range(20):
                await storage.add_message(session_id, message(session_id, f"{session_id} {number}"))

        await asyncio.gather(*map(talk, sessions))
        return {session_id: contents(await storage.get_messages(session_id)) for session_id in sessions}

    for session_id, found in with_storage(scenario).items():
        assert found == [f"{session_id} {number}" for number in range(20)]


def test_several_messages_in_one_call(with_storage):
    sent = [message(content=str(number)) for number in range(700)]

    async def scenario(storage):
        await storage.add_messages("s1", sent[:3])
        await storage.add_messages("s1", sent)
        await storage.add_messages("s1", [])
        return await storage.get_messages("s1")

    assert contents(with_storage(scenario)) == [str(number) for number in range(700)]


def test_from_several_threads_and_loops(with_storage):
    async def scenario(storage):
        threads = [
            threading.Thread(target=lambda n=n: asyncio.run(storage.add_message("s1", message(content=str(n)))))
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            await asyncio.to_thread(thread.join)
        return await storage.get_messages("s1")

    assert sorted(contents(with_storage(scenario))) == list("01234567")


def test_health_and_closing_twice(with_storage):
    async def scenario(storage):
        health = await storage.health_check()
        await storage.close()
        return health

    assert with_storage(scenario)["status"] == "healthy"


# --- what a storage may have besides ---


@pytest.mark.parametrize(
    "text",
    ["", " ", "a\0b", "\ud83d", "\ud83d\ude00", "x" * 300_000, "'; DROP TABLE messages; --", "\u202e\u0000é\r\n"],
)
def test_any_text_can_be_stored(with_storage, is_complete, text):
    if not is_complete:
        pytest.skip("a minimal storage promises nothing here")

    async def scenario(storage):
        sent = message(content=text, metadata={"text": text, text: [text]}, author_name=text)
        await storage.add_message("s1", sent)
        return await storage.get_messages("s1")

    (found,) = with_storage(scenario)
    assert len(found.content) in (len(text), len(text) - 1)
    if text.isprintable() and text.isascii():
        assert (found.content, found.metadata["text"]) == (text, text)


def test_values_that_json_does_not_know(with_storage, is_complete):
    if not is_complete:
        pytest.skip("a minimal storage promises nothing here")
    odd = {
        "when": PAST,
        "nan": float("nan"),
        "set": {1},
        "bytes": b"x",
        "object": object(),
        5: Decimal("1.5"),
        "t": (1, 2),
    }

    async def scenario(storage):
        await storage.add_message("s1", message(metadata=odd, provider_metadata=odd))
        return await storage.get_messages("s1")

    assert len(with_storage(scenario)) == 1


def test_naive_times_are_local_times(with_storage):
    naive = datetime(2026, 7, 1, 8, 30)

    async def scenario(storage):
        await storage.add_message("s1", message(timestamp=naive))
        return await storage.get_messages("s1")

    (found,) = with_storage(scenario)
    assert found.timestamp == naive.astimezone(UTC)


def test_counts_and_time_of_a_message_without_usage(with_storage):
    async def scenario(storage):
        await storage.add_message("s1", message(role="assistant", token_count=12, processing_time_ms=345.0))
        return await storage.get_messages("s1")

    (found,) = with_storage(scenario)
    assert (found.token_count, found.processing_time_ms) == (12, 345.0)


def test_a_message_to_no_session(with_storage, is_complete):
    if not is_complete:
        pytest.skip("a minimal storage promises nothing here")

    async def scenario(storage):
        with pytest.raises(SessionNotFoundError):
            await storage.add_message("nobody", message("nobody"))
        with pytest.raises(SessionNotFoundError):
            await storage.update_session("nobody", {"title": "x"})
        return await storage.get_messages("nobody")

    assert with_storage(scenario) == []


def test_missing_methods_are_named(with_storage, is_complete):
    if is_complete:
        pytest.skip("nothing is missing")

    async def scenario(storage):
        with pytest.raises(StorageError, match=r"MinimalStorage has no delete_session\(\)"):
            await storage.delete_session("s1")
        with pytest.raises(StorageError, match="list_sessions"):
            await storage.list_sessions()
        await storage.checkpoint(message())
        await storage.add_event("feedback", "s1")

    with_storage(scenario)


def test_updating_a_session(with_storage, is_complete):
    if not is_complete:
        pytest.skip("a minimal storage promises nothing here")

    async def scenario(storage):
        before = await storage.get_session("s1")
        await storage.update_session(
            "s1",
            {"status": "archived", "title": "New", "tags": ["x"], "config": {"a": 1}, "provider_session_id": "conv_1"},
        )
        context = SessionContext("s1", {"theme": "dark"}, version=2)
        await storage.update_context("s1", context)
        return before, await storage.get_session("s1")

    before, after = with_storage(scenario)
    assert (after["status"], after["title"], after["tags"]) == ("archived", "New", ["x"])
    assert (after["config"], after["provider_session_id"]) == ({"a": 1}, "conv_1")
    assert after["context"]["user_context"] == {"theme": "dark"}
    assert after["created_at"] == before["created_at"]
    assert after["updated_at"] > before["updated_at"]


def test_records_count_the_active_branch(with_storage, is_complete):
    if not is_complete:
        pytest.skip("a minimal storage promises nothing here")

    async def scenario(storage):
        sent = [message(content=str(number)) for number in range(4)]
        await storage.add_messages("s1", sent)
        await storage.set_active_branch("s1", [sent[0].message_id, sent[3].message_id])
        record = await storage.get_session("s1")
        return record, contents(await storage.get_messages("s1")), contents(await storage.get_all_messages("s1"))

    record, active, everything = with_storage(scenario)
    assert record["message_count"] == 2
    assert record["last_activity"].utcoffset() == timedelta(0)
    assert active == ["0", "3"]
    assert everything == ["0", "1", "2", "3"]


def test_clearing_and_deleting(with_storage, is_complete):
    if not is_complete:
        pytest.skip("a minimal storage promises nothing here")

    async def scenario(storage):
        await start(storage, "s2")
        again = message()
        await storage.add_message("s1", again)
        await storage.add_message("s2", message("s2"))
        await storage.clear_messages("s1")
        cleared = await storage.get_messages("s1")
        await storage.add_message("s1", again)
        written_again = await storage.get_messages("s1")
        await storage.delete_session("s1")
        await storage.delete_session("s1")
        return cleared, written_again, await storage.get_session("s1"), await storage.get_messages("s2")

    cleared, written_again, deleted, other = with_storage(scenario)
    assert cleared == []
    assert len(written_again) == 1
    assert deleted is None
    assert len(other) == 1


def test_finding_sessions(with_storage, is_complete):
    if not is_complete:
        pytest.skip("a minimal storage promises nothing here")

    async def scenario(storage):
        await start(storage, "s2", "grace", "openai", name="Trip to Oslo", tags=["travel", "north"])
        await start(storage, "s3", "grace", "mock", description="100% _sure_", tags=["travel"])
        await storage.add_message("s1", message(content="The Opera House"))
        await storage.update_session("s3", {"status": "archived"})
        conditions = [
            {},
            {"user_id": "grace"},
            {"provider": "openai"},
            {"status": "archived"},
            {"tags": ["travel"]},
            {"tags": ["travel", "north"]},
            {"text": "oslo"},
            {"text": "OPERA"},
            {"text": "100%"},
            {"text": "%"},
            {"since": now() + timedelta(hours=1)},
            {"user_id": "grace", "status": "active"},
        ]
        return [sorted(r["session_id"] for r in await storage.list_sessions(**c)) for c in conditions]

    found = with_storage(scenario)
    assert found == [
        ["s1", "s2", "s3"],
        ["s2", "s3"],
        ["s2"],
        ["s3"],
        ["s2", "s3"],
        ["s2"],
        ["s2"],
        ["s1"],
        ["s3"],
        ["s3"],
        [],
        ["s2"],
    ]


def test_the_most_recently_active_session_comes_first(with_storage, is_complete):
    if not is_complete:
        pytest.skip("a minimal storage promises nothing here")

    async def scenario(storage):
        for session_id in ("s2", "s3"):
            await start(storage, session_id)
        await storage.add_message("s2", message("s2"))
        await storage.add_message("s1", message("s1"))
        return [[r["session_id"] for r in await storage.list_sessions(limit=limit)] for limit in (None, 2, 0)]

    assert with_storage(scenario) == [["s1", "s2", "s3"], ["s1", "s2"], []]


def test_a_checkpoint_is_not_a_message(with_storage, is_complete):
    if not is_complete:
        pytest.skip("a minimal storage promises nothing here")
    draft = message(role="assistant", content="so far", status="streaming")

    async def scenario(storage):
        await storage.checkpoint(draft)
        await storage.checkpoint(replace(draft, content="so far, so"))
        while_streaming = await storage.get_messages("s1")
        await storage.add_message("s1", replace(draft, content="so far, so good", status="complete"))
        await storage.checkpoint(draft)
        return while_streaming, await storage.get_messages("s1")

    while_streaming, after = with_storage(scenario)
    assert while_streaming == []
    assert [(found.content, found.status) for found in after] == [("so far, so good", "complete")]


def test_a_cancelled_caller_loses_and_doubles_nothing(with_storage, is_complete):
    if not is_complete:
        pytest.skip("a minimal storage promises nothing here")
    sent = [message(content=str(number)) for number in range(20)]

    async def scenario(storage):
        for each in sent:
            task = asyncio.create_task(storage.add_message("s1", each))
            await asyncio.sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        for each in sent[::2]:
            await storage.add_message("s1", each)
        await storage.add_message("s1", message(content="last"))
        return await storage.get_messages("s1")

    found = contents(with_storage(scenario))
    assert found == [*(str(number) for number in range(20)), "last"]
