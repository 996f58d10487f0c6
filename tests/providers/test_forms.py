"""What goes over the wire, and what comes back in the forms that servers in the wild have."""

from __future__ import annotations

import asyncio

import pytest
from wire_server import Answer, refusal, respond, sse, typed

from langswarm_nb.clock import new_id, now
from langswarm_nb.models import SessionMessage, Usage
from langswarm_nb.providers import ProviderSessionFactory
from langswarm_nb.providers.anthropic.capabilities import default_max_tokens, takes_sampling, thinking, version
from langswarm_nb.stream_events import Completed, ReasoningDelta, TextDelta, ToolCall, UsageUpdate

CHUNK = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def message(role, content, **more):
    return SessionMessage(new_id(), "s1", role, content, now(), **more)


def open_session(provider, wire, model="m", **config):
    return ProviderSessionFactory.create(provider, "s1", model, {"api_key": "k" * 9, "base_url": wire.url, **config})


def run(session, content="Hello.", history=(), **more):
    async def main():
        await session.restore(list(history))
        events = [event async for event in session.send_message_stream(content, **more)]
        await session.cleanup_provider_resources()
        return events

    return asyncio.run(main())


def chat(*choices, **last):
    chunks = [sse({**CHUNK, "choices": [{"index": 0, "finish_reason": None, **choice}]}) for choice in choices]
    end = sse({**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], **last})
    return Answer([*chunks, end, sse("[DONE]")])


def claude(*events, usage=None, stop="end_turn"):
    counted = {"input_tokens": 10, "output_tokens": 1, **(usage or {})}
    start = {"id": "msg", "type": "message", "role": "assistant", "content": [], "model": "m", "usage": counted}
    return Answer(
        typed(
            {"type": "message_start", "message": {**start, "stop_reason": None, "stop_sequence": None}},
            *events,
            {
                "type": "message_delta",
                "delta": {"stop_reason": stop, "stop_sequence": None},
                "usage": {"output_tokens": 20},
            },
            {"type": "message_stop"},
        )
    )


def claude_text(text):
    return claude({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": text}})


@pytest.mark.parametrize(
    ("provider", "config", "path"),
    [
        ("openai", {"api": "responses"}, "/responses"),
        ("openai", {"api": "chat"}, "/chat/completions"),
        ("anthropic", {}, "/messages"),
    ],
)
def test_a_call_without_a_result_is_not_sent(wire, provider, config, path):
    answers = {
        "/responses": Answer(respond("Hi")),
        "/chat/completions": chat({"delta": {"content": "Hi"}}),
        "/messages": claude_text("Hi"),
    }
    wire.script(path, answers[path])
    calls = [{"type": "tool_call", "id": f"call_{n}", "name": "look", "arguments": {"n": n}} for n in (1, 2)]
    history = [
        message("user", "Look."),
        message("assistant", "", parts=calls),
        message("tool", "Seen.", tool_call_id="call_1"),
        message("tool", "Never asked for.", tool_call_id="call_3"),
    ]
    run(open_session(provider, wire, **config), "And?", history)
    sent = str(wire.sent_to(path)[0].body)
    assert "call_1" in sent
    assert "Seen." in sent
    assert "call_2" not in sent
    assert "call_3" not in sent
    assert [part["id"] for part in history[1].parts] == ["call_1", "call_2"], "what is stored was not touched"


# Chat completions


def test_usage_on_any_chunk_or_never(wire):
    counts = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "prompt_tokens_details": None}
    wire.script(
        "/chat/completions", chat({"delta": {"content": "Hi"}}, usage=counts), chat({"delta": {"content": "Hi"}})
    )
    session = open_session("openai", wire, api="chat")
    with_counts, without = run(session), run(session)
    assert [e.usage for e in with_counts if isinstance(e, UsageUpdate)] == [Usage(input_tokens=3, output_tokens=2)]
    assert not any(isinstance(e, UsageUpdate) for e in without)
    assert without[-1].provider_metadata["usage"] == {}


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_thinking_of_compatible_servers(wire, name):
    wire.script("/chat/completions", chat({"delta": {name: "Hm."}}, {"delta": {"content": "Yes."}}))
    events = run(open_session("openai", wire, api="chat"))
    assert events[:2] == [ReasoningDelta("Hm."), TextDelta("Yes.")]


def test_tool_calls_without_numbers(wire):
    def piece(**call):
        return {"delta": {"tool_calls": [call]}}

    wire.script(
        "/chat/completions",
        chat(
            piece(id="a", type="function", function={"name": "one", "arguments": '{"x":'}),
            piece(function={"arguments": " 1}"}),
            piece(id="b", type="function", function={"name": "two", "arguments": ""}),
        ),
    )
    events = run(open_session("openai", wire, api="chat"))
    assert [e for e in events if isinstance(e, ToolCall)] == [ToolCall("a", "one", {"x": 1}), ToolCall("b", "two", {})]
    assert events[-1].finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("url", "name"), [("{}", "max_tokens"), ("http://eu.api.openai.com/v1", "max_completion_tokens")]
)
def test_the_limit_has_the_name_that_the_server_knows(url, name):
    from langswarm_nb.providers.openai.chat import request_body

    session = ProviderSessionFactory.create("openai", "s1", "m", {"base_url": url.format("http://127.0.0.1:9/v1")})
    assert request_body("m", [], {"max_tokens": 5}, official=session._is_official())[name] == 5


