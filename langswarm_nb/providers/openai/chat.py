"""Chat completions, the protocol that nearly every server speaks: what is sent, and what its stream means."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from decimal import Decimal
from typing import Any

from ...attachments import as_text, attached, data_url
from ...clock import new_id
from ...models import SessionMessage, Usage
from ...stream_events import Completed, ProviderEvent, ReasoningDelta, TextDelta, ToolCall, UsageUpdate
from ..history import parsed_arguments, tool_calls
from ..request import strict_schema
from .responses import reported_cost

_FINISH = {"function_call": "tool_calls", "max_tokens": "length", "eos": "stop", "end_turn": "stop"}


def chat_messages(messages: Sequence[SessionMessage], system_prompt: str | None) -> list[dict[str, Any]]:
    """Return `messages` in this API's form, `system_prompt` first."""
    sent: list[dict[str, Any]] = [{"role": "system", "content": system_prompt}] if system_prompt else []
    for message in messages:
        if message.role == "tool":
            sent.append({"role": "tool", "tool_call_id": message.tool_call_id, "content": message.content})
            continue
        entry: dict[str, Any] = {"role": message.role, "content": message.content or None}
        if parts := attached(message.parts):
            text = [{"type": "text", "text": message.content}] if message.content else []
            entry["content"] = text + [_content(part) for part in parts]
        if calls := tool_calls(message):
            entry["tool_calls"] = [
                {
                    "id": call.call_id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
                }
                for call in calls
            ]
        sent.append(entry)
    return sent


def request_body(
    model: str, messages: Sequence[SessionMessage], options: dict[str, Any], *, official: bool
) -> dict[str, Any]:
    """Return the request's keywords. Only OpenAI itself has renamed `max_tokens`; the other servers know no other."""
    rest = dict(options)
    body: dict[str, Any] = {"model": model, "messages": chat_messages(messages, rest.pop("system_prompt", None))}
    body["stream_options"] = {"include_usage": True}
    if tools := rest.pop("tools", None):
        body["tools"] = [_tool(tool) for tool in tools]
    if level := rest.pop("reasoning_level", None):
        body["reasoning_effort"] = level
    if output := rest.pop("output_schema", None):
        strict = strict_schema(output["schema"])
        form = {"name": output["name"], "schema": strict or output["schema"], "strict": strict is not None}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    if (limit := rest.pop("max_tokens", None)) is not None:
        body["max_completion_tokens" if official else "max_tokens"] = limit
    return {**body, **rest}


class _CallDraft:
    """A tool call whose arguments come in pieces."""

    def __init__(self) -> None:
        self.call_id = ""
        self.name = ""
        self.arguments = ""

    def add(self, piece: Any) -> None:
        self.call_id = getattr(piece, "id", None) or self.call_id
        function = piece.function
        if function is not None:
            self.name = function.name or self.name
            self.arguments += function.arguments or ""

    def finished(self) -> ToolCall:
        # Some servers number no calls; a result has to name the one it answers.
        return ToolCall(self.call_id or f"call_{new_id()}", self.name, *parsed_arguments(self.arguments))


async def read_stream(chunks: AsyncIterable[Any]) -> AsyncGenerator[ProviderEvent, None]:
    """Yield our events for the API's; no Completed where the stream was cut short."""
    calls: dict[int, _CallDraft] = {}
    usage: Usage | None = None
    cost: Decimal | None = None
    reason = model = message_id = None
    try:
        async for chunk in chunks:
            model = getattr(chunk, "model", None) or model
            message_id = getattr(chunk, "id", None) or message_id
            # By the protocol on a last chunk without choices; in the wild on any chunk, or never.
            if counted := read_usage(getattr(chunk, "usage", None)):
                usage, cost = counted, reported_cost(chunk.usage)
            for choice in getattr(chunk, "choices", None) or []:
                if getattr(choice, "index", 0):
                    continue
                delta = getattr(choice, "delta", None)
                # `reasoning_content` is what vLLM, llama.cpp and DeepSeek say, `reasoning` Ollama and OpenRouter.
                if thought := getattr(delta, "reasoning_content", None) or getattr(delta, "reasoning", None):
                    yield ReasoningDelta(str(thought))
                if text := getattr(delta, "content", None) or getattr(delta, "refusal", None):
                    yield TextDelta(text)
                for piece in getattr(delta, "tool_calls", None) or []:
                    _draft_for(calls, piece).add(piece)
                reason = getattr(choice, "finish_reason", None) or reason
    except Exception:
        # What breaks after the finish reason costs the usage at most: the reply is whole.
        if reason is None:
            raise
    if reason is None:
        return
    for call in calls.values():
        yield call.finished()
    if usage:
        yield UsageUpdate(usage, cost)
    yield Completed(
        finish_reason="tool_calls" if calls and reason == "stop" else _FINISH.get(reason, reason),
        response_model=model,
        provider_message_id=message_id,
        provider_metadata={"model": model, "usage": usage.to_dict() if usage else {}},
    )


def read_usage(usage: Any) -> Usage | None:
    """Return the counts of a chunk; servers leave out details, or the whole."""
    if usage is None:
        return None
    read = getattr(usage, "prompt_tokens_details", None)
    written = getattr(usage, "completion_tokens_details", None)
    return Usage(
        input_tokens=getattr(usage, "prompt_tokens", None),
        output_tokens=getattr(usage, "completion_tokens", None),
        cache_read_input_tokens=getattr(read, "cached_tokens", None),
        cache_write_input_tokens=getattr(read, "cache_write_tokens", None),
        reasoning_output_tokens=getattr(written, "reasoning_tokens", None),
    )


def _content(part: dict[str, Any]) -> dict[str, Any]:
    if "data" not in part:
        return {"type": "text", "text": as_text(part)}
    if part["type"] == "image":
        return {"type": "image_url", "image_url": {"url": data_url(part)}}
    return {"type": "file", "file": {"filename": part["name"], "file_data": data_url(part)}}


def _draft_for(calls: dict[int, _CallDraft], piece: Any) -> _CallDraft:
    index = getattr(piece, "index", None)
    if index is None:
        # Some servers number nothing: a new id begins a new call, a piece without one goes on with the last.
        last = max(calls, default=-1)
        new = getattr(piece, "id", None) and (last < 0 or calls[last].call_id != piece.id)
        index = last + 1 if new else max(last, 0)
    return calls.setdefault(index, _CallDraft())


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    if "name" not in tool or tool.get("type", "function") != "function":
        return tool
    return {
        "type": "function",
        "function": {
            "name": tool["name"],
            "description": tool.get("description", ""),
            "parameters": tool.get("parameters") or {"type": "object", "properties": {}},
        },
    }
