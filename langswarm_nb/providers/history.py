"""The conversation so far, as it can be sent."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ..attachments import attached
from ..models import SessionMessage
from ..stream_events import ToolCall


def sendable(messages: Iterable[SessionMessage], *, calls_open: bool = False) -> list[SessionMessage]:
    """Return the messages that a service accepts: none empty, and tool calls only together with their results.

    With `calls_open` the last message's calls stay: their results are still to come. An interrupted reply stays with
    what had come of it. The caller's messages are not changed.
    """
    messages = list(messages)
    answered = {message.tool_call_id for message in messages if message.role == "tool"}
    if calls_open and messages:
        answered |= {call.call_id for call in tool_calls(messages[-1])}
    asked: set[str] = set()
    kept: list[SessionMessage] = []
    for message in messages:
        calls = [call for call in tool_calls(message) if call.call_id in answered]
        asked.update(call.call_id for call in calls)
        if message.role == "tool":
            if message.tool_call_id in asked:
                kept.append(message)
        elif message.content.strip() or calls or attached(message.parts):
            kept.append(replace(message, parts=_with_calls(message, calls)) if message.parts else message)
    return kept


def tool_calls(message: SessionMessage) -> list[ToolCall]:
    """Return the calls that an assistant's message asks for."""
    return [
        ToolCall(part["id"], part["name"], part.get("arguments") or {})
        for part in message.parts
        if part.get("type") == "tool_call"
    ]


def parsed_arguments(text: str | None) -> tuple[dict[str, Any], str | None]:
    """Return a call's arguments, and the text itself where it is no JSON object."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        found = None
    return (found, None) if isinstance(found, dict) else ({}, text)


def instructions(messages: Iterable[SessionMessage], system_prompt: str | None) -> str:
    """Return `system_prompt` and every system message's text, each once, in order, as one text."""
    texts = [system_prompt or "", *(message.content for message in messages if message.role == "system")]
    return "\n\n".join(dict.fromkeys(text for text in texts if text.strip()))


def _with_calls(message: SessionMessage, calls: list[ToolCall]) -> list[dict[str, Any]]:
    answered = {call.call_id for call in calls}
    return [part for part in message.parts if part.get("type") != "tool_call" or part["id"] in answered]
