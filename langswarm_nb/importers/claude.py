"""Claude.ai's data export: `conversations.json` in a folder or the zip itself. It names neither models nor tokens.

Newer exports have `parent_message_uuid`, and so branches; without it the messages stand in one line.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .blocks import Said, listed, said_in
from .conversation import Conversation, Message, micros, name, reference, words
from .format import Format, attempt, one_by_one
from .inputs import Entry
from .json_values import json_values
from .report import ImportReport

SOURCE = "claude"


def _detects(entry: Entry) -> bool:
    return entry.suffix in (".json", ".jsonl") and b'"chat_messages"' in entry.head


def _read(entry: Entry, report: ImportReport) -> Iterator[Conversation]:
    with entry.open() as stream:
        for value in json_values(stream, lambda why: report.skip("conversation", why, entry.name)):
            yield from attempt(lambda value=value: _conversation(value, report), report, entry.name)


def _conversation(value: Any, report: ImportReport) -> Conversation | None:
    if not isinstance(value, dict) or not isinstance(value.get("chat_messages"), list):
        raise TypeError("it has no chat_messages")
    source_id = name(value.get("uuid"))
    if source_id is None:
        raise ValueError("it has no uuid")
    account = value.get("account")
    found = Conversation(
        SOURCE,
        source_id,
        title=name(value.get("name")),
        description=name(value.get("summary")),
        provider="anthropic",
        model=name(value.get("model")),
        created_at=micros(value.get("created_at")),
        updated_at=micros(value.get("updated_at")),
        metadata={"account": account["uuid"]} if isinstance(account, dict) and name(account.get("uuid")) else {},
    )
    _add_messages(found, listed(value["chat_messages"]), value, report)
    if lost := len(value["chat_messages"]) - len(listed(value["chat_messages"])):
        report.skip("message", "it is no message", source_id, lost)
    return found


def _add_messages(found: Conversation, said: list[dict[str, Any]], value: dict[str, Any], report: ImportReport) -> None:
    # The last of our messages that each of theirs became.
    ends: dict[str, str] = {}
    previous: str | None = None
    for place, theirs in enumerate(said):
        uuid = name(theirs.get("uuid")) or f"{found.source_id}/{place}"
        if uuid in ends:
            report.skip("message", "its id is there twice", uuid)
            continue
        parent = ends.get(str(theirs["parent_message_uuid"])) if "parent_message_uuid" in theirs else previous
        for message in _messages(theirs, uuid, parent, found):
            found.messages.append(message)
            parent = message.source_id
        if parent is None or (parent != uuid and not parent.startswith(f"{uuid}#")):
            report.skip("message", "it is empty")
        if parent is not None:
            ends[uuid] = previous = parent
    found.show_branch_to(ends.get(str(value.get("current_leaf_message_uuid"))) or previous)


def _messages(theirs: dict[str, Any], uuid: str, parent: str | None, conversation: Conversation) -> Iterator[Message]:
    role = "assistant" if theirs.get("sender") == "assistant" else words(theirs.get("sender"))
    at = micros(theirs.get("created_at")) or conversation.created_at
    pieces = [piece for piece in said_in(theirs.get("content")) if piece]
    if not any(piece.text for piece in pieces) and (text := words(theirs.get("text"))):
        pieces = [Said(text), *pieces]
    attached = [*_attachments(theirs)]
    if attached:
        pieces = pieces or [Said()]
        pieces[0].parts += attached
    count = 0

    def next_id() -> str:
        nonlocal count
        count += 1
        return uuid if count == 1 else f"{uuid}#{count}"

    for piece in pieces:
        if piece.text or piece.parts:
            message = Message(next_id(), role, piece.text, at, parent, piece.parts)
            if role == "assistant":
                message.provider = "anthropic"
                message.model = conversation.model
                message.finish_reason = name(theirs.get("stop_reason"))
            yield message
            parent = message.source_id
        for result in piece.results:
            message = Message(
                next_id(), "tool", result.text, at, parent, result.parts,
                tool_name=result.tool, tool_call_id=result.call_id, status="error" if result.is_error else "complete",
            )  # fmt: skip
            yield message
            parent = message.source_id


def _attachments(theirs: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for attachment in listed(theirs.get("attachments")):
        title = name(attachment.get("file_name")) or "attachment"
        if text := words(attachment.get("extracted_content")):
            yield {"type": "file", "name": title, "media_type": "text/plain", "text": text}
        else:
            yield reference(title, attachment.get("file_type"), attachment.get("file_size"))
    for file in listed(theirs.get("files") or theirs.get("files_v2")):
        yield reference(file.get("file_name"), file.get("file_kind"), place=file.get("file_uuid"))


FORMAT = Format(SOURCE, "Claude.ai export", _detects, one_by_one(_read))
