"""What every reader yields: conversations and messages in the words of their source, not yet rows of ours."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ..models import Usage
from ..storage.rows import integer

_FIRST = int(datetime(1, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
_LAST = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()) * 1_000_000 + 999_999
_EPOCH_ORDINAL = datetime(1970, 1, 1, tzinfo=UTC).toordinal()
# Above these a number counts milliseconds or microseconds since 1970: as seconds it would be past the year 9999.
_MOST_SECONDS = 253_402_300_800
_MOST_MILLISECONDS = _MOST_SECONDS * 1000


@dataclass(slots=True)
class Message:
    """One message. `source_id` is unique within the source; `parent` is another's `source_id`.

    Times are microseconds since 1970, None where the source does not tell. What is left None is not known; a parent
    comes before its children.
    """

    source_id: str
    role: str
    content: str = ""
    created_at: int | None = None
    parent: str | None = None
    parts: list[dict[str, Any]] = field(default_factory=list)
    is_active: bool = True
    provider: str | None = None
    model: str | None = None
    request_model: str | None = None
    usage: Usage | None = None
    cost_usd: Decimal | None = None
    cost_source: str | None = None
    finish_reason: str | None = None
    status: str = "complete"
    error_type: str | None = None
    error_message: str | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None
    author_name: str | None = None
    provider_message_id: str | None = None
    completed_at: int | None = None
    duration_s: float | None = None
    time_to_first_chunk_s: float | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    reasoning_level: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    provider_metadata: dict[str, Any] = field(default_factory=dict)
    # Only what was written by this package has these; any other message gets its own from `source_id`.
    message_id: str | None = None
    seq: int | None = None
    turn: int | None = None
    source: str | None = None
    origin_id: str | None = None


@dataclass(slots=True)
class Conversation:
    """One conversation with all its branches; `messages` in the order in which they were said."""

    source: str | None
    source_id: str
    messages: list[Message] = field(default_factory=list)
    title: str | None = None
    description: str | None = None
    user_id: str | None = None
    provider: str | None = None
    model: str | None = None
    status: str = "active"
    tags: list[str] = field(default_factory=list)
    created_at: int | None = None
    updated_at: int | None = None
    provider_session_id: str | None = None
    parent_session: str | None = None
    forked_from: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    # Only what was written by this package has these.
    session_id: str | None = None
    config: dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    notebook_path: str | None = None

    def show_branch_to(self, end: str | None) -> None:
        """Make the branch that ends with the message of this `source_id` the active one."""
        by_id = {message.source_id: message for message in self.messages}
        active: set[str] = set()
        while end in by_id and end not in active:
            active.add(end)
            end = by_id[end].parent
        for message in self.messages:
            message.is_active = message.source_id in active


def micros(value: Any) -> int | None:
    """Return a time as microseconds since 1970: of a number of (milli-, micro-) seconds, ISO 8601 text or a datetime.

    A text without a time zone is taken for UTC. None for what is no time, or none of the years 1 to 9999.
    """
    if type(value) is float and 0 <= value < _MOST_SECONDS:
        return round(value * 1_000_000)
    if isinstance(value, str):
        value = _moment(value)
    if isinstance(value, datetime):
        value = value if value.tzinfo else value.replace(tzinfo=UTC)
        offset = value.utcoffset()
        days = value.toordinal() - _EPOCH_ORDINAL
        seconds = days * 86_400 + value.hour * 3600 + value.minute * 60 + value.second
        seconds -= int(offset.total_seconds()) if offset else 0
        found = seconds * 1_000_000 + value.microsecond
    elif isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        return None
    elif abs(value) >= _MOST_MILLISECONDS:
        found = value
    else:
        found = round(value * (1000 if abs(value) >= _MOST_SECONDS else 1_000_000))
    return int(found) if _FIRST <= found <= _LAST else None


def _moment(text: str) -> datetime | float | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return None


def tokens(value: Any) -> int | None:
    """Return a count of tokens, None for what is none: no number, a negative one, one past 64 bits."""
    if value is None or isinstance(value, (bool, dict, list)):
        return None
    found = integer(value)
    return found if found is not None and found >= 0 else None


def words(value: Any) -> str:
    """Return what should be a text as one: a list's texts joined, an empty one for None."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(text for item in value if (text := words(item)))
    if isinstance(value, dict):
        return words(value.get("text") or value.get("content") or "")
    return "" if value is None else str(value)


def mapping(value: Any) -> dict[str, Any]:
    """Return `value` if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """Return `value` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def name(value: Any) -> str | None:
    """Return `value` as a short text such as an id or a model's name, or None where it is none."""
    if value is None:
        return None
    if isinstance(value, str):
        return value[:1000] or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def reasoning(text: str) -> dict[str, Any]:
    """Return the part of a message that holds what the model showed of its thinking."""
    return {"type": "reasoning", "text": text}


def tool_call(call_id: Any, tool: Any, arguments: Any) -> dict[str, Any]:
    """Return the part of a message that calls a tool; `arguments` as an object, or as the source has them."""
    return {"type": "tool_call", "id": name(call_id), "name": name(tool), "arguments": arguments}


def reference(title: Any, media_type: Any = None, size: Any = None, place: Any = None) -> dict[str, Any]:
    """Return the part that stands for an attachment whose content is not in the export."""
    found = {"name": name(title), "media_type": name(media_type), "size": tokens(size), "reference": name(place)}
    return {"type": "attachment", **{key: value for key, value in found.items() if value is not None}}
