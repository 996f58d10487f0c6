"""A turn's events as deltas for the page: as many as it can show, no more."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from functools import cached_property
from typing import Any

from ..rendering import IncrementalRenderer, render_markdown
from ..stream_events import ReasoningDelta, Retrying, StreamEvent, TextDelta, ToolCall

logger = logging.getLogger(__name__)

# A text that grows 25 times a second looks as if it flowed.
SHORTEST_PAUSE_S = 0.04
# The page says how far it has come after every sixth delta; with twice that under way nobody waits without need.
UNDER_WAY = 12
# A page that is hidden, gone or behind a busy kernel says nothing: then once in this while is enough.
LONGEST_WAIT_S = 0.5


class Pace:
    """Says when the next delta may go."""

    def __init__(self) -> None:
        self._sent: list[int] = []
        self._last = 0.0
        self._room = asyncio.Event()
        self._room.set()

    def sent(self, seq: int) -> None:
        """Take note that delta `seq` has gone."""
        self._sent.append(seq)
        self._last = time.monotonic()
        if len(self._sent) >= UNDER_WAY:
            self._room.clear()

    def acknowledge(self, seq: int) -> None:
        """Take note that a page shows everything up to `seq`."""
        self._sent = [number for number in self._sent if number > seq]
        if len(self._sent) < UNDER_WAY:
            self._room.set()

    async def turn(self) -> None:
        """Return when the next delta may go."""
        pause = self._last + SHORTEST_PAUSE_S - time.monotonic()
        if pause > 0:
            await asyncio.sleep(pause)
        if self._room.is_set():
            return
        try:
            async with asyncio.timeout(LONGEST_WAIT_S):
                await self._room.wait()
        except TimeoutError:
            self._sent = []
            self._room.set()


class ReplyStream:
    """Gathers what comes and hands it on as `show(frozen, tail, reasoning)`, which returns the delta's number.

    `told(note)` hears what a reader should know meanwhile.
    """

    def __init__(
        self,
        show: Callable[[tuple[str, ...], str, str | None], int],
        told: Callable[[str], None],
    ) -> None:
        self._show = show
        self._told = told
        self.id_prefix = ""
        self.pace = Pace()
        self._all: list[str] = []
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._reasoning_grew = False
        self._tail = ""
        self._news = asyncio.Event()
        self._noted = False
        self._over = False

    @cached_property
    def _renderer(self) -> IncrementalRenderer:
        return IncrementalRenderer(self.id_prefix)

    @property
    def text(self) -> str:
        """All that came."""
        return "".join(self._all)

    async def follow(self, events: AsyncIterator[StreamEvent], handle: Callable[[StreamEvent], Any]) -> None:
        """Listen to the end of the turn; `handle` gets every event that is not text."""
        showing = asyncio.create_task(self._keep_showing())
        try:
            async for event in events:
                match event:
                    case TextDelta(text):
                        self._text.append(text)
                        self._all.append(text)
                        self._came()
                    case ReasoningDelta(text):
                        self._reasoning.append(text)
                        self._reasoning_grew = True
                        self._came()
                    case Retrying(attempt, delay_s, reason):
                        self._noted = True
                        self._told(f"{reason} Trying again in {delay_s:.0f} s ({attempt}).")
                    case ToolCall(_, name):
                        self._noted = True
                        self._told(f"Calls {name}.")
                    case _:
                        await handle(event)
        finally:
            showing.cancel()
            await asyncio.wait([showing])
            if not showing.cancelled() and (error := showing.exception()):
                logger.error("the reply could not be shown while it came", exc_info=error)

    def finish(self) -> str:
        """Return the HTML of all that came."""
        return render_markdown(self.text, id_prefix=self.id_prefix)

    def end(self) -> None:
        """Show nothing more: what stands for the whole reply may be on its way already."""
        self._over = True

    def _came(self) -> None:
        if self._noted:
            self._noted = False
            self._told("")
        self._news.set()

    async def _keep_showing(self) -> None:
        while True:
            await self._news.wait()
            await self.pace.turn()
            if self._over:
                return
            self._news.clear()
            self._show_news()

    def _show_news(self) -> None:
        frozen: tuple[str, ...] = ()
        if self._text:
            update = self._renderer.feed("".join(self._text))
            self._text = []
            frozen, self._tail = update.frozen, update.tail
        reasoning = "".join(self._reasoning) if self._reasoning_grew else None
        self._reasoning_grew = False
        self.pace.sent(self._show(frozen, self._tail, reasoning))
