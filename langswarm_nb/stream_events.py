"""What happens during a turn, as values.

A provider yields `TextDelta`, `ReasoningDelta`, `ToolCall`, `UsageUpdate`, `Retrying` and, last, `Completed`.
`Session.stream` passes them on between its own `TurnStarted` (first) and `TurnCompleted` (last), with a `ToolResult`
for each call that it ran, and `HistoryLeftOut` where the model is not shown everything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from .models import SessionMessage, Usage


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Further text of the reply."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """Further text of what the model shows of its thinking; not part of the reply."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A complete call that the model asks for; `arguments` is the parsed JSON object.

    Where the model sent something else, `arguments` is empty and `invalid` the text that came.
    """

    call_id: str
    name: str
    arguments: dict[str, Any]
    invalid: str | None = None


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came of a call, as the model is told; with `is_error` it is what went wrong."""

    call_id: str
    name: str
    content: str
    is_error: bool = False
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class HistoryLeftOut:
    """The model is not shown the whole conversation: `turns` old ones (`messages` rows) are left out or summarized."""

    turns: int
    messages: int
    summarized: bool = False


@dataclass(frozen=True, slots=True)
class UsageUpdate:
    """Token counts so far; a later one replaces an earlier one, field by field where not None.

    `cost_usd` is what the service itself says that the call has cost.
    """

    usage: Usage
    cost_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Retrying:
    """The provider's call failed before its first chunk and is tried again after `delay_s` seconds."""

    attempt: int
    delay_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class Completed:
    """The provider has finished; `finish_reason` is one of stop, length, tool_calls, content_filter, or its own."""

    finish_reason: str | None = None
    response_model: str | None = None
    provider_message_id: str | None = None
    provider_metadata: dict[str, Any] = field(default_factory=dict)


ProviderEvent = TextDelta | ReasoningDelta | ToolCall | UsageUpdate | Retrying | Completed


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """The user's message is durable; the reply will bear `reply_id`."""

    message: SessionMessage
    reply_id: str


@dataclass(frozen=True, slots=True)
class TurnCompleted:
    """The reply as it was stored, whole or with what had come when it was stopped (see its `status`)."""

    message: SessionMessage


StreamEvent = TurnStarted | HistoryLeftOut | ProviderEvent | ToolResult | TurnCompleted
