"""The values that the whole package speaks in: messages, sessions' context, configuration and metrics.

Plain dataclasses, free of storage and of providers. Times are timezone-aware UTC; names of usage fields follow
OpenTelemetry's GenAI conventions; None means unknown and is never 0.
"""

from __future__ import annotations

import copy
import json
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from .clock import as_utc
from .errors import ConfigurationError

ROLES = ("system", "user", "assistant", "tool")


class SessionStatus(StrEnum):
    """Where a session is in its life."""

    ACTIVE = "active"
    IDLE = "idle"
    ARCHIVED = "archived"
    DELETED = "deleted"
    ERROR = "error"

    @classmethod
    def from_string(cls, text: str) -> SessionStatus:
        """Return the status named `text`, in any case; ConfigurationError for any other word."""
        try:
            return cls(str(text).strip().lower())
        except ValueError:
            known = ", ".join(cls)
            raise ConfigurationError(f"{text!r} is no session status. Use one of: {known}.") from None

    @property
    def is_active(self) -> bool:
        """Whether messages can be sent."""
        return self in (SessionStatus.ACTIVE, SessionStatus.IDLE, SessionStatus.ERROR)

    def can_transition_to(self, other: SessionStatus) -> bool:
        """Return whether a session may go from this status to `other`."""
        return other in _TRANSITIONS[self]


