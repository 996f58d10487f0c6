"""Whether the one who wrote a checkpoint is still there: for stores that several processes have open at once.

An owner is named `<place>:<pid>:<started>:<token>`. The place is the machine since its last start (and the container
in it), so that on the same machine a look at the process tells exactly. Elsewhere only time tells: an owner shows
itself every `SIGN_OF_LIFE_EVERY_S`, and is taken for gone after `GONE_AFTER_S` of silence.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import threading
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from uuid import uuid4

from ..clock import now

SIGN_OF_LIFE_EVERY_S = 15.0
GONE_AFTER_S = 90.0

_guard = threading.Lock()
_here: set[str] = set()


def new_owner() -> str:
    """Return the name of a new owner in this process, alive until `retire` is called with it."""
    pid = os.getpid()
    name = f"{_place()}:{pid}:{_started(pid)}:{uuid4().hex}"
    with _guard:
        _here.add(name)
    return name


def retire(owner: str) -> None:
    """Say that the owner, one of this process, is gone."""
    with _guard:
        _here.discard(owner)


def is_gone(owner: str, seen_at: datetime | None) -> bool:
    """Return whether the owner, who last showed itself at `seen_at`, will not come back."""
    place, pid, started, _ = (*owner.split(":"), "", "", "", "")[:4]
    if place == _place() and pid.isdecimal():
        if int(pid) == os.getpid():
            return owner not in _here
        running = _is_running(int(pid))
        if running is not None:
            return not running or started != _started(int(pid))
    return seen_at is None or now() - seen_at > timedelta(seconds=GONE_AFTER_S)


@cache
def _place() -> str:
    parts = [platform.node()]
    for source in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        with suppress(OSError):
            parts.append(os.readlink(source) if source.endswith("pid") else Path(source).read_text().strip())
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]


def _is_running(pid: int) -> bool | None:
    if sys.platform == "win32":  # signal 0 would end the process there
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # One that has ended and was not waited for yet writes nothing any more.
    return _stat(pid)[:1] != ["Z"]


def _started(pid: int) -> str:
    fields = _stat(pid)
    return fields[19] if len(fields) > 19 else ""


def _stat(pid: int) -> list[str]:
    # The program's name, in parentheses, may hold spaces; what follows begins with the state (field 3 of proc(5)).
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []
