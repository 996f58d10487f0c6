"""Messages, sessions and events as rows over the columns of `schema`, and back: the same for every SQL storage.

A row is a dict with every column of its table; JSON columns hold JSON text, times are aware UTC datetimes.
Whatever comes in, the row can be stored: a lone surrogate becomes U+FFFD, a value that JSON does not know becomes
text, NaN in JSON becomes null, and a number that is none becomes unknown. Two fields of a message have no column:

- `token_count` is `output_tokens`. Where a message has a count and no usage, an assistant's count is kept there; of
  any other role it is not kept, because usage stands on the assistant's row only.
- `processing_time_ms` is `duration_s` in milliseconds, and is kept there where `duration_s` is unknown.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any

from ..characters import whole_characters
from ..clock import as_utc, now
from ..models import SessionConfig, SessionContext, SessionMessage, Usage
from ..redaction import without_secrets
from .schema import EVENTS, MESSAGES, SESSIONS

Row = dict[str, Any]

_MAX_DEPTH = 60
_BIGINT = 2**63
_USAGE = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_write_input_tokens",
    "reasoning_output_tokens",
)
_TEXTS = (
    "parent_id",
    "author_name",
    "provider",
    "request_model",
    "response_model",
    "provider_message_id",
    "finish_reason",
    "error_type",
    "error_message",
    "tool_name",
    "tool_call_id",
    "cost_source",
    "reasoning_level",
    "source",
    "source_id",
)
_NUMBERS = ("duration_s", "time_to_first_chunk_s", "temperature")


def message_to_row(message: SessionMessage) -> Row:
    """Return the message as a row of `messages`."""
    row: Row = dict.fromkeys(MESSAGES)
    row["message_id"] = text(message.message_id)
    row["session_id"] = text(message.session_id)
    row["seq"] = integer(message.seq)
    row["turn"] = integer(message.turn)
    row["is_active_branch"] = bool(message.is_active_branch)
    row["role"] = text(message.role)
    row["content"] = text(message.content) or ""
    row["parts"] = json_text(message.parts or [])
    row["status"] = text(message.status) or "complete"
    for name in _TEXTS:
        row[name] = text(getattr(message, name))
    for name in _NUMBERS:
        row[name] = number(getattr(message, name))
    for name in _USAGE:
        row[name] = integer(getattr(message.usage, name))
    if message.role == "assistant" and message.usage == Usage():
        row["output_tokens"] = integer(message.token_count)
    if row["duration_s"] is None and message.processing_time_ms is not None:
        milliseconds = number(message.processing_time_ms)
        row["duration_s"] = None if milliseconds is None else milliseconds / 1000
    row["max_tokens"] = integer(message.max_tokens)
    row["cost_usd"] = money(message.cost_usd)
    row["created_at"] = as_utc(message.timestamp)
    row["completed_at"] = as_utc(message.completed_at) if message.completed_at else None
    row["metadata"] = json_text(message.metadata or {})
    row["provider_metadata"] = json_text(message.provider_metadata or {})
    return row


def row_to_message(row: Mapping[str, Any]) -> SessionMessage:
    """Return the message that the row of `messages` describes; times may be datetimes or microseconds since 1970."""
    values = {name: row[name] for name in (*_TEXTS, *_NUMBERS, "seq", "turn", "max_tokens", "cost_usd")}
    return SessionMessage(
        message_id=row["message_id"],
        session_id=row["session_id"],
        role=row["role"] or "",
        content=row["content"] or "",
        timestamp=moment(row["created_at"]) or datetime.fromtimestamp(0, UTC),
        completed_at=moment(row["completed_at"]),
        metadata=json_value(row["metadata"], {}),
        provider_metadata=json_value(row["provider_metadata"], {}),
        parts=json_value(row["parts"], []),
        is_active_branch=row["is_active_branch"] is not False,
        status=row["status"] or "complete",
        usage=Usage(**{name: row[name] for name in _USAGE}),
        **values,
    )


def new_session_row(
    session_id: str, user_id: str, provider: str, model: str, config: SessionConfig, context: SessionContext
) -> Row:
    """Return the row of `sessions` of a session that starts now; keys in its provider's options are left out."""
    settings = _without_keys(config.__dict__)
    created = now()
    row: Row = dict.fromkeys(SESSIONS)
    row.update(
        session_id=text(session_id),
        user_id=text(user_id),
        provider=text(provider),
        model=text(model),
        status="active",
        title=text(settings.get("name")),
        description=text(settings.get("description")),
        tags=[text(tag) for tag in settings.get("tags") or []],
        created_at=created,
        updated_at=created,
        provider_session_id=text(context.provider_context.get("provider_session_id")),
        config=json_text(settings),
        context=json_text(context.__dict__),
        metadata=json_text(settings.get("metadata") or {}),
    )
    return row