_TRANSITIONS: dict[SessionStatus, frozenset[SessionStatus]] = {
    SessionStatus.ACTIVE: frozenset(SessionStatus) - {SessionStatus.ACTIVE},
    SessionStatus.IDLE: frozenset(SessionStatus) - {SessionStatus.IDLE},
    SessionStatus.ERROR: frozenset(SessionStatus) - {SessionStatus.ERROR},
    SessionStatus.ARCHIVED: frozenset({SessionStatus.ACTIVE, SessionStatus.DELETED}),
    SessionStatus.DELETED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call. `input_tokens` includes cached ones, `output_tokens` includes reasoning."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None
    reasoning_output_tokens: int | None = None

    @property
    def total_tokens(self) -> int | None:
        """Input and output together, or None where neither is known."""
        if self.input_tokens is None and self.output_tokens is None:
            return None
        return (self.input_tokens or 0) + (self.output_tokens or 0)

    def merged(self, newer: Usage) -> Usage:
        """Return these counts with every known count of `newer` in place of its own."""
        known = {name: value for name, value in asdict(newer).items() if value is not None}
        return replace(self, **known)

    def to_dict(self) -> dict[str, int]:
        """Return the known counts, with `total_tokens`."""
        counts = {**asdict(self), "total_tokens": self.total_tokens}
        return {name: value for name, value in counts.items() if value is not None}


@dataclass
class SessionMessage:
    """One message of a session, or one tool's result; usage and cost stand on the assistant's only.

    `timestamp` is the message's birth (column `created_at`); a naive one is taken for local time.
    `token_count` is the tokens of this message where known; `processing_time_ms` the whole turn's duration.
    `status` is one of complete, streaming, interrupted, error.
    """

    message_id: str
    session_id: str
    role: str
    content: str
    timestamp: datetime
    metadata: dict[str, Any] = field(default_factory=dict)
    provider_message_id: str | None = None
    provider_metadata: dict[str, Any] = field(default_factory=dict)
    token_count: int | None = None
    processing_time_ms: float | None = None
    parent_id: str | None = None
    seq: int | None = None
    turn: int | None = None
    is_active_branch: bool = True
    author_name: str | None = None
    parts: list[dict[str, Any]] = field(default_factory=list)
    provider: str | None = None
    request_model: str | None = None
    response_model: str | None = None
    finish_reason: str | None = None
    status: str = "complete"
    error_type: str | None = None
    error_message: str | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None
    usage: Usage = field(default_factory=Usage)
    cost_usd: Decimal | None = None
    cost_source: str | None = None
    completed_at: datetime | None = None
    duration_s: float | None = None
    time_to_first_chunk_s: float | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    reasoning_level: str | None = None
    source: str | None = None
    source_id: str | None = None

    def __post_init__(self) -> None:
        self.timestamp = as_utc(self.timestamp)
        if self.completed_at is not None:
            self.completed_at = as_utc(self.completed_at)
        if self.token_count is None:
            self.token_count = self.usage.output_tokens
        if self.processing_time_ms is None and self.duration_s is not None:
            self.processing_time_ms = self.duration_s * 1000

    @property
    def reasoning(self) -> str:
        """What the model showed of its thinking, or an empty text."""
        return "".join(part["text"] for part in self.parts if part.get("type") == "reasoning")

    def to_dict(self) -> dict[str, Any]:
        """Return every field as JSON-ready values: ISO 8601 times, cost as decimal text, known usage only."""
        data = {f.name: copy.deepcopy(getattr(self, f.name)) for f in fields(self) if f.name != "usage"}
        data["timestamp"] = self.timestamp.isoformat()
        data["completed_at"] = self.completed_at.isoformat() if self.completed_at else None
        data["cost_usd"] = str(self.cost_usd) if self.cost_usd is not None else None
        data["usage"] = self.usage.to_dict()
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> SessionMessage:
        """Return the message that `to_dict` described; keys that this version does not know are ignored."""
        known = {f.name for f in fields(cls)}
        values = {key: value for key, value in data.items() if key in known}
        for name in ("timestamp", "completed_at"):
            if isinstance(values.get(name), str):
                values[name] = datetime.fromisoformat(values[name])
        if values.get("cost_usd") is not None:
            values["cost_usd"] = Decimal(str(values["cost_usd"]))
        usage = {f.name: (values.get("usage") or {}).get(f.name) for f in fields(Usage)}
        return cls(**{**values, "usage": Usage(**usage)})

    def to_provider_format(self, provider: str) -> dict[str, Any]:
        """Return the message as `provider` takes it in a request: role and content.

        Anthropic has no system or tool role inside `messages`: its provider lifts system texts out itself.
        """
        role = self.role
        if provider == "anthropic" and role not in ("user", "assistant"):
            role = "user"
        return {"role": role, "content": self.content}

    def _repr_html_(self) -> str:
        from .rendering import for_file, id_prefix, render_markdown

        html = render_markdown(self.content, id_prefix=id_prefix(self.message_id))
        return f'<div class="lsnb-md">{for_file(html)}</div>'

    def _repr_markdown_(self) -> str:
        return self.content


_SECTIONS = ("user_context", "conversation_context", "provider_context", "system_context")


@dataclass
class SessionContext:
    """What a session knows besides its messages, in four JSON-ready sections.

    `get` and `set` take dotted keys. A key whose first word is a section looks there, any other in `user_context`.
    `version` grows by one with each stored change. `user_id` is the session's owner, where known.
    """

    session_id: str
    user_context: dict[str, Any] = field(default_factory=dict)
    conversation_context: dict[str, Any] = field(default_factory=dict)
    provider_context: dict[str, Any] = field(default_factory=dict)
    system_context: dict[str, Any] = field(default_factory=dict)
    version: int = 1
    user_id: str | None = None

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value at the dotted `key`, or `default`."""
        section, path = self._locate(key)
        value: Any = section
        for name in path:
            if not isinstance(value, dict) or name not in value:
                return default
            value = value[name]
        return value

    def set(self, key: str, value: Any) -> None:
        """Put `value` at the dotted `key`, making mappings on the way; ConfigurationError if a plain value is there."""
        place, path = self._locate(key)
        if not path:
            raise ConfigurationError(f"{key!r} names a whole section. Add a key, as in {key + '.name'!r}.")
        for name in path[:-1]:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise ConfigurationError(f"{key!r} passes through {name!r}, which holds a plain value.")
        place[path[-1]] = value

    def _locate(self, key: str) -> tuple[dict[str, Any], list[str]]:
        head, *rest = key.split(".")
        if head in _SECTIONS:
            return getattr(self, head), rest
        return self.user_context, [head, *rest]

    def to_dict(self) -> dict[str, Any]:
        """Return a deep copy of all fields, JSON-ready."""
        return copy.deepcopy(self.__dict__)

    @classmethod
    def from_dict(cls, session_id: str, data: dict[str, Any] | None) -> SessionContext:
        """Return the context that `to_dict` described, for `session_id`."""
        known = {f.name for f in fields(cls)} - {"session_id"}
        return cls(session_id, **{key: value for key, value in (data or {}).items() if key in known})


@dataclass
class SessionConfig:
    """How a session behaves. `auto_archive_after` (a number of seconds, or a timedelta) counts from the last activity.

    `timeout_s` bounds a whole turn, `idle_timeout_s` the wait for its next chunk; `max_messages` refuses further
    sends; `max_cost_usd` refuses the turn after the session has cost that much.

    `history` says how much of a long conversation the model is shown: "fit" as many of the newest turns as it can read,
    "summarize" the same with a summary of the rest, a number of turns, or "all". `context_window` is how many tokens
    the model can read, for those of which it is not known. `max_steps` bounds how often the model is asked in one turn
    with tools.
    """

    name: str | None = None
    description: str | None = None
    tags: list[str] = field(default_factory=list)
    max_messages: int | None = None
    auto_archive_after: float | None = None
    system_prompt: str | None = None
    timeout_s: float | None = None
    idle_timeout_s: float | None = 120.0
    max_cost_usd: float | None = None
    history: str | int = "fit"
    context_window: int | None = None
    max_steps: int = 10
    metadata: dict[str, Any] = field(default_factory=dict)
    provider_config: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.auto_archive_after, timedelta):
            self.auto_archive_after = self.auto_archive_after.total_seconds()
        self.tags = list(self.tags or [])

    @classmethod
    def of(cls, value: SessionConfig | dict[str, Any] | None) -> SessionConfig:
        """Return a validated configuration; ConfigurationError names a key that there is not."""
        if isinstance(value, SessionConfig):
            config = copy.deepcopy(value)
        else:
            known = {f.name for f in fields(cls)}
            unknown = sorted(set(value or {}) - known)
            if unknown:
                raise ConfigurationError(
                    f"session_config has no {', '.join(map(repr, unknown))}. It takes: {', '.join(sorted(known))}."
                )
            config = cls(**copy.deepcopy(value or {}))
        config.validate()
        return config

    def validate(self) -> None:
        """Raise ConfigurationError unless every limit is positive and the whole is JSON-ready."""
        for name in ("max_messages", "auto_archive_after", "timeout_s", "idle_timeout_s", "context_window"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigurationError(f"{name} must be above 0, or None for no limit; it is {value!r}.")
        if self.max_cost_usd is not None and not self.max_cost_usd >= 0:
            raise ConfigurationError(f"max_cost_usd must not be negative; it is {self.max_cost_usd!r}.")
        if not (self.history in ("fit", "summarize", "all") or (type(self.history) is int and self.history >= 0)):
            raise ConfigurationError(
                f"history is 'fit', 'summarize', 'all' or a number of turns; it is {self.history!r}."
            )
        if type(self.max_steps) is not int or self.max_steps < 1:
            raise ConfigurationError(f"max_steps is a number of steps, 1 at least; it is {self.max_steps!r}.")
        if not all(isinstance(tag, str) for tag in self.tags):
            raise ConfigurationError("tags must be texts.")
        try:
            json.dumps(self.__dict__)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"The session's configuration must be JSON-ready: {error}.") from None

    def merge_with(self, other: SessionConfig | dict[str, Any]) -> SessionConfig:
        """Return a copy in which `other`'s keys win; of a SessionConfig, only those that differ from the default."""
        if isinstance(other, SessionConfig):
            plain = SessionConfig()
            other = {key: value for key, value in other.__dict__.items() if value != getattr(plain, key)}
        return SessionConfig.of({**copy.deepcopy(self.__dict__), **other})


@dataclass
class SessionMetrics:
    """A session in numbers. Token sums and cost count known values only; times in milliseconds where so named."""

    total_messages: int = 0
    user_messages: int = 0
    assistant_messages: int = 0
    system_messages: int = 0
    total_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    session_duration: timedelta = timedelta(0)
    avg_response_time_ms: float | None = None
    total_response_time_ms: float = 0.0
    first_message_at: datetime | None = None
    last_message_at: datetime | None = None
    provider_calls: int = 0
    provider_errors: int = 0
    estimated_cost: Decimal | None = None

    @classmethod
    def of(cls, messages: list[SessionMessage]) -> SessionMetrics:
        """Return the metrics of `messages`, oldest first."""
        replies = [m for m in messages if m.role == "assistant"]
        times = [m.processing_time_ms for m in replies if m.processing_time_ms is not None]
        costs = [m.cost_usd for m in replies if m.cost_usd is not None]
        first = messages[0].timestamp if messages else None
        last = max((m.completed_at or m.timestamp for m in messages), default=None)
        return cls(
            total_messages=len(messages),
            user_messages=sum(m.role == "user" for m in messages),
            assistant_messages=len(replies),
            system_messages=sum(m.role == "system" for m in messages),
            total_tokens=sum(m.usage.total_tokens or 0 for m in replies),
            input_tokens=sum(m.usage.input_tokens or 0 for m in replies),
            output_tokens=sum(m.usage.output_tokens or 0 for m in replies),
            session_duration=last - first if first and last else timedelta(0),
            avg_response_time_ms=sum(times) / len(times) if times else None,
            total_response_time_ms=sum(times),
            first_message_at=first,
            last_message_at=last,
            provider_calls=len(replies),
            provider_errors=sum(m.status == "error" for m in replies),
            estimated_cost=sum(costs, Decimal(0)) if costs else None,
        )
