"""A turn on show: from the stored question to the stored reply."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from ..attachments import names_of
from ..errors import SessionError
from ..models import SessionMessage
from ..redaction import mask_secrets
from ..rendering import id_prefix
from ..stream_events import StreamEvent, ToolResult, TurnCompleted, TurnStarted
from .message_views import short_model_name
from .protocol import MessageView
from .reply_stream import ReplyStream

if TYPE_CHECKING:
    from .live import LiveConversation

logger = logging.getLogger(__name__)

LONGEST_TITLE = 60


class LiveTurn:
    """Shows one turn's events. Stages: begin (question and empty reply appear), deltas, complete."""

    def __init__(self, live: LiveConversation, events: AsyncIterator[StreamEvent], rid: str) -> None:
        self._live = live
        self._events = events
        self._rid = rid
        self._reply_id = ""
        self._siblings: list[SessionMessage] = []
        self._completed = False
        self._stream = ReplyStream(self._show_delta, self._note)
        self.task: asyncio.Task[None] | None = None

    def acknowledge(self, seq: int) -> None:
        """Take note that a page shows everything up to `seq`."""
        self._stream.pace.acknowledge(seq)

    def stop(self) -> None:
        """Stop the turn; before it has begun, take back the wish for it."""
        if self._reply_id:
            self._live.session.cancel()
        elif self.task is not None:
            self.task.cancel()

    async def run(self) -> None:
        """Follow the turn to its end. Raises what failed before there was a reply to show it on."""
        try:
            await self._stream.follow(self._events, self._handle)
        except SessionError as error:
            if not self._reply_id:
                raise
            if not self._completed:
                self._fail(error.message)
        except Exception as error:
            logger.exception("a turn of session %s could not be shown", self._live.session.session_id)
            text = f"The turn failed: {mask_secrets(str(error)) or type(error).__name__}. Press Retry."
            if not self._reply_id:
                raise SessionError(text) from error
            if not self._completed:
                self._fail(text)

    async def _handle(self, event: StreamEvent) -> None:
        if isinstance(event, TurnStarted):
            await self._begin(event.message, event.reply_id)
        elif isinstance(event, ToolResult):
            self._note("")
        elif isinstance(event, TurnCompleted):
            self._complete(event.message)
            if event.message.parent_id not in self._live.state.order:
                # Tools were called on the way: what was said before, and what came of the calls, stands in between.
                await self._live.load()

    async def _begin(self, question: SessionMessage, reply_id: str) -> None:
        live = self._live
        self._reply_id = live.running = reply_id
        self._stream.id_prefix = id_prefix(reply_id)
        await self._set_title(question)
        before = live.state.order
        if question.message_id in before:
            kept = list(before[: before.index(question.message_id)])
        elif question.parent_id in before:
            kept = list(before[: before.index(question.parent_id) + 1])
        else:
            kept = [] if question.parent_id is None else await self._reread(question)
        everything: list[SessionMessage] = []
        if len(kept) < len(before):
            # Something was replaced: there are alternatives now.
            everything = await live.session.get_all_messages()
        self._siblings = [m for m in everything if m.parent_id == question.message_id and m.role == "assistant"]
        [asked] = live.views.views([question], everything)
        reply: MessageView = {
            "id": reply_id,
            "role": "assistant",
            "author": short_model_name(live.session.model),
            "state": "running",
        }
        live.show([*kept, question.message_id, reply_id], [asked, reply], answers=self._rid)

    async def _reread(self, question: SessionMessage) -> list[str]:
        """Return the order before a question that follows on messages which no panel has seen."""
        live = self._live
        live.running = ""
        await live.load()
        live.running = self._reply_id
        return [message_id for message_id in live.state.order if message_id != question.message_id]

    async def _set_title(self, question: SessionMessage) -> None:
        session = self._live.session
        if session.config.name is None:
            # A title is never a reason not to answer.
            with contextlib.suppress(SessionError):
                await session.update_config({"name": title_of(question)})

    def _show_delta(self, frozen: tuple[str, ...], tail: str, reasoning: str | None) -> int:
        delta = self._live.state.grow(self._reply_id, frozen, tail, reasoning)
        self._live.tell(delta)
        return delta["seq"]

    def _note(self, text: str) -> None:
        view = self._live.state.find(self._reply_id)
        if view is not None:
            self._live.show(messages=[{**view, "note": text}])

    def _complete(self, reply: SessionMessage) -> None:
        self._completed = True
        self._stream.end()
        live = self._live
        if reply.content == self._stream.text:
            live.views.keep(reply, self._stream.finish())
        live.spend(reply)
        live.running = ""
        live.show(messages=[live.views.view(reply, [*self._siblings, reply])])

    def _fail(self, text: str) -> None:
        live = self._live
        view = live.state.find(self._reply_id)
        assert view is not None
        shown: MessageView = {
            **view,
            "state": "error",
            "html": self._stream.finish(),
            "error": {"text": text, "details": [["Session", live.session.session_id]]},
        }
        shown.pop("tail", None)
        live.running = ""
        live.show(messages=[shown])


def title_of(question: SessionMessage) -> str:
    """Return the first words of the question as they were typed, or what was attached to it."""
    words = str(question.metadata.get("typed") or question.content or names_of(question.parts)).split()
    title = " ".join(words)
    if len(title) <= LONGEST_TITLE:
        return title
    return title[:LONGEST_TITLE].rsplit(" ", 1)[0] + " …"
