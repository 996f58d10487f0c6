"""Waiting in an event loop for what a thread does, many at a time."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from concurrent.futures import Future
from functools import partial
from typing import Any

_lock = threading.Lock()
_ready: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Future[Any]]]] = defaultdict(list)


async def done(work: Future[Any]) -> Any:
    """Return the work's result, or raise its error; who is cancelled stops waiting, the work goes on.

    Futures that are done together wake the loop once: `asyncio.wrap_future` wakes it for each, and every time the
    thread stands still for it.
    """
    loop = asyncio.get_running_loop()
    waiter = loop.create_future()
    work.add_done_callback(partial(_tell, loop, waiter))
    return await waiter


def _tell(loop: asyncio.AbstractEventLoop, waiter: asyncio.Future[Any], work: Future[Any]) -> None:
    with _lock:
        _ready[loop].append((waiter, work))
        if len(_ready[loop]) > 1:
            return  # whoever was first has woken the loop
    try:
        loop.call_soon_threadsafe(_wake, loop)
    except RuntimeError:  # the loop was closed meanwhile: nobody waits there any more
        with _lock:
            _ready.pop(loop, None)


def _wake(loop: asyncio.AbstractEventLoop) -> None:
    with _lock:
        settled = _ready.pop(loop, [])
    for waiter, work in settled:
        if waiter.done():
            continue
        error = work.exception()
        if error is None:
            waiter.set_result(work.result())
        else:
            waiter.set_exception(error)
