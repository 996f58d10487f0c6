"""Conversations as rows of `sessions` and `messages`: ids, order, turns, prices, and nothing that cannot be stored."""

from __future__ import annotations

from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from ..clock import now
from ..models import ROLES, SessionConfig, SessionContext, Usage
from ..pricing import UNPRICED, price
from ..redaction import without_secrets
from ..storage.rows import Row, json_text, money, new_session_row, number, text
from .conversation import Conversation, Message, mapping
from .report import ImportReport

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Ids begin with the time, as all ids here do; a time that cannot be right would put them behind all to come.
_LATEST_ID = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()) * 1000
_ROLES = {
    "human": "user", "gpt": "assistant", "chatgpt": "assistant", "bot": "assistant", "model": "assistant",
    "ai": "assistant", "bing": "assistant", "bard": "assistant", "claude": "assistant", "developer": "system",
    "function": "tool", "observation": "tool", "tool_response": "tool", "function_response": "tool",
}  # fmt: skip
_NO_USAGE = (None, None, None, None, None)
UNKNOWN_MODEL = "unknown"


def identity(source: str, source_id: str, at: int | None) -> str:
    """Return the id of what `source` calls `source_id`, the same each time: a UUIDv7 of its time in microseconds."""
    digest = blake2b(f"{source}\0{source_id}".encode("utf-8", "replace"), digest_size=10).digest()
    bits = int.from_bytes(digest, "big")
    millis = at // 1000 if at is not None and 0 <= at // 1000 < _LATEST_ID else 0
    value = millis << 80 | 0x7 << 76 | (bits >> 62 & 0xFFF) << 64 | 0b10 << 62 | bits & (1 << 62) - 1
    found = f"{value:032x}"
    return f"{found[:8]}-{found[8:12]}-{found[12:16]}-{found[16:20]}-{found[20:]}"


def known_role(role: Any) -> str | None:
    """Return the role in our words, or None for one that nobody knows."""
    if role in ROLES:
        return role
    found = str(role).strip().lower()
    found = _ROLES.get(found, found)
    return found if found in ROLES else None


def moment(at: int | None) -> datetime | None:
    """Return the microseconds since 1970 as a time."""
    return None if at is None else _EPOCH + timedelta(microseconds=at)


def starts_at(conversation: Conversation) -> int | None:
    """Return when the conversation began, as far as it tells."""
    if conversation.created_at is not None:
        return conversation.created_at
    return min((m.created_at for m in conversation.messages if m.created_at is not None), default=None)


def session_id_of(conversation: Conversation) -> str:
    """Return the id under which the conversation is kept here, unless it is here already."""
    if conversation.session_id:
        return text(conversation.session_id) or ""
    return identity(f"{conversation.source}\0session", conversation.source_id, starts_at(conversation))


class Ancestry:
    """Turns the source's words for "forked from" and "part of" in a conversation's metadata into our session ids."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def placed(self, conversation: Conversation) -> Conversation:
        """Return the conversation with what it came from, as far as that was seen before."""
        conversation.forked_from = self._ids.get(str(conversation.metadata.get("forked_from")))
        conversation.parent_session = self._ids.get(str(conversation.metadata.get("parent_session")))
        self._ids[conversation.source_id] = session_id_of(conversation)
        return conversation


def session_row(conversation: Conversation, session_id: str, user_id: str, fallback_time: datetime) -> Row:
    """Return the conversation's row of `sessions`; `fallback_time` stands in where it tells no time."""
    replies = [message for message in conversation.messages if message.role == "assistant"]
    provider = conversation.provider or next((m.provider for m in replies if m.provider), None) or UNKNOWN_MODEL
    model = conversation.model or next((m.model for m in reversed(replies) if m.model), None) or UNKNOWN_MODEL
    owner = conversation.user_id or user_id
    metadata = without_secrets(conversation.metadata)
    title = (text(conversation.title) or "")[:500] or None
    tags = [str(tag) for tag in conversation.tags]
    config = SessionConfig(name=title, description=conversation.description, tags=tags, metadata=metadata)
    context = SessionContext(session_id, user_id=owner)
    row = new_session_row(session_id, owner, provider, model, config, context)
    created = moment(starts_at(conversation))
    last = max((m.completed_at or m.created_at or 0 for m in conversation.messages), default=0)
    row.update(
        created_at=created or fallback_time,
        updated_at=moment(conversation.updated_at or last or starts_at(conversation)) or fallback_time,
        status=conversation.status,
        provider_session_id=text(conversation.provider_session_id),
        parent_session_id=text(conversation.parent_session),
        forked_from_id=text(conversation.forked_from),
        notebook_path=text(conversation.notebook_path),
        source=text(conversation.source),
        source_id=text(conversation.source_id) if conversation.source else None,
    )
    if conversation.config is not None:
        row["config"] = json_text(without_secrets(conversation.config))
    if conversation.context is not None:
        row["context"] = json_text(conversation.context)
    return row


