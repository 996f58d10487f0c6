"""What the mock answers where a schema is asked for: the smallest value that fits, the same every time."""

from __future__ import annotations

from typing import Any

_PLAIN: dict[str, Any] = {"string": "mock", "integer": 1, "number": 1.0, "boolean": True, "null": None}
_FORMATS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "P1D",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "email": "mock@example.com",
    "uri": "https://example.com/",
}
_DEEPEST = 12


def sample(schema: dict[str, Any]) -> Any:
    """Return a value that fits a JSON schema as pydantic writes them."""
    return _sample(schema, schema.get("$defs") or {}, 0)


def _sample(node: dict[str, Any], named: dict[str, Any], depth: int) -> Any:
    if "$ref" in node:
        node = named[node["$ref"].rpartition("/")[2]]
    for word in ("const", "default"):
        if word in node:
            return node[word]
    if choices := node.get("enum") or node.get("examples"):
        return choices[0]
    if options := node.get("anyOf") or node.get("oneOf") or node.get("allOf"):
        # What refers to itself ends with the option that does not, which pydantic puts last.
        return _sample(options[-1] if depth > _DEEPEST else options[0], named, depth + 1)
    kind = node.get("type")
    if kind == "object":
        required = node.get("required") or []
        return {name: _sample(node["properties"][name], named, depth + 1) for name in required}
    if kind == "array":
        fixed = [_sample(item, named, depth + 1) for item in node.get("prefixItems") or []]
        wanted = max(int(node.get("minItems", 0)), 0 if depth > _DEEPEST or fixed else 1) - len(fixed)
        return fixed + [_sample(node.get("items") or {}, named, depth + 1) for _ in range(wanted)]
    if kind == "string":
        text = _FORMATS.get(node.get("format", ""), "mock")
        return text.ljust(int(node.get("minLength", 0)), "k")[: node.get("maxLength")]
    if kind in ("integer", "number"):
        return _number(node, kind)
    return _PLAIN.get(kind or "string")


def _number(node: dict[str, Any], kind: str) -> float:
    step = 1 if kind == "integer" else 0.5
    lowest = node.get("minimum", node.get("exclusiveMinimum", 0 - step) + step)
    highest = node.get("maximum", node.get("exclusiveMaximum", lowest + 1 + step) - step)
    found = min(max(1, lowest), highest)
    return int(found) if kind == "integer" else float(found)
