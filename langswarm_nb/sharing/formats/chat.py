"""JSON Lines as the providers take chats: one conversation a line, the active branch only.

`openai`: `{"messages": [...]}`, as fine-tuning takes it, with tool calls, pictures and files. `anthropic`:
`{"system": ..., "messages": [...]}` in blocks, turns of one side joined. What a service would refuse is left out: empty
messages, tool calls without a result, conversations without a reply.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from ...models import SessionMessage
from ...providers.anthropic.messages import message_turns
from ...providers.history import instructions, sendable
from ...providers.openai.chat import chat_messages
from ..selection import Conversation
from .text_file import TextWriter

_READABLE_DATA = ("image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf")


class _ChatWriter(TextWriter):
    def conversation(self, conversation: Conversation) -> str:
        messages = [_readable(message) for message in sendable(conversation.active)]
        if not any(message.role == "assistant" for message in messages):
            return ""
        line = json.dumps(self.line(messages, conversation.system_prompt), ensure_ascii=False, separators=(",", ":"))
        return line.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").replace("\x85", "\\u0085") + "\n"

    def line(self, messages: list[SessionMessage], system_prompt: str | None) -> dict[str, Any]:
        raise NotImplementedError


class OpenAIWriter(_ChatWriter):
    """Chat completions' messages."""

    def line(self, messages: list[SessionMessage], system_prompt: str | None) -> dict[str, Any]:
        told = {message.content for message in messages if message.role == "system"}
        sent = chat_messages(messages, None if system_prompt in told else system_prompt)
        for entry in sent:
            if entry["content"] is None and "tool_calls" not in entry:
                entry["content"] = ""
        return {"messages": sent}


class AnthropicWriter(_ChatWriter):
    """The messages API's turns."""

    def line(self, messages: list[SessionMessage], system_prompt: str | None) -> dict[str, Any]:
        system = instructions(messages, system_prompt)
        return {**({"system": system} if system else {}), "messages": message_turns(messages)}


def _readable(message: SessionMessage) -> SessionMessage:
    """Return the message with a note in place of attachments that no service reads."""
    if not message.parts:
        return message
    parts = []
    for part in message.parts:
        if part.get("type") in ("image", "file", "table"):
            name = str(part.get("name") or part["type"])
            media_type = str(part.get("media_type") or "text/plain")
            part = {**part, "name": name, "media_type": media_type}
            known = not part.get("data") or media_type in _READABLE_DATA
            if not known or not isinstance(part.get("data") or part.get("text"), str):
                part = {"type": "file", "name": name, "media_type": "text/plain", "text": f"[{media_type}, left out]"}
        elif part.get("type") == "tool_call":
            part = {**part, "id": str(part.get("id") or ""), "name": str(part.get("name") or "tool")}
        parts.append(part)
    metadata = {key: value for key, value in message.provider_metadata.items() if key != "thinking_blocks"}
    return replace(message, parts=parts, provider_metadata=metadata)
