"""OpenAI's Conversations: the server holds the history, and a stored session goes on in it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from wire_server import DROP, HANG, Answer, refusal, respond

from langswarm_nb.clock import new_id, now
from langswarm_nb.errors import (
    ConfigurationError,
    ProviderAuthenticationError,
    ProviderRefusedError,
    ProviderUnavailableError,
)
from langswarm_nb.models import SessionMessage
from langswarm_nb.providers import ProviderSessionFactory
from langswarm_nb.stream_events import TextDelta

KEY = "planted-secret-0123456789"


def open_session(wire, **config):
    return ProviderSessionFactory.create("openai", "s1", "gpt-4o", {"api_key": KEY, "base_url": wire.url, **config})


def run(session, main):
    async def whole():
        try:
            return await main(session)
        finally:
            await session.cleanup_provider_resources()

    return asyncio.run(whole())


def message(role, content, **more):
    return SessionMessage(new_id(), "s1", role, content, now(), **more)


def said(wire, number):
    """Return the texts that a turn's request carried."""
    return [item["content"] for item in wire.sent_to("/responses")[number].body["input"]]


def test_the_conversation_is_there_from_the_start(wire):
    async def main(session):
        await session.create_provider_session()
        assert session.provider_session_id == "conv_1"
        await session.send_message("First.")
        reply = await session.send_message("Second.")
        return reply, await session.get_provider_metadata()

    session = open_session(wire, thread_metadata={"user_type": "premium", "seats": 3}, temperature=0.3, max_tokens=99)
    reply, known = run(session, main)
    assert reply.content.strip() == "I heard: First. | Second."
    assert said(wire, 1) == ["Second."]
    body = wire.sent_to("/responses")[0].body
    assert body["conversation"] == "conv_1"
    assert (body["temperature"], body["max_output_tokens"], body["stream"]) == (0.3, 99, True)
    assert wire.sent_to("/conversations")[0].body["metadata"] == {"user_type": "premium", "seats": "3"}
    assert known["api"] == "conversations"
    assert known["metadata"] == known["thread_metadata"] == {"user_type": "premium", "seats": "3"}
    assert reply.provider_metadata["conversation"] == "conv_1"


def test_a_stored_session_goes_on_in_its_conversation(wire):
    async def begin(session):
        return await session.send_message("First.")

    first = run(open_session(wire), begin)

    async def go_on(session):
        assert session.provider_session_id == "conv_1"
        await session.restore([message("user", "First."), first])
        return await session.send_message("Second.")

    second = run(open_session(wire, provider_session_id="conv_1"), go_on)
    assert second.content.strip() == "I heard: First. | Second."
    assert len(wire.conversations) == 1

    # Also where the stored id is older than the conversation that the reply came from.
    third = run(open_session(wire, provider_session_id="local-s1"), go_on_after(first, second))
    assert third.content.strip() == "I heard: First. | Second. | Third."
    assert len(wire.conversations) == 1


def go_on_after(first, second):
    async def main(session):
        await session.restore([message("user", "First."), first, message("user", "Second."), second])
        return await session.send_message("Third.")

    return main


def test_what_was_added_goes_along_with_the_next_question(wire):
    async def main(session):
        first = await session.send_message("First.")
        history = [message("user", "First."), first, message("system", "Be brief."), message("user", "Aside.")]
        await session.restore(history)
        return await session.send_message("Second.")

    reply = run(open_session(wire), main)
    assert said(wire, 1) == ["Be brief.", "Aside.", "Second."]
    assert reply.provider_metadata["conversation"] == "conv_1"


@pytest.mark.parametrize("kind", ["edited", "shortened", "interrupted"])
def test_a_history_that_differs_moves_to_a_new_conversation(wire, kind):
    async def main(session):
        first = await session.send_message("First.")
        histories = {
            "edited": [message("user", "First, but better."), first],
            "shortened": [],
            "interrupted": [message("user", "First."), message("assistant", "I he", status="interrupted")],
        }
        await session.restore(histories[kind])
        reply = await session.send_message("Second.")
        return reply, session.provider_session_id, [entry.content for entry in histories[kind]]

    reply, conversation, history = run(open_session(wire), main)
    assert conversation == "conv_2"
    assert reply.provider_metadata["conversation"] == "conv_2"
    assert said(wire, 1) == [*history, "Second."]


