"""What goes along with a question, and what a reply has to fit, in each protocol's form."""

from __future__ import annotations

import asyncio
import base64
import json
from decimal import Decimal

import pytest
from wire_scripts import PATHS, calls, says

from langswarm_nb.attachments import parts_of
from langswarm_nb.clock import new_id, now
from langswarm_nb.errors import ProviderRefusedError
from langswarm_nb.models import SessionMessage
from langswarm_nb.providers import ProviderSessionFactory
from langswarm_nb.stream_events import Completed, TextDelta, ToolCall, UsageUpdate

ROADS = list(PATHS)
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PDF = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF"
SCHEMA = {
    "name": "Town",
    "schema": {
        "type": "object",
        "title": "Town",
        "properties": {"name": {"type": "string", "title": "Name"}, "people": {"type": "integer", "default": 0}},
        "required": ["name"],
    },
}


def open_session(road, wire, **config):
    provider = "anthropic" if road == "anthropic" else "openai"
    api = {} if road == "anthropic" else {"api": road}
    return ProviderSessionFactory.create(
        provider, "s1", "claude-sonnet-5-5", {"api_key": "k" * 9, "base_url": wire.url, **api, **config}
    )


def ask(session, content="Look.", history=(), **more):
    async def main():
        if history:
            await session.restore(list(history))
        try:
            return [event async for event in session.send_message_stream(content, **more)]
        finally:
            await session.cleanup_provider_resources()

    return asyncio.run(main())


def sent(wire, road, number=-1):
    return wire.sent_to(PATHS[road])[number].body


def newest_content(body):
    return (body.get("input") or body["messages"])[-1]["content"]


EVERYTHING = {"dot.png": PNG, "paper.pdf": PDF, "notes.txt": b"Buy milk."}

FORMS = {
    "/responses": [
        {"type": "input_text", "text": "Look."},
        {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,PNG"},
        {"type": "input_file", "filename": "paper.pdf", "file_data": "data:application/pdf;base64,PDF"},
        {"type": "input_text", "text": '<attachment name="notes.txt">\nBuy milk.\n</attachment>'},
    ],
    "/chat/completions": [
        {"type": "text", "text": "Look."},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,PNG"}},
        {"type": "file", "file": {"filename": "paper.pdf", "file_data": "data:application/pdf;base64,PDF"}},
        {"type": "text", "text": '<attachment name="notes.txt">\nBuy milk.\n</attachment>'},
    ],
    "/messages": [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "PNG"}},
        {
            "type": "document",
            "title": "paper.pdf",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "PDF"},
        },
        {
            "type": "document",
            "title": "notes.txt",
            "source": {
                "type": "text",
                "media_type": "text/plain",
                "data": '<attachment name="notes.txt">\nBuy milk.\n</attachment>',
            },
        },
        {"type": "text", "text": "Look."},
    ],
}


def expected_form(road):
    text = json.dumps(FORMS[PATHS[road]])
    for name, data in (("PNG", PNG), ("PDF", PDF)):
        text = text.replace(f",{name}", "," + base64.b64encode(data).decode())
        text = text.replace(f'"data": "{name}"', f'"data": "{base64.b64encode(data).decode()}"')
    return json.loads(text)


@pytest.mark.parametrize("road", ROADS)
def test_attachments_go_in_the_services_form(wire, road):
    wire.script(PATHS[road], says(road, "I see."))
    ask(open_session(road, wire), parts=parts_of(EVERYTHING))
    assert newest_content(sent(wire, road)) == expected_form(road)


@pytest.mark.parametrize("road", ROADS)
def test_what_is_attached_without_a_word_goes_without_one(wire, road):
    wire.script(PATHS[road], says(road, "I see."), says(road, "As before."))
    expected = [part for part in expected_form(road) if part.get("text") != "Look."]
    ask(open_session(road, wire), "", parts=parts_of(EVERYTHING))
    assert newest_content(sent(wire, road)) == expected
    looked = SessionMessage(new_id(), "s1", "user", "", now(), parts=parts_of(EVERYTHING))
    reply = SessionMessage(new_id(), "s1", "assistant", "I see.", now())
    ask(open_session(road, wire), "And now?", [looked, reply])
    body = sent(wire, road)
    assert (body.get("input") or body["messages"])[0]["content"] == expected


@pytest.mark.parametrize("road", ROADS)
def test_attachments_of_the_history_go_along(wire, road):
    wire.script(PATHS[road], says(road, "A dot."))
    looked = SessionMessage(new_id(), "s1", "user", "Look.", now(), parts=parts_of(EVERYTHING))
    reply = SessionMessage(new_id(), "s1", "assistant", "I see.", now())
    ask(open_session(road, wire), "What colour?", [looked, reply])
    body = sent(wire, road)
    assert (body.get("input") or body["messages"])[0]["content"] == expected_form(road)


def test_another_attachment_is_another_conversation(wire):
    """The server keeps the old picture: what it holds is no longer what the history says."""
    session = open_session("conversations", wire)
    wire.script("/responses", says("responses", "A dot."), says("responses", "Another."))

    async def main():
        async for _ in session.send_message_stream("Look.", parts=parts_of({"a.png": PNG})):
            pass
        first = session.provider_session_id
        edited = SessionMessage(new_id(), "s1", "user", "Look.", now(), parts=parts_of({"b.png": PNG}))
        await session.restore([edited, SessionMessage(new_id(), "s1", "assistant", "A dot. ", now())])
        async for _ in session.send_message_stream("And?"):
            pass
        await session.cleanup_provider_resources()
        return first, session.provider_session_id

    first, second = asyncio.run(main())
    assert first != second
    assert "b.png" not in str(sent(wire, "responses", 0))


