"""Keeping secrets out of what is stored, logged and shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .vendors import vendor_keys

# The names under which options carry a secret; whole words, so that `max_tokens` is none.
_SECRET_NAME = re.compile(
    r"(^|[_\-.])(api[_-]?key|key|secret|password|passwd|token|authorization|auth|credentials?|headers|cookie)$", re.I
)
# Bearer tokens, whatever they look like, and credentials in a URL; the vendors' own shapes stand in `vendors`.
_SECRET_TEXT = re.compile(
    r"""(?i:\bbearer\s+)[A-Za-z0-9._~+/\-]{8,}=*
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
    pieces: list[str] = []
    position = 0
    for start, end in secret_spans(text):
        pieces += [text[position:start], "[key]"]
        position = end
    return "".join([*pieces, text[position:]])


def secret_spans(text: str) -> list[tuple[int, int]]:
    """Return where in `text` something looks like a key, as (start, end), in order and without overlaps."""
    spans = sorted([*(match.span() for match in _SECRET_TEXT.finditer(text)), *vendor_keys(text)])
    apart: list[tuple[int, int]] = []
    for start, end in spans:
        if apart and start < apart[-1][1]:
            apart[-1] = (apart[-1][0], max(end, apart[-1][1]))
        else:
            apart.append((start, end))
    return apart
