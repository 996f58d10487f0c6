"""What conversations are written as; each format is a class that takes them a few at a time."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from ...errors import ConfigurationError
from ..selection import Chunk


class Writer(Protocol):
    """Writes conversations to one path: opened, given chunks, closed."""

    def write(self, chunk: Chunk) -> None: ...

    def close(self) -> None:
        """Write what stands at the end."""

    def abandon(self) -> None:
        """Let go of the file, as it is."""


class Format(NamedTuple):
    """A format: where its writer is, what its files end with, what browsers call it."""

    home: str
    suffixes: tuple[str, ...]
    media_type: str


FORMATS = {
    "markdown": Format("markdown.MarkdownWriter", (".md", ".markdown"), "text/markdown"),
    "html": Format("html.HtmlWriter", (".html", ".htm"), "text/html"),
    "ipynb": Format("ipynb.NotebookWriter", (".ipynb",), "application/x-ipynb+json"),
    "json": Format("structured.JsonWriter", (".json",), "application/json"),
    "jsonl": Format("structured.JsonLinesWriter", (".jsonl", ".ndjson"), "application/jsonl"),
    "openai": Format("chat.OpenAIWriter", (".openai.jsonl",), "application/jsonl"),
    "anthropic": Format("chat.AnthropicWriter", (".anthropic.jsonl",), "application/jsonl"),
    "parquet": Format("tables.ParquetWriter", (".parquet", ".zip"), "application/vnd.apache.parquet"),
    "duckdb": Format("tables.DuckDBWriter", (".duckdb", ".db"), "application/vnd.duckdb"),
}
_SHORT = {"md": "markdown", "htm": "html", "notebook": "ipynb", "db": "duckdb"}


def format_of(path: Path, name: str | None = None) -> str:
    """Return the format called `name`, else the one that the path's end tells."""
    if name is not None:
        known = _SHORT.get(name.lower().lstrip("."), name.lower().lstrip("."))
        if known in FORMATS:
            return known
        raise ConfigurationError(f"There is no format {name!r} to export to. There are: {', '.join(FORMATS)}.")
    ends = {suffix: known for known, described in FORMATS.items() for suffix in described.suffixes}
    for suffix in sorted(ends, key=len, reverse=True):
        if path.name.lower().endswith(suffix):
            return ends[suffix]
    raise ConfigurationError(
        f"{path.name!r} does not tell the format. End it with {', '.join(ends)}, or pass format=: {', '.join(FORMATS)}."
    )


def writer(name: str, draft: Path, target: Path, redacted: bool) -> Writer:
    """Return the writer of the format `name` for the file or folder `draft`, which will be called `target`."""
    module, _, kind = FORMATS[name].home.partition(".")
    made: Any = getattr(importlib.import_module(f".{module}", __name__), kind)
    return made(draft, target, redacted)
