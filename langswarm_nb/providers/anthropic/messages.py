"""The messages API: what is sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...attachments import as_text, attached
from ...errors import ProviderRefusedError
from ...models import SessionMessage
from ..history import instructions, tool_calls
from ..request import strict_schema
from .capabilities import default_max_tokens, takes_sampling, thinking

SAMPLING = ("temperature", "top_p", "top_k")

# A cached prefix is read at a tenth of the price and written at five quarters of it, so it pays from the second
# turn on. Below about 1,024 tokens the API caches nothing.
_WORTH_CACHING_CHARACTERS = 4096


def request_body(
    model: str, messages: Sequence[SessionMessage], options: dict[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Return the request's keywords, and the names of the options that this model does not take.

    `options` may have our names: `system_prompt`, `tools`, `reasoning_level`, `output_schema`, and `prompt_caching`
    ("auto", True, False).
    """
    rest = dict(options)
    system = instructions(messages, rest.pop("system_prompt", None))
    turns = message_turns(messages)
    body: dict[str, Any] = {"model": model, "messages": turns}
    body["max_tokens"] = rest.pop("max_tokens", None) or default_max_tokens(model)
    if tools := rest.pop("tools", None):
        body["tools"] = [_tool(tool) for tool in tools]
    if isinstance(choice := rest.get("tool_choice"), str):
        rest["tool_choice"] = {"type": {"required": "any"}.get(choice, choice)}
    if isinstance(stop := rest.pop("stop", None), (str, list)):
        rest["stop_sequences"] = [stop] if isinstance(stop, str) else stop
    if level := rest.pop("reasoning_level", None):
        body |= thinking(model, level)
    if output := rest.pop("output_schema", None):
        schema = strict_schema(output["schema"]) or output["schema"]
        given = {**body.get("output_config", {}), **(rest.pop("output_config", None) or {})}
        body["output_config"] = {**given, "format": {"type": "json_schema", "schema": schema}}
    if rest.get("thinking") is True:
        rest["thinking"] = {"type": "adaptive", "display": "summarized"}
    left_out = _leave_out(model, {**body, **rest})
    sampling = {name: rest.pop(name) for name in SAMPLING if name in rest}
    more = {name: value for name, value in sampling.items() if name not in left_out}
    caching = rest.pop("prompt_caching", "auto")
    if system:
        body["system"] = [{"type": "text", "text": system}]
    if caching is True or (caching == "auto" and _length(system, messages) >= _WORTH_CACHING_CHARACTERS):
        _mark_for_cache(body)
    if more:
        rest["extra_body"] = {**more, **(rest.get("extra_body") or {})}
    return {**body, **rest}, left_out


def message_turns(messages: Sequence[SessionMessage]) -> list[dict[str, Any]]:
    """Return the turns of user and assistant, those of one side in a row as one; system texts are not among them."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "system":
            continue
        role = "assistant" if message.role == "assistant" else "user"
        blocks = _blocks(message)
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    if turns and turns[0]["role"] == "assistant":
        # A conversation that was imported or cut may begin with a reply; the API wants the other side first.
        turns.insert(0, {"role": "user", "content": [{"type": "text", "text": "(The conversation so far:)"}]})
    return turns


def _blocks(message: SessionMessage) -> list[dict[str, Any]]:
    if message.role == "tool":
        return [{"type": "tool_result", "tool_use_id": message.tool_call_id, "content": message.content}]
    calls = tool_calls(message)
    # Between a call and its result the API wants its own signed thinking back.
    blocks = list(message.provider_metadata.get("thinking_blocks") or []) if calls else []
    blocks += [_content(part) for part in attached(message.parts)]
    if message.content.strip():
        blocks.append({"type": "text", "text": message.content})
    return blocks + [
        {"type": "tool_use", "id": call.call_id, "name": call.name, "input": call.arguments} for call in calls
    ]


def _content(part: dict[str, Any]) -> dict[str, Any]:
    if "data" not in part:
        source = {"type": "text", "media_type": "text/plain", "data": as_text(part)}
        return {"type": "document", "title": part["name"], "source": source}
    source = {"type": "base64", "media_type": part["media_type"], "data": part["data"]}
    if part["type"] == "image":
        return {"type": "image", "source": source}
    if part["media_type"] == "application/pdf":
        return {"type": "document", "title": part["name"], "source": source}
    raise ProviderRefusedError(
        f"Claude reads pictures, PDF and text; {part['name']} is {part['media_type']}. Attach it as text or PDF.",
        provider="anthropic",
        error_code="unreadable_attachment",
    )


def _leave_out(model: str, asked: dict[str, Any]) -> list[str]:
    given = [name for name in SAMPLING if asked.get(name) is not None]
    if not takes_sampling(model):
        return given
    thinks = (asked.get("thinking") or {}).get("type") in ("enabled", "adaptive")
    return given if thinks else []


def _length(system: str, messages: Sequence[SessionMessage]) -> int:
    return len(system) + sum(len(message.content) for message in messages if message.role != "system")


def _mark_for_cache(body: dict[str, Any]) -> None:
    mark = {"type": "ephemeral"}
    if body.get("system"):
        body["system"][-1]["cache_control"] = mark
    if body["messages"]:
        last = body["messages"][-1]["content"]
        last[-1] = {**last[-1], "cache_control": mark}


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    if "input_schema" in tool or tool.get("type", "function") != "function":
        return tool
    return {
        "name": tool["name"],
        "description": tool.get("description", ""),
        "input_schema": tool.get("parameters") or {"type": "object", "properties": {}},
    }
