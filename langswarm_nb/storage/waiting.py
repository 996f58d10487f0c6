"""Waiting in an event loop for what a thread does, many at a time."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Generator
from typing import Any

_lock = threading.Lock()
_ready: dict[asyncio.AbstractEventLoop, list[LoopAnswer]] = defaultdict(list)


class LoopAnswer:
    """What a thread answers to the one who awaits this in the event loop that it was made in.

    A `concurrent.futures.Future` would do, and costs a lock and a condition variable for each. Answers that come
    together wake the loop once: every time it is woken, the thread stands still for it. Who is cancelled stops
    waiting, the work goes on.
    """

    __slots__ = ("_error", "_loop", "_result", "_waiter")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[Any] = self._loop.create_future()
        self._result: Any = None
        self._error: BaseException | None = None

    def __await__(self) -> Generator[Any, None, Any]:
        return self._waiter.__await__()

    def set_result(self, result: Any) -> None:
        """Answer; from any thread."""
        self._result = result
        self._tell()

    def set_exception(self, error: BaseException) -> None:
        """Answer what went wrong; from any thread."""
        self._error = error
        self._tell()

    def _tell(self) -> None:
        with _lock:
            _ready[self._loop].append(self)
            if len(_ready[self._loop]) > 1:
                return  # whoever was first has woken the loop
        try:
            self._loop.call_soon_threadsafe(_wake, self._loop)
        except RuntimeError:  # the loop was closed meanwhile: nobody waits there any more
            with _lock:
                _ready.pop(self._loop, None)

    def _settle(self) -> None:
        if self._waiter.done():
            return
        if self._error is None:
            self._waiter.set_result(self._result)
        else:
            self._waiter.set_exception(self._error)


def _wake(loop: asyncio.AbstractEventLoop) -> None:
    with _lock:
        answers = _ready.pop(loop, [])
    for answer in answers:
        answer._settle()