@pytest.mark.parametrize("step", [HANG, DROP], ids=["left", "broken"])
def test_after_a_turn_that_was_cut_nobody_trusts_the_conversation(wire, step):
    wire.script("/responses", Answer([*respond("Half a reply")[:3], step]))

    async def main(session):
        try:
            async with aclosing(session.send_message_stream("First.")) as events:
                async for event in events:
                    if isinstance(event, TextDelta) and step is HANG:
                        break
        except ProviderUnavailableError:
            pass
        await session.restore([message("user", "First."), message("assistant", "Half", status="interrupted")])
        return await session.send_message("Second.")

    reply = run(open_session(wire), main)
    assert reply.provider_metadata["conversation"] == "conv_2"
    assert said(wire, 1) == ["First.", "Half", "Second."]


def test_a_conversation_that_was_deleted_is_made_anew(wire):
    async def main(session):
        first = message("assistant", "Hi.", provider_metadata={"conversation": "conv_gone"})
        await session.restore([message("user", "Hello."), first])
        return await session.send_message("Second.")

    reply = run(open_session(wire, provider_session_id="conv_gone"), main)
    assert reply.provider_metadata["conversation"] == "conv_1"
    assert said(wire, 1) == ["Hello.", "Hi.", "Second."]


def test_a_server_without_conversations_or_responses(wire):
    missing = {"error": {"message": "Not Found"}}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    from wire_server import sse

    done = [
        sse({**chunk, "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]}),
        sse("[DONE]"),
    ]
    wire.script("/conversations", refusal(405, missing), refusal(500, missing))
    wire.script("/responses", refusal(404, missing), refusal(500, missing))
    wire.script("/chat/completions", Answer(done), Answer(done))

    async def main(session):
        await session.create_provider_session()
        assert session.provider_session_id == "local-s1"
        await session.send_message("First.")
        reply = await session.send_message("Second.")
        return reply, await session.get_provider_metadata()

    reply, known = run(open_session(wire), main)
    assert reply.content == "Hi"
    assert known["api"] == "chat"
    assert known["unavailable_apis"] == ["conversations", "responses"]
    assert len(wire.sent_to("/conversations")) == len(wire.sent_to("/responses")) == 1


def test_an_unknown_model_is_no_reason_to_fall_back(wire):
    text = "The model `gpt-4o` does not exist or you do not have access to it."
    wire.script("/responses", refusal(404, {"error": {"message": text, "code": "model_not_found"}}))

    async def main(session):
        with pytest.raises(ProviderRefusedError, match="'gpt-4o'"):
            await session.send_message("First.")
        return await session.get_provider_metadata()

    assert run(open_session(wire), main)["api"] == "conversations"


def test_an_api_that_was_asked_for_is_not_replaced(wire):
    wire.script("/conversations", refusal(404, {"error": {"message": "Not Found"}}))

    async def main(session):
        with pytest.raises(ProviderRefusedError, match="no conversations API"):
            await session.send_message("First.")

    run(open_session(wire, api="conversations"), main)


def test_a_service_that_is_down_at_the_start_is_asked_again(wire):
    wire.script("/conversations", refusal(503, {"error": {"message": "Later."}}))

    async def main(session):
        await session.create_provider_session()
        assert session.provider_session_id == "local-s1"
        await session.send_message("First.")
        return session.provider_session_id

    assert run(open_session(wire), main) == "conv_1"


def test_a_key_that_is_refused_says_so_at_the_start(wire):
    wire.script("/conversations", refusal(401, {"error": {"message": f"Incorrect API key provided: {KEY}"}}))

    async def main(session):
        with pytest.raises(ProviderAuthenticationError) as caught:
            await session.create_provider_session()
        assert KEY not in str(caught.value)

    run(open_session(wire), main)


@pytest.mark.parametrize(
    "pairs", [{str(n): "v" for n in range(17)}, {"k" * 65: "v"}, {"k": "v" * 513}], ids=["many", "key", "value"]
)
def test_metadata_beyond_the_limits_is_refused(wire, pairs):
    with pytest.raises(ConfigurationError, match="thread_metadata"):
        open_session(wire, thread_metadata=pairs)
    with pytest.raises(ConfigurationError, match="api is one of"):
        open_session(wire, api="threads")
