"""Bringing conversations from elsewhere into a store."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import runtime
from ..errors import ConfigurationError
from ..storage import StorageFactory
from ..storage.paths import default_location
from .format import Format
from .inputs import Entry, entries_of
from .registry import FORMATS, format_named, format_of
from .report import ImportReport
from .writers import writer_for


def import_conversations(
    path: str | os.PathLike[str],
    format: str | None = None,
    source: Any = None,
    *,
    user_id: str | None = None,
    progress: bool = True,
    dry_run: bool = False,
) -> ImportReport:
    """Bring the conversations at `path` (a file, a folder, a zip) into a store and return what was done.

    `format` is found out by itself, file by file; give it to read only files of one kind: "chatgpt", "claude",
    "claude-code", "codex", "llm", "openai-agents", "jupyter-ai", "langswarm", "sharegpt", "lmsys", "wildchat" or
    "own". `source` is the store to write to: a manager, a storage, a path or location, None for the default store.
    `user_id` owns what names no user; without it, you do. A `dry_run` writes nothing, and reports what would be done.

    May be run again at any time, on the same export or a newer one: what is here already is not doubled. Memory is
    bounded by the largest conversation, not by the file. What cannot be read is left out and counted in the report;
    ConfigurationError is raised only where there is nothing at `path` or no such format.
    """
    began = time.perf_counter()
    wanted = None if format is None else format_named(format)
    report = ImportReport(os.fspath(path), dry_run=dry_run)
    entries, archives = entries_of(path, report)
    try:
        groups = _grouped(entries, wanted, report)
        if not groups and not report.skipped:
            report.skip("file", "there is no export in it that is known here", report.path)
        if groups:
            storage = _storage_of(source, dry_run)
            report.location = _location_of(source, storage)
            _import(groups, storage, report, user_id or _current_user(), progress)
    finally:
        for archive in archives:
            archive.close()
    report.seconds = time.perf_counter() - began
    return report


def _import(groups: dict[str, list[Entry]], storage: Any, report: ImportReport, user_id: str, progress: bool) -> None:
    writer = writer_for(storage, report, user_id, report.dry_run)
    total = sum(entry.size for entries in groups.values() for entry in entries)
    bar = _bar(total, progress)
    try:
        with _seldom_collecting():
            _read_into(writer, groups, report, bar)
        writer.close()
    except BaseException:
        writer.abandon()
        raise
    finally:
        bar.close()
    if (report.messages_imported or report.messages_updated) and not report.dry_run:
        runtime.run(
            storage.add_event(
                "import",
                user_id=user_id,
                payload={
                    "formats": sorted(groups),
                    "conversations": report.conversations_imported,
                    "messages": report.messages_imported,
                },
            )
        )


def _read_into(writer: Any, groups: dict[str, list[Entry]], report: ImportReport, bar: Any) -> None:
    for name, entries in groups.items():
        kind = FORMATS[name]
        bar.set_description_str(kind.label)
        newest = datetime.fromtimestamp(max(entry.modified_at for entry in entries), UTC)
        for entry in entries:
            entry.on_progress = bar.update
            report.files[entry.name] = kind.label
        count = 0
        for conversation in kind.read(entries, report):
            writer.add(conversation, newest)
            count += len(conversation.messages)
            bar.set_postfix_str(f"{count:,} messages", refresh=False)


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    # What is parsed has no cycles; looking for them among millions of small objects takes a sixth of an import.
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], 100_000) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _grouped(entries: Sequence[Entry], wanted: Format | None, report: ImportReport) -> dict[str, list[Entry]]:
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        try:
            kind = format_of(entry, wanted)
        except Exception as error:  # a zip's member that is broken, a file that vanished
            report.skip("file", f"it cannot be read: {type(error).__name__}: {error}"[:300], entry.name)
            continue
        if kind is None:
            reason = "it is no export that is known here" if wanted is None else f"it is no file of {wanted.label}"
            if entry.path is None and entry.head.startswith((b"PAR1", b"SQLite format 3")):
                reason = "a database in a zip cannot be read; unpack it and import the file"
            report.skip("file", reason, entry.name)
        else:
            groups.setdefault(kind.name, []).append(entry)
    return groups


def _storage_of(source: Any, dry_run: bool) -> Any:
    if source is None or isinstance(source, (str, os.PathLike)):
        if dry_run and _is_not_there(os.fspath(source or default_location())):
            return StorageFactory.create("memory", {})
        return runtime.default_manager(None if source is None else os.fspath(source)).storage
    storage = getattr(source, "storage", source)
    if not (hasattr(storage, "add_message") and hasattr(storage, "create_session")):
        raise ConfigurationError(
            f"Conversations cannot be imported into {type(source).__name__}. Give a manager, a storage, or a path."
        )
    return storage


def _location_of(source: Any, storage: Any) -> str:
    told = getattr(storage, "location", None)
    is_path = source is None or isinstance(source, (str, os.PathLike))
    return str(told or (os.fspath(source or default_location()) if is_path else type(storage).__name__))


def _is_not_there(location: str) -> bool:
    # Whatever has a scheme is no file, and is asked itself.
    return "://" not in location and ":" not in location[2:] and not Path(location).expanduser().exists()


def _current_user() -> str:
    import getpass

    with suppress(KeyError, OSError):
        return os.environ.get("LANGSWARM_NB_USER") or getpass.getuser()
    return "me"


def _bar(total: int, wanted: bool) -> Any:
    in_notebook = "ipykernel" in sys.modules and "IPython" in sys.modules
    if in_notebook:
        from tqdm.auto import tqdm
    else:
        from tqdm import tqdm
    # None: where nobody watches, as in a log file, there is no bar.
    disable = True if not wanted else False if in_notebook else None
    return tqdm(total=total, unit="B", unit_scale=True, leave=False, disable=disable, miniters=1)
