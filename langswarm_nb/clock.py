"""Where ids and times are born.

Ids are UUIDv7 (RFC 9562): 48 bits of Unix milliseconds first, so text order is time order. A counter in the
next 12 bits keeps ids of one process strictly increasing within a millisecond.
"""

from __future__ import annotations

import secrets
import threading
import time
from datetime import UTC, datetime

_lock = threading.Lock()
_last = 0


def now() -> datetime:
    """Return the current time, timezone-aware, in UTC."""
    return datetime.now(UTC)


def as_utc(moment: datetime) -> datetime:
    """Return `moment` in UTC; a naive one is taken for local time, as `datetime.now()` makes it."""
    return moment.astimezone(UTC)


def new_id() -> str:
    """Return a new UUIDv7 as text, greater than every id that this process made before."""
    global _last
    with _lock:
        # 60 bits: milliseconds and a 12-bit counter that may run over into the next millisecond.
        _last = max(_last + 1, time.time_ns() // 1_000_000 << 12)
        stamp = _last
    value = (stamp >> 12) << 80 | 0x7 << 76 | (stamp & 0xFFF) << 64 | 0b10 << 62 | secrets.randbits(62)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
