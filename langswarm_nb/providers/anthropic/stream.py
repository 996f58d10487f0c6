"""The messages API: what its stream means."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable
from typing import Any

from ...models import Usage
from ...stream_events import Completed, ProviderEvent, ReasoningDelta, TextDelta, ToolCall, UsageUpdate
from ..history import parsed_arguments

_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


class _Block:
    """A content block that comes in pieces."""

    def __init__(self, start: Any) -> None:
        self.start = start
        self.json = ""
        self.thinking = ""
        self.signature = ""

    def call(self) -> ToolCall:
        if not self.json.strip():
            return ToolCall(self.start.id, self.start.name, self.start.input or {})
        return ToolCall(self.start.id, self.start.name, *parsed_arguments(self.json))

    def thought(self) -> dict[str, Any] | None:
        if self.start.type == "redacted_thinking":
            return {"type": "redacted_thinking", "data": self.start.data}
        if self.start.type == "thinking" and self.signature:
            return {"type": "thinking", "thinking": self.thinking, "signature": self.signature}
        return None


async def read_stream(events: AsyncIterable[Any]) -> AsyncGenerator[ProviderEvent, None]:
    """Yield our events for the API's; no Completed where the stream was cut short."""
    counts: dict[str, int] = {}
    blocks: dict[int, _Block] = {}
    thoughts: list[dict[str, Any]] = []
    called = False
    message: Any = None
    end: Any = None
    try:
        async for event in events:
            match event.type:
                case "message_start":
                    message = event.message
                    _count(counts, message.usage)
                    yield UsageUpdate(_usage(counts))
                case "content_block_start":
                    blocks[event.index] = _Block(event.content_block)
                    # Most servers start a block empty; the protocol lets them put its first text in.
                    if event.content_block.type == "text" and event.content_block.text:
                        yield TextDelta(event.content_block.text)
                case "content_block_delta":
                    if piece := _delta(blocks.get(event.index), event.delta):
                        yield piece
                case "content_block_stop":
                    block = blocks.pop(event.index, None)
                    if block and block.start.type == "tool_use":
                        called = True
                        yield block.call()
                    elif block and (thought := block.thought()):
                        thoughts.append(thought)
                case "message_delta":
                    end = event.delta
                    _count(counts, event.usage)
                case "message_stop":
                    break
                case _:
                    pass
    except Exception:
        # What breaks after the stop reason breaks nothing: the reply is whole.
        if end is None or end.stop_reason is None:
            raise
    if end is None or end.stop_reason is None:
        return
    usage = _usage(counts)
    known = {
        "model": getattr(message, "model", None),
        "usage": usage.to_dict(),
        "stop_reason": end.stop_reason,
        "stop_sequence": end.stop_sequence,
        "thinking_blocks": thoughts if called else None,
    }
    yield UsageUpdate(usage)
    yield Completed(
        finish_reason=_FINISH.get(end.stop_reason, end.stop_reason),
        response_model=getattr(message, "model", None),
        provider_message_id=getattr(message, "id", None),
        provider_metadata={name: value for name, value in known.items() if value is not None},
    )


def _delta(block: _Block | None, delta: Any) -> ProviderEvent | None:
    match delta.type:
        case "text_delta" if delta.text:
            return TextDelta(delta.text)
        case "thinking_delta" if delta.thinking:
            if block:
                block.thinking += delta.thinking
            return ReasoningDelta(delta.thinking)
        case "signature_delta" if block:
            block.signature += delta.signature
        case "input_json_delta" if block:
            block.json += delta.partial_json
    return None


def _count(counts: dict[str, int], usage: Any) -> None:
    """Take in the counts of an event; later ones are totals, not additions."""
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    for name in names:
        if (value := getattr(usage, name, None)) is not None:
            counts[name] = value
    details = getattr(usage, "output_tokens_details", None)
    if (value := getattr(details, "thinking_tokens", None)) is not None:
        counts["thinking_tokens"] = value


def _usage(counts: dict[str, int]) -> Usage:
    # The API counts cached tokens beside `input_tokens`; ours, as OpenTelemetry's, includes them.
    read, written = counts.get("cache_read_input_tokens"), counts.get("cache_creation_input_tokens")
    fresh = counts.get("input_tokens")
    return Usage(
        input_tokens=None if fresh is None else fresh + (read or 0) + (written or 0),
        output_tokens=counts.get("output_tokens"),
        cache_read_input_tokens=read,
        cache_write_input_tokens=written,
        reasoning_output_tokens=counts.get("thinking_tokens"),
    )
