"""What the reader sets, and the word that she gives to tools, without a browser."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from test_panel_widget import Wire, store

import langswarm_nb as ls
from langswarm_nb import runtime
from langswarm_nb.errors import ConfigurationError
from langswarm_nb.stream_events import ToolCall
from langswarm_nb.widgets import approvals
from langswarm_nb.widgets.approvals import arguments_text
from langswarm_nb.widgets.settings import reasoning_levels

pytestmark = pytest.mark.usefixtures("store")
__all__ = ["store"]


def called() -> list[str]:
    return [message.content for message in runtime.run(_messages()) if message.role == "tool"]


async def _messages() -> Any:
    [record] = await runtime.default_manager().storage.list_sessions()
    return await (await runtime.default_manager().get_session(record["session_id"])).get_messages()


def wire_with_tool(monkeypatch: pytest.MonkeyPatch, **options: Any) -> Wire:
    def pay(amount: int) -> str:
        return f"paid {amount}"

    panel = ls.chat(provider_config={"response_delay_ms": 0}, tools=[pay], **options)
    panel.session.provider_session.set_tool_calls([{"name": "pay", "arguments": {"amount": 3}}])
    return Wire(panel, monkeypatch)


def waiting(message: dict[str, Any]) -> Any:
    return message.get("header", {}).get("asks")


def test_settings_hold_from_the_next_turn_and_empty_is_the_providers_own(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(ls.chat(provider_config={"response_delay_ms": 0}), monkeypatch)
    names = [field["name"] for field in wire.ask("settings")["value"]]
    assert names == ["system_prompt", "temperature", "max_tokens"]
    values = {"system_prompt": "Be brief.", "temperature": "0,5", "max_tokens": "1 000", "reasoning_level": "high"}
    assert wire.ask("set_settings", values=values)["value"] == {}
    session = wire.panel.session
    assert session.config.system_prompt == "Be brief."
    options = {"response_delay_ms": 0, "temperature": 0.5, "max_tokens": 1000}
    assert session.config.provider_config == options
    assert session._provider.config == {**options, "system_prompt": "Be brief."}
    assert wire.panel._live.state.header["set"] == ["instructions", "temperature 0.5", "at most 1000 tokens"]
    wire.ask("send", text="Hello")
    reply = ls.messages().iloc[-1]
    assert (reply.temperature, reply.max_tokens) == (0.5, 1000)

    assert wire.ask("set_settings", values=dict.fromkeys(values, " "))["value"] == {}
    assert session.config.system_prompt is None
    assert session.config.provider_config == session._provider.config == {"response_delay_ms": 0}
    runtime.close()
    assert ls.chat().session.config.provider_config == {"response_delay_ms": 0}


@pytest.mark.parametrize(
    ("field", "text", "says"),
    [
        ("temperature", "hot", "a number from 0 to 2"),
        ("temperature", "-1", "a number from 0 to 2"),
        ("temperature", "2.5", "a number from 0 to 2"),
        ("temperature", "nan", "a number from 0 to 2"),
        ("temperature", "1e0", "a number from 0 to 2"),
        ("max_tokens", "0", "a whole number of tokens"),
        ("max_tokens", "1.5", "a whole number of tokens"),
        ("max_tokens", "٣", "a whole number of tokens"),
        ("max_tokens", "9" * 30, "a whole number of tokens"),
        ("system_prompt", "x" * 100_001, "100,000 characters; these are 100,001"),
    ],
)
def test_what_cannot_be_set_says_why_and_changes_nothing(
    field: str, text: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = Wire(ls.chat(), monkeypatch)
    before = dict(wire.panel.session.config.__dict__)
    problems = wire.ask("set_settings", values={"system_prompt": "New.", "temperature": "1", field: text})["value"]
    assert list(problems) == [field]
    assert says in problems[field]
    assert wire.panel.session.config.__dict__ == before


@pytest.mark.parametrize(
    ("provider", "model", "has"),
    [
        ("anthropic", "claude-sonnet-5-5", True),
        ("anthropic", "claude-3-5-sonnet-20241022", False),
        ("openai", "gpt-6.1-sol", True),
        ("openai", "o3-mini", True),
        ("openai", "gpt-4o", False),
        ("ollama", "qwen3", True),
        ("mock", "mock-model", False),
        ("local", "model.gguf", False),
    ],
)
def test_a_level_of_reasoning_is_offered_where_the_model_takes_one(provider: str, model: str, has: bool) -> None:
    assert bool(reasoning_levels(provider, model)) is has


def test_tags_are_short_visible_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(ls.chat(), monkeypatch)
    runtime.run(wire.panel.session.set_tags(["participant:bo", "old"]))
    wire.ask("tags", tags=["travel", " #Oslo ", "TRAVEL", "\u202e", ""])
    assert wire.panel._live.state.header["tags"] == ["travel", "Oslo"]
    assert wire.panel.session.config.tags == ["travel", "Oslo", "participant:bo"]
    assert "40 characters" in wire.ask("tags", tags=["x" * 41])["error"]["text"]
    assert "40 characters" in wire.ask("tags", tags=["participant:eva"])["error"]["text"]
    assert "20 tags" in wire.ask("tags", tags=list("abcdefghijklmnopqrstu"))["error"]["text"]


def test_a_call_waits_for_the_reader_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = wire_with_tool(monkeypatch)
    wire.received.clear()
    wire.say("send", text="Pay")
    [ask] = waiting(wire.wait_for(waiting))
    assert (ask["name"], ask["arguments"]) == ("pay", '{\n  "amount": 3\n}')
    # Whoever opens the panel now sees it, too.
    assert wire.panel._everything()["header"]["asks"] == [ask]
    wire.say("approve", id=ask["id"], allow=True)
    wire.wait_for(lambda message: message["kind"] == "answer" and message["rid"] == "send")
    assert called() == ["paid 3"]
    assert wire.panel._everything()["header"]["asks"] == []
    # A word that comes late is of no consequence.
    assert wire.ask("approve", id=ask["id"], allow=False)["kind"] == "answer"


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("reject", "Error: the user did not allow this call: too dear."),
        ("close", "Error: the user did not allow this call: the chat panel was closed."),
        ("time", "Error: the user did not allow this call: nobody answered within 0 minutes."),
        ("stop", "Error: the call was stopped before it was finished."),
    ],
)
def test_no_word_is_a_refusal_and_the_model_hears_it(how: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if how == "time":
        monkeypatch.setattr(approvals, "PATIENCE_S", 0.2)
    wire = wire_with_tool(monkeypatch)
    wire.received.clear()
    wire.say("send", text="Pay")
    if how != "time":
        [ask] = waiting(wire.wait_for(waiting))
    if how == "reject":
        wire.say("approve", id=ask["id"], allow=False, reason="too dear")
    elif how == "close":
        wire.panel.close()
    elif how == "stop":
        wire.say("stop")
    wire.wait_for(lambda message: message["kind"] in ("answer", "failed") and message["rid"] == "send")
    assert called() == [told]
    assert wire.panel._live.approvals.asks == []


def test_nobody_there_is_a_refusal() -> None:
    async def main() -> str:
        manager = ls.create_session_manager(storage="memory", providers={"mock": None})
        session = await manager.create_session("ada", "mock", "mock-model")
        session.register_tool(lambda: "done", name="act", approve="ask")
        session.approve_tools("ask")
        session.provider_session.set_tool_calls([{"name": "act"}])
        await session.send_message("Act.")
        with pytest.raises(ConfigurationError, match="'sure'"):
            session.approve_tools("sure")  # type: ignore[arg-type]
        return (await session.get_messages())[2].content

    assert "nobody is there to ask" in asyncio.run(main())


def test_a_panel_may_let_tools_run_unasked_and_a_new_chat_has_them_too(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = wire_with_tool(monkeypatch, approve=None)
    assert wire.ask("send", text="Pay")["kind"] == "answer"
    assert called() == ["paid 3"]
    wire.ask("new_chat")
    assert wire.panel.session.tools == ["pay"]


def test_arguments_hide_nothing() -> None:
    text = arguments_text(ToolCall("1", "pay", {"to": "eva\u202e\u200bob\ud800", "key": "sk-ant-api03-" + "a" * 80}))
    assert "eva\\u202e\\u200bob" in text
    assert "aaaa" not in text
    assert arguments_text(ToolCall("1", "x", {"a": "b" * 30_000})).endswith("more characters")
