"""One suite over every provider, ours and a custom one: real HTTP, the real SDKs."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing

import pytest

from langswarm_nb.clock import new_id, now
from langswarm_nb.interfaces import IProviderSession
from langswarm_nb.models import SessionMessage
from langswarm_nb.providers import ProviderSessionFactory
from langswarm_nb.session.provider_stream import provider_events, restore_history
from langswarm_nb.stream_events import Completed, TextDelta, UsageUpdate

KEY = "planted-secret-0123456789"


class ParrotSession(IProviderSession):
    """A provider as people write it: no stream, no restore."""

    def __init__(self, session_id, model, config):
        self.session_id, self.model, self.config = session_id, model, config
        self.heard = []

    @property
    def provider_session_id(self):
        return f"parrot-{self.session_id}"

    async def send_message(self, content, role="user", metadata=None):
        self.heard.append(content)
        text = f"You said, if I may repeat it: {content}"
        return SessionMessage(new_id(), self.session_id, "assistant", text, now(), finish_reason="stop")

    async def get_provider_metadata(self):
        return {"provider": "parrot", "model": self.model}

    async def update_provider_config(self, config):
        self.config.update(config)

    async def cleanup_provider_resources(self):
        self.heard.clear()


ROADS = ["conversations", "responses", "chat", "fallen-back", "anthropic", "mock", "custom"]
COUNTING = [road for road in ROADS if road != "custom"]


@pytest.fixture(params=ROADS)
def road(request):
    return request.param


@pytest.fixture
def open_session(model_server, wire):
    def open_session(road, session_id="s1", **config):
        options = {"api_key": KEY, **config}
        match road:
            case "conversations":
                return ProviderSessionFactory.create("openai", session_id, "m-1", {"base_url": wire.url, **options})
            case "responses" | "chat":
                options = {"base_url": model_server.url("openai"), "api": road, **options}
                return ProviderSessionFactory.create("openai", session_id, "gpt-4o", options)
            case "fallen-back":
                options = {"base_url": model_server.url("openai"), **options}
                return ProviderSessionFactory.create("openai", session_id, "gpt-4o", options)
            case "anthropic":
                options = {"base_url": model_server.url("anthropic"), **options}
                return ProviderSessionFactory.create("anthropic", session_id, "claude-sonnet-4-6", options)
            case "mock":
                return ProviderSessionFactory.create("mock", session_id, "mock-model", options)
        ProviderSessionFactory.register_provider("parrot", ParrotSession)
        return ProviderSessionFactory.create("parrot", session_id, "grey", options)

    return open_session


async def turn(session, content, role="user", metadata=None):
    """Return a turn's events."""
    async with aclosing(provider_events(session, content, role, metadata)) as events:
        return [event async for event in events]


def text_of(events):
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def asked_tokens(events):
    return [event.usage.input_tokens for event in events if isinstance(event, UsageUpdate)][-1]


def run(main):
    """Run a test's main with its sessions closed at the end."""
    opened = []

    async def whole():
        try:
            return await main(opened.append)
        finally:
            for session in opened:
                await session.cleanup_provider_resources()

    return asyncio.run(whole())


def test_a_reply_streams_and_ends_once(road, open_session):
    async def main(opened):
        session = open_session(road)
        opened(session)
        if create := getattr(session, "create_provider_session", None):
            await create()
        assert session.provider_session_id
        return await turn(session, "Tell me something about the sea, please.")

    events = run(main)
    assert sum(isinstance(event, TextDelta) for event in events) >= 3
    assert [type(event) for event in events].count(Completed) == 1
    end = events[-1]
    assert isinstance(end, Completed)
    assert end.finish_reason == "stop"
    json.dumps(end.provider_metadata)
    if road in COUNTING:
        assert end.provider_metadata["model"]
        assert end.provider_metadata["usage"]["total_tokens"] > 0
        assert asked_tokens(events) > 0
        assert end.response_model
        assert end.provider_message_id


def test_a_whole_reply_is_a_message(road, open_session):
    async def main(opened):
        session = open_session(road)
        opened(session)
        return await session.send_message("Hello, you there.")

    reply = run(main)
    assert isinstance(reply, SessionMessage)
    assert (reply.role, reply.session_id, reply.status) == ("assistant", "s1", "complete")
    assert reply.content.strip()
    if road in COUNTING:
        assert reply.usage.output_tokens > 0
        assert reply.finish_reason == "stop"


@pytest.mark.parametrize("road", ["responses", "chat", "fallen-back", "anthropic", "mock"])
def test_the_second_turn_carries_the_first(road, open_session):
    async def main(opened):
        session = open_session(road)
        opened(session)
        first = await turn(session, "The first question of this conversation, rather long.")
        return asked_tokens(first), asked_tokens(await turn(session, "And then?"))

    first, second = run(main)
    assert second > first


