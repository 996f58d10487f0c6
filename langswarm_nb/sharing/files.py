"""Writing a file or a folder as a whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from ..errors import ConfigurationError, SessionError


def stem_of(title: str | None) -> str:
    """Return a file's name, without its end, for something with this title."""
    return re.sub(r"[^\w\-]+", "-", title or "").strip("-_")[:60] or "conversation"


@contextmanager
def whole(target: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a path beside `target` to write a file or a folder to; it takes the name of `target` at the end.

    Whatever stops the writing, an interrupt too, leaves what was at `target` before. ConfigurationError where something
    is there and `overwrite` is not set.
    """
    refuse_existing(target, overwrite)
    draft = target.with_name(f".{target.name}.{uuid4().hex[:12]}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        _to_disk(draft)
        _put(draft, target, overwrite)
    except OSError as error:
        raise SessionError(f"{target} cannot be written: {error.strerror or error}.") from error
    finally:
        _remove(draft)


def refuse_existing(target: Path, overwrite: bool) -> None:
    """Raise ConfigurationError where `target` is there already and must not be replaced."""
    if not overwrite and (target.exists() or target.is_symlink()):
        raise ConfigurationError(
            f"{target} is there already, and was left as it is. Choose another path, or pass overwrite=True."
        )


def _put(draft: Path, target: Path, overwrite: bool) -> None:
    if target.is_dir() and not target.is_symlink():
        if not draft.is_dir():
            raise ConfigurationError(f"{target} is a folder. Give the path of a file.")
        old = draft.with_name(f"{draft.name}.old")
        target.rename(old)
        draft.rename(target)
        shutil.rmtree(old)
    elif overwrite or draft.is_dir():
        draft.replace(target)
    else:
        _link(draft, target)
    _sync(target.parent)


def _link(draft: Path, target: Path) -> None:
    """Give the draft its name, unless somebody took that name while it was written."""
    try:
        os.link(draft, target)
    except FileExistsError:
        refuse_existing(target, overwrite=False)
        raise
    except OSError:  # a file system without hard links
        refuse_existing(target, overwrite=False)
        draft.replace(target)


def _to_disk(draft: Path) -> None:
    for path in [*(p for p in draft.rglob("*") if p.is_file()), draft] if draft.is_dir() else [draft]:
        _sync(path)


def _sync(path: Path) -> None:
    try:
        handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    except PermissionError:
        if path.is_dir():  # Windows has no handle on a folder
            return
        raise
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(draft: Path) -> None:
    if draft.is_dir():
        shutil.rmtree(draft, ignore_errors=True)
    else:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
