"""This process' time with the file: when it may begin, and when it should end."""

from __future__ import annotations

import time
from pathlib import Path

from .lease import Lease

# How soon the holder hears that it is wanted, and how long it goes on all the same while it has work.
POLL_S = 0.02
_SLICE_S = 0.3


class Tenure:
    """Holds the lease of a file; where `path` is None the store is in memory and ours for good."""

    def __init__(self, path: Path | None) -> None:
        self._lease = Lease(path) if path else None
        self._is_ours = False
        self._asked_at = 0.0
        self.opened_at = 0.0
        self.used_at = 0.0

    @property
    def is_ours(self) -> bool:
        """Whether nobody else may open the file."""
        return self._is_ours or self._lease is None

    @property
    def is_for_good(self) -> bool:
        """Whether nobody else ever can."""
        return self._lease is None

    def idle_s(self) -> float:
        """Return for how long nobody has used the store."""
        return time.monotonic() - self.used_at

    def begin(self, patience_s: float) -> bool:
        """Return whether the file is ours, waiting at most so long for others; OSError where locks cannot be made."""
        if self._lease is not None and not self._is_ours:
            self._is_ours = self._lease.acquire(patience_s)
        return self.is_ours

    def opened(self) -> None:
        """Count from now."""
        self.opened_at = self.used_at = self._asked_at = time.monotonic()

    def used(self) -> None:
        """Count idleness from now."""
        self.used_at = time.monotonic()

    def is_over(self, is_unused: bool, idle_release_s: float) -> bool:
        """Return whether others should have the file now: it idles and is wanted, its slice is used up, or it idles."""
        if self._lease is None or not self._is_ours:
            return False
        now = time.monotonic()
        idle_s = now - self.used_at
        if is_unused and idle_s >= idle_release_s:
            return True
        is_busy = idle_s < POLL_S / 2
        if (is_busy and now - self.opened_at < _SLICE_S) or now - self._asked_at < POLL_S / 2:
            return False
        self._asked_at = now
        return self._lease.is_wanted()

    def end(self) -> None:
        """Let the next one have the file, which is closed by now."""
        if self._lease is not None and self._is_ours:
            self._is_ours = False
            self._lease.release()

    def holder(self) -> str:
        """Return who has the file, in words."""
        return self._lease.holder() if self._lease is not None else "this process"
