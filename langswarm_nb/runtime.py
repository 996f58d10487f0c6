"""What a notebook shares: one background event loop, and the managers that its sync helpers use.

A turn runs on this loop, so it depends neither on the cell that started it nor on the kernel's own loop.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from .manager.manager import SessionManager, create_session_manager

T = TypeVar("T")

_guard = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_owner_pid: int | None = None
_managers: dict[str, SessionManager] = {}


def background_loop() -> asyncio.AbstractEventLoop:
    """Return the package's own event loop; its thread is started on first use, and anew in a forked process."""
    global _loop, _owner_pid
    with _guard:
        if _loop is None or _loop.is_closed() or _owner_pid != os.getpid():
            _loop = asyncio.new_event_loop()
            _owner_pid = os.getpid()
            _managers.clear()
            threading.Thread(target=_serve, args=(_loop,), name="langswarm-nb", daemon=True).start()
        return _loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()


def submit(work: Coroutine[Any, Any, T]) -> Future[T]:
    """Start `work` on the background loop and return its future at once."""
    return asyncio.run_coroutine_threadsafe(work, background_loop())


def run(work: Coroutine[Any, Any, T]) -> T:
    """Return the result of `work`, run on the background loop; an interrupt cancels it."""
    future = submit(work)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def default_manager(location: str | None = None) -> SessionManager:
    """Return the manager of `location` (None: the default store), the same one each time in this process."""
    from .storage.paths import default_location

    background_loop()
    key = location or default_location()
    with _guard:
        if key not in _managers:
            _managers[key] = create_session_manager(key)
            # What is registered last runs first: replies in flight are stored before their storage closes itself.
            atexit.unregister(close)
            atexit.register(close)
        return _managers[key]


def close() -> None:
    """Close every manager made here; called at exit."""
    with _guard:
        managers = list(_managers.values()) if _owner_pid == os.getpid() else []
        _managers.clear()
    for manager in managers:
        run(manager.close())