def test_what_claude_cannot_read_is_said_before_anything_is_sent(wire):
    with pytest.raises(ProviderRefusedError, match=r"sheet\.xlsx"):
        ask(open_session("anthropic", wire), parts=parts_of({"sheet.xlsx": b"PK\x03\x04\xff\x00"}))
    assert not wire.requests


@pytest.mark.parametrize("road", ROADS)
def test_a_schema_goes_in_the_services_form(wire, road):
    wire.script(PATHS[road], says(road, '{"name":"Oslo","people":1}'))
    events = ask(open_session(road, wire), output_schema=SCHEMA)
    assert "Oslo" in "".join(event.text for event in events if isinstance(event, TextDelta))
    body = sent(wire, road)
    forms = {
        "/responses": lambda: (body["text"]["format"], body["text"]["format"]["schema"]),
        "/chat/completions": lambda: (body["response_format"], body["response_format"]["json_schema"]["schema"]),
        "/messages": lambda: (body["output_config"]["format"], body["output_config"]["format"]["schema"]),
    }
    form, schema = forms[PATHS[road]]()
    assert form["type"] == "json_schema"
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["name", "people"]


def test_a_schema_and_reasoning_go_together_to_claude(wire):
    wire.script("/messages", says("anthropic", "{}"))
    ask(open_session("anthropic", wire, reasoning_level="low"), output_schema=SCHEMA)
    assert set(sent(wire, "anthropic")["output_config"]) == {"effort", "format"}


@pytest.mark.parametrize("road", ROADS)
def test_several_results_go_together(wire, road):
    wire.script(PATHS[road], calls(road, ("c1", "look", {"n": 1}), ("c2", "look", {"n": 2})), says(road, "Both seen."))
    tools = [{"name": "look", "description": "Looks.", "parameters": {"type": "object", "properties": {}}}]
    session = open_session(road, wire)

    async def main():
        first = [event async for event in session.send_message_stream("Look twice.", tools=tools)]
        results = [
            SessionMessage(new_id(), "s1", "tool", f"seen {n}", now(), tool_call_id=f"c{n}", tool_name="look")
            for n in (1, 2)
        ]
        second = [e async for e in session.send_message_stream("", "tool", tools=tools, tool_results=results)]
        await session.cleanup_provider_resources()
        return first, second

    first, second = asyncio.run(main())
    assert [(e.call_id, e.arguments) for e in first if isinstance(e, ToolCall)] == [("c1", {"n": 1}), ("c2", {"n": 2})]
    assert "Both" in "".join(event.text for event in second if isinstance(event, TextDelta))
    body = sent(wire, road)
    assert "look" in str(body["tools"])
    assert str(body).count("seen 1") == str(body).count("seen 2") == 1
    if road == "conversations":
        assert [item["type"] for item in body["input"]] == ["function_call_output"] * 2, "the rest is kept there"
        assert len(wire.conversations) == 1
    if road == "anthropic":
        assert [block["type"] for block in body["messages"][-1]["content"]] == ["tool_result", "tool_result"]


@pytest.mark.parametrize("road", ["responses", "chat", "anthropic"])
def test_arguments_that_are_no_json_come_as_they_are(wire, road):
    wire.script(PATHS[road], calls(road, ("c1", "look", '{"n": 1')))
    events = ask(open_session(road, wire))
    [call] = [event for event in events if isinstance(event, ToolCall)]
    assert (call.arguments, call.invalid) == ({}, '{"n": 1')
    assert isinstance(events[-1], Completed)


def test_a_call_without_an_id_gets_one(wire):
    wire.script("/chat/completions", calls("chat", ("", "look", {})))
    [call] = [event for event in ask(open_session("chat", wire)) if isinstance(event, ToolCall)]
    assert call.call_id


def test_responses_are_not_kept_by_the_service_unless_asked(wire):
    wire.script("/responses", *[says("responses", "Hi")] * 3)
    ask(open_session("responses", wire))
    ask(open_session("responses", wire, store=True))
    ask(open_session("conversations", wire))
    assert [request.body.get("store") for request in wire.sent_to("/responses")] == [False, True, None]


def test_sealed_reasoning_goes_back_between_a_call_and_its_result(wire):
    wire.script("/responses", calls("responses", ("c1", "look", {}), thought="sealed"), says("responses", "Seen."))
    session = open_session("responses", wire)
    [*_, end] = ask(session)
    assert end.provider_metadata["reasoning_items"][0]["encrypted_content"] == "sealed"
    ask(session, "A dot.", role="tool", metadata={"tool_call_id": "c1"})
    kinds = [item.get("type", "message") for item in sent(wire, "responses")["input"]]
    assert kinds == ["message", "reasoning", "function_call", "function_call_output"]


@pytest.mark.parametrize("road", ["responses", "chat"])
def test_a_cost_that_the_server_reports_is_taken_over(wire, road):
    wire.script(PATHS[road], says(road, "Hi", cost=0.00123))
    costs = [event.cost_usd for event in ask(open_session(road, wire)) if isinstance(event, UsageUpdate)]
    assert costs == [Decimal("0.00123")]


@pytest.mark.parametrize("cost", [-1, "free", True, None, float("nan")])
def test_a_cost_that_is_none_is_unknown(wire, cost):
    wire.script("/chat/completions", says("chat", "Hi", cost=cost))
    costs = [event.cost_usd for event in ask(open_session("chat", wire)) if isinstance(event, UsageUpdate)]
    assert costs == [None]