def session_changes(changes: Mapping[str, Any]) -> Row:
    """Return the columns of `sessions` to set, storable, with `updated_at`; KeyError names a column there is not."""
    row: Row = {"updated_at": now()}
    for name, value in changes.items():
        kind = SESSIONS[name]
        if kind == "JSON":
            row[name] = json_text(_without_keys(value) if name == "config" and value else value or {})
        elif kind == "TIMESTAMPTZ":
            row[name] = moment(value)
        elif kind == "VARCHAR[]":
            row[name] = [text(item) for item in value or []]
        else:
            row[name] = text(value)
    return row


def _without_keys(settings: Mapping[str, Any]) -> Row:
    options = settings.get("provider_config")
    return {**settings, "provider_config": without_secrets(options)} if isinstance(options, Mapping) else {**settings}


def row_to_session(row: Mapping[str, Any]) -> Row:
    """Return the session's record: parsed `config`, `context` and `metadata`, a list of tags, aware times."""
    record = dict(row)
    for name, kind in SESSIONS.items():
        if kind == "JSON":
            record[name] = json_value(record.get(name), {})
        elif kind == "TIMESTAMPTZ":
            record[name] = moment(record.get(name))
    record["tags"] = list(record.get("tags") or [])
    if "last_activity" in record:
        record["last_activity"] = moment(record["last_activity"])
    return record


def event_row(event_id: str, kind: str, at: datetime, payload: Mapping[str, Any] | None, **ids: str | None) -> Row:
    """Return the row of `events`; `ids` are session_id, message_id and user_id."""
    row: Row = dict.fromkeys(EVENTS)
    row.update({name: text(value) for name, value in ids.items()})
    row.update(event_id=event_id, kind=text(kind), at=as_utc(at), payload=json_text(payload or {}))
    return row


def row_to_event(row: Mapping[str, Any]) -> Row:
    """Return the event that the row of `events` describes: an aware time and a parsed payload."""
    return {**row, "at": moment(row["at"]), "payload": json_value(row["payload"], {})}


def text(value: Any) -> str | None:
    """Return `value` as text that UTF-8 can hold, or None; a pair of surrogates becomes the character it stands for."""
    if value is None:
        return None
    return whole_characters(value if type(value) is str else str(value))


def integer(value: Any) -> int | None:
    """Return `value` as a 64-bit integer, or None where it is none."""
    if value is None:
        return None
    try:
        found = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if -_BIGINT <= found < _BIGINT else None


def number(value: Any) -> float | None:
    """Return `value` as a finite float, or None where it is none."""
    if value is None:
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def money(value: Any) -> Decimal | None:
    """Return `value` as it fits DECIMAL(18,9), or None where it does not."""
    if value is None:
        return None
    try:
        found = Decimal(str(value)).quantize(Decimal("1e-9"))
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found) < 10**9 else None


def moment(value: Any) -> datetime | None:
    """Return a datetime, ISO 8601 text, or microseconds since 1970 as an aware time in UTC."""
    if value is None:
        return None
    if isinstance(value, int):
        seconds, micros = divmod(value, 1_000_000)
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)
    return as_utc(datetime.fromisoformat(value) if isinstance(value, str) else value)


def json_text(value: Any) -> str:
    """Return `value` as JSON text that every engine takes."""
    if not value and isinstance(value, (dict, list)):
        return "{}" if isinstance(value, dict) else "[]"
    # Most values are JSON as they are; what is not, or might be nested too deeply, is made so piece by piece.
    with suppress(TypeError, ValueError, RecursionError):
        found = _ENCODER.encode(value)
        if found.count("{") + found.count("[") <= _MAX_DEPTH:
            if not found.isascii():
                found.encode("utf-8")
            return found
    return json.dumps(_plain(value, _MAX_DEPTH), ensure_ascii=False, separators=(",", ":"), allow_nan=False)


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def json_value(value: Any, default: Any) -> Any:
    """Return what the JSON text says; `default` for none or for text that is no JSON."""
    if not isinstance(value, (str, bytes)):
        return default if value is None else value
    try:
        found = json.loads(value)
    except ValueError:
        return default
    return default if found is None else found


def _plain(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return _plain(value.value, depth)
    if isinstance(value, str):
        return text(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if depth > 0:
        if isinstance(value, Mapping):
            return {_key(key): _plain(item, depth - 1) for key, item in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [_plain(item, depth - 1) for item in value]
        if is_dataclass(value) and not isinstance(value, type):
            return _plain(asdict(value), depth - 1)
        if callable(to_list := getattr(value, "tolist", None)):  # numpy scalars and arrays
            return _plain(to_list(), depth - 1)
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray)):
        return text(bytes(value).decode("utf-8", "replace"))
    return text(value)


def _key(key: Any) -> str:
    # As json.dumps spells the keys that it takes itself.
    if isinstance(key, bool) or key is None:
        return json.dumps(key)
    return text(key.value if isinstance(key, Enum) else key) or ""
