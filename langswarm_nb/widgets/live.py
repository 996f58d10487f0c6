"""One conversation as all its panels show it.

Everything here runs on the package's event loop; panels hand their requests over and hear of every change.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from .. import runtime
from ..attachments import Part, attached
from ..errors import InvalidMessageError, SessionNotFoundError, SessionStateError, TurnInterruptedError
from ..interfaces import ISessionLifecycleHook
from ..manager.manager import SessionManager
from ..models import SessionMessage, SessionStatus
from ..session.session import Session
from ..session.state import INDEX_TAG
from ..stream_events import StreamEvent
from . import formats
from .approvals import Approvals
from .live_turn import LiveTurn
from .message_views import MessageViews
from .panel_state import PanelState
from .protocol import Delta, Header, MessageView, Patch
from .settings import checked, summary
from .transfers import seen_text

logger = logging.getLogger(__name__)

# How many messages a page gets at first and with each step back: more than a screen, little to render.
WINDOW = 40
LONGEST_TAG = 40
MOST_TAGS = 20

_CLOSED = {
    SessionStatus.ARCHIVED: ("This chat is archived and read-only.", "Unarchive"),
    SessionStatus.DELETED: ("This chat was deleted and is read-only.", "Restore"),
}

Listener = Callable[[Patch | Delta], None]


class LiveConversation:
    """A session on show; `live_conversation` returns the one of a session."""

    def __init__(self, session: Session, manager: SessionManager | None) -> None:
        self.session = session
        self.manager = manager
        self.listeners: set[Listener] = set()
        self.after_turn: set[Callable[[], None]] = set()
        self.views = MessageViews()
        self.running = ""
        self._models: list[str] = []
        self._spent: Decimal | None = None
        self._window = WINDOW
        self._earlier = 0
        self._turn: LiveTurn | None = None
        self.approvals = Approvals(self._asks_changed)
        self.state = PanelState(self._header())

    @property
    def is_busy(self) -> bool:
        """Whether a turn runs that a panel started."""
        return self._turn is not None

    async def load(self) -> None:
        """Read the conversation from storage and show it; a turn that runs shows itself."""
        if self.running:
            return
        everything = await self.session.get_all_messages()
        active = [message for message in everything if message.is_active_branch]
        costs = [message.cost_usd for message in everything if message.cost_usd is not None]
        self._spent = sum(costs, Decimal(0)) if costs else None
        for event in await self.session.storage.list_events(session_id=self.session.session_id, kinds=["feedback"]):
            self.views.ratings[event["message_id"]] = event["payload"].get("rating") or ""
        shown = active[-self._window :]
        self._earlier = len(active) - len(shown)
        views = self.views.views(shown, everything)
        self.show(order=[view["id"] for view in views], messages=views)

    async def load_earlier(self) -> None:
        """Show more of what came before."""
        self._window += WINDOW
        await self.load()

    def offer_models(self, models: list[str]) -> None:
        """Let the reader choose among `models`, each as provider/model."""
        self._models = models
        self.show()

    def show(
        self, order: list[str] | None = None, messages: list[MessageView] | None = None, answers: str = ""
    ) -> None:
        """Tell every panel what changed; the header is looked at anew each time."""
        self.tell(self.state.change(self._header(), order, messages or (), answers))

    def tell(self, message: Patch | Delta) -> None:
        """Hand `message` to every panel."""
        for listener in list(self.listeners):
            try:
                listener(message)
            except Exception:
                logger.exception("a panel could not be told of a change")

    def acknowledge(self, seq: int) -> None:
        """Take note that a page shows everything up to `seq`."""
        if self._turn is not None:
            self._turn.acknowledge(seq)

    async def send(self, text: str, rid: str, typed: str, attachments: Sequence[Part] = ()) -> None:
        """Take a turn; `typed` is what was written, `text` what became of it."""
        metadata = {"typed": typed} if typed != text else None
        await self._take_turn(self.session.stream(text, metadata=metadata, attachments=list(attachments) or None), rid)

    async def regenerate(self, message_id: str, rid: str) -> None:
        """Take a turn for another reply in the place of `message_id`."""
        await self._take_turn(self.session.stream_regenerated(message_id), rid)

    async def edit(self, message_id: str, text: str, rid: str, typed: str) -> None:
        """Take a turn with another question in the place of `message_id`; `text` and `typed` as in `send`."""
        metadata = dict((await self.session.get_message(message_id)).metadata)
        metadata.pop("typed", None)
        if typed != text:
            metadata["typed"] = typed
        await self._take_turn(self.session.stream_edited(message_id, text, metadata), rid)

    def stop(self) -> None:
        """Stop the turn; what came is kept."""
        if self._turn is not None:
            self._turn.stop()

    async def switch_branch(self, message_id: str) -> None:
        """Go on through `message_id`."""
        self._require_idle()
        await self.session.switch_branch(message_id)
        await self.load()

    async def rate(self, message_id: str, rating: str, note: str) -> None:
        """Store what the reader thinks of a reply: up, down, or '' for neither any more."""
        await self.session.storage.add_event(
            "feedback",
            session_id=self.session.session_id,
            message_id=message_id,
            user_id=self.session.user_id,
            payload={"rating": rating or None, "note": note or None},
        )
        self.views.ratings[message_id] = rating
        view = self.state.find(message_id)
        if view is not None:
            self.show(messages=[{**view, "rating": rating}])

    async def rename(self, title: str) -> None:
        """Give the session another title."""
        await self.session.update_config({"name": title.strip()[:200] or None})
        self.show()

    async def set_tags(self, tags: Sequence[Any]) -> None:
        """Give the session these tags."""
        await self.session.update_config({"tags": clean_tags(tags, self.session.session_id)})
        self.show()

    async def set_settings(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Take what the reader set, for the turns to come; return what is wrong by field: then nothing is taken."""
        changes, problems = checked(self.session, values)
        if changes and not problems:
            await self.session.update_config(changes)
            self.show()
        return problems

    def watch(self, listener: Listener) -> None:
        """Let `listener` hear of every change, and its reader be asked about calls of tools."""
        self.listeners.add(listener)
        self.session.ask_through(self.approvals.ask)

    def unwatch(self, listener: Listener) -> None:
        """Let `listener` hear no more; when nobody is left, nothing may be called that needs somebody's word."""
        self.listeners.discard(listener)
        if not self.listeners:
            self.session.ask_through(None)
            self.approvals.refuse_all("the chat panel was closed")

    async def set_archived(self, archived: bool) -> None:
        """Make the session read-only, or let it go on."""
        self._require_idle()
        if archived:
            await self.session.archive()
        elif self.session.status is SessionStatus.DELETED:
            await self.session.take_from_trash()
        else:
            await self.session.unarchive()
        self.show()

    async def source(self, message_id: str) -> str:
        """Return a message's Markdown."""
        return (await self.session.get_message(message_id)).content

    async def attachment(self, message_id: str, at: int) -> Part:
        """Return what was attached to a message in this place, counted from 0."""
        parts = attached((await self.session.get_message(message_id)).parts)
        if not 0 <= at < len(parts):
            raise SessionNotFoundError("This attachment is not there any more.", self.session.session_id)
        return parts[at]

    def spend(self, reply: SessionMessage) -> None:
        """Add the reply's cost to what the session has cost."""
        if reply.cost_usd is not None:
            self._spent = (self._spent or Decimal(0)) + reply.cost_usd

    def _require_idle(self) -> None:
        if self._turn is not None:
            raise SessionStateError("A reply is still coming. Wait for it or press Stop.", self.session.session_id)

    async def _take_turn(self, events: AsyncIterator[StreamEvent], rid: str) -> None:
        self._require_idle()
        self._turn = LiveTurn(self, events, rid)
        work = asyncio.create_task(self._turn.run())
        self._turn.task = work
        try:
            await asyncio.wait([work])
            if work.cancelled():
                raise TurnInterruptedError("It was stopped before it was sent.", self.session.session_id)
            work.result()
        finally:
            self._turn = None
            self.running = ""
            self.show()
            self._tell_of_end()

    def _tell_of_end(self) -> None:
        for tell in list(self.after_turn):
            try:
                tell()
            except Exception:
                logger.exception("the end of a turn could not be told")

    def _header(self) -> Header:
        session = self.session
        closed, reopen = _CLOSED.get(session.status, ("", ""))
        return {
            "session": session.session_id,
            "title": session.config.name or "",
            "tags": [tag for tag in session.config.tags if not tag.startswith(INDEX_TAG)],
            "model": f"{session.provider}/{session.model}",
            "models": self._models,
            "cost": formats.dollars(self._spent),
            "archived": closed != "",
            "closed": closed,
            "reopen": reopen,
            "mock": session.provider == "mock",
            "running": self.running,
            "earlier": self._earlier,
            "managed": self.manager is not None,
            "set": summary(session.config),
            "asks": self.approvals.asks,
        }

    def _asks_changed(self) -> None:
        # A turn that a cell awaits runs on the kernel's own loop.
        runtime.background_loop().call_soon_threadsafe(self.show)


