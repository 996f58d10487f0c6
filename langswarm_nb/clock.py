"""Where ids and times are born.

Ids are UUIDv7 (RFC 9562): 48 bits of Unix milliseconds first, so text order is time order. A counter in the
next 12 bits keeps ids of one process strictly increasing within a millisecond.
"""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime

_lock = threading.Lock()
_last = 0
# Asking the system for every id would hand the interpreter to another thread, and take milliseconds to get it back.
_RANDOM_BYTES = 8
_random = b""


def _forget_random() -> None:
    global _random
    _random = b""


if hasattr(os, "register_at_fork"):
    # A forked process would go on with the same random numbers.
    os.register_at_fork(after_in_child=_forget_random)


def now() -> datetime:
    """Return the current time, timezone-aware, in UTC."""
    return datetime.now(UTC)


def as_utc(moment: datetime) -> datetime:
    """Return `moment` in UTC; a naive one is taken for local time, as `datetime.now()` makes it."""
    return moment.astimezone(UTC)


def new_id() -> str:
    """Return a new UUIDv7 as text, greater than every id that this process made before."""
    global _last, _random
    with _lock:
        # 60 bits: milliseconds and a 12-bit counter that may run over into the next millisecond.
        _last = max(_last + 1, time.time_ns() // 1_000_000 << 12)
        stamp = _last
        if not _random:
            _random = os.urandom(512 * _RANDOM_BYTES)
        chance, _random = int.from_bytes(_random[:_RANDOM_BYTES]) >> 2, _random[_RANDOM_BYTES:]
    value = (stamp >> 12) << 80 | 0x7 << 76 | (stamp & 0xFFF) << 64 | 0b10 << 62 | chance
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
