"""What one turn asks of a service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..models import SessionMessage


@dataclass(frozen=True, slots=True)
class Request:
    """The messages that are new since the last reply, and what the model may or must do with them.

    `tools` are mappings of `name`, `description` and `parameters` (a JSON schema); `output_schema` is one of `name` and
    `schema`, which the reply's text has to fit.
    """

    messages: tuple[SessionMessage, ...]
    tools: tuple[dict[str, Any], ...] = ()
    output_schema: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        """What is new, as one text."""
        return "\n\n".join(message.content for message in self.messages)


def strict_schema(schema: dict[str, Any]) -> dict[str, Any] | None:
    """Return `schema` with every property required and no others allowed, as strict modes want it.

    None where it has a mapping with keys of any name, which those modes cannot express.
    """
    try:
        return _strict(schema)
    except ValueError:
        return None


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return {"$ref": node["$ref"]}
    changed: dict[str, Any] = {}
    for name, value in node.items():
        if name in ("properties", "$defs"):
            changed[name] = {key: _strict(inner) for key, inner in value.items()}
        elif name not in ("default", "title", "enum", "const"):
            changed[name] = _strict(value)
        elif name in ("enum", "const"):
            changed[name] = value
    if node.get("type") == "object":
        if node.get("additionalProperties") or "properties" not in node:
            raise ValueError("keys of any name")
        changed["additionalProperties"] = False
        changed["required"] = list(node["properties"])
    return changed
