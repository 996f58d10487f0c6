"""The files of an import: one, a folder of them, or those in a zip, which is read and never unpacked."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import ConfigurationError
from .report import ImportReport

SUFFIXES = (".json", ".jsonl", ".ndjson", ".chat", ".db", ".sqlite", ".sqlite3", ".parquet", ".zip")
HEAD = 1 << 16
_BUFFER = 1 << 20
# Text packs ten to twenty times smaller; what packs so much better is made to fill memory or disk.
_MOST_PACKED = 200
_SMALL = 1 << 26


@dataclass(eq=False)
class Entry:
    """One file; `path` is None inside a zip. `name` is its path below what was asked for."""

    name: str
    size: int
    modified_at: float
    path: Path | None = None
    opener: Callable[[], BinaryIO] | None = None
    on_progress: Callable[[int], None] = field(default=lambda count: None)
    _head: bytes | None = None
    _told: int = 0

    @property
    def suffix(self) -> str:
        """The ending of its name, in small letters, with the dot."""
        return Path(self.name).suffix.lower()

    @property
    def head(self) -> bytes:
        """Its first 64 kB."""
        if self._head is None:
            with self._raw() as stream:
                self._head = stream.read(HEAD)
        return self._head

    def open(self) -> BinaryIO:
        """Return its bytes as a buffered stream; reading them moves the progress bar."""
        return io.BufferedReader(_Watched(self._raw(), self.advance), _BUFFER)

    def advance(self, count: int) -> None:
        """Say that so many more of its bytes are done."""
        count = min(count, self.size - self._told)
        self._told += count
        self.on_progress(count)

    def finish(self) -> None:
        """Say that it is done."""
        self.advance(self.size - self._told)

    def _raw(self) -> BinaryIO:
        if self.opener is not None:
            return self.opener()
        assert self.path is not None
        return self.path.open("rb")


class _Watched(io.RawIOBase):
    def __init__(self, inner: BinaryIO, on_read: Callable[[int], None]) -> None:
        self._inner = inner
        self._on_read = on_read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        data = self._inner.read(len(buffer))
        buffer[: len(data)] = data
        self._on_read(len(data))
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
        super().close()


def entries_of(path: str | os.PathLike[str], report: ImportReport) -> tuple[list[Entry], list[zipfile.ZipFile]]:
    """Return the files at `path` that may hold conversations, and the archives to close when they are read."""
    place = Path(path).expanduser()
    if place.is_dir():
        files = [Path(folder) / name for folder, _, names in os.walk(place) for name in names]
        files = [file for file in sorted(files) if file.suffix.lower() in SUFFIXES and file.is_file()]
    elif place.is_file():
        files = [place]
    else:
        raise ConfigurationError(f"There is nothing at {place}. Give the path of an export: a file, a folder or a zip.")
    found: list[Entry] = []
    archives: list[zipfile.ZipFile] = []
    for file in files:
        name = file.relative_to(place).as_posix() if place.is_dir() else file.name
        try:
            status = file.stat()
            entry = Entry(name, status.st_size, status.st_mtime, file)
            if entry.head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
                archive = zipfile.ZipFile(file)
                archives.append(archive)
                found += _in_zip(archive, name, status.st_mtime, report)
            else:
                found.append(entry)
        except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            report.skip("file", f"it cannot be read: {error}", name)
    return found, archives


def _in_zip(archive: zipfile.ZipFile, name: str, modified_at: float, report: ImportReport) -> Iterator[Entry]:
    for member in archive.infolist():
        where = f"{name}/{member.filename}"
        if member.is_dir() or Path(member.filename).suffix.lower() not in SUFFIXES:
            continue
        if Path(member.filename).suffix.lower() == ".zip":
            report.skip("file", "a zip within a zip", where)
        elif member.flag_bits & 1:
            report.skip("file", "it is encrypted", where)
        elif member.file_size > max(_SMALL, _MOST_PACKED * member.compress_size):
            report.skip("file", "it unpacks to suspiciously much", where)
        else:
            yield Entry(where, member.file_size, modified_at, None, _opener(archive, member))


def _opener(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Callable[[], BinaryIO]:
    return lambda: archive.open(member)  # pyright: ignore[reportReturnType]
