"""Holding back those who send too much, each by their own measure."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from ..errors import ConfigurationError, MiddlewareError
from ..interfaces import ISessionMiddleware
from ..models import SessionContext, SessionMessage

_KEYS: dict[str, Callable[[SessionMessage, SessionContext], str]] = {
    "user": lambda message, context: message.author_name or context.user_id or message.session_id,
    "session": lambda message, context: message.session_id,
    "everyone": lambda message, context: "",
}
# Buckets that have long been full again say nothing; past this many the least recently used go.
_MAX_BUCKETS = 10_000


class RateLimitMiddleware(ISessionMiddleware):
    """Lets through `rate` messages in `per_seconds`, up to `burst` at once; counts what users send, not replies.

    A token bucket for each user (`scope="session"`: each session, `"everyone"`: one for all). In a collaborative
    session the participant who sends counts. `on_limit="wait"` holds a message back until there is room, for at most
    `max_wait_s`; `"refuse"` raises MiddlewareError at once, with `context["retry_after"]` in seconds. Several places
    waiting for the same bucket are served in order. The measure is this process' own.
    """

    # Nearest to the user: what is held back costs nothing else.
    priority = 1000
    roles = ("user",)

    def __init__(
        self,
        rate: float = 60,
        per_seconds: float = 60.0,
        burst: int | None = None,
        scope: str = "user",
        on_limit: str = "wait",
        max_wait_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not (rate > 0 and per_seconds > 0 and (burst is None or burst >= 1)):
            raise ConfigurationError("A rate limit needs rate and per_seconds above 0, and a burst of at least 1.")
        if scope not in _KEYS or on_limit not in ("wait", "refuse"):
            raise ConfigurationError(
                f"A rate limit's scope is one of {', '.join(_KEYS)} and on_limit 'wait' or 'refuse'; "
                f"they are {scope!r} and {on_limit!r}."
            )
        self._per_second = rate / per_seconds
        self._burst = float(burst if burst is not None else max(rate, 1))
        self._words = f"{rate:g} messages in {per_seconds:g} s"
        self._key = _KEYS[scope]
        self._waits = on_limit == "wait"
        self._max_wait_s = max_wait_s
        self._clock = clock
        self._guard = threading.Lock()
        # What each bucket holds and since when; below zero by what has been promised to those who wait.
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._counts = {"passed": 0, "waited": 0, "refused": 0}

    async def process_message(
        self, session_id: str, message: SessionMessage, context: SessionContext
    ) -> SessionMessage | None:
        key = self._key(message, context)
        delay = self._take(key)
        if delay > (self._max_wait_s if self._waits else 0.0):
            self._give_back(key)
            self._counts["refused"] += 1
            raise MiddlewareError(
                f"Session {session_id}: too many messages, the limit is {self._words}. Send it again in {delay:.1f} s.",
                session_id,
                error_code="rate_limited",
                context={"retry_after": delay},
            )
        if delay > 0:
            self._counts["waited"] += 1
            try:
                await asyncio.sleep(delay)
            except asyncio.CancelledError:
                self._give_back(key)
                raise
        self._counts["passed"] += 1
        return None

    def get_metrics(self) -> dict[str, Any]:
        """Return how many messages passed, how many of them waited, and how many were refused."""
        return dict(self._counts)

    def _take(self, key: str) -> float:
        """Take one from the bucket and return for how many seconds it is not there yet."""
        with self._guard:
            now = self._clock()
            level, since = self._buckets.pop(key, (self._burst, now))
            level = min(self._burst, level + (now - since) * self._per_second) - 1
            self._buckets[key] = (level, now)
            while len(self._buckets) > _MAX_BUCKETS:
                self._buckets.popitem(last=False)
        return max(0.0, -level / self._per_second)

    def _give_back(self, key: str) -> None:
        with self._guard:
            if key in self._buckets:
                level, since = self._buckets[key]
                self._buckets[key] = (level + 1, since)
