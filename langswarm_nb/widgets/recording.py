"""A stored conversation that plays again: the recorded replies through the panel's own stream, at the recorded pace."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence

from ..manager.manager import SessionManager
from ..models import SessionMessage
from ..rendering import id_prefix
from ..session.session import Session
from ..stream_events import ReasoningDelta, StreamEvent, TextDelta
from .live import LiveConversation
from .message_views import MessageViews, author_of
from .protocol import Delta, Header, MessageView
from .reply_stream import Pace, ReplyStream

HINT = "A recorded conversation."
MISSING = "The link names a conversation that is not here; this is another one."

# Somebody reads the question before the reply begins, and nobody waits for a model that took minutes to begin.
_READING_S = 1.0
_LONGEST_WAIT_S = 5.0
# What a fast model writes, for replies whose pace nobody recorded.
_CHARACTERS_A_SECOND = 300
_TICK_S = 0.03
_REST_OF_WORD = re.compile(r"\S*\s*")


class _Views(MessageViews):
    """Shows the conversation as it reads: to choose another version of a message would be to write."""

    def views(self, shown: Sequence[SessionMessage], everything: Sequence[SessionMessage]) -> list[MessageView]:
        return super().views(shown, ())


class Recording(LiveConversation):
    """A session that can be read and played, and not be written to. `speed` 2 takes half of the recorded time."""

    speed = 1.0
    hint = HINT
    _playing: asyncio.Task[None] | None = None
    _pace: Pace | None = None
    _reply = ""

    def __init__(self, session: Session, manager: SessionManager | None) -> None:
        super().__init__(session, manager)
        self.views = _Views()

    @property
    def is_busy(self) -> bool:
        """Whether it plays."""
        return self._playing is not None

    def acknowledge(self, seq: int) -> None:
        if self._pace is not None:
            self._pace.acknowledge(seq)

    def stop(self) -> None:
        """Stop playing; the whole conversation is shown."""
        if self._playing is not None:
            self._playing.cancel()

    async def play(self) -> None:
        """Play the conversation from its beginning, and return at its end or when it was stopped."""
        if self._playing is not None:
            return
        self._playing = asyncio.create_task(self._play())
        try:
            await asyncio.wait([self._playing])
            if not self._playing.cancelled():
                self._playing.result()
        finally:
            self._playing = self._pace = None
            self.running = ""
            await self.load()

    async def _play(self) -> None:
        messages = [message for message in await self.session.get_all_messages() if message.is_active_branch]
        self._window = max(self._window, len(messages))
        self._earlier = 0
        # For the page, one long reply: what it is, no view says.
        self.running = "replay"
        self.show(order=[])
        for message in messages:
            if message.role == "assistant":
                await self._play_reply(message)
            else:
                self.show(messages=[self.views.view(message)])
                await asyncio.sleep(_READING_S / self.speed)

    async def _play_reply(self, message: SessionMessage) -> None:
        coming: MessageView = {
            "id": message.message_id,
            "role": "assistant",
            "author": author_of(message),
            "state": "running",
        }
        stream = ReplyStream(self._show_delta, lambda note: None)
        stream.id_prefix = id_prefix(message.message_id)
        self._reply, self._pace = message.message_id, stream.pace
        self.show(messages=[coming])
        await stream.follow(recorded(message, self.speed), _nothing)
        self.show(messages=[self.views.view(message)])

    def _show_delta(self, frozen: tuple[str, ...], tail: str, reasoning: str | None) -> int:
        delta: Delta = self.state.grow(self._reply, frozen, tail, reasoning)
        self.tell(delta)
        return delta["seq"]

    def _header(self) -> Header:
        header = super()._header()
        changed: Header = {**header, "title": header["title"] or "Untitled", "archived": True, "mock": False}
        return {**changed, "models": [], "replay": self.hint}


async def recorded(message: SessionMessage, speed: float) -> AsyncIterator[StreamEvent]:
    """Yield a stored reply as it came, `speed` times as fast: first the wait, then its words over the time it took."""
    wait = message.time_to_first_chunk_s or 0.0
    whole = message.duration_s if message.duration_s is not None else len(message.content) / _CHARACTERS_A_SECOND
    await asyncio.sleep(min(wait, _LONGEST_WAIT_S) / speed)
    if message.reasoning:
        yield ReasoningDelta(message.reasoning)
    text, said, begun = message.content, 0, time.monotonic()
    takes = max(whole - wait, 0.0) / speed
    while said < len(text):
        share = min(1.0, (time.monotonic() - begun) / takes) if takes else 1.0
        due = int(len(text) * share)
        if due > said:
            word = _REST_OF_WORD.match(text, due)
            upto = word.end() if word is not None else len(text)
            yield TextDelta(text[said:upto])
            said = upto
        await asyncio.sleep(_TICK_S)


async def _nothing(_event: StreamEvent) -> None:
    """Take what is no text."""