def clean_tags(tags: Sequence[Any], session_id: str) -> list[str]:
    """Return tags as they are kept: short, visible, each once; InvalidMessageError where there are too many."""
    clean: dict[str, str] = {}
    for tag in tags:
        if text := seen_text(str(tag)).strip(" ,#"):
            if len(text) > LONGEST_TAG or text.startswith(INDEX_TAG):
                raise InvalidMessageError(
                    f"A tag is a word or two, {LONGEST_TAG} characters at most; {text[:60]!r} is none.", session_id
                )
            clean.setdefault(text.casefold(), text)
    if len(clean) > MOST_TAGS:
        raise InvalidMessageError(f"A chat may have {MOST_TAGS} tags. Remove one first.", session_id)
    return list(clean.values())


_shown: weakref.WeakKeyDictionary[Session, weakref.ref[LiveConversation]] = weakref.WeakKeyDictionary()
_followed: weakref.WeakSet[SessionManager] = weakref.WeakSet()


async def live_conversation(session: Session, manager: SessionManager | None) -> LiveConversation:
    """Return the session on show, as storage has it now; panels on one session share it."""
    live = _live_of(session.session_id)
    if live is None or live.session is not session:
        live = LiveConversation(session, manager)
        _shown[session] = weakref.ref(live)
    if isinstance(manager, SessionManager) and manager not in _followed:
        _followed.add(manager)
        manager.add_lifecycle_hook(_Others())
    await live.load()
    return live


def _live_of(session_id: str) -> LiveConversation | None:
    for session, known in list(_shown.items()):
        if session.session_id == session_id:
            return known()
    return None


def show_again(session_id: str) -> None:
    """Let the panels on a session show that its title, tags or status changed; on the package's event loop."""
    live = _live_of(session_id)
    if live is not None:
        live.show()


class _Others(ISessionLifecycleHook):
    """Shows what a cell does to a session that a panel shows."""

    async def on_message_received(self, session_id: str, message: SessionMessage) -> None:
        live = _live_of(session_id)
        if live is not None and not live.is_busy:
            runtime.submit(live.load())

    async def on_session_archived(self, session_id: str) -> None:
        runtime.background_loop().call_soon_threadsafe(show_again, session_id)

    async def on_session_deleted(self, session_id: str) -> None:
        runtime.background_loop().call_soon_threadsafe(show_again, session_id)
