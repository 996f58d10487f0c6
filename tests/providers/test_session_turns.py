"""Whole sessions over real HTTP: tools, attachments, values and long histories, in every protocol."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from pydantic import BaseModel
from wire_scripts import PATHS, calls, says
from wire_server import refusal

import langswarm_nb as ls
from langswarm_nb.stream_events import HistoryLeftOut, ToolResult

ROADS = list(PATHS)
KEY = "k" * 12


def look(place: str) -> str:
    """Look at a place."""
    return f"{place} is green"


class Town(BaseModel):
    name: str
    people: int = 0


def manager_for(road, wire, storage="memory", **config):
    provider = "anthropic" if road == "anthropic" else "openai"
    api = {} if road == "anthropic" else {"api": road}
    options = {provider: {"base_url": wire.url, "max_retries": 0, **api, **config}}
    return ls.create_session_manager(storage=storage, providers={provider: KEY}, provider_config=options)


async def session_on(road, manager, **config):
    provider = "anthropic" if road == "anthropic" else "openai"
    return await manager.create_session("ada", provider, "claude-sonnet-5-5", config)


def run(road, wire, main, storage="memory", **config):
    async def whole():
        async with manager_for(road, wire, storage, **config) as manager:
            return await main(manager)

    return asyncio.run(whole())


def sent(wire, road):
    return [request.body for request in wire.sent_to(PATHS[road])]


def call_ids(body):
    """Return the ids of the calls and of the results in a request, in order."""
    asked, answered = [], []
    for item in body.get("input") or body["messages"]:
        if item.get("type") == "function_call":
            asked.append(item["call_id"])
        elif item.get("type") == "function_call_output":
            answered.append(item["call_id"])
        asked += [call["id"] for call in item.get("tool_calls") or []]
        answered += [item["tool_call_id"]] if item.get("role") == "tool" else []
        if isinstance(item.get("content"), list):
            asked += [block["id"] for block in item["content"] if block["type"] == "tool_use"]
            answered += [block["tool_use_id"] for block in item["content"] if block["type"] == "tool_result"]
    return asked, answered


@pytest.mark.parametrize("road", ROADS)
def test_tools_are_called_until_the_model_is_done(wire, road):
    wire.script(
        PATHS[road],
        calls(road, ("c1", "look", {"place": "Oslo"}), ("c2", "look", {"place": "Bergen"})),
        calls(road, ("c3", "look", {"town": "Voss"})),
        says(road, "All is green."),
        says(road, "You are welcome."),
    )

    async def main(manager):
        session = await session_on(road, manager)
        session.register_tool(look)
        reply = await session.send_message("How does it look?")
        assert reply.content.strip() == "All is green."
        stored = await session.get_messages()
        assert [m.role for m in stored] == ["user", "assistant", "tool", "tool", "assistant", "tool", "assistant"]
        assert [m.content for m in stored[2:4]] == ["Oslo is green", "Bergen is green"]
        assert stored[5].content.startswith("Error: ValidationError: place: Field required")
        assert [m.usage.output_tokens for m in stored if m.role == "assistant"] == [7, 7, 7]
        await session.send_message("Thanks.")

    run(road, wire, main)
    bodies = sent(wire, road)
    assert all("look" in str(body["tools"]) for body in bodies)
    if road == "conversations":
        assert [call_ids(body) for body in bodies] == [([], []), ([], ["c1", "c2"]), ([], ["c3"]), ([], [])]
        assert len(wire.conversations) == 1
    else:
        assert call_ids(bodies[1]) == (["c1", "c2"], ["c1", "c2"])
        assert call_ids(bodies[3]) == (["c1", "c2", "c3"], ["c1", "c2", "c3"])


@pytest.mark.parametrize("road", ROADS)
def test_a_turn_that_was_stopped_among_its_tools_can_go_on(wire, road):
    wire.script(
        PATHS[road],
        calls(road, ("c1", "look", {"place": "Oslo"}), ("c2", "wait", {})),
        says(road, "Where were we?"),
    )

    async def wait():
        """Wait."""
        await asyncio.Event().wait()

    async def main(manager):
        session = await session_on(road, manager)
        session.register_tool(look)
        session.register_tool(wait)

        async def stop_after_the_first():
            async for event in session.stream("How does it look?"):
                if isinstance(event, ToolResult) and event.name == "look":
                    session.cancel()

        with pytest.raises(ls.TurnInterruptedError):
            await stop_after_the_first()
        await session.send_message("Go on.")

    run(road, wire, main)
    asked, answered = call_ids(sent(wire, road)[-1])
    assert asked == ([] if road == "conversations" else ["c1", "c2"])
    assert answered == ["c1", "c2"]
    assert "was stopped" in str(sent(wire, road)[-1])


@pytest.mark.parametrize("road", ROADS)
def test_a_failure_behind_the_tools_can_be_retried(wire, road):
    wire.script(
        PATHS[road],
        calls(road, ("c1", "look", {"place": "Oslo"})),
        refusal(500, {"error": {"message": "down"}}),
        says(road, "Green."),
    )

    async def main(manager):
        session = await session_on(road, manager)
        session.register_tool(look)
        with pytest.raises(ls.ProviderUnavailableError):
            await session.send_message("How does it look?")
        stored = await session.get_messages()
        assert [(m.role, m.status) for m in stored] == [
            ("user", "complete"),
            ("assistant", "complete"),
            ("tool", "complete"),
            ("assistant", "error"),
        ]
        reply = await session.regenerate()
        assert reply.content.strip() == "Green."
        assert [m.role for m in await session.get_messages()] == ["user", "assistant"]

    run(road, wire, main)
    assert call_ids(sent(wire, road)[-1]) == ([], []), "asked anew, from the question"


@pytest.mark.parametrize("road", ROADS)
def test_a_stored_session_with_tools_and_attachments_goes_on(wire, road, tmp_path):
    wire.script(
        PATHS[road],
        calls(road, ("c1", "look", {"place": "Oslo"})),
        says(road, "Green."),
        says(road, "Still green."),
    )
    path = tmp_path / "s.duckdb"

    async def first(manager):
        session = await session_on(road, manager)
        session.register_tool(look)
        await session.send_message("How does it look?", attachments={"map.txt": b"a map"})
        return session.session_id, session.provider_session_id

    async def second(manager):
        session = await manager.get_session(session_id)
        assert session.provider_session_id == known
        await session.send_message("And now?")

    session_id, known = run(road, wire, first, path)
    run(road, wire, second, path)
    last = sent(wire, road)[-1]
    if road == "conversations":
        assert len(last["input"]) == 1, "the rest is kept there"
    else:
        assert call_ids(last) == (["c1"], ["c1"])
        assert "a map" in str(last)


def test_another_conversation_is_stored_with_the_session(wire, tmp_path):
    async def main(manager):
        session = await session_on("conversations", manager)
        reply = await session.send_message("One.")
        before = session.provider_session_id
        await session.edit((await session.get_message(reply.parent_id)).message_id, "Two.")
        record = await manager.storage.get_session(session.session_id)
        assert record["provider_session_id"] == session.provider_session_id != before

    run("conversations", wire, main, tmp_path / "s.duckdb")


@pytest.mark.parametrize("road", ["responses", "chat"])
def test_a_cost_that_the_server_reports_stands_in_the_store(wire, road):
    wire.script(PATHS[road], says(road, "Hi", cost=0.0025))

    async def main(manager):
        session = await session_on(road, manager)
        reply = await session.send_message("Hello.")
        assert (reply.cost_usd, reply.cost_source) == (Decimal("0.0025"), "provider")
        assert (await session.get_metrics()).estimated_cost == Decimal("0.0025")

    run(road, wire, main)


@pytest.mark.parametrize("road", ROADS)
def test_a_value_comes_back(wire, road):
    wire.script(PATHS[road], says(road, "About Oslo?"), says(road, '{"name":"Oslo","people":1}'))

    async def main(manager):
        session = await session_on(road, manager)
        found = await session.send_structured("Which town?", Town)
        assert found == Town(name="Oslo", people=1)
        assert [m.role for m in await session.get_messages()] == ["user", "assistant", "user", "assistant"]

    run(road, wire, main)
    assert all("json_schema" in str(body) for body in sent(wire, road))


@pytest.mark.parametrize("road", ROADS)
def test_a_server_without_the_mode_is_asked_in_words(wire, road):
    said = {"error": {"message": "response_format is not supported", "type": "invalid_request_error"}}
    wire.script(PATHS[road], refusal(400, said), says(road, '{"name":"Oslo"}'))

    async def main(manager):
        session = await session_on(road, manager)
        assert await session.send_structured("Which town?", Town) == Town(name="Oslo")
        stored = await session.get_messages()
        assert stored[0].content == "Which town?"
        assert len(stored) == 2

    run(road, wire, main)
    refused, asked = sent(wire, road)
    assert "json_schema" in str(refused)
    assert "json_schema" not in str(asked)
    assert "It has to fit this schema" in str(asked)


def test_a_refusal_that_is_about_something_else_stays_one(wire):
    wire.script("/chat/completions", refusal(404, {"error": {"message": "no such model", "code": "model_not_found"}}))

    async def main(manager):
        session = await session_on("chat", manager)
        with pytest.raises(ls.ProviderRefusedError, match="has no model"):
            await session.send_structured("Which town?", Town)

    run("chat", wire, main)
    assert len(wire.requests) == 1


def test_a_value_that_was_cut_off_is_not_asked_for_again(wire):
    answer = says("anthropic", '{"name": "Os')
    answer.steps = [step.replace(b'"end_turn"', b'"max_tokens"') for step in answer.steps]
    wire.script("/messages", answer)

    async def main(manager):
        session = await session_on("anthropic", manager)
        with pytest.raises(ls.ProviderRefusedError, match="Raise max_tokens"):
            await session.send_structured("Which town?", Town)

    run("anthropic", wire, main)
    assert len(wire.requests) == 1


@pytest.mark.parametrize("road", ROADS)
def test_a_long_history_is_cut_before_it_is_sent(wire, road):
    counts = [200, 400, 600, 800, 1000, 1200, 1400, 700, 900, 1100]
    wire.script(PATHS[road], *[says(road, f"answer {n}.", input_tokens=count) for n, count in enumerate(counts)])

    async def main(manager):
        session = await session_on(road, manager, context_window=2000, provider_config={"max_tokens": 500})
        found = []
        for number in range(len(counts)):
            events = [event async for event in session.stream(f"question {number}. " + "word " * 70)]
            found += [(number, event.turns) for event in events if isinstance(event, HistoryLeftOut)]
        return found

    found = run(road, wire, main)
    assert [number for number, _ in found] == [7, 8, 9], "the service's own count says when"
    assert len({turns for _, turns in found}) == 1
    left_out = found[0][1]
    body = str(sent(wire, road)[7])
    assert f"question {left_out - 1}." not in body
    assert f"answer {left_out - 1}." not in body
    assert all(f"question {number}." in body for number in range(left_out, 8))
    if road == "conversations":
        assert len(wire.conversations) == 2, "what a conversation holds cannot be taken out of it"


@pytest.mark.parametrize("road", ROADS)
def test_a_long_history_is_summarized_by_the_model_itself(wire, road):
    counts = [400, 800, 1400]
    answers = [says(road, f"answer {n}.", input_tokens=count) for n, count in enumerate(counts)]
    wire.script(PATHS[road], *answers, says(road, "They spoke of questions."), says(road, "Yes.", input_tokens=500))

    async def main(manager):
        options = {"context_window": 2000, "history": "summarize", "provider_config": {"max_tokens": 500}}
        session = await session_on(road, manager, **options)
        for number in range(3):
            await session.send_message(f"question {number}. " + "word " * 70)
        reply = await session.send_message("question 3. " + "word " * 70)
        assert reply.content.strip() == "Yes."
        assert reply.metadata["history"]["summarized"]
        assert session.message_count == 8

    run(road, wire, main)
    *_, asked_for, asked = map(str, sent(wire, road))
    assert "Summarize our conversation so far" in asked_for
    assert "question 0." in asked_for
    assert "They spoke of questions." in asked
    assert "question 3." in asked
    assert "question 0." not in asked
    assert "Summarize our" not in asked


@pytest.mark.parametrize("road", ["conversations", "responses", "chat", "anthropic", "mock"])
def test_fifty_sessions_stream_at_once_and_none_is_mixed_up(wire, road, tmp_path):
    def expected(number):
        return " ".join(f"{number:02}.{word}" for word in range(40))

    def echo(request):
        asked = (request.body.get("input") or request.body["messages"])[-1]["content"]
        return says(road, asked if isinstance(asked, str) else asked[-1]["text"])

    if road != "mock":
        wire.handlers[PATHS[road]] = echo

    async def main():
        provider = {"mock": "mock", "anthropic": "anthropic"}.get(road, "openai")
        options = {"openai": {"base_url": wire.url, "api": road}, "anthropic": {"base_url": wire.url}, "mock": {}}
        async with ls.create_session_manager(
            storage=tmp_path / "s.duckdb",
            providers={provider: None if road == "mock" else KEY},
            provider_config={provider: options[provider]},
        ) as manager:
            sessions = [await manager.create_session(f"user-{n}", provider, "claude-sonnet-5-5") for n in range(50)]
            replies = await asyncio.gather(*(s.send_message(expected(n)) for n, s in enumerate(sessions)))
            return replies, [await session.get_messages() for session in sessions]

    replies, stored = asyncio.run(main())
    for number, (reply, messages) in enumerate(zip(replies, stored, strict=True)):
        assert reply.content.strip().endswith(expected(number))
        assert reply.status == "complete"
        assert {m.session_id for m in messages} == {reply.session_id}
        assert [m.content for m in messages] == [expected(number), reply.content]


@pytest.mark.parametrize("road", ROADS)
def test_what_tools_return_pushes_older_turns_out(wire, road):
    wire.script(
        PATHS[road],
        says(road, "answer 0.", input_tokens=112),
        calls(road, ("c1", "read", {"page": 1})),
        calls(road, ("c2", "read", {"page": 2})),
        says(road, "Read it all.", input_tokens=1000),
    )

    def read(page: int) -> str:
        """Read a page."""
        return f"page {page}: " + "word " * 460

    async def main(manager):
        session = await session_on(road, manager, context_window=2000, provider_config={"max_tokens": 500})
        session.register_tool(read)
        await session.send_message("question 0. " + "word " * 70)
        events = [event async for event in session.stream("question 1. Read both pages.")]
        assert [event.turns for event in events if isinstance(event, HistoryLeftOut)] == [1]
        newest = (await session.get_messages(limit=1))[0]
        assert (newest.content.strip(), newest.metadata["history"]["turns"]) == ("Read it all.", 1)

    run(road, wire, main)
    *_, before, last = sent(wire, road)
    assert "question 0." in str(before) or road == "conversations"
    assert "question 0." not in str(last)
    assert all(text in str(last) for text in ("question 1.", "page 1:", "page 2:"))
    assert call_ids(last) == (["c1", "c2"], ["c1", "c2"])


def test_a_tool_that_returns_more_than_the_model_reads_is_said(wire):
    wire.script(PATHS["chat"], calls("chat", ("c1", "read", {})))

    def read() -> str:
        """Read everything."""
        return "word " * 5000

    async def main(manager):
        session = await session_on("chat", manager, context_window=2000, provider_config={"max_tokens": 500})
        session.register_tool(read)
        with pytest.raises(ls.ContextWindowExceededError, match="what tools returned"):
            await session.send_message("Read.")
        assert [m.role for m in await session.get_messages()] == ["user", "assistant", "tool", "assistant"]

    run("chat", wire, main)