def test_options_that_the_sdk_does_not_know_reach_the_server(wire):
    wire.script("/chat/completions", chat({"delta": {"content": "Hi"}}))
    run(open_session("openai", wire, api="chat", repetition_penalty=1.2, seed=4, system_prompt="Be kind."))
    body = wire.sent_to("/chat/completions")[0].body
    assert (body["repetition_penalty"], body["seed"]) == (1.2, 4)
    assert body["messages"] == [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello."}]
    assert body["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("preset", ["ollama", "vllm", "lmstudio", "llamacpp"])
def test_a_server_of_ones_own_needs_no_key_and_gets_none(wire, preset, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "belongs-elsewhere")
    wire.script("/v1/chat/completions", chat({"delta": {"content": "Hi"}}))
    session = ProviderSessionFactory.create(preset, "s1", "llama", {"base_url": wire.url})
    events = run(session)
    assert events[-1].provider_metadata["provider"] == preset
    assert "belongs-elsewhere" not in str(wire.requests[0].headers)


def test_the_default_model_of_a_server_of_ones_own_is_the_one_it_has(wire):
    wire.script("/v1/models", refusal(200, {"object": "list", "data": [{"id": "qwen3-4b", "object": "model"}]}))
    wire.script("/v1/chat/completions", chat({"delta": {"content": "Hi"}}), chat({"delta": {"content": "Hi"}}))

    async def main():
        session = ProviderSessionFactory.create("vllm", "s1", None, {"base_url": wire.url})
        await session.send_message("One.")
        await session.send_message("Two.")
        await session.cleanup_provider_resources()

    asyncio.run(main())
    assert [request.body["model"] for request in wire.sent_to("/chat/completions")] == ["qwen3-4b"] * 2
    assert len(wire.sent_to("/models")) == 1


# Responses


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content_filter"),
        ({"status": "incomplete", "incomplete_details": None}, "incomplete"),
    ],
)
def test_the_status_tells_how_a_response_ended(wire, response, reason):
    wire.script("/responses", Answer(respond("Hi there", **response)))
    end = run(open_session("openai", wire, api="responses"))[-1]
    assert isinstance(end, Completed)
    assert end.finish_reason == reason


def test_details_of_usage(wire):
    usage = {
        "input_tokens": 100,
        "output_tokens": 50,
        "total_tokens": 150,
        "input_tokens_details": {"cached_tokens": 80, "cache_write_tokens": 5},
        "output_tokens_details": {"reasoning_tokens": 30},
    }
    wire.script("/responses", Answer(respond("Hi", usage=usage)), Answer(respond("Hi", usage=None)))
    session = open_session("openai", wire, api="responses")
    assert [e.usage for e in run(session) if isinstance(e, UsageUpdate)] == [Usage(100, 50, 80, 5, 30)]
    assert not any(isinstance(e, UsageUpdate) for e in run(session))


def test_a_reply_that_comes_only_at_the_end(wire):
    part = {"type": "output_text", "text": "All at once.", "annotations": []}
    item = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [part]}
    wire.script("/responses", Answer(respond("", output=[item])))
    assert TextDelta("All at once.") in run(open_session("openai", wire, api="responses"))


def test_thinking_summaries(wire):
    place = {"item_id": "r", "output_index": 0, "summary_index": 0, "sequence_number": 1}
    part = {"type": "summary_text", "text": ""}
    thought = typed(
        {"type": "response.reasoning_summary_part.added", **place, "part": part},
        {"type": "response.reasoning_summary_text.delta", **place, "delta": "First."},
        {"type": "response.reasoning_summary_part.added", **place, "part": part},
        {"type": "response.reasoning_summary_text.delta", **place, "delta": "Then."},
    )
    wire.script("/responses", Answer([*thought, *respond("Hi")]))
    events = run(open_session("openai", wire, api="responses", reasoning_level="high"))
    assert "".join(e.text for e in events if isinstance(e, ReasoningDelta)) == "First.\n\nThen."
    assert wire.sent_to("/responses")[0].body["reasoning"] == {"effort": "high"}


# Anthropic


def test_cached_tokens_count_as_input(wire):
    wire.script("/messages", claude(usage={"cache_read_input_tokens": 70, "cache_creation_input_tokens": 20}))
    last = [e.usage for e in run(open_session("anthropic", wire)) if isinstance(e, UsageUpdate)][-1]
    assert last == Usage(100, 20, 70, 20, None)


