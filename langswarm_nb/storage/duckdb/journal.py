"""The rows that are durable already and not in the database yet: a file beside it, `<database>.journal`.

One row costs DuckDB about as much as a hundred, so rows are made durable here, a group at a time, and brought into the
database by the hundred. Only the holder of the lease touches the file. It is emptied once the database has what it
held; what a crash left in it is brought in when the store is next opened.

A line says the format's version. Then each group: its length and CRC-32 (little-endian, four bytes each) and its
rows as JSON, `[[table, row], ...]`. Behind the last one stand zeros: syncing what is written over them costs a third
less than syncing a file that grows. A group that is not whole at the end was never said to be stored.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from ...errors import StorageVersionError
from ..described import known_columns, row_of, to_json
from ..rows import Row
from ..schema import TABLES

Entry = tuple[str, Row]

_VERSION = b"langswarm_nb journal 1\n"
_HEAD = struct.Struct("<II")
_sync = getattr(os, "fdatasync", os.fsync)
# So many zeros at a time, and so many that are kept for the next groups when the file is emptied.
_GROWS_BY = 1 << 20
_KEEPS = 4 << 20


class Journal:
    """The journal of the database at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(path.name + ".journal")
        self._file: int | None = None
        self._size = self._reserved = 0

    def append(self, entries: Iterable[Entry]) -> None:
        """Add a group of rows, durable on return; OSError where they could not be, and then none of them is there."""
        group = to_json([[table, known_columns(row)] for table, row in entries]).encode()
        file = self._opened()
        record = _HEAD.pack(len(group), zlib.crc32(group)) + group
        try:
            if self._size + len(record) + _HEAD.size > self._reserved:
                self._reserve(file, len(record))
            _write(file, record, self._size)
            _sync(file)
        except OSError:
            with suppress(OSError):
                self._cut(file)
            raise
        self._size += len(record)

    @property
    def size(self) -> int:
        """How many bytes its groups take."""
        return self._size

    def entries(self) -> list[Entry]:
        """Return what is in the file; StorageVersionError where a newer version wrote it."""
        try:
            held = self.path.read_bytes()
        except FileNotFoundError:
            return []
        if not held.startswith(_VERSION[: len(held)]):
            raise StorageVersionError(
                f"A newer langswarm_nb wrote {self.path}. It was left untouched. "
                "Upgrade with: pip install -U langswarm-nb"
            )
        return [entry for group in _groups(held) for entry in group]

    def clear(self) -> None:
        """Empty the file, for good on return."""
        if self._file is None and not self.path.exists():
            return
        file = self._opened()
        held, self._size = self._size, len(_VERSION)  # whatever fails: behind what is left nothing would be found
        try:
            if held > _KEEPS:
                self._cut(file)
            else:
                _write(file, bytes(held - self._size), self._size)
        except OSError:
            # Where nothing is written in its old place this needs room, which a shorter file does not.
            self._cut(file)
        os.fsync(file)

    def set_aside(self, entry: Entry) -> Path:
        """Write a row as a line of a file of its own, durable on return, and return where that is."""
        place = self.path.with_name(self.path.name + ".refused")
        table, row = entry
        with place.open("a", encoding="utf-8") as lines:
            lines.write(to_json([table, known_columns(row)]) + "\n")
            lines.flush()
            os.fsync(lines.fileno())
        return place

    def close(self) -> None:
        """Let go of the file; an empty one is taken away."""
        if self._file is None:
            return
        os.close(self._file)
        self._file = None
        if self._size <= len(_VERSION):
            with suppress(OSError):
                self.path.unlink()

    def _opened(self) -> int:
        if self._file is None:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
            # Whatever stands there has been taken over, and is cleared next.
            self._size = self._reserved = os.fstat(self._file).st_size
            if self._size < len(_VERSION):
                _write(self._file, _VERSION, 0)
                os.fsync(self._file)
                _sync_folder(self.path.parent)
                self._size = self._reserved = len(_VERSION)
        return self._file

    def _cut(self, file: int) -> None:
        self._reserved = self._size
        os.ftruncate(file, self._size)

    def _reserve(self, file: int, more: int) -> None:
        zeros = max(more + _HEAD.size, _GROWS_BY)
        _write(file, bytes(self._size + zeros - self._reserved), self._reserved)
        self._reserved = self._size + zeros


def _groups(held: bytes) -> Iterable[Sequence[Entry]]:
    place = len(_VERSION)
    while place + _HEAD.size <= len(held):
        length, checksum = _HEAD.unpack_from(held, place)
        if length == 0:
            return
        group = held[place + _HEAD.size : place + _HEAD.size + length]
        if len(group) < length or zlib.crc32(group) != checksum:
            return
        yield [(table, row_of(TABLES[table], known)) for table, known in json.loads(group)]
        place += _HEAD.size + length


def _write(file: int, data: bytes, place: int) -> None:
    view = memoryview(data)
    os.lseek(file, place, os.SEEK_SET)
    while view:
        view = view[os.write(file, view) :]


def _sync_folder(folder: Path) -> None:
    # A new file's name is in its folder, which has to be on disk as well; some systems cannot open one.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
