"""JSON and JSON Lines with everything in them: what `ls.import_conversations` takes back.

One conversation is a mapping with `session` (every column of `sessions`), `messages` (`SessionMessage.to_dict`, every
branch), `events` (every column of `events`) and `metrics` (of the active branch), as `Session.export_conversation()`.
A JSON file is a list of those, so that it can be read one at a time; a line of JSON Lines is one.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from ...models import SessionMetrics
from ...storage.rows import json_value
from ...storage.schema import EVENTS, SESSIONS
from ..selection import Conversation, Row
from .text_file import TextWriter

MARK = "langswarm_nb"
VERSION = 1


def as_mapping(conversation: Conversation) -> dict[str, Any]:
    """Return the whole conversation as JSON-ready values."""
    metrics = SessionMetrics.of(conversation.active)
    return {
        "format": MARK,
        "version": VERSION,
        "session": _row(conversation.session, SESSIONS),
        "messages": [message.to_dict() for message in conversation.values],
        "events": [_row(event, EVENTS) for event in conversation.events],
        "metrics": {name: _plain(value) for name, value in metrics.__dict__.items()},
    }


class JsonWriter(TextWriter):
    """One list."""

    def head(self) -> str:
        return "["

    def conversation(self, conversation: Conversation) -> str:
        return f"{',' if self.count else ''}\n{_dumped(as_mapping(conversation))}"

    def tail(self) -> str:
        return "\n]\n"


class JsonLinesWriter(TextWriter):
    """One conversation a line."""

    def conversation(self, conversation: Conversation) -> str:
        return f"{_dumped(as_mapping(conversation))}\n"


def _dumped(value: Any) -> str:
    # Line separators that JSON allows within a text, and that some readers of lines take for an end.
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").replace("\x85", "\\u0085")


def _row(row: Row, columns: dict[str, str]) -> Row:
    return {
        name: json_value(row[name], {}) if kind == "JSON" and row[name] is not None else _plain(row[name])
        for name, kind in columns.items()
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return [_plain(item) for item in value] if isinstance(value, list) else str(value)