@pytest.mark.parametrize("road", ["responses", "chat", "anthropic", "mock"])
def test_restore_replaces_what_was_known(road, open_session):
    def message(role, content, **more):
        return SessionMessage(new_id(), "s1", role, content, now(), **more)

    call = {"type": "tool_call", "id": "call_1", "name": "weather", "arguments": {"city": "Oslo"}}
    open_call = {**call, "id": "call_2"}
    stored = [
        message("system", "You are a patient weather station that explains itself at length."),
        message("user", "How is the weather in Oslo today, and what should I wear?"),
        message("assistant", "", parts=[call, open_call]),
        message("tool", "Rain, nine degrees, wind from the west.", tool_call_id="call_1", tool_name="weather"),
        message("assistant", "Take a coat, and", status="interrupted"),
        message("assistant", "", status="error"),
    ]

    async def main(opened):
        session = open_session(road)
        opened(session)
        await turn(session, "Something quite different.")
        await restore_history(session, stored)
        whole = asked_tokens(await turn(session, "Go on."))
        await restore_history(session, [])
        return whole, asked_tokens(await turn(session, "Go on."))

    whole, alone = run(main)
    assert whole > alone + 15


def test_a_turn_that_is_left_is_no_history(road, open_session):
    async def main(opened):
        session = open_session(road)
        opened(session)
        async with aclosing(
            provider_events(session, "A question of many words that nobody waits for.", "user", None)
        ) as e:
            async for event in e:
                if isinstance(event, TextDelta):
                    break
        before = asyncio.all_tasks() - {asyncio.current_task()}
        assert not before
        return await turn(session, "Hi there.")

    events = run(main)
    assert text_of(events)
    if road == "conversations":
        assert "nobody waits" not in text_of(events)
    elif road in COUNTING:
        assert asked_tokens(events) < 10


def test_a_session_works_on_one_loop_after_another(road, open_session):
    session = open_session(road)

    async def main():
        return text_of(await turn(session, "Hello again, from this loop."))

    assert asyncio.run(main())
    # The loop above is closed, with whatever connections it had.
    assert asyncio.run(main())


def test_a_session_works_on_two_loops_at_a_time(road, open_session):
    session, other = open_session(road), open_session(road, "s2")

    async def main():
        await turn(session, "Hello.")
        await turn(other, "Hello.")
        there = await asyncio.gather(
            turn(session, "Hello from here."), asyncio.to_thread(asyncio.run, turn(other, "Hello from there."))
        )
        await session.cleanup_provider_resources()
        await other.cleanup_provider_resources()
        return there

    assert all(text_of(events) for events in asyncio.run(main()))


def test_a_session_that_was_cleaned_up_can_go_on(road, open_session):
    async def main(opened):
        session = open_session(road)
        opened(session)
        await turn(session, "Hello.")
        await session.cleanup_provider_resources()
        return await turn(session, "Hello again.")

    assert text_of(run(main))


def test_options_change_between_turns(road, open_session):
    async def main(opened):
        session = open_session(road)
        opened(session)
        await session.update_provider_config({"max_tokens": 50, "idle_timeout_s": 30})
        return await turn(session, "Hello.")

    assert text_of(run(main))


def test_what_a_session_says_of_itself_has_no_key(road, open_session):
    async def main(opened):
        session = open_session(road)
        opened(session)
        await turn(session, "Hello.")
        return await session.get_provider_metadata(), repr(session)

    metadata, shown = run(main)
    assert metadata["model"]
    assert metadata["provider"]
    assert KEY not in json.dumps(metadata)
    assert KEY not in shown


@pytest.mark.parametrize("road", ["responses", "chat", "anthropic"])
def test_a_tool_is_called_and_answered(road, open_session):
    tool = {
        "name": "weather",
        "description": "Tells the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    }

    async def main(opened):
        session = open_session(road, tools=[tool])
        opened(session)
        first = await turn(session, "How is the weather in Oslo?")
        call = next(event for event in first if type(event).__name__ == "ToolCall")
        answer = {"tool_call_id": call.call_id, "tool_name": call.name}
        return call, first[-1], await turn(session, "Rain, nine degrees.", "tool", answer)

    call, end, second = run(main)
    assert call.name == "weather"
    assert isinstance(call.arguments, dict)
    assert end.finish_reason == "tool_calls"
    assert text_of(second)


@pytest.mark.parametrize("road", ["conversations", "responses", "chat", "anthropic", "mock"])
def test_fifty_at_a_time_and_none_mixed_up(road, open_session):
    async def main(opened):
        async def one(number):
            session = open_session(road, f"s{number}")
            opened(session)
            return text_of(await turn(session, f"number-{number:03}-end"))

        return await asyncio.gather(*(one(number) for number in range(50)))

    texts = run(main)
    assert all(texts)
    if road in ("conversations", "mock"):
        assert all(f"number-{number:03}-end" in text for number, text in enumerate(texts))
    else:
        said = [text for text in texts if "number-" in text]
        assert said
        assert all(text.count("number-") == 1 for text in said)
        assert all(f"number-{number:03}-" in text for number, text in enumerate(texts) if "number-" in text)
