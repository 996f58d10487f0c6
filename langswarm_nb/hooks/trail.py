"""Writing events down beside what goes on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

logger = logging.getLogger(__name__)

_AT_ONCE = 256


class Trail:
    """Events that are being stored. One after another they would come slower than many sessions make them.

    Together they share the storage's commits; when it does not keep up, who puts one more waits.
    """

    def __init__(self) -> None:
        self._storing: set[asyncio.Task[None]] = set()

    async def put(self, storing: Coroutine[Any, Any, None]) -> None:
        """Begin to store an event; what goes wrong is logged."""
        try:
            while len(here := self._here()) >= _AT_ONCE:
                await asyncio.wait(here, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            storing.close()
            raise
        task = asyncio.get_running_loop().create_task(_quietly(storing))
        self._storing.add(task)
        task.add_done_callback(self._storing.discard)
        if len(self._storing) == 1:
            await asyncio.sleep(0)  # it is on its way before anyone who waits for this looks for it

    async def drain(self) -> None:
        """Wait until what this event loop has put is stored."""
        while here := self._here():
            await asyncio.wait(here)

    def _here(self) -> list[asyncio.Task[None]]:
        loop = asyncio.get_running_loop()
        # A list first: other threads, with loops of their own, put events meanwhile.
        return [task for task in list(self._storing) if task.get_loop() is loop]


async def _quietly(storing: Coroutine[Any, Any, None]) -> None:
    try:
        await storing
    except Exception as error:
        # The storage may just have been closed, or its session deleted; what happened has happened.
        logger.warning("an event could not be stored: %s", error)