class MessageRows:
    """Makes rows of messages, as tuples in the order of the columns of `messages`."""

    def __init__(self, report: ImportReport) -> None:
        self._report = report
        self._unpriced: set[tuple[str, str]] = set()

    def of(self, conversation: Conversation, session_id: str) -> list[tuple[Any, ...]]:
        """Return the conversation's messages as rows, oldest first; what cannot be one is counted in the report."""
        rows: list[tuple[Any, ...]] = []
        ids: dict[str, str] = {}
        turns: dict[str, int] = {}
        for place, message in enumerate(conversation.messages):
            role = known_role(message.role)
            if role is None:
                self._report.skip(
                    "message", "nobody knows its role", f"{conversation.source_id}: {message.role!r}"[:80]
                )
                continue
            source = text(message.source or conversation.source)
            message_id = text(message.message_id) or identity(source or "", message.source_id, message.created_at)
            if message.source_id in ids:
                self._report.skip("message", "its id is there twice", message.source_id)
                continue
            parent = message.parent if message.parent in ids else None
            turn = (turns[parent] if parent is not None else 0) + (role == "user")
            ids[message.source_id] = message_id
            turns[message.source_id] = turn
            rows.append(
                self._row(message, role, source, message_id, session_id, ids[parent] if parent is not None else None,
                          place if message.seq is None else message.seq, turn if message.turn is None else message.turn)
            )  # fmt: skip
        return rows

    def _row(
        self, m: Message, role: str, source: str | None, message_id: str, session_id: str, parent_id: str | None,
        seq: int, turn: int,
    ) -> tuple[Any, ...]:  # fmt: skip
        usage, cost, cost_source = _NO_USAGE, m.cost_usd, m.cost_source
        if role == "assistant":
            usage = astuple(m.usage) if m.usage else _NO_USAGE
            if cost is None and cost_source != "provider":
                cost, cost_source = self._price(m)
        # Most of a message is not known: a test for None is a quarter of a call.
        return (
            message_id, session_id, parent_id, seq, turn, m.is_active, role,
            m.author_name and text(m.author_name),
            text(m.content) or "", json_text(m.parts) if m.parts else "[]",
            m.provider and text(m.provider),
            text(m.request_model or m.model) if role == "assistant" else None,
            m.model and text(m.model),
            m.provider_message_id and text(m.provider_message_id),
            m.finish_reason and text(m.finish_reason),
            m.status,
            m.error_type and text(m.error_type), m.error_message and text(m.error_message),
            m.tool_name and text(m.tool_name), m.tool_call_id and text(m.tool_call_id),
            *usage, cost and money(cost), cost_source,
            m.created_at, m.completed_at,
            None if m.duration_s is None else number(m.duration_s),
            None if m.time_to_first_chunk_s is None else number(m.time_to_first_chunk_s),
            None if m.temperature is None else number(m.temperature),
            m.max_tokens, m.reasoning_level and text(m.reasoning_level),
            source, text(m.origin_id or m.source_id) if source else None,
            json_text(m.metadata) if m.metadata else "{}",
            json_text(without_secrets(m.provider_metadata)) if m.provider_metadata else "{}",
        )  # fmt: skip

    def _price(self, m: Message) -> tuple[Decimal | None, str]:
        usage, at = m.usage, moment(m.created_at)
        model = m.model or m.request_model
        if usage is None or usage.total_tokens is None or not m.provider or not model:
            return None, UNPRICED
        listing = (m.provider, model)
        if listing in self._unpriced:
            return None, UNPRICED
        cost, source = price(usage, m.provider, model, at or now())
        if cost is None and _is_consistent(usage):
            self._unpriced.add(listing)
        return cost, source


def _is_consistent(usage: Usage) -> bool:
    """Return whether a price that is missing is missing for every usage."""
    parts = (usage.cache_read_input_tokens or 0) + (usage.cache_write_input_tokens or 0)
    return usage.input_tokens is not None and usage.output_tokens is not None and parts <= usage.input_tokens


def described(value: Any) -> dict[str, Any]:
    """Return `value` as metadata, without what names itself a secret."""
    return without_secrets(mapping(value))
