"""A session's turns, with the mock provider and the in-memory storage."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import time
from contextlib import aclosing
from decimal import Decimal
from typing import ClassVar

import pytest

import langswarm_nb as ls
from langswarm_nb.clock import now
from langswarm_nb.interfaces import (
    Completed,
    IProviderSession,
    ISessionLifecycleHook,
    ISessionMiddleware,
    SessionMessage,
    TextDelta,
    TurnCompleted,
    TurnStarted,
    Usage,
    UsageUpdate,
)


async def new_session(manager=None, **kwargs):
    manager = manager or ls.create_session_manager(storage="memory", providers={"mock": None})
    return await manager.create_session("ada", "mock", "mock-model", **kwargs)


def test_a_turn_from_start_to_end():
    async def main():
        session = await new_session()
        reply = await session.send_message("hello")
        assert reply.content == "Mock response to: hello"
        assert (reply.role, reply.status, reply.finish_reason) == ("assistant", "complete", "stop")
        assert reply.usage.input_tokens == 1
        assert reply.usage.output_tokens == 4
        assert reply.time_to_first_chunk_s is not None
        assert reply.duration_s is not None
        assert reply.cost_usd is None
        assert reply.cost_source == "unpriced"
        stored = await session.get_messages()
        assert [(m.role, m.seq, m.turn) for m in stored] == [("user", 1, 1), ("assistant", 2, 1)]
        assert stored[1] == reply
        assert stored[1].parent_id == stored[0].message_id
        assert session.message_count == 2

    asyncio.run(main())


def test_events_come_in_order():
    async def main():
        session = await new_session()
        events = [event async for event in session.stream("a b")]
        assert isinstance(events[0], TurnStarted)
        assert [e.text for e in events if isinstance(e, TextDelta)] == ["Mock", " response", " to:", " a", " b"]
        assert isinstance(events[-2], Completed)
        assert isinstance(events[-1], TurnCompleted)
        assert events[-1].message.message_id == events[0].reply_id

    asyncio.run(main())


def test_the_question_is_durable_before_the_provider_is_called():
    class Curious(IProviderSession):
        provider_session_id = "x"
        storage = None
        seen: ClassVar[list[str]] = []

        def __init__(self, session_id, model, config):
            self.session_id = session_id

        async def send_message(self, content, role="user", metadata=None):
            self.seen.extend(m.content for m in await self.storage.get_messages(self.session_id))
            return SessionMessage("1", self.session_id, "assistant", "ok", now())

        async def get_provider_metadata(self):
            return {}

        async def update_provider_config(self, config):
            pass

        async def cleanup_provider_resources(self):
            pass

    async def main():
        ls.ProviderSessionFactory.register_provider("curious", Curious)
        manager = ls.create_session_manager(storage="memory", providers={"curious": None})
        Curious.storage = manager.storage
        session = await manager.create_session("ada", "curious", "m")
        await session.send_message("written down?")
        assert Curious.seen == ["written down?"]

    asyncio.run(main())


def test_one_turn_at_a_time_in_order():
    async def main():
        session = await new_session()
        session.provider_session.set_response_delay(20)
        await asyncio.gather(*[session.send_message(str(n)) for n in range(10)])
        contents = [m.content for m in await session.get_messages()]
        assert contents == [text for n in range(10) for text in (str(n), f"Mock response to: {n}")]

    asyncio.run(main())


def test_stopping_keeps_what_had_come():
    async def main():
        session = await new_session()
        session.provider_session.set_response_delay(60_000)
        turn = asyncio.create_task(session.send_message("w " * 5_000))
        await asyncio.sleep(0.2)
        assert await session.cancel()
        with pytest.raises(ls.TurnInterruptedError, match="kept"):
            await turn
        _, reply = await session.get_messages()
        assert reply.status == "interrupted"
        assert reply.error_type == "TurnInterruptedError"
        assert reply.content.startswith("Mock response")
        assert not await session.cancel()
        # The conversation goes on, and the provider is told of the partial reply.
        session.provider_session.set_response_delay(0)
        await session.send_message("next")
        assert ("assistant", reply.content) in session.provider_session.history

    asyncio.run(main())


def test_stopping_from_another_thread():
    async def main():
        session = await new_session()
        session.provider_session.set_response_delay(60_000)
        threading.Timer(0.2, session.cancel).start()
        with pytest.raises(ls.TurnInterruptedError):
            await session.send_message("w " * 5_000)
        assert not session.is_busy

    asyncio.run(main())


def test_cancelling_the_callers_task_keeps_what_had_come():
    async def main():
        session = await new_session()
        session.provider_session.set_response_delay(60_000)
        turn = asyncio.create_task(session.send_message("w " * 5_000))
        await asyncio.sleep(0.2)
        turn.cancel()
        with pytest.raises(asyncio.CancelledError):
            await turn
        assert [m.status for m in await session.get_messages()] == ["complete", "interrupted"]
        assert not session.is_busy

    asyncio.run(main())


def test_leaving_the_loop_early_keeps_what_had_come():
    async def main():
        session = await new_session()
        async with aclosing(session.send_message_stream("a b c")) as chunks:
            async for _ in chunks:
                break
        assert [m.status for m in await session.get_messages()] == ["complete", "interrupted"]
        # Also without closing it: collecting the generator does.
        async for _ in session.send_message_stream("d e f"):
            break
        gc.collect()
        await asyncio.sleep(0.2)
        assert [m.status for m in await session.get_messages()][2:] == ["complete", "interrupted"]

    asyncio.run(main())


def test_a_failing_provider_gives_one_clear_error_and_retry_branches():
    async def main():
        session = await new_session()
        session.provider_session.set_error_rate(1)
        with pytest.raises(ls.ProviderUnavailableError, match="on purpose"):
            await session.send_message("hello")
        question, failed = await session.get_messages()
        assert (failed.status, failed.error_type, failed.content) == ("error", "ProviderUnavailableError", "")
        session.provider_session.set_error_rate(0)
        again = await session.regenerate()
        assert again.content == "Mock response to: hello"
        assert again.parent_id == question.message_id
        assert [m.message_id for m in await session.get_messages()] == [question.message_id, again.message_id]
        assert [m.message_id for m in await session.get_branches(again.message_id)] == [
            failed.message_id,
            again.message_id,
        ]

    asyncio.run(main())


def test_an_unforeseen_error_of_a_provider_is_wrapped_and_says_no_key():
    class Broken(IProviderSession):
        provider_session_id = None

        def __init__(self, *_):
            pass

        async def send_message_stream(self, content):
            yield "half a "
            yield "sentence"
            raise OSError("refused for key sk-secret-1234567890")

        async def send_message(self, content, role="user", metadata=None):
            raise NotImplementedError

        async def get_provider_metadata(self):
            return {}

        async def update_provider_config(self, config):
            pass

        async def cleanup_provider_resources(self):
            pass

    async def main():
        ls.ProviderSessionFactory.register_provider("broken", Broken)
        manager = ls.create_session_manager(storage="memory", providers={"broken": None})
        session = await manager.create_session("ada", "broken", "m")
        with pytest.raises(ls.ProviderError, match="broken") as caught:
            await session.send_message("hello")
        assert isinstance(caught.value.__cause__, OSError)
        assert "sk-secret" not in str(caught.value)
        reply = (await session.get_messages())[-1]
        assert (reply.content, reply.status) == ("half a sentence", "error")
        assert "sk-secret" not in json.dumps(reply.to_dict())

    asyncio.run(main())


@pytest.mark.parametrize(("limit", "words"), [("idle_timeout_s", "Nothing came"), ("timeout_s", "longer than")])
def test_limits_of_time(limit, words):
    async def main():
        session = await new_session(session_config={limit: 0.15})
        session.provider_session.set_response_delay(3_600_000 if limit == "idle_timeout_s" else 1_000)
        with pytest.raises(ls.ProviderTimeoutError, match=words):
            await session.send_message("w " * 100)
        assert (await session.get_messages())[-1].status == "error"

    asyncio.run(main())


@pytest.mark.parametrize("content", ["", "  \n", None, 3, b"bytes"])
def test_an_empty_message_is_refused_and_nothing_stored(content):
    async def main():
        session = await new_session()
        with pytest.raises(ls.InvalidMessageError, match="empty"):
            await session.send_message(content)
        assert await session.get_messages() == []

    asyncio.run(main())


def test_edit_and_branches():
    async def main():
        session = await new_session()
        first = await session.send_message("one")
        await session.send_message("two")
        question = (await session.get_messages())[0]
        await session.edit(question.message_id, "uno")
        assert [m.content for m in await session.get_messages()] == ["uno", "Mock response to: uno"]
        with pytest.raises(ls.SessionStateError, match="user's message"):
            await session.edit(first.message_id, "no")
        await session.switch_branch(question.message_id)
        assert [m.content for m in await session.get_messages()][2] == "two"
        assert session.message_count == 4
        await session.send_message("three")
        assert [m.seq for m in await session.get_messages()] == [1, 2, 3, 4, 5, 6]
        assert len(await session.get_branches(question.message_id)) == 2
        with pytest.raises(ls.SessionNotFoundError):
            await session.switch_branch("nope")

    asyncio.run(main())


def test_a_system_message_reaches_the_provider():
    async def main():
        session = await new_session()
        await session.send_system_message("Be brief.")
        await session.send_message("hello")
        assert session.provider_session.history[0] == ("system", "Be brief.")
        assert (await session.get_metrics()).system_messages == 1

    asyncio.run(main())


def test_what_goes_through_the_provider_session_is_recorded():
    async def main():
        session = await new_session()
        assert [c async for c in session.provider_session.send_message_stream("a")] == [
            "Mock",
            " response",
            " to:",
            " a",
        ]
        await session.provider_session.send_message("b")
        assert session.message_count == 4

    asyncio.run(main())


def test_archived_means_read_only():
    async def main():
        session = await new_session()
        await session.send_message("hello")
        await session.archive()
        await session.archive()
        with pytest.raises(ls.SessionStateError, match="archived"):
            await session.send_message("more")
        assert len(await session.get_messages()) == 2
        await session.unarchive()
        await session.send_message("more")

    asyncio.run(main())


def test_limits_of_messages_and_cost():
    async def main():
        session = await new_session(session_config={"max_messages": 2})
        await session.send_message("one")
        with pytest.raises(ls.SessionStateError, match="max_messages"):
            await session.send_message("two")
        await session.update_config({"max_messages": 4, "max_cost_usd": 0})
        with pytest.raises(ls.SessionStateError, match="max_cost_usd"):
            await session.send_message("two")
        await session.update_config({"max_cost_usd": None})
        await session.send_message("two")

    asyncio.run(main())


def test_a_budget_counts_what_is_on_other_branches_too():
    async def main():
        session = await new_session(session_config={"max_cost_usd": 0.05})
        for cost in ("0.02", "0.03"):
            await session.add_message("user", "what?")
            await session.add_message("assistant", "so", cost_usd=Decimal(cost), cost_source="provider")
        first = (await session.get_messages())[0]
        with pytest.raises(ls.SessionStateError, match=r"\$0\.0500 of its \$0\.05 \(max_cost_usd\)"):
            await session.edit(first.message_id, "what else?")
        await session.update_config({"max_cost_usd": 0.06})
        await session.edit(first.message_id, "what else?")
        await session.update_config({"max_cost_usd": 0.04})
        assert session.message_count == 2
        with pytest.raises(ls.SessionStateError, match="max_cost_usd"):
            await session.send_message("more")

    asyncio.run(main())


def test_context():
    async def main():
        session = await new_session()
        await session.update_context({"topic": "whales", "a.b": 1})
        context = await session.get_context()
        assert context.user_context == {"topic": "whales", "a.b": 1}
        assert context.version == 2
        context.user_context["topic"] = "changed outside"
        assert (await session.get_context()).user_context["topic"] == "whales"
        with pytest.raises(ls.ConfigurationError, match="JSON"):
            await session.update_context({"x": object()})

    asyncio.run(main())


def test_export_is_json_ready():
    async def main():
        session = await new_session(provider_config={"api_key": "sk-planted-123456", "temperature": 0.5})
        await session.send_message("hello")
        text = json.dumps(await session.export_conversation())
        assert "sk-planted" not in text
        exported = json.loads(text)
        assert [m["content"] for m in exported["messages"]] == ["hello", "Mock response to: hello"]
        assert exported["metrics"]["total_messages"] == 2
        assert exported["messages"][1]["temperature"] == 0.5

    asyncio.run(main())


def test_a_reopened_session_goes_on():
    async def main():
        manager = ls.create_session_manager(storage="memory", providers={"mock": None})
        session = await new_session(manager)
        await session.send_message("one")
        session_id = session.session_id
        del session
        gc.collect()
        again = await manager.get_session(session_id)
        assert again.message_count == 2
        await again.send_message("two")
        assert [m.seq for m in await again.get_messages()] == [1, 2, 3, 4]
        assert again.provider_session.history[0] == ("user", "one")
        assert await manager.get_session(session_id) is again

    asyncio.run(main())


def test_a_reopened_session_can_be_read_without_its_provider():
    async def main():
        storage = ls.InMemorySessionStorage()
        session = await new_session(ls.create_session_manager(storage=storage, providers={"mock": None}))
        await session.send_message("one")
        other = ls.create_session_manager(storage=storage, providers={"openai": "sk-x"})
        again = await other.get_session(session.session_id)
        assert len(await again.get_messages()) == 2
        with pytest.raises(ls.ConfigurationError, match="mock"):
            await again.send_message("two")

    asyncio.run(main())


class Shout(ISessionMiddleware):
    async def process_message(self, session_id, message, context):
        message.content = message.content.upper()
        return message


class Refuse(ISessionMiddleware):
    errors: list[Exception]

    def __init__(self, role):
        self.role, self.errors = role, []

    async def process_message(self, session_id, message, context):
        if message.role == self.role:
            raise ValueError("not allowed")

    async def on_error(self, session_id, error, context):
        self.errors.append(error)


def test_middleware_changes_both_directions():
    async def main():
        session = await new_session(
            ls.create_session_manager(storage="memory", providers={"mock": None}, middleware=[Shout()])
        )
        assert (await session.send_message("hello")).content == "MOCK RESPONSE TO: HELLO"
        assert [m.content for m in await session.get_messages()] == ["HELLO", "MOCK RESPONSE TO: HELLO"]

    asyncio.run(main())


@pytest.mark.parametrize(("role", "kept"), [("user", []), ("assistant", ["hello", ""])])
def test_middleware_may_refuse(role, kept):
    async def main():
        refuse = Refuse(role)
        manager = ls.create_session_manager(storage="memory", providers={"mock": None}, middleware=[refuse])
        session = await new_session(manager)
        with pytest.raises(ls.MiddlewareError, match="not allowed"):
            await session.send_message("hello")
        assert [m.content for m in await session.get_messages()] == kept
        assert len(refuse.errors) == 1

    asyncio.run(main())


def test_hooks_hear_everything_and_break_nothing(caplog):
    class Listener(ISessionLifecycleHook):
        def __init__(self):
            self.heard = []

        async def on_session_created(self, session_id):  # fewer arguments than are offered
            self.heard.append("created")

        async def on_message_sent(self, session_id, message):
            self.heard.append(f"sent {message.content}")

        async def on_message_received(self, session_id, message):
            self.heard.append(f"received {message.content}")

        async def on_session_error(self, session_id, error):
            self.heard.append(type(error).__name__)

        async def on_session_archived(self, session_id):
            self.heard.append("archived")

        async def on_session_deleted(self, session_id):
            self.heard.append("deleted")

        async def on_context_updated(self, session_id, context):
            raise RuntimeError("a broken hook")

    async def main():
        listener = Listener()
        manager = ls.create_session_manager(storage="memory", providers={"mock": None}, hooks=[listener])
        session = await new_session(manager)
        await session.update_context({"a": 1})
        await session.send_message("hi")
        session.provider_session.set_error_rate(1)
        with pytest.raises(ls.ProviderError):
            await session.send_message("oh")
        await session.archive()
        await manager.delete_session(session.session_id)
        assert listener.heard == [
            "created", "sent hi", "received Mock response to: hi", "sent oh", "ProviderUnavailableError",
            "archived", "deleted",
        ]  # fmt: skip
        with pytest.raises(ls.SessionNotFoundError):
            await manager.get_session(session.session_id)
        await manager.close()

    asyncio.run(main())
    assert "a broken hook" in caplog.text


def test_a_slow_hook_does_not_hold_up_a_turn():
    class Slow(ISessionLifecycleHook):
        heard = 0

        async def on_message_sent(self, session_id, message):
            await asyncio.sleep(30)

    async def main():
        manager = ls.create_session_manager(storage="memory", providers={"mock": None}, hooks=[Slow()])
        session = await new_session(manager)
        begin = time.monotonic()
        for n in range(20):
            await session.send_message(str(n))
        assert time.monotonic() - begin < 20

    asyncio.run(main())


def test_usage_of_a_provider_without_stream_is_kept():
    class Plain(IProviderSession):
        provider_session_id = "p"

        def __init__(self, session_id, model, config):
            self.config = config

        async def send_message(self, content, role="user", metadata=None):
            return SessionMessage("fixed-id", "s", "assistant", "one  two\n", now(), usage=Usage(1, 2))

        async def get_provider_metadata(self):
            return {}

        async def update_provider_config(self, config):
            self.config.update(config)

        async def cleanup_provider_resources(self):
            pass

    async def main():
        ls.ProviderSessionFactory.register_provider("plain", Plain)
        manager = ls.create_session_manager(storage="memory", providers={"plain": None})
        session = await manager.create_session("ada", "plain", "m", provider_config={"a": 1})
        await session.send_system_message("be kind")
        events = [event async for event in session.stream("hello")]
        assert [e.text for e in events if isinstance(e, TextDelta)] == ["one", "  two", "\n"]
        assert UsageUpdate(Usage(1, 2)) in events
        await session.send_message("again")
        ids = [m.message_id for m in await session.get_messages()]
        assert len(set(ids)) == 5
        assert (await session.get_messages())[-1].provider_message_id == "fixed-id"
        assert session.provider_session.config == {"a": 1, "system_prompt": "be kind"}

    asyncio.run(main())
