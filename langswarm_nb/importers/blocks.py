"""Content blocks as Anthropic's messages have them, and what other sources have like them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from .conversation import mapping, name, reasoning, reference, sequence, tool_call, words

_OPENAI = ("gpt", "o1", "o3", "o4", "chatgpt", "codex", "davinci", "text-davinci", "computer-use")


@dataclass(slots=True)
class Result:
    """What a tool returned."""

    call_id: str | None
    tool: str | None
    text: str
    is_error: bool = False
    parts: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Said:
    """What stands in a list of blocks, up to the results of tools and behind them."""

    text: str = ""
    parts: list[dict[str, Any]] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.text or self.parts or self.results)


def said_in(content: Any) -> list[Said]:
    """Return what the blocks say; a new item begins where text or a call follows the results of tools."""
    if not isinstance(content, list):
        return [Said(words(content))]
    found = [Said()]
    for block in content:
        if not isinstance(block, dict):
            block = {"type": "text", "text": words(block)}
        kind = block.get("type")
        if kind in ("tool_result", "mcp_tool_result") or (isinstance(kind, str) and kind.endswith("_tool_result")):
            found[-1].results.append(_result(block))
            continue
        if found[-1].results:
            found.append(Said())
        _add(found[-1], str(kind), block)
    return found


def _add(said: Said, kind: str, block: dict[str, Any]) -> None:
    if kind in ("text", "input_text", "output_text", "refusal"):
        said.text = "\n".join(filter(None, (said.text, words(block.get("text") or block.get("refusal")))))
    elif kind in ("thinking", "reasoning"):
        if text := words(block.get("thinking") or block.get("text")):
            said.parts.append(reasoning(text))
    elif kind in ("tool_use", "server_tool_use", "mcp_tool_use"):
        said.parts.append(tool_call(block.get("id"), block.get("name"), block.get("input")))
    elif kind in ("image", "document", "input_image", "image_url", "input_file"):
        said.parts.append(picture(block))
    # redacted_thinking, token_budget and their like say nothing.


def picture(block: dict[str, Any]) -> dict[str, Any]:
    """Return the part for an image or document: with its content where it is there, else what it is called."""
    origin = mapping(block.get("source"))
    url = block.get("image_url") or block.get("url") or origin.get("url")
    url = words(mapping(url).get("url")) if isinstance(url, dict) else words(url)
    media_type, data = name(origin.get("media_type")), origin.get("data")
    if url.startswith("data:") and ";base64," in url:
        head, _, data = url.partition(";base64,")
        media_type = head.removeprefix("data:")
    kind = "image" if (media_type or "").startswith("image/") else "file"
    title = name(block.get("name") or block.get("title") or block.get("filename")) or kind
    if isinstance(data, str) and data and media_type:
        content = {"text": data} if origin.get("type") == "text" else {"data": data}
        return {"type": kind, "name": title, "media_type": media_type, **content}
    return reference(title, media_type or f"{kind}/*", place=url or block.get("file_id"))


def _result(block: dict[str, Any]) -> Result:
    content = block.get("content")
    inner = said_in(content)[0] if isinstance(content, list) else Said(as_text(content))
    return Result(
        name(block.get("tool_use_id")), name(block.get("name")), inner.text, block.get("is_error") is True, inner.parts
    )


def as_text(value: Any) -> str:
    """Return a tool's result as text: itself, or its JSON."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, default=str)


def arguments_of(value: Any) -> Any:
    """Return a call's arguments as an object where they are the JSON of one, else as they are."""
    if not isinstance(value, str):
        return value if value is not None else {}
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return found if isinstance(found, dict) else value


def provider_of(model: str | None) -> str | None:
    """Return who offers the model, as far as its name tells."""
    if not model:
        return None
    plain = model.lower().rsplit("/", 1)[-1]
    if plain.startswith(_OPENAI):
        return "openai"
    for family, provider in (("claude", "anthropic"), ("gemini", "google"), ("mistral", "mistral"), ("grok", "xai"),
                             ("deepseek", "deepseek"), ("command", "cohere")):  # fmt: skip
        if plain.startswith(family):
            return provider
    return None


def listed(values: Any) -> list[dict[str, Any]]:
    """Return those items of a list that are mappings."""
    return [value for value in sequence(values) if isinstance(value, dict)]
