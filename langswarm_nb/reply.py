"""The fold from a turn's events to the assistant's message."""

from __future__ import annotations

from collections.abc import AsyncIterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from .characters import whole_characters
from .clock import new_id, now
from .models import SessionMessage, Usage
from .stream_events import Completed, ProviderEvent, ReasoningDelta, TextDelta, ToolCall, UsageUpdate


class ReplyDraft:
    """What has come of a reply so far. Pure: no clock, no storage."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._tool_calls: list[ToolCall] = []
        self.usage = Usage()
        self.cost_usd: Decimal | None = None
        self.completed: Completed | None = None

    def add(self, event: ProviderEvent) -> None:
        """Take in the next event."""
        match event:
            case TextDelta(text):
                self._text.append(text)
            case ReasoningDelta(text):
                self._reasoning.append(text)
            case ToolCall():
                self._tool_calls.append(event)
            case UsageUpdate(usage, cost):
                self.usage = self.usage.merged(usage)
                self.cost_usd = cost if cost is not None else self.cost_usd
            case Completed():
                self.completed = event

    def ended_by(self, reason: str) -> None:
        """Take down that the reply ends here, for a reason of our own."""
        self.completed = replace(self.completed or Completed(), finish_reason=reason)

    @property
    def text(self) -> str:
        """The reply's text so far."""
        # Joined once and kept, so that a long reply is not joined anew at every look.
        if len(self._text) > 1:
            self._text = ["".join(self._text)]
        return self._text[0] if self._text else ""

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The calls that the model asks for so far."""
        return list(self._tool_calls)

    @property
    def parts(self) -> list[dict[str, Any]]:
        """What is not text: reasoning and tool calls, as the column `parts` keeps them."""
        parts: list[dict[str, Any]] = []
        if self._reasoning:
            parts.append({"type": "reasoning", "text": whole_characters("".join(self._reasoning))})
        parts += [
            {"type": "tool_call", "id": call.call_id, "name": call.name, "arguments": call.arguments}
            | ({"invalid": call.invalid} if call.invalid is not None else {})
            for call in self._tool_calls
        ]
        return parts

    @property
    def is_empty(self) -> bool:
        """Whether nothing that a reader could see has come."""
        return not (self._text or self._reasoning or self._tool_calls)

    def fill(self, message: SessionMessage) -> None:
        """Write what has come into `message`."""
        message.content = whole_characters(self.text)
        message.parts = self.parts
        message.usage = self.usage
        message.token_count = self.usage.output_tokens
        if self.cost_usd is not None:
            message.cost_usd, message.cost_source = self.cost_usd, "provider"
        if self.completed:
            message.finish_reason = self.completed.finish_reason
            message.response_model = self.completed.response_model
            message.provider_message_id = self.completed.provider_message_id
            message.provider_metadata = dict(self.completed.provider_metadata)


async def reply_of(
    events: AsyncIterable[ProviderEvent | str], session_id: str, metadata: dict[str, Any] | None = None
) -> SessionMessage:
    """Return the assistant's message that a provider's stream makes: `send_message` of a class that can stream."""
    draft = ReplyDraft()
    async for event in events:
        draft.add(TextDelta(event) if isinstance(event, str) else event)
    message = SessionMessage(new_id(), session_id, "assistant", "", now(), metadata=metadata or {})
    draft.fill(message)
    return message
