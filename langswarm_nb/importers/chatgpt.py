"""ChatGPT's data export: `conversations.json`, or `conversations-000.json` and so on, in a folder or the zip itself.

A conversation is a tree in `mapping`; `current_node` is the end of the branch that is shown. What ChatGPT hides from
people (system prompts, custom instructions, tools' scaffolding) is left out and counted. The export has no token
counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .conversation import (
    Conversation,
    Message,
    mapping,
    micros,
    name,
    reasoning,
    reference,
    sequence,
    tool_call,
    words,
)
from .format import Format, attempt, one_by_one
from .inputs import Entry
from .json_values import json_values
from .report import ImportReport

SOURCE = "chatgpt"
_NAME = re.compile(r"(^|/)(shared_)?conversations?([-_ ]?\d+)?\.json$")
_FINISH = {"stop": "stop", "max_tokens": "length", "interrupted": "cancelled"}
_ASSETS = {
    "image_asset_pointer": "image",
    "audio_asset_pointer": "audio",
    "video_container_asset_pointer": "video",
    "real_time_user_audio_video_asset_pointer": "audio",
}
_HIDDEN_CONTENT = ("user_editable_context", "model_editable_context", "app_pairing_content")


def _detects(entry: Entry) -> bool:
    return entry.suffix == ".json" and b'"mapping"' in entry.head and (
        b'"current_node"' in entry.head or b'"create_time"' in entry.head or b'"children"' in entry.head
    )  # fmt: skip


def _read(entry: Entry, report: ImportReport) -> Iterator[Conversation]:
    with entry.open() as stream:
        for value in json_values(stream, lambda why: report.skip("conversation", why, entry.name)):
            where = (
                name(value.get("conversation_id") or value.get("id") or value.get("title"))
                if isinstance(value, dict)
                else None
            )
            yield from attempt(lambda value=value: _conversation(value, report), report, where or entry.name)


def _conversation(value: Any, report: ImportReport) -> Conversation | None:
    if not isinstance(value, dict) or not isinstance(value.get("mapping"), dict):
        raise TypeError("it has no mapping of messages")
    nodes: dict[str, Any] = value["mapping"]
    source_id = name(value.get("conversation_id") or value.get("id")) or next(iter(nodes), None)
    if source_id is None:
        return Conversation(SOURCE, "")
    found = Conversation(
        SOURCE,
        source_id,
        title=name(value.get("title")),
        provider="openai",
        model=name(value.get("default_model_slug")),
        status="archived" if value.get("is_archived") is True else "active",
        created_at=micros(value.get("create_time")),
        updated_at=micros(value.get("update_time")),
        metadata={key: value[key] for key in ("gizmo_id", "conversation_template_id") if name(value.get(key))},
    )
    _Tree(nodes, found, report).read(value.get("current_node"))
    return found


class _Tree:
    """Walks a mapping from its roots, and turns what is seen into messages."""

    def __init__(self, nodes: dict[str, Any], found: Conversation, report: ImportReport) -> None:
        self._nodes = nodes
        self._found = found
        self._report = report
        self._done: set[str] = set()
        self._said: list[tuple[int, int, Message]] = []

    def read(self, current: Any) -> None:
        nodes = self._nodes
        children: dict[str, list[str]] = {}
        roots: list[str] = []
        for key, node in nodes.items():
            parent = node.get("parent") if isinstance(node, dict) else None
            if isinstance(parent, str) and parent in nodes and parent != key:
                children.setdefault(parent, []).append(key)
            else:
                roots.append(key)
                if isinstance(parent, str) and parent not in nodes:
                    self._report.skip(
                        "link", "a message's parent is missing; it begins a branch", self._found.source_id
                    )
        for root in roots:
            self._walk(root, children)
        for key in nodes:
            if key not in self._done:  # nothing leads here from a root
                self._report.skip(
                    "link", "messages are each other's parents; one begins a branch", self._found.source_id
                )
                self._walk(key, children)
        self._said.sort(key=lambda item: item[:2])
        messages = [message for _, _, message in self._said]
        self._found.messages = messages
        self._found.show_branch_to(self._shown_end(current))

    def _walk(self, root: str, children: dict[str, list[str]]) -> None:
        # What a message inherits: the last shown message above it, the latest time so far, reasoning before it.
        waiting: list[tuple[str, str | None, int, list[dict[str, Any]]]] = [(root, None, 0, [])]
        while waiting:
            key, parent, at, thoughts = waiting.pop()
            if key in self._done:
                continue
            self._done.add(key)
            below = children.get(key, ())
            node = self._nodes[key]
            value = node.get("message") if isinstance(node, dict) else None
            if isinstance(value, dict):
                message = self._message(key, value, parent)
                if isinstance(message, list):
                    thoughts = [*thoughts, *message]
                    if not any(one not in self._done for one in below):
                        message = Message(name(value.get("id")) or key, "assistant", parent=parent, provider="openai")
                        message.created_at = micros(value.get("create_time"))
                if isinstance(message, Message):
                    at = max(at, message.created_at or 0)
                    if message.role == "assistant":
                        message.parts[:0] = thoughts
                        thoughts = []
                    if message.created_at is None:
                        message.created_at = at or self._found.created_at
                    self._said.append((at, len(self._said), message))
                    parent = message.source_id
            waiting.extend((child, parent, at, thoughts) for child in reversed(below))

    def _shown_end(self, current: Any) -> str | None:
        """Return the source id with which the branch that is shown ends."""
        shown = {message.source_id for _, _, message in self._said}
        seen: set[str] = set()
        node = current
        while isinstance(node, str) and node in self._nodes and node not in seen:
            seen.add(node)
            value = mapping(mapping(self._nodes[node]).get("message"))
            found = name(value.get("id")) or node
            if found in shown:
                return found
            node = mapping(self._nodes[node]).get("parent")
        return self._said[-1][2].source_id if self._said else None

    def _message(self, key: str, value: dict[str, Any], parent: str | None) -> Message | list[dict[str, Any]] | None:
        """Return the message, or only the reasoning that belongs to the next one, or None for what is not shown."""
        author, about, content = mapping(value.get("author")), mapping(value.get("metadata")), value.get("content")
        content = content if isinstance(content, dict) else {"content_type": "text", "parts": [content]}
        kind = content.get("content_type")
        role = author.get("role")
        if about.get("is_visually_hidden_from_conversation") is True or kind in _HIDDEN_CONTENT:
            self._report.skip("message", "ChatGPT hides it (system prompt, custom instructions, tools' own messages)")
            return None
        if kind == "thoughts":
            thoughts = [mapping(thought) for thought in sequence(content.get("thoughts"))]
            texts = ["\n".join(filter(None, (words(t.get("summary")), words(t.get("content"))))) for t in thoughts]
            return [reasoning(text) for text in texts if text]
        if kind == "reasoning_recap":
            return [reasoning(text)] if (text := words(content.get("content"))) else None
        text, parts = _said(kind, content)
        if attached := about.get("attachments"):
            parts += [
                reference(a.get("name"), a.get("mime_type"), a.get("size"), a.get("id"))
                for a in map(mapping, sequence(attached))
            ]
        if not text and not parts and role != "user":
            if role != "system":
                self._report.skip("message", "it is empty")
            return None
        if not isinstance(role, str):
            self._report.skip("message", "nobody knows its role", self._found.source_id)
            return None
        message = Message(
            name(value.get("id")) or key, role, text, micros(value.get("create_time")), parent, parts,
            author_name=name(author.get("name")),
        )  # fmt: skip
        if role == "assistant":
            self._as_reply(message, value, about)
        elif role == "tool":
            message.tool_name = message.author_name
            message.status = "error" if kind == "system_error" else "complete"
        return message

    def _as_reply(self, message: Message, value: dict[str, Any], about: dict[str, Any]) -> None:
        message.provider = "openai"
        message.model = name(about.get("model_slug"))
        message.request_model = name(about.get("default_model_slug")) or message.model
        finish = name(mapping(about.get("finish_details")).get("type"))
        message.finish_reason = _FINISH.get(finish, finish) if finish else None
        if finish == "interrupted" or value.get("status") == "in_progress":
            message.status = "interrupted"
        recipient = name(value.get("recipient"))
        if recipient not in (None, "all"):
            message.parts.append(tool_call(None, recipient, {"input": message.content}))
            message.content = ""


def _said(kind: Any, content: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """Return a content's text, and what is in it besides text."""
    only = content.get("parts")
    if kind == "text" and isinstance(only, list) and len(only) == 1 and isinstance(only[0], str):
        return only[0], []  # most messages by far
    if kind == "code":
        language = name(content.get("language"))
        fence = language if language not in (None, "unknown") else ""
        return f"```{fence}\n{words(content.get('text'))}\n```" if content.get("text") else "", []
    if kind == "tether_quote":
        origin = words(content.get("url") or content.get("domain"))
        return "\n".join(filter(None, (words(content.get("title")), words(content.get("text")), origin))), []
    if kind == "tether_browsing_display":
        return words(content.get("result") or content.get("summary")), []
    if "parts" not in content:
        said = next((content[key] for key in ("text", "result", "output_str", "content") if content.get(key)), None)
        return words(said), []
    texts: list[str] = []
    parts: list[dict[str, Any]] = []
    for part in sequence(content["parts"]) or [content["parts"]]:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict):
            found = name(part.get("content_type")) or ""
            if found in _ASSETS:
                asset = mapping(part.get("audio_asset_pointer")) or part
                prompt = mapping(mapping(part.get("metadata")).get("dalle")).get("prompt")
                title = words(prompt)[:200] or _ASSETS[found]
                parts.append(
                    reference(title, f"{_ASSETS[found]}/*", asset.get("size_bytes"), asset.get("asset_pointer"))
                )
            elif text := words(part):
                texts.append(text)
    return "\n".join(text for text in texts if text), parts


FORMAT = Format(SOURCE, "ChatGPT export", _detects, one_by_one(_read))
