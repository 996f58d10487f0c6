"""Sessions of several people: participants, what each may do, and word of what they do to everybody's kernels."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from ..clock import now
from ..errors import InvalidMessageError, SessionStateError
from ..interfaces import ISessionStorage
from ..manager.event_feed import EventFeed, SessionEvent, event_of
from ..models import SessionConfig, SessionContext, SessionMessage
from ..session.session import Session
from ..session.state import INDEX_TAG
from ..session.turnstile import Turnstile
from .permissions import ADMIN, PERMISSIONS, WRITE, checked, granted, participants_in, require, set_participants

TAG = "collaborative"
# What participants are told of, in the store's trail.
NOTIFICATIONS = ("participant.added", "participant.changed", "participant.removed", "message.posted")


class Collaboration:
    """Looks after the participants of a manager's sessions.

    The session's context says who may do what; a tag for each participant lets any storage find their sessions.
    """

    def __init__(
        self, storage: ISessionStorage, feed: EventFeed, open_session: Callable[[str], Awaitable[Session]]
    ) -> None:
        self._storage = storage
        self._feed = feed
        self._open = open_session
        self._one_change_at_a_time = Turnstile()

    async def start(self, session: Session, participants: Mapping[str, Iterable[str]]) -> None:
        """Make `session` a collaborative one; its owner administers it."""
        people: dict[str, list[str]] = {session.user_id: list(PERMISSIONS)}
        for user, permissions in participants.items():
            if user != session.user_id:
                people[user] = checked(permissions)
        await self._keep(session, people)

    async def add(self, session_id: str, user_id: str, permissions: Iterable[str], by: str | None) -> None:
        """Let `user_id` in, or change what they may do; `by`, where given, must administer the session."""
        if not user_id or not isinstance(user_id, str):
            raise InvalidMessageError("A participant needs a user_id: any text that names them.", session_id)
        wanted = checked(permissions)
        async with self._one_change_at_a_time:
            session, people = await self._administered(session_id, by)
            known = user_id in people
            if user_id == session.user_id:
                wanted = list(PERMISSIONS)
            await self._keep(session, {**people, user_id: wanted})
        kind = "participant.changed" if known else "participant.added"
        await self._feed.record(kind, session_id, user_id=user_id, payload={"permissions": wanted})

    async def remove(self, session_id: str, user_id: str, by: str | None) -> None:
        """Take `user_id` out; anybody may take themselves out. The owner stays."""
        async with self._one_change_at_a_time:
            session, people = await self._administered(session_id, None if by == user_id else by)
            if user_id == session.user_id:
                raise SessionStateError(
                    f"{user_id} owns session {session_id} and cannot leave it. Archive or delete it instead.",
                    session_id,
                )
            if people.pop(user_id, None) is None:
                return
            await self._keep(session, people)
        await self._feed.record("participant.removed", session_id, user_id=user_id)

    async def participants(self, session_id: str) -> dict[str, list[str]]:
        """Return the participants with their permissions; of a session of one, its owner."""
        session = await self._open(session_id)
        return participants_in(await session.get_context()) or {session.user_id: list(PERMISSIONS)}

    async def send(
        self, session_id: str, user_id: str, content: str, metadata: Mapping[str, Any] | None
    ) -> SessionMessage:
        """Send `content` as `user_id`, who must be allowed to write, and return the reply."""
        session = await self._open(session_id)
        require(WRITE, granted(session.user_id, await session.get_context(), user_id), session_id, user_id)
        reply = await session.send_message(content, metadata=signed(metadata, user_id))
        await self.announce(session, user_id, reply)
        return reply

    async def announce(self, session: Session, user_id: str, reply: SessionMessage) -> None:
        """Let every kernel know that `user_id` asked something, which `reply` answers."""
        asked = reply.parent_id
        if session.tools:  # calls and their results may stand between the two
            asked = (await session.get_question(reply.message_id)).message_id
        await self._feed.record("message.posted", session.session_id, asked, user_id, {"reply_id": reply.message_id})

    async def sessions_of(self, user_id: str, **conditions: Any) -> list[dict[str, Any]]:
        """Return the records of the sessions in which `user_id` takes part without owning them."""
        tags = [*(conditions.pop("tags", None) or ()), INDEX_TAG + user_id]
        records = await self._storage.list_sessions(tags=tags, **conditions)
        return [r for r in records if r["user_id"] != user_id and granted(r["user_id"], _context(r), user_id)]

    async def notifications(self, user_id: str, days: float, limit: int | None) -> list[SessionEvent]:
        """Return what others did in the sessions that `user_id` takes part in or owns, oldest first."""
        own = await self._storage.list_sessions(user_id=user_id)
        theirs = {record["session_id"] for record in [*own, *await self.sessions_of(user_id)]}
        since = now() - timedelta(days=days)
        events = [event_of(row) for row in await self._storage.list_events(kinds=NOTIFICATIONS)]
        heard = [
            event for event in events if event.session_id in theirs and event.user_id != user_id and event.at >= since
        ]
        return heard if limit is None else heard[max(len(heard) - limit, 0) :]

    async def _administered(self, session_id: str, by: str | None) -> tuple[Session, dict[str, list[str]]]:
        session = await self._open(session_id)
        context = await session.get_context()
        if by is not None:
            require(ADMIN, granted(session.user_id, context, by), session_id, by)
        return session, participants_in(context) or {session.user_id: list(PERMISSIONS)}

    async def _keep(self, session: Session, people: Mapping[str, list[str]]) -> None:
        context = await session.get_context()
        set_participants(context, people)
        await session.replace_context(context)
        plain = [tag for tag in session.config.tags if tag != TAG and not tag.startswith(INDEX_TAG)]
        await session.set_tags([*plain, TAG, *(INDEX_TAG + user for user in people)])


def signed(metadata: Mapping[str, Any] | None, user_id: str) -> dict[str, Any]:
    """Return a message's metadata that names its author."""
    return {**(metadata or {}), "participant": user_id, "collaborative": True}


def collaborative_config(name: str, config: SessionConfig | dict[str, Any] | None) -> SessionConfig:
    """Return the configuration of a collaborative session called `name`."""
    made = SessionConfig.of(config)
    made.name = made.name or name
    return made


def _context(record: Mapping[str, Any]) -> SessionContext:
    return SessionContext.from_dict(record["session_id"], record.get("context"))
