"""What happens to sessions, as it happens: this process' own events at once, other processes' from the store."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..clock import new_id, now
from ..hooks.trail import Trail
from ..interfaces import ISessionLifecycleHook, ISessionStorage
from ..models import SessionContext, SessionMessage
from ..redaction import mask_secrets

# Events of other processes may become visible after later ones, and clocks differ: look back this far each time.
_OVERLAP_MS = 60_000
_MAX_UNHEARD = 10_000


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """One thing that happened. `kind` is as in the table `events`: session.archived, participant.added, ..."""

    kind: str
    session_id: str | None = None
    message_id: str | None = None
    user_id: str | None = None
    at: datetime = field(default_factory=now)
    payload: dict[str, Any] = field(default_factory=dict)
    event_id: str = field(default_factory=new_id)


class EventFeed(ISessionLifecycleHook):
    """Hears of this process' events as a hook, records what others must learn of, and tells listeners of both."""

    def __init__(self, storage: ISessionStorage) -> None:
        self._storage = storage
        self._guard = threading.Lock()
        self._listeners: list[_Listener] = []
        self._trail = Trail()
        # Marks what this process wrote, which its listeners have heard already.
        self.origin = new_id()

    async def record(
        self,
        kind: str,
        session_id: str | None = None,
        message_id: str | None = None,
        user_id: str | None = None,
        payload: Mapping[str, Any] | None = None,
    ) -> None:
        """Store an event, for other processes too, and tell this one's listeners."""
        stored = {**(payload or {}), "origin": self.origin}
        shown = dict(payload or {})
        about = session_id or shown.pop("deleted_session_id", None)
        self._publish(SessionEvent(kind, about, message_id, user_id, payload=shown))
        await self._storage.add_event(kind, session_id, message_id, user_id, stored)

    async def listen(self, poll_s: float = 1.0) -> AsyncGenerator[SessionEvent, None]:
        """Yield what happens from now on; other processes' events come within about `poll_s` seconds."""
        listener = _Listener(asyncio.get_running_loop())
        with self._guard:
            self._listeners.append(listener)
        try:
            foreign = _ForeignEvents(self._storage, self.origin)
            await foreign.skip_past()
            poll_at = listener.loop.time() + poll_s
            while True:
                event = await listener.next(poll_at)
                if event is not None:
                    yield event
                if listener.loop.time() >= poll_at:
                    for found in await foreign.unseen():
                        yield found
                    poll_at = listener.loop.time() + poll_s
        finally:
            with self._guard:
                self._listeners.remove(listener)

    async def on_session_created(self, session_id: str, user_id: str, provider: str, model: str) -> None:
        payload = {"provider": provider, "model": model}
        self._publish(SessionEvent("session.created", session_id, user_id=user_id, payload=payload))

    async def on_session_archived(self, session_id: str) -> None:
        await self._record_beside("session.archived", session_id)

    async def on_session_deleted(self, session_id: str) -> None:
        # No row bears the id of a deleted session any longer.
        await self._record_beside("session.deleted", None, {"deleted_session_id": session_id})

    async def on_message_sent(self, session_id: str, message: SessionMessage) -> None:
        self._publish(SessionEvent("message.sent", session_id, message.message_id, message.author_name))

    async def on_message_received(self, session_id: str, message: SessionMessage) -> None:
        self._publish(SessionEvent("message.received", session_id, message.message_id))

    async def on_context_updated(self, session_id: str, context: SessionContext) -> None:
        self._publish(SessionEvent("context.updated", session_id, payload={"version": context.version}))

    async def on_session_error(self, session_id: str, error: Exception) -> None:
        payload = {"error_type": type(error).__name__, "error": mask_secrets(str(error))}
        await self._record_beside("error", session_id, payload)

    async def drain(self) -> None:
        await self._trail.drain()

    async def _record_beside(self, kind: str, session_id: str | None, payload: Mapping[str, Any] | None = None) -> None:
        await self._trail.put(self.record(kind, session_id, payload=payload))

    def _publish(self, event: SessionEvent) -> None:
        with self._guard:
            listeners = list(self._listeners)
        for listener in listeners:
            listener.put(event)


class _Listener:
    """A queue of one loop, filled from any thread; one that nobody reads loses its oldest events."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._events: deque[SessionEvent] = deque(maxlen=_MAX_UNHEARD)
        self._arrived = asyncio.Event()

    def put(self, event: SessionEvent) -> None:
        self._events.append(event)
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._arrived.set)

    async def next(self, deadline: float) -> SessionEvent | None:
        """Return the next event, or None when there is none until `deadline` of the loop's clock."""
        while not self._events:
            self._arrived.clear()
            if self._events:
                break
            try:
                async with asyncio.timeout_at(deadline):
                    await self._arrived.wait()
            except TimeoutError:
                return None
        return self._events.popleft()


class _ForeignEvents:
    """The rows of `events` that other processes write."""

    def __init__(self, storage: ISessionStorage, origin: str) -> None:
        self._storage = storage
        self._origin = origin
        self._seen: OrderedDict[str, None] = OrderedDict()

    async def skip_past(self) -> None:
        """Take what is there now for seen."""
        await self._new_rows()

    async def unseen(self) -> list[SessionEvent]:
        """Return what has come since the last look, oldest first."""
        rows = [row for row in await self._new_rows() if (row["payload"] or {}).get("origin") != self._origin]
        return [event_of(row) for row in rows]

    async def _new_rows(self) -> list[dict[str, Any]]:
        rows = await self._storage.list_events(after=_id_floor(now()))
        fresh = [row for row in rows if row["event_id"] not in self._seen]
        self._seen.update(dict.fromkeys(row["event_id"] for row in fresh))
        while len(self._seen) > max(_MAX_UNHEARD, 2 * len(rows)):
            self._seen.popitem(last=False)
        return fresh


def event_of(row: Mapping[str, Any]) -> SessionEvent:
    """Return the event that a row of `events` describes."""
    payload = {name: value for name, value in (row["payload"] or {}).items() if name != "origin"}
    # A deleted session leaves no row that bears its id; the event of its deletion says which it was.
    session_id = row["session_id"] or payload.pop("deleted_session_id", None)
    return SessionEvent(row["kind"], session_id, row["message_id"], row["user_id"], row["at"], payload, row["event_id"])


def _id_floor(moment: datetime) -> str:
    """Return what every UUIDv7 made since a minute before `moment` is greater than."""
    stamp = f"{max(int(moment.timestamp() * 1000) - _OVERLAP_MS, 0):012x}"
    return f"{stamp[:8]}-{stamp[8:]}"
