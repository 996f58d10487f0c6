"""The Responses API: what is sent, and what its stream means."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from ...attachments import as_text, attached, data_url
from ...models import SessionMessage, Usage
from ...stream_events import Completed, ProviderEvent, ReasoningDelta, TextDelta, ToolCall, UsageUpdate
from ..history import parsed_arguments, tool_calls
from ..request import strict_schema

if TYPE_CHECKING:
    from collections.abc import Callable

_INCOMPLETE = {"max_output_tokens": "length", "content_filter": "content_filter"}


def input_items(messages: Sequence[SessionMessage]) -> list[dict[str, Any]]:
    """Return `messages` as input items; system messages stay in their place."""
    items: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "tool":
            items.append({"type": "function_call_output", "call_id": message.tool_call_id, "output": message.content})
            continue
        # A model that reasons wants back what it thought between a call and its result, as it gave it.
        items += message.provider_metadata.get("reasoning_items") or [] if tool_calls(message) else []
        if parts := attached(message.parts):
            text = [{"type": "input_text", "text": message.content}] if message.content else []
            items.append({"role": message.role, "content": text + [_content(part) for part in parts]})
        elif message.content:
            items.append({"role": message.role, "content": message.content})
        items += [
            {"type": "function_call", "call_id": c.call_id, "name": c.name, "arguments": json.dumps(c.arguments)}
            for c in tool_calls(message)
        ]
    return items


def request_body(model: str, messages: Sequence[SessionMessage], options: dict[str, Any]) -> dict[str, Any]:
    """Return the request's keywords; `options` may have our names (`system_prompt`, `tools`, ...)."""
    rest = dict(options)
    body: dict[str, Any] = {"model": model, "input": input_items(messages)}
    if text := rest.pop("system_prompt", None):
        body["instructions"] = text
    if tools := rest.pop("tools", None):
        body["tools"] = [_tool(tool) for tool in tools]
    if level := rest.pop("reasoning_level", None):
        body["reasoning"] = {"effort": level}
    if output := rest.pop("output_schema", None):
        strict = strict_schema(output["schema"])
        form = {"name": output["name"], "schema": strict or output["schema"], "strict": strict is not None}
        body["text"] = {**(rest.pop("text", None) or {}), "format": {"type": "json_schema", **form}}
    for ours in ("max_tokens", "max_completion_tokens"):
        if (limit := rest.pop(ours, None)) is not None:
            body["max_output_tokens"] = limit
    return {**body, **rest}


async def read_stream(
    events: AsyncIterable[Any], failed: Callable[[str | None, str | None], Exception]
) -> AsyncGenerator[ProviderEvent, None]:
    """Yield our events for the API's; nothing after the end, and no Completed where the stream was cut short.

    `failed(code, text)` makes the exception for an error that the stream reports.
    """
    has_text = has_calls = has_reasoning = False
    thoughts: list[dict[str, Any]] = []
    final: Any = None
    async for event in events:
        match event.type:
            case "response.output_text.delta" | "response.refusal.delta":
                if event.delta:
                    has_text = True
                    yield TextDelta(event.delta)
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                if event.delta:
                    has_reasoning = True
                    yield ReasoningDelta(event.delta)
            case "response.reasoning_summary_part.added" if has_reasoning:
                yield ReasoningDelta("\n\n")
            case "response.output_item.done" if event.item.type == "function_call":
                has_calls = True
                yield ToolCall(event.item.call_id, event.item.name, *parsed_arguments(event.item.arguments))
            case "response.output_item.done" if event.item.type == "reasoning":
                thoughts += _kept_thought(event.item)
            case "error":
                raise failed(getattr(event, "code", None), getattr(event, "message", None))
            case "response.completed" | "response.incomplete" | "response.failed" | "response.done":
                final = event.response
                break
            case _:
                pass
    if final is None:
        return
    # Some servers put an incomplete or failed response into `response.completed`: its status tells.
    if final.status in ("failed", "cancelled"):
        raise failed(getattr(final.error, "code", None) or "server_error", getattr(final.error, "message", None))
    if not has_text and not has_calls and (text := final.output_text):
        yield TextDelta(text)
    usage = read_usage(final.usage)
    if usage:
        yield UsageUpdate(usage, reported_cost(final.usage))
    yield Completed(
        finish_reason=_finish_reason(final, has_calls),
        response_model=final.model,
        provider_message_id=final.id,
        provider_metadata={
            "model": final.model,
            "usage": usage.to_dict() if usage else {},
            "status": final.status,
            "service_tier": getattr(final, "service_tier", None),
            **({"reasoning_items": thoughts} if has_calls and thoughts else {}),
        },
    )


def read_usage(usage: Any) -> Usage | None:
    """Return the counts of a response; servers leave out details, or the whole."""
    if usage is None:
        return None
    read = getattr(usage, "input_tokens_details", None)
    written = getattr(usage, "output_tokens_details", None)
    return Usage(
        input_tokens=getattr(usage, "input_tokens", None),
        output_tokens=getattr(usage, "output_tokens", None),
        cache_read_input_tokens=getattr(read, "cached_tokens", None),
        cache_write_input_tokens=getattr(read, "cache_write_tokens", None),
        reasoning_output_tokens=getattr(written, "reasoning_tokens", None),
    )


def reported_cost(usage: Any) -> Decimal | None:
    """Return what the call cost in US dollars where the server says so itself, as OpenRouter does."""
    cost = getattr(usage, "cost", None)
    if isinstance(cost, bool) or not isinstance(cost, (int, float, str)):
        return None
    try:
        found = Decimal(str(cost))
    except InvalidOperation:
        return None
    return found if found.is_finite() and found >= 0 else None


def _kept_thought(item: Any) -> list[dict[str, Any]]:
    """Return the reasoning item as it can be sent back; without its encrypted content only the service knows it."""
    sealed = getattr(item, "encrypted_content", None)
    if not sealed:
        return []
    summary = [{"type": "summary_text", "text": part.text} for part in item.summary or []]
    return [{"type": "reasoning", "id": item.id, "summary": summary, "encrypted_content": sealed}]


def _content(part: dict[str, Any]) -> dict[str, Any]:
    if "data" not in part:
        return {"type": "input_text", "text": as_text(part)}
    if part["type"] == "image":
        return {"type": "input_image", "detail": "auto", "image_url": data_url(part)}
    return {"type": "input_file", "filename": part["name"], "file_data": data_url(part)}


def _finish_reason(response: Any, has_calls: bool) -> str:
    if response.status == "incomplete":
        reason = getattr(response.incomplete_details, "reason", None) or "incomplete"
        return _INCOMPLETE.get(reason, reason)
    return "tool_calls" if has_calls else "stop"


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    if "name" not in tool or tool.get("type", "function") != "function":
        return tool
    return {
        "type": "function",
        "name": tool["name"],
        "description": tool.get("description", ""),
        "parameters": tool.get("parameters") or {"type": "object", "properties": {}},
        "strict": tool.get("strict", False),
    }
