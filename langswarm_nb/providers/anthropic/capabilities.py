"""What the generations of Claude take, read off a model's name."""

from __future__ import annotations

import re

# `claude-3-5-sonnet-…`, `claude-opus-4-20250514`, `claude-sonnet-5-5`, `anthropic.claude-…`: a date is no version.
_VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d+)(?:[-.](\d{1,2}))?(?!\d)")
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 24576, "max": 30000}


def version(model: str) -> tuple[int, int] | None:
    """Return a Claude's generation as (major, minor), or None where the name does not say."""
    found = _VERSION.search(model)
    return (int(found[1]), int(found[2] or 0)) if found else None


def takes_sampling(model: str) -> bool:
    """Return whether the model accepts temperature, top_p and top_k; Claude does not from 4.7 on."""
    known = version(model)
    return known < (4, 7) if known else "claude" not in model


def default_max_tokens(model: str) -> int:
    """Return how long a reply may be where nobody said; the API insists on a number that the model can reach."""
    known = version(model)
    if known is None:
        return 8192
    if known < (3, 5):
        return 4096
    return 8192 if known < (3, 7) else 32000


def thinking(model: str, level: str) -> dict[str, object]:
    """Return the request's keywords that make the model think, and show it, at `level` (low to max)."""
    known = version(model)
    if known is not None and known < (4, 6):
        budget = min(_BUDGETS.get(level, 8192), default_max_tokens(model) - 1024)
        return {"thinking": {"type": "enabled", "budget_tokens": budget}}
    effort = "low" if level == "minimal" else level
    return {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": effort}}
