"""Rows as Redis keeps them: a session as a hash of texts, a message or an event as one JSON text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ..content_cipher import ContentCipher
from ..described import describe, described_message
from ..rows import Row, json_text, json_value, moment
from ..schema import EVENTS, SESSIONS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    """Return a time as microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def session_fields(cipher: ContentCipher, session_id: str, columns: Row) -> tuple[list[str], list[str]]:
    """Return the known columns as names and values in turn, and the names of the unknown ones."""
    sealed = dict(columns)
    cipher.encrypt_row("sessions", session_id, sealed)
    known: list[str] = []
    for name, value in sealed.items():
        if isinstance(value, datetime):
            known += [name, str(micros(value))]
        elif isinstance(value, list):
            known += [name, json.dumps(value, ensure_ascii=False)]
        elif value is not None:
            known += [name, value]
    return known, [name for name, value in sealed.items() if value is None]


def session_row(cipher: ContentCipher, fields: Mapping[str, str]) -> Row:
    """Return the row of `sessions`, with `last_activity`, that the hash holds."""
    row: Row = {name: fields.get(name) for name in (*SESSIONS, "last_activity")}
    cipher.decrypt_row("sessions", fields["session_id"], row)
    for name in ("created_at", "updated_at", "last_activity"):
        row[name] = moment(int(row[name])) if row[name] else None
    row["tags"] = json_value(row["tags"], [])
    return row


def message_text(cipher: ContentCipher, row: Row) -> str:
    """Return the row of `messages` as it is kept."""
    sealed = dict(row)
    cipher.encrypt_row("messages", row["message_id"], sealed)
    return describe(sealed)


def message_row(cipher: ContentCipher, text: str) -> Row:
    """Return the row of `messages` that was kept as `text`."""
    row = described_message(text)
    cipher.decrypt_row("messages", row["message_id"], row)
    return row


def event_text(cipher: ContentCipher, row: Row) -> str:
    """Return the row of `events` as it is kept."""
    sealed = dict(row)
    cipher.encrypt_row("events", row["event_id"], sealed)
    return json_text(sealed)


def event_row(cipher: ContentCipher, text: str) -> Row:
    """Return the row of `events` that was kept as `text`."""
    known: Mapping[str, Any] = json_value(text, {})
    row: Row = {name: known.get(name) for name in EVENTS}
    cipher.decrypt_row("events", row["event_id"], row)
    row["at"] = moment(row["at"])
    return row