def test_thinking_is_shown_and_given_back_with_its_signature(wire):
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "signed"}
    call = {"type": "tool_use", "id": "call_1", "name": "weather", "input": {}}
    wire.script(
        "/messages",
        claude(
            {"type": "content_block_start", "index": 0, "content_block": {**thought, "thinking": "", "signature": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm."}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "signed"}},
            {"type": "content_block_stop", "index": 0},
            {"type": "content_block_start", "index": 1, "content_block": call},
            {
                "type": "content_block_delta",
                "index": 1,
                "delta": {"type": "input_json_delta", "partial_json": '{"city": "Oslo"}'},
            },
            {"type": "content_block_stop", "index": 1},
            stop="tool_use",
        ),
        claude_text("Rain."),
    )
    session = open_session("anthropic", wire, "claude-opus-5", reasoning_level="high")

    async def main():
        first = [event async for event in session.send_message_stream("How is the weather?")]
        second = await session.send_message("Rain.", "tool", {"tool_call_id": "call_1"})
        await session.cleanup_provider_resources()
        return first, second

    first, second = asyncio.run(main())
    assert ReasoningDelta("Hm.") in first
    assert ToolCall("call_1", "weather", {"city": "Oslo"}) in first
    assert first[-1].finish_reason == "tool_calls"
    assert second.content == "Rain."
    asked, answered = (request.body for request in wire.sent_to("/messages"))
    assert asked["thinking"]["type"] == "adaptive"
    assert asked["output_config"] == {"effort": "high"}
    assert answered["messages"][1]["content"] == [thought, {**call, "input": {"city": "Oslo"}}]
    result = {"type": "tool_result", "tool_use_id": "call_1", "content": "Rain."}
    assert answered["messages"][2] == {"role": "user", "content": [result]}


def test_system_messages_are_lifted_out_and_neighbours_joined(wire):
    wire.script("/messages", claude_text("Hi."))
    history = [
        message("system", "Be kind."),
        message("user", "One."),
        message("user", "Two."),
        message("system", "Be brief."),
    ]
    run(open_session("anthropic", wire, system_prompt="You are a poet."), "Three.", history)
    body = wire.sent_to("/messages")[0].body
    assert [block["text"] for block in body["system"]] == ["You are a poet.\n\nBe kind.\n\nBe brief."]
    texts = [block["text"] for block in body["messages"][0]["content"]]
    assert ([turn["role"] for turn in body["messages"]], texts) == (["user"], ["One.", "Two.", "Three."])
    assert "cache_control" not in str(body)


@pytest.mark.parametrize(
    ("choice", "length", "cached"), [(None, 5000, True), (None, 100, False), (False, 5000, False), (True, 9, True)]
)
def test_the_cache_is_used_where_it_pays(wire, choice, length, cached):
    wire.script("/messages", claude_text("Hi."))
    options = {} if choice is None else {"prompt_caching": choice}
    run(open_session("anthropic", wire, system_prompt="x" * length, **options))
    body = wire.sent_to("/messages")[0].body
    marks = [body["system"][0].get("cache_control"), body["messages"][-1]["content"][-1].get("cache_control")]
    assert marks == [{"type": "ephemeral"} if cached else None] * 2


@pytest.mark.parametrize(
    ("model", "known", "sampling", "longest"),
    [
        ("claude-3-sonnet-20240229", (3, 0), True, 4096),
        ("claude-3-5-haiku-latest", (3, 5), True, 8192),
        ("claude-opus-4-20250514", (4, 0), True, 32000),
        ("claude-sonnet-4-5-20250929", (4, 5), True, 32000),
        ("claude-opus-4-7", (4, 7), False, 32000),
        ("claude-sonnet-5-5", (5, 5), False, 32000),
        ("claude-mythos-preview", None, False, 8192),
        ("qwen3", None, True, 8192),
    ],
)
def test_generations_of_claude(model, known, sampling, longest):
    assert version(model) == known
    assert takes_sampling(model) is sampling
    assert default_max_tokens(model) == longest


@pytest.mark.parametrize(("model", "sent"), [("claude-3-sonnet-20240229", True), ("claude-opus-5", False)])
def test_sampling_goes_only_where_it_is_taken_and_is_never_dropped_in_silence(wire, model, sent):
    wire.script("/messages", claude_text("Hi."))
    end = run(open_session("anthropic", wire, model, temperature=0.2, max_tokens=8192))[-1]
    body = wire.sent_to("/messages")[0].body
    assert (body.get("temperature") == 0.2) is sent
    assert (body["model"], body["max_tokens"], body["stream"]) == (model, 8192, True)
    assert end.provider_metadata.get("left_out") == (None if sent else ["temperature"])


def test_older_models_think_within_a_budget():
    asked = thinking("claude-sonnet-4-5", "high")
    assert asked == {"thinking": {"type": "enabled", "budget_tokens": 16384}}


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("pause_turn", "pause_turn"),
    ],
)
def test_stop_reasons(wire, stop, reason):
    wire.script("/messages", claude(stop=stop))
    assert run(open_session("anthropic", wire))[-1].finish_reason == reason
