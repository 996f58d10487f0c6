"""The formats that can be imported, in the order in which a file is held against them."""

from __future__ import annotations

import os

from ..errors import ConfigurationError
from . import (
    chatgpt,
    claude,
    claude_code,
    codex,
    datasets,
    jupyter_ai,
    langswarm_stores,
    llm_logs,
    openai_agents,
    own,
)
from .format import Format
from .inputs import Entry

FORMATS: dict[str, Format] = {
    known.name: known
    for known in (
        own.FORMAT,
        chatgpt.FORMAT,
        claude.FORMAT,
        claude_code.FORMAT,
        codex.FORMAT,
        llm_logs.FORMAT,
        openai_agents.FORMAT,
        jupyter_ai.FORMAT,
        langswarm_stores.FORMAT,
        datasets.SHAREGPT,
        datasets.WILDCHAT,
        datasets.LMSYS,
    )
}


def format_named(name: str) -> Format:
    """Return the format of this name; ConfigurationError lists those there are."""
    found = FORMATS.get(str(name).strip().lower().replace("_", "-"))
    if found is None and (isinstance(name, os.PathLike) or os.sep in name or "." in name):
        raise ConfigurationError(f"There is no format {str(name)!r}. The store to write to is source=, not format=.")
    if found is None:
        raise ConfigurationError(f"There is no format {name!r}. Formats: {', '.join(FORMATS)}.")
    return found


def format_of(entry: Entry, wanted: Format | None = None) -> Format | None:
    """Return the format of the file, or None for one that is not known or not the `wanted` one."""
    candidates = FORMATS.values() if wanted is None else [wanted]
    return next((candidate for candidate in candidates if candidate.detects(entry)), None)
