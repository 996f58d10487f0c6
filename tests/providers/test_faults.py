"""What services do when they fail, and what a session makes of it."""

from __future__ import annotations

import asyncio
import logging
import socket
import traceback
from contextlib import aclosing

import pytest
from wire_server import DROP, HANG, Answer, refusal, respond, sse, typed

from langswarm_nb.errors import (
    ContextWindowExceededError,
    ProviderAuthenticationError,
    ProviderError,
    ProviderRateLimitError,
    ProviderRefusedError,
    ProviderTimeoutError,
    ProviderUnavailableError,
)
from langswarm_nb.providers import ProviderSessionFactory
from langswarm_nb.session.provider_stream import provider_events
from langswarm_nb.stream_events import Completed, Retrying, TextDelta

KEY = "planted-secret-0123456789"
ROADS = ["responses", "chat", "anthropic"]
PATHS = {"responses": "/responses", "chat": "/chat/completions", "anthropic": "/messages"}


@pytest.fixture(params=ROADS)
def road(request):
    return request.param


def open_session(road, url, **config):
    provider, model = ("anthropic", "claude-sonnet-4-6") if road == "anthropic" else ("openai", "gpt-4o")
    options = {"api_key": KEY, "base_url": url, **config}
    if provider == "openai":
        options.setdefault("api", road)
    return ProviderSessionFactory.create(provider, "s1", model, options)


def run(session, content="Tell me something about the sea, please.", turns=1):
    """Return the events of the last of some turns, and the error that ended it."""

    async def main():
        events, error = [], None
        try:
            for _ in range(turns):
                events, error = [], None
                try:
                    async with aclosing(provider_events(session, content, "user", None)) as stream:
                        async for event in stream:
                            events.append(event)
                except ProviderError as raised:
                    error = raised
        finally:
            await session.cleanup_provider_resources()
        return events, error

    return asyncio.run(main())


def text_of(events):
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def retries(events):
    return [event for event in events if isinstance(event, Retrying)]


