"""A conversation as people read it: who speaks, other versions of a message, what came along with it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..models import SessionMessage
from ..session.branches import children, in_conversation
from .selection import Conversation

PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")


@dataclass
class Entry:
    """A message of the active branch, and the other versions of the talk from there on, each oldest first."""

    message: SessionMessage
    others: list[list[SessionMessage]] = field(default_factory=list)


def entries(conversation: Conversation) -> list[Entry]:
    """Return the active branch in order; every message of another branch stands in exactly one entry's `others`."""
    messages = in_conversation(conversation.values)
    known = {message.message_id for message in messages}
    families = children(messages)
    shown = [Entry(message) for message in messages if message.is_active_branch]
    seen = {entry.message.message_id for entry in shown}
    for entry in shown:
        parent = entry.message.parent_id if entry.message.parent_id in known else None
        for sibling in families[parent]:
            if branch := list(_branch(sibling, families, seen)):
                entry.others.append(branch)
    for message in messages:
        if branch := list(_branch(message, families, seen)):
            if not shown:
                shown.append(Entry(branch.pop(0)))
            if branch:
                shown[-1].others.append(branch)
    return shown


def _branch(
    root: SessionMessage, families: Mapping[str | None, list[SessionMessage]], seen: set[str]
) -> Iterator[SessionMessage]:
    waiting = [root]
    while waiting:
        message = waiting.pop()
        if message.message_id not in seen:
            seen.add(message.message_id)
            yield message
            waiting += reversed(families.get(message.message_id, []))


def speaker(message: SessionMessage) -> str:
    """Return who speaks: a name, a model or a role."""
    if message.role == "assistant":
        return message.response_model or message.request_model or message.author_name or "Assistant"
    if message.role == "tool":
        return f"Tool: {message.tool_name}" if message.tool_name else "Tool"
    return message.author_name or message.role.capitalize() or "Unknown"


def numbers(message: SessionMessage) -> str:
    """Return time, tokens and cost of a message as one short line; what is unknown is left out."""
    shown = [f"{message.timestamp:%Y-%m-%d %H:%M} UTC"]
    if message.duration_s is not None and message.role == "assistant":
        shown.append(f"{message.duration_s:.1f} s")
    if message.usage.output_tokens is not None:
        shown.append(f"{message.usage.output_tokens:,} tokens")
    if message.cost_usd is not None:
        shown.append(f"${message.cost_usd:.4f}")
    return " · ".join(shown)


def state(message: SessionMessage) -> str:
    """Return what is to be said of a message that did not end well, or an empty text."""
    if message.status == "error":
        return f"Error: {message.error_message or message.error_type or 'unknown'}"
    return "Stopped here." if message.status in ("interrupted", "streaming") else ""


def about(conversation: Conversation) -> str:
    """Return model, time and length of a conversation as one line."""
    session = conversation.session
    model = "/".join(part for part in (session["provider"], session["model"]) if part)
    created = f"{session['created_at']:%Y-%m-%d %H:%M} UTC" if session["created_at"] else ""
    count = len(conversation.active)
    shown = [model, created, f"{count} message{'s' * (count != 1)}", ", ".join(session["tags"] or [])]
    return " · ".join(part for part in shown if part)


def tool_calls(message: SessionMessage) -> list[tuple[str, str]]:
    """Return the calls that a reply asks for, as (name, arguments in JSON)."""
    calls = [part for part in message.parts if part.get("type") == "tool_call"]
    return [
        (str(call.get("name") or "tool"), json.dumps(call.get("arguments"), ensure_ascii=False, indent=2, default=str))
        for call in calls
    ]


def reasoning(message: SessionMessage) -> str:
    """Return what the model showed of its thinking."""
    return "".join(str(part.get("text") or "") for part in message.parts if part.get("type") == "reasoning")


def attachments(message: SessionMessage) -> Iterator[tuple[str, str, str | None, bytes | None]]:
    """Yield what came along with a message, as (name, media type, text or None, bytes or None)."""
    for part in message.parts:
        if part.get("type") in ("image", "file", "table"):
            name = str(part.get("name") or part["type"])
            media_type = str(part.get("media_type") or "text/plain")
            yield name, media_type, _text(part), _data(part)


def _text(part: dict[str, Any]) -> str | None:
    return str(part["text"]) if part.get("text") is not None else None


def _data(part: dict[str, Any]) -> bytes | None:
    try:
        return base64.b64decode(str(part["data"])) if part.get("data") is not None else None
    except ValueError:
        return None
