"""Keeping secrets out of what is stored, logged and shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# The names under which options carry a secret; whole words, so that `max_tokens` is none.
_SECRET_NAME = re.compile(
    r"(^|[_\-.])(api[_-]?key|key|secret|password|passwd|token|authorization|auth|credentials?|headers|cookie)$", re.I
)
# The shapes of keys in running text: vendors' prefixes, bearer tokens, JSON web tokens, credentials in a URL.
_SECRET_TEXT = re.compile(
    r"""\b(?:sk|pk|rk)-[A-Za-z0-9_*.\-]{6,}
      | \b(?:gh[pousr]_|github_pat_|glpat-|hf_|xox[abprs]-|AKIA|ASIA|AIza)[A-Za-z0-9_\-]{8,}
      | (?i:\bbearer\s+)[A-Za-z0-9._~+/\-]{8,}=*
      | \beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*
      | (?<=://)[^\s/:@]*:[^\s/@]+(?=@)""",
    re.X,
)


def is_secret_name(name: str) -> bool:
    """Return whether an option of this name carries a secret."""
    return bool(_SECRET_NAME.search(name)) or name.lower() in ("extra_headers", "default_headers")


def without_secrets(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return `options` without the entries, at any depth, whose names say that they are secrets."""
    return {
        name: without_secrets(value) if isinstance(value, Mapping) else value
        for name, value in options.items()
        if not is_secret_name(str(name))
    }


def mask_secrets(text: str) -> str:
    """Return `text` with everything in it that looks like a key replaced by `[key]`."""
    return _SECRET_TEXT.sub("[key]", text)


def secret_spans(text: str) -> list[tuple[int, int]]:
    """Return where in `text` something looks like a key, as (start, end)."""
    return [match.span() for match in _SECRET_TEXT.finditer(text)]
