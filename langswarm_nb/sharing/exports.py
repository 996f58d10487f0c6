"""Writing conversations to files: `ls.export`."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ..analytics.source import Source, opened
from ..errors import ConfigurationError
from ..progress import Progress, telling
from .files import refuse_existing, whole
from .formats import FORMATS, format_of, writer
from .formats.text_file import counted
from .redactor import redacted_chunks, redactor_for
from .selection import select

Redact = bool | str | Iterable[str]


@dataclass(frozen=True)
class Exported:
    """What was written: the path, the format, how many sessions and messages, and how much of each kind was redacted.

    It is a path itself, for `open()` and `pandas.read_parquet()`.
    """

    path: Path
    format: str
    sessions: int
    messages: int
    redacted: Counter[str] | None = field(default=None)

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        redacted = ""
        if self.redacted is not None:
            redacted = f"; redacted: {redaction_in_words(self.redacted)}"
        return (
            f"{counted(self.sessions, 'session')}, {counted(self.messages, 'message')} in {self.path} "
            f"({self.format}){redacted}"
        )

    __repr__ = __str__


def export(
    which: Any,
    path: Any,
    format: str | None = None,
    redact: Redact = False,
    source: Any = None,
    *,
    overwrite: bool = False,
    progress: Progress = None,
) -> Exported:
    """Write conversations to `path` and return what was written.

    `which`: a session's id (or a session), "all", a list of ids, a frame with `session_id`, or a filter: a mapping with
    session_id, user_id, provider, model, status, source, title, tags, text, since, until.

    `format` (None: told by the path's end): markdown, html, ipynb, json, jsonl, openai and anthropic (JSON Lines as the
    providers take chats), parquet (`.parquet`: one row a message; `.zip` or a folder: all tables), duckdb (a store).
    JSON, JSON Lines, Parquet and DuckDB keep everything; of Parquet, only folder and zip hold events and empty
    sessions. `ls.import_conversations` reads JSON, JSON Lines and `.parquet` files back, without events.

    `redact=True` takes out secrets and personal data, and makes users pseudonyms; a text or several are hidden as well.
    `ls.redaction_preview` shows what would go.

    The file appears under its name when it is whole; memory stays small however many sessions there are (a storage
    without SQL is read as a whole). ConfigurationError where the path exists and `overwrite` is not set.
    """
    target = target_of(path)
    kind = format_of(target, format)
    refuse_existing(target, overwrite)
    with opened(source) as store:
        refuse_source(store, target)
        selected = select(store, which)
        return write(store, selected, target, kind, redact, overwrite=overwrite, progress=progress)


class ExportedFile(NamedTuple):
    """A file for a download: its name, its media type, its content, and how much of each kind was redacted."""

    name: str
    media_type: str
    content: bytes
    redacted: Counter[str] | None = None


def export_bytes(which: Any, format: str = "markdown", redact: Redact = False, source: Any = None) -> ExportedFile:
    """Return an export as a file in memory, for a download; `export` says what the arguments are."""
    kind = format_of(Path("conversation"), format)
    suffix = ".zip" if kind == "parquet" else FORMATS[kind].suffixes[0]
    with tempfile.TemporaryDirectory() as folder:
        written = export(which, Path(folder) / f"conversation{suffix}", kind, redact, source, progress=False)
        media_type = "application/zip" if kind == "parquet" else FORMATS[kind].media_type
        return ExportedFile(written.path.name, media_type, written.path.read_bytes(), written.redacted)


def write(
    store: Source,
    selected: list[str],
    target: Path,
    kind: str,
    redact: Redact,
    *,
    overwrite: bool = False,
    progress: Progress = None,
) -> Exported:
    """Write the selected conversations to `target` in the format `kind`."""
    redactor = redactor_for(store, selected, redact) if redact else None
    sessions = messages = 0
    with (
        telling(len(selected), f"Writing {target.name}", progress) as tell,
        whole(target, overwrite=overwrite) as draft,
    ):
        draft.parent.mkdir(parents=True, exist_ok=True)
        opened_writer = writer(kind, draft, target, redactor is not None)
        try:
            for chunk in redacted_chunks(store, selected, redactor):
                opened_writer.write(chunk)
                sessions += chunk.tables["sessions"].num_rows
                messages += chunk.tables["messages"].num_rows
                tell(chunk.tables["sessions"].num_rows)
            opened_writer.close()
        except BaseException:
            opened_writer.abandon()
            raise
    return Exported(target, kind, sessions, messages, redactor.counts if redactor else None)


def redaction_in_words(counts: Counter[str]) -> str:
    """Return how much of each kind was redacted."""
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.most_common()) or "nothing was found"


def target_of(path: Any) -> Path:
    """Return the absolute path that is to be written; ConfigurationError for what is none."""
    if not isinstance(path, (str, Path)) and not hasattr(path, "__fspath__"):
        raise ConfigurationError(f"Say where to write: a path, not {type(path).__name__}.")
    target = Path(path).expanduser()
    if not target.name:
        raise ConfigurationError(f"{str(path)!r} names no file. Give a path such as 'chats.html'.")
    return target.absolute()


def refuse_source(store: Source, target: Path) -> None:
    """Raise ConfigurationError where writing `target` would replace the store that is read."""
    location = str(getattr(store, "location", ""))
    if location:
        kept = Path(location).expanduser().resolve()
        if target.resolve() in (kept, *kept.parents):
            verb = "is" if kept == target.resolve() else "holds"
            raise ConfigurationError(f"{target} {verb} the store itself. Choose another path.")
