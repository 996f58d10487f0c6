"""Who may open the database file: one process at a time, and in turn.

DuckDB lets one process hold a file, and processes that open and close it unguarded can lose committed rows. So an OS
lock beside the file, `<file>.lock`, is held from before the database is opened until after it is closed. Whoever
waits for it holds `<file>.queue` meanwhile: that is how the holder hears that it is wanted, and why a holder that
comes back stands behind those who waited. The system frees both locks when a process dies. The files stay: removing
one would let two processes lock different files of the same name.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout

_POLL_S = 0.005


class Lease:
    """The right to hold the file at `path` open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(f"{path}.lock", thread_local=False)
        self._queue = FileLock(f"{path}.queue", thread_local=False)

    def acquire(self, timeout_s: float) -> bool:
        """Return whether the lease is ours, waiting at most `timeout_s`; OSError where locks cannot be made."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + timeout_s
        try:
            with self._queue.acquire(timeout=max(timeout_s, 0), poll_interval=_POLL_S):
                self._lock.acquire(timeout=max(deadline - time.monotonic(), 0), poll_interval=_POLL_S)
        except Timeout:
            return False
        with suppress(OSError):
            Path(self._lock.lock_file).write_text(str(os.getpid()))
        return True

    def release(self) -> None:
        """Let the next one have it."""
        self._lock.release()

    def is_wanted(self) -> bool:
        """Return whether another process waits for the lease that we hold."""
        try:
            with self._queue.acquire(timeout=0):
                return False
        except Timeout:
            return True

    def holder(self) -> str:
        """Return who holds the lease, in words."""
        with suppress(OSError, ValueError):
            return f"another notebook or program (process {int(Path(self._lock.lock_file).read_text())})"
        return "another notebook or program"


class OwnerMark:
    """The proof that the writer of a checkpoint is alive: a file `<database>.<token>.alive` that it keeps locked."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.token = uuid4().hex
        self._lock: FileLock | None = None

    def show(self) -> str:
        """Return the token, after making the mark."""
        if self._path is not None and self._lock is None:
            lock = FileLock(_mark_file(self._path, self.token), thread_local=False)
            lock.acquire(timeout=5)
            self._lock = lock
        return self.token

    def remove(self) -> None:
        """Say that there is nothing in flight any more."""
        if self._lock is not None and self._path is not None:
            self._lock.release()
            self._lock = None
            _mark_file(self._path, self.token).unlink(missing_ok=True)

    def is_alive(self, token: str) -> bool:
        """Return whether the process that showed `token` still runs; the mark of a dead one is cleared away."""
        if token == self.token:
            return True
        if self._path is None:
            return False
        mark = _mark_file(self._path, token)
        if not mark.exists():
            return False
        lock = FileLock(mark, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        lock.release()
        mark.unlink(missing_ok=True)
        return False


def _mark_file(path: Path, token: str) -> Path:
    return path.with_name(f"{path.name}.{token}.alive")
