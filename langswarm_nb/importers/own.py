"""What this package itself exports: conversations as JSON, or rows of `messages` as JSONL and Parquet.

- JSON: what `Session.export_conversation()` returns, `{"session": ..., "messages": [...]}`, or a list of those.
- JSONL: such a conversation a line, or a row of `messages` (or of `sessions`) a line, with the columns' names.
- Parquet: rows of `messages`, or of `sessions`, with the columns' names.

Ids are kept, so an export of a store changes nothing in it. Rows of one session should stand together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any

from ..models import Usage
from ..storage.rows import integer, json_value, money, number
from .conversation import Conversation, Message, mapping, micros, name, sequence, tokens, words
from .format import Format, attempt, guarded
from .inputs import Entry
from .json_values import json_values
from .report import ImportReport

_CONVERSATION = re.compile(rb'"session"\s*:\s*\{')
_USAGE = tuple(field.name for field in fields(Usage))
_STATUSES = ("complete", "streaming", "interrupted", "error")
_SESSION_STATUSES = ("active", "idle", "archived", "error")


def _detects(entry: Entry) -> bool:
    head = entry.head
    if head[:4] == b"PAR1":
        return bool({"session_id", "message_id"} <= _columns(entry) or {"session_id", "user_id"} <= _columns(entry))
    if entry.suffix not in (".json", ".jsonl", ".ndjson"):
        return False
    is_row = b'"message_id"' in head and b'"session_id"' in head and b'"role"' in head
    return is_row or (_CONVERSATION.search(head) is not None and b'"session_id"' in head)


def _read(entries: Sequence[Entry], report: ImportReport) -> Iterator[Conversation]:
    sessions: dict[str, dict[str, Any]] = {}
    # What is told of a session comes first, wherever it stands.
    for entry in sorted(entries, key=lambda entry: "session" not in entry.name.rsplit("/", 1)[-1]):
        yield from guarded(entry, report, _conversations(entry, sessions, report))
        entry.finish()


def _conversations(entry: Entry, sessions: dict[str, dict[str, Any]], report: ImportReport) -> Iterator[Conversation]:
    gathered: list[dict[str, Any]] = []

    def flush() -> Iterator[Conversation]:
        if gathered:
            session = sessions.get(str(gathered[0].get("session_id")), {"session_id": gathered[0].get("session_id")})
            found = list(gathered)
            gathered.clear()
            yield from attempt(lambda: _conversation(session, found, report), report, str(session.get("session_id")))

    for value in _values(entry, report):
        if not isinstance(value, dict):
            report.skip("conversation", "it is no object", entry.name)
        elif isinstance(value.get("session"), dict):
            yield from flush()
            described, said = value["session"], sequence(value.get("messages"))
            yield from attempt(
                lambda d=described, s=said: _conversation(d, s, report), report, str(described.get("session_id"))
            )
        elif value.get("role") is not None:
            if gathered and gathered[0].get("session_id") != value.get("session_id"):
                yield from flush()
            gathered.append(value)
        elif value.get("session_id"):
            sessions[str(value["session_id"])] = value
        else:
            report.skip("conversation", "it is neither a conversation nor a message", entry.name)
    yield from flush()


def _values(entry: Entry, report: ImportReport) -> Iterable[Any]:
    if entry.head[:4] != b"PAR1":
        with entry.open() as stream:
            yield from json_values(stream, lambda why: report.skip("conversation", why, entry.name))
        return
    from .parquet_files import rows_of

    yield from rows_of(entry)


def _columns(entry: Entry) -> set[str]:
    from .parquet_files import columns_of

    return columns_of(entry)


def _conversation(session: dict[str, Any], said: list[Any], report: ImportReport) -> Conversation:
    session_id = name(session.get("session_id"))
    if session_id is None:
        raise ValueError("it has no session_id")
    config, context = _json(session.get("config")), _json(session.get("context"))
    status = session.get("status")
    found = Conversation(
        name(session.get("source")),
        name(session.get("source_id")) or session_id,
        session_id=session_id,
        user_id=name(session.get("user_id")),
        provider=name(session.get("provider")),
        model=name(session.get("model")),
        status=status if status in _SESSION_STATUSES else "active",
        title=name(session.get("title")) or name(config.get("name")),
        description=name(session.get("description")) or name(config.get("description")),
        tags=[str(tag) for tag in _list(session.get("tags") or config.get("tags"))],
        created_at=micros(session.get("created_at")),
        updated_at=micros(session.get("updated_at")),
        provider_session_id=name(session.get("provider_session_id")),
        parent_session=name(session.get("parent_session_id")),
        forked_from=name(session.get("forked_from_id")),
        notebook_path=name(session.get("notebook_path")),
        metadata=_json(session.get("metadata")) or mapping(config.get("metadata")),
        config=config or None,
        context=context or None,
    )
    for value in said:
        if isinstance(value, dict) and name(value.get("message_id")):
            found.messages.append(_message(value))
        else:
            report.skip("message", "it is no message", session_id)
    # A branch may have been written before what it branched from.
    found.messages.sort(key=lambda message: (message.seq is None, message.seq or 0, message.created_at or 0))
    return found


def _message(value: dict[str, Any]) -> Message:
    usage = mapping(value.get("usage")) or value
    status = value.get("status")
    message_id = name(value.get("message_id")) or ""
    parts = value.get("parts")
    return Message(
        message_id,
        words(value.get("role")),
        words(value.get("content")),
        micros(value.get("created_at", value.get("timestamp"))),
        parent=name(value.get("parent_id")),
        parts=[part for part in _list(parts) if isinstance(part, dict)],
        is_active=value.get("is_active_branch") is not False,
        provider=name(value.get("provider")),
        model=name(value.get("response_model")),
        request_model=name(value.get("request_model")),
        usage=Usage(*(tokens(usage.get(count)) for count in _USAGE)),
        cost_usd=money(value.get("cost_usd")),
        cost_source=name(value.get("cost_source")),
        finish_reason=name(value.get("finish_reason")),
        status=status if status in _STATUSES else "complete",
        error_type=name(value.get("error_type")),
        error_message=name(value.get("error_message")),
        tool_name=name(value.get("tool_name")),
        tool_call_id=name(value.get("tool_call_id")),
        author_name=name(value.get("author_name")),
        provider_message_id=name(value.get("provider_message_id")),
        completed_at=micros(value.get("completed_at")),
        duration_s=number(value.get("duration_s")),
        time_to_first_chunk_s=number(value.get("time_to_first_chunk_s")),
        temperature=number(value.get("temperature")),
        max_tokens=tokens(value.get("max_tokens")),
        reasoning_level=name(value.get("reasoning_level")),
        metadata=_json(value.get("metadata")),
        provider_metadata=_json(value.get("provider_metadata")),
        message_id=message_id,
        seq=integer(value.get("seq")),
        turn=integer(value.get("turn")),
        source=name(value.get("source")),
        origin_id=name(value.get("source_id")),
    )


def _json(value: Any) -> dict[str, Any]:
    return mapping(json_value(value, {}) if isinstance(value, str) else value)


def _list(value: Any) -> list[Any]:
    try:
        return sequence(json.loads(value) if isinstance(value, str) else value)
    except ValueError:
        return []


FORMAT = Format("own", "langswarm_nb", _detects, _read)
