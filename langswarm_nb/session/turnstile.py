"""A lock for turns: one at a time, first come first served, across threads and event loops.

`asyncio.Lock` belongs to one loop; a session is used from the notebook's loop and from the package's own.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from concurrent.futures import Future


class Turnstile:
    """Lets one holder in at a time, in order of arrival: `async with turnstile: ...`."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._waiting: deque[Future[None]] = deque()

    @property
    def busy(self) -> bool:
        """Whether somebody is in."""
        return self._held

    async def __aenter__(self) -> None:
        with self._guard:
            if not self._held:
                self._held = True
                return
            ticket: Future[None] = Future()
            self._waiting.append(ticket)
        try:
            await asyncio.wrap_future(ticket)
        except BaseException:
            # A ticket that can no longer be cancelled was granted in the same moment: hand the place on.
            if not ticket.cancel():
                self._pass_on()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        with self._guard:
            while self._waiting:
                ticket = self._waiting.popleft()
                if ticket.set_running_or_notify_cancel():
                    ticket.set_result(None)
                    return
            self._held = False