def begun(road):
    """Return the first events of a reply, "Half a", as the wire has them."""
    match road:
        case "responses":
            return respond("Half a reply")[:3]
        case "chat":
            chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
            return [
                sse({**chunk, "choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]})
                for word in ("Half ", "a ")
            ]
    usage = {"input_tokens": 3, "output_tokens": 1}
    message = {"id": "m", "type": "message", "role": "assistant", "content": [], "model": "m", "usage": usage}
    return typed(
        {"type": "message_start", "message": {**message, "stop_reason": None, "stop_sequence": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Half a "}},
    )


def whole(road):
    """Return a complete reply, "Half a", as the wire has it."""
    if road == "responses":
        return respond("Half a")
    if road == "chat":
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        return [
            *begun(road),
            sse({**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}),
            sse("[DONE]"),
        ]
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    return [
        *begun(road),
        *typed(
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": end, "usage": {"output_tokens": 9}},
            {"type": "message_stop"},
        ),
    ]


def error_body(road, kind, text):
    if road == "anthropic":
        return {"type": "error", "error": {"type": kind, "message": text}}
    return {"error": {"type": kind, "code": kind, "message": text}}


def error_event(road, kind, text):
    if road == "anthropic":
        return typed({"type": "error", "error": {"type": kind, "message": text}})
    if road == "responses":
        return typed({"type": "error", "code": kind, "message": text, "param": None, "sequence_number": 3})
    return [sse({"error": {"code": kind, "message": text}})]


# Before the first chunk: tried again, visibly.


def test_a_limit_that_passes_soon_is_waited_for(road, model_server):
    model_server.script({"type": "fail", "status": 429, "retry_after": 0.2})
    url = model_server.url("anthropic" if road == "anthropic" else "openai")
    events, error = run(open_session(road, url))
    assert error is None
    assert isinstance(events[0], Retrying)
    assert 0.2 <= events[0].delay_s <= 0.4
    assert isinstance(events[-1], Completed)


@pytest.mark.parametrize("header", [{"retry_after": "7200"}, {"retry_after_ms": "7200000"}])
def test_a_limit_of_hours_is_told_at_once(road, wire, header):
    body = error_body(road, "rate_limit_error", "Slow down.")
    wire.script(PATHS[road], refusal(429, body, **header))
    events, error = run(open_session(road, wire.url))
    assert isinstance(error, ProviderRateLimitError)
    assert error.retry_after == pytest.approx(7200)
    assert "2 hours" in str(error)
    assert not retries(events)


@pytest.mark.parametrize("status", [500, 503, 529])
def test_a_service_that_stays_down_is_given_up(road, model_server, status):
    model_server.script({"type": "fail", "status": status, "times": 9})
    url = model_server.url("anthropic" if road == "anthropic" else "openai")
    events, error = run(open_session(road, url, max_retry_delay_s=0.05))
    assert isinstance(error, ProviderUnavailableError)
    assert [event.attempt for event in retries(events)] == [1, 2]
    assert all(event.reason for event in retries(events))
    assert error.__cause__ is not None


def test_retries_can_be_turned_off(road, wire):
    wire.script(PATHS[road], refusal(500, error_body(road, "api_error", "Down.")))
    events, error = run(open_session(road, wire.url, max_retries=0))
    assert isinstance(error, ProviderUnavailableError)
    assert not events


@pytest.mark.parametrize("steps", [[], [DROP], [b": nothing\n\n"]], ids=["empty", "dropped", "comment"])
def test_an_answer_without_content_is_asked_for_again(road, wire, steps):
    wire.script(PATHS[road], Answer(steps), Answer(whole(road)))
    events, error = run(open_session(road, wire.url, max_retry_delay_s=0.05))
    assert error is None
    assert len(retries(events)) == 1
    assert text_of(events).strip() == "Half a"


def test_an_empty_stream_is_an_error_in_the_end(road, wire):
    wire.script(PATHS[road], Answer([]))
    _, error = run(open_session(road, wire.url, max_retries=0))
    assert isinstance(error, ProviderUnavailableError)


def test_a_page_instead_of_a_stream_is_an_error(road, wire):
    wire.script(PATHS[road], Answer([b"<html>Welcome to the hotel</html>"], 200, {"content-type": "text/html"}))
    _, error = run(open_session(road, wire.url, max_retries=0))
    assert isinstance(error, ProviderUnavailableError)


def test_nobody_there(road):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    events, error = run(open_session(road, f"http://127.0.0.1:{port}", max_retry_delay_s=0.05))
    assert isinstance(error, ProviderUnavailableError)
    assert "could not be reached" in str(error)
    assert len(retries(events)) == 2


# After it: what had come stays, and nothing is asked twice.


@pytest.mark.parametrize("kind", ["disconnect", "truncate", "malformed"])
def test_a_reply_that_breaks_keeps_what_had_come(road, model_server, kind):
    model_server.script({"type": "stream_fault", "kind": kind, "after_chunks": 6})
    url = model_server.url("anthropic" if road == "anthropic" else "openai")
    session = open_session(road, url)
    events, error = run(session)
    assert isinstance(error, ProviderUnavailableError)
    assert text_of(events)
    assert not retries(events)
    assert not any(isinstance(event, Completed) for event in events)
    assert session._history == []


def test_an_error_in_the_middle_of_a_reply(road, wire):
    kind = "overloaded_error" if road == "anthropic" else "server_error"
    wire.script(PATHS[road], Answer([*begun(road), *error_event(road, kind, "Too much.")]))
    events, error = run(open_session(road, wire.url))
    assert isinstance(error, ProviderUnavailableError)
    assert text_of(events).strip() == "Half a"
    assert not retries(events)


def test_an_error_before_the_first_word(road, wire):
    kind = "rate_limit_error" if road == "anthropic" else "rate_limit_exceeded"
    wire.script(PATHS[road], Answer(error_event(road, kind, "Slow.")), Answer(whole(road)))
    events, error = run(open_session(road, wire.url, max_retry_delay_s=0.05))
    assert error is None
    assert len(retries(events)) == 1


def test_a_stall_ends_by_itself(road, wire):
    wire.script(PATHS[road], Answer([*begun(road), HANG]))
    events, error = run(open_session(road, wire.url, idle_timeout_s=0.3))
    assert isinstance(error, ProviderTimeoutError)
    assert text_of(events).strip() == "Half a"
    assert wire.sent_to(PATHS[road])[0].left.wait(10)


def test_a_stall_before_the_first_word_is_not_sat_through_again(road, wire):
    wire.script(PATHS[road], Answer([HANG]))
    events, error = run(open_session(road, wire.url, idle_timeout_s=0.3))
    assert isinstance(error, ProviderTimeoutError)
    assert events == []
    assert len(wire.sent_to(PATHS[road])) == 1


def test_what_breaks_after_the_end_breaks_nothing(road, wire):
    steps = whole(road)
    wire.script(PATHS[road], Answer([*(steps[:-1] if road != "responses" else steps), DROP]))
    events, error = run(open_session(road, wire.url))
    assert error is None
    assert isinstance(events[-1], Completed)


def test_a_reply_that_is_left_frees_its_connection(road, wire):
    wire.script(PATHS[road], Answer([*begun(road), HANG]))
    session = open_session(road, wire.url)

    async def main():
        async with aclosing(provider_events(session, "Hello.", "user", None)) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    break
        left = await asyncio.to_thread(wire.sent_to(PATHS[road])[0].left.wait, 10)
        await session.cleanup_provider_resources()
        return left

    assert asyncio.run(main())


def test_a_cancelled_turn_frees_its_connection(road, wire):
    wire.script(PATHS[road], Answer([*begun(road), HANG]))
    session = open_session(road, wire.url)

    async def main():
        started = asyncio.Event()

        async def turn():
            async for event in provider_events(session, "Hello.", "user", None):
                if isinstance(event, TextDelta):
                    started.set()

        task = asyncio.create_task(turn())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        left = await asyncio.to_thread(wire.sent_to(PATHS[road])[0].left.wait, 10)
        await session.cleanup_provider_resources()
        return left

    assert asyncio.run(main())


def test_a_connection_is_used_again(road, wire):
    wire.script(PATHS[road], Answer(whole(road)), Answer(whole(road)))
    _, error = run(open_session(road, wire.url), turns=2)
    assert error is None
    assert wire.connection_count == 1


# What is refused, and in which words.


@pytest.mark.parametrize(
    ("status", "kind", "text", "expected", "words"),
    [
        (
            401,
            "authentication_error",
            "Incorrect API key provided: {key}",
            ProviderAuthenticationError,
            "refused the key",
        ),
        (403, "permission_error", "Not for you.", ProviderAuthenticationError, "does not allow"),
        (404, "model_not_found", "The model `{model}` does not exist", ProviderRefusedError, "{model}"),
        (400, "invalid_request_error", "temperature: must be at most 1", ProviderRefusedError, "temperature"),
        (400, "context_length_exceeded", "This model's maximum context length is 8 tokens", None, "longer than"),
        (400, "invalid_request_error", "prompt is too long: 250000 tokens > 200000", None, "longer than"),
        (413, "request_too_large", "Request too large", None, "longer than"),
        (402, "billing_error", "No credit.", ProviderRateLimitError, "credit"),
        (429, "insufficient_quota", "You exceeded your current quota", ProviderRateLimitError, "credit"),
    ],
)
def test_a_refusal_says_what_to_do(road, wire, status, kind, text, expected, words):
    session = open_session(road, wire.url)
    text = text.format(key=KEY, model=session.model)
    wire.script(PATHS[road], refusal(status, error_body(road, kind, text)))
    events, error = run(session)
    assert type(error) is (expected or ContextWindowExceededError)
    assert words.format(model=session.model) in str(error)
    assert KEY not in "".join(traceback.format_exception(error))
    assert "Error" not in str(error)
    assert events == []
    assert error.session_id == "s1"
    assert error.provider == ("anthropic" if road == "anthropic" else "openai")
    assert not getattr(error, "retryable", False)


def test_a_real_service_is_called_by_its_name(monkeypatch):
    for provider, name, variable in (
        ("openai", "OpenAI", "OPENAI_API_KEY"),
        ("anthropic", "Anthropic", "ANTHROPIC_API_KEY"),
    ):
        session = ProviderSessionFactory.create(provider, "s1", "m", {})
        _, error = run(session)
        assert isinstance(error, ProviderAuthenticationError)
        assert str(error) == f"{name} needs a key. Set {variable} and press Retry."
        with pytest.raises(ProviderAuthenticationError):
            asyncio.run(session.create_provider_session())


def test_a_key_that_was_set_meanwhile_is_taken(road, wire, monkeypatch):
    variable = "ANTHROPIC_API_KEY" if road == "anthropic" else "OPENAI_API_KEY"
    monkeypatch.setenv(variable, "the-wrong-key")
    session = open_session(road, wire.url, api_key=None)
    wire.script(PATHS[road], refusal(401, error_body(road, "authentication_error", "No.")), Answer(whole(road)))

    async def main():
        with pytest.raises(ProviderAuthenticationError, match=f"Set {variable} and press Retry"):
            await session.send_message("Hello.")
        monkeypatch.setenv(variable, "the-right-key")
        reply = await session.send_message("Hello.")
        await session.cleanup_provider_resources()
        return reply

    assert asyncio.run(main()).content.strip() == "Half a"
    first, second = wire.sent_to(PATHS[road])
    assert "the-wrong-key" in str(first.headers)
    assert "the-right-key" in str(second.headers)


def test_a_server_that_sends_the_prompt_back_does_not_get_it_into_an_error(road, wire):
    prompt = "my very private question about a matter"
    wire.script(PATHS[road], refusal(422, error_body(road, "invalid_request_error", f"bad input: {prompt}")))
    _, error = run(open_session(road, wire.url), content=prompt)
    assert isinstance(error, ProviderRefusedError)
    assert "private" not in str(error)


def test_a_key_shows_up_nowhere(road, wire, caplog):
    session = open_session(road, wire.url, max_retry_delay_s=0.05)
    say = error_body(road, "api_error", f"upstream said {KEY}")
    wire.script(
        PATHS[road],
        refusal(500, say),
        Answer(whole(road)),
        Answer([*begun(road), *error_event(road, "api_error", f"again {KEY}")]),
    )
    with caplog.at_level(logging.DEBUG):
        first, _ = run(session)
        second, error = run(session)
    seen = [caplog.text, repr(session), repr(first), repr(second), "".join(traceback.format_exception(error))]
    seen += [repr(vars(session)), repr(vars(error)), repr(asyncio.run(session.get_provider_metadata()))]
    assert retries(first)
    assert all(KEY not in text for text in seen)
    assert any(KEY in str(request.headers) for request in wire.requests), "the service itself does get it"
