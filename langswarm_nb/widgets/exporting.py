"""What a page offers for an export, and the file: to the browser, or beside the notebook."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError
from ..sharing import Exported, export, export_bytes
from ..sharing.files import stem_of
from ..sharing.formats import FORMATS
from . import formats
from .transfers import seen_text

# A page fetches about 1 MB a second; what is larger is better off beside the notebook.
LARGEST_DOWNLOAD = 50 * 2**20
# Format, its name, what it is good for; those that most readers want come first.
OFFERED = (
    ("markdown", "Markdown (.md)", "to read anywhere, as plain text or on GitHub"),
    ("html", "Web page (.html)", "to read in any browser, as it looks here"),
    ("ipynb", "Notebook (.ipynb)", "to open in Jupyter, without this package too"),
    ("json", "JSON (.json)", "everything, branches and numbers too; can be imported again"),
    ("jsonl", "JSON Lines (.jsonl)", "everything, one message a line; can be imported again"),
    ("openai", "OpenAI messages (.openai.jsonl)", "as OpenAI's chat and fine-tuning take them"),
    ("anthropic", "Anthropic messages (.anthropic.jsonl)", "as Anthropic's API takes them"),
    ("parquet", "Parquet tables (.zip)", "for pandas, DuckDB and the like"),
    ("duckdb", "DuckDB store (.duckdb)", "a store of its own, for this package"),
)


def folder_of(notebook: str | None) -> Path:
    """Return the folder of the notebook, where it is known and there, else the kernel's."""
    folder = Path(notebook).parent if notebook else None
    return folder if folder is not None and folder.is_absolute() and folder.is_dir() else Path.cwd()


def for_page(which: Any, title: str | None, format: str, redact: bool, source: Any) -> tuple[bytes, dict[str, Any]]:
    """Return an export's bytes, and what the page should know of it: `name`, media `type`, and `told` in words."""
    made = export_bytes(which, format, redact, source)
    if len(made.content) > LARGEST_DOWNLOAD:
        raise ConfigurationError(
            f"The file has {formats.size(len(made.content))}, too much to be sent to the browser. "
            "Save it beside the notebook instead."
        )
    name = stem_of(title) + made.name.removeprefix("conversation")
    told = f"{name}, {formats.size(len(made.content))}{_redacted(made.redacted)}"
    return made.content, {"name": name, "type": made.media_type, "told": told}


def beside_notebook(
    which: Any, title: str | None, format: str, redact: bool, source: Any, notebook: str | None
) -> dict[str, Any]:
    """Write an export into the notebook's folder, under a name that is free; return what the page should know of it."""
    folder = folder_of(notebook)
    suffix = ".zip" if format == "parquet" else FORMATS[format].suffixes[0]
    done = _written(
        which, [folder / f"{stem_of(title)}{n}{suffix}" for n in ("", *range(2, 100))], format, redact, source
    )
    return {"told": f"{done.path.name} in {seen_text(str(folder))}{_redacted(done.redacted)}"}


def _written(which: Any, paths: Sequence[Path], format: str, redact: bool, source: Any) -> Exported:
    free = [path for path in paths if not path.exists()]
    if not free:
        raise ConfigurationError(f"{paths[0].name} and many like it are there already. Give the chat another title.")
    return export(which, free[0], format, redact, source, progress=False)


def _redacted(counts: Counter[str] | None) -> str:
    if counts is None:
        return ""
    kinds = ", ".join(f"{count:,} × {kind.replace('_', ' ')}" for kind, count in counts.most_common())
    return f". Redacted: {kinds or 'nothing was found'}"
