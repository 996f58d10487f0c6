"""Telling lifecycle hooks what happened, so that none of them can break or hold up a turn."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Iterable
from typing import Any

from ..signatures import call_with_accepted

logger = logging.getLogger(__name__)

# How long an event waits for a hook that is up to date; most are done at once, the others go on by themselves.
PATIENCE_S = 0.01
# How many events a hook that is stuck may leave unheard before the oldest are let go.
MAX_UNHEARD = 10_000


class HookDispatcher:
    """Delivers each event to every hook, in order for each hook, at a pace of its own."""

    def __init__(self, hooks: Iterable[Any] = ()) -> None:
        self._deliveries = [_Delivery(hook) for hook in hooks]

    def __iter__(self) -> Any:
        return iter([delivery.hook for delivery in self._deliveries])

    def add(self, hook: Any) -> None:
        """Deliver what comes from now on to `hook` as well."""
        self._deliveries.append(_Delivery(hook))

    async def notify(self, event: str, *args: Any) -> None:
        """Hand `event` (a method's name) to every hook; never raises."""
        started = [task for delivery in self._deliveries if (task := delivery.put(event, args))]
        if started:
            await asyncio.wait(started, timeout=PATIENCE_S)

    async def drain(self, timeout_s: float = 5.0) -> None:
        """Wait until this loop's hooks have heard everything; those that have not when the time is up are stopped."""
        running = [task for delivery in self._deliveries if (task := delivery.running_here())]
        await _ended(running, timeout_s)
        finishing = [drain for hook in self if (drain := getattr(hook, "drain", None))]
        await _ended([asyncio.ensure_future(_finish(drain)) for drain in finishing], timeout_s)


async def _ended(running: list[asyncio.Task[None]], timeout_s: float) -> None:
    if not running:
        return
    _, late = await asyncio.wait(running, timeout=timeout_s)
    for task in late:
        task.cancel()
    if late:
        logger.warning("%d hooks did not finish within %g s and were stopped", len(late), timeout_s)
        await asyncio.wait(late, timeout=1.0)


async def _finish(drain: Any) -> None:
    try:
        await drain()
    except Exception:
        logger.exception("a hook could not finish")


class _Delivery:
    def __init__(self, hook: Any) -> None:
        self.hook = hook
        self._queue: deque[tuple[str, tuple[Any, ...]]] = deque()
        self._task: asyncio.Task[None] | None = None

    def put(self, event: str, args: tuple[Any, ...]) -> asyncio.Task[None] | None:
        """Queue the event; return the delivery's task if it has just been started."""
        if getattr(self.hook, event, None) is None:
            return None
        if len(self._queue) >= MAX_UNHEARD:
            lost, _ = self._queue.popleft()
            logger.warning("hook %s is stuck; it will not hear of %s", type(self.hook).__name__, lost)
        self._queue.append((event, args))
        if self._task is not None and not self._task.done() and not self._task.get_loop().is_closed():
            return None
        self._task = asyncio.get_running_loop().create_task(self._deliver())
        return self._task

    def running_here(self) -> asyncio.Task[None] | None:
        task = self._task
        here = task is not None and not task.done() and task.get_loop() is asyncio.get_running_loop()
        return task if here else None

    async def _deliver(self) -> None:
        while self._queue:
            event, args = self._queue.popleft()
            try:
                await self._tell(getattr(self.hook, event), args)
            except asyncio.CancelledError:
                this = asyncio.current_task()
                if this is not None and this.cancelling():
                    raise
                logger.exception("hook %s.%s was cancelled from within", type(self.hook).__name__, event)
            except (Exception, SystemExit):
                logger.exception("hook %s.%s failed", type(self.hook).__name__, event)

    async def _tell(self, method: Any, args: tuple[Any, ...]) -> None:
        if inspect.iscoroutinefunction(method):
            await call_with_accepted(method, *args)
            return
        # A plain function may block; in a thread it blocks nobody.
        heard = await asyncio.to_thread(call_with_accepted, method, *args)
        if inspect.isawaitable(heard):
            await heard
