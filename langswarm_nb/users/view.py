"""A manager as one user may use it: the boundary between the users of a program."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError, SessionPermissionError
from ..interfaces import ISessionManager
from ..manager.event_feed import SessionEvent
from ..manager.usage_report import UsageReport, usage_report
from ..models import SessionConfig, SessionMessage, SessionStatus
from .permissions import ADMIN, WRITE
from .session import UserSession, not_here
from .storage import UserStorage

if TYPE_CHECKING:
    from ..manager.manager import SessionManager


class UserView(ISessionManager):
    """Reaches what `user_id` owns or takes part in; anything else is as if it were not there.

    The methods are the manager's, so that a program written for a manager works behind the boundary. Naming another
    user is refused with SessionPermissionError. Closing a view closes nothing.
    """

    def __init__(self, manager: SessionManager, user_id: str) -> None:
        if not user_id or not isinstance(user_id, str):
            raise ConfigurationError("for_user() needs the user_id of somebody.")
        self._manager = manager
        self.user_id = user_id
        self.storage = UserStorage(manager.storage, user_id, manager.collaboration)

    def __repr__(self) -> str:
        return f"<{self.user_id}'s view of {self._manager!r}>"

    async def __aenter__(self) -> UserView:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def providers(self) -> list[str]:
        """The names of the providers that sessions may use."""
        return self._manager.providers

    async def create_session(
        self,
        user_id: str | None,
        provider: str,
        model: str,
        session_config: SessionConfig | dict[str, Any] | None = None,
        provider_config: dict[str, Any] | None = None,
    ) -> UserSession:
        """Return a new session of the user's own; `user_id` is theirs, or None."""
        self._require_self(user_id)
        made = await self._manager.create_session(self.user_id, provider, model, session_config, provider_config)
        return await self._view(made)

    async def create_sessions(self, requests: Iterable[Mapping[str, Any]]) -> list[UserSession]:
        """Return new sessions of the user's own, one for each mapping of `create_session`'s arguments."""
        wanted = [dict(request) for request in requests]
        for request in wanted:
            self._require_self(request.get("user_id"))
        made = await self._manager.create_sessions([{**request, "user_id": self.user_id} for request in wanted])
        return [await self._view(session) for session in made]

    async def create_collaborative_session(
        self,
        session_name: str,
        creator_id: str | None,
        provider: str,
        model: str,
        participants: Mapping[str, Iterable[str]] | None = None,
        session_config: SessionConfig | dict[str, Any] | None = None,
        provider_config: dict[str, Any] | None = None,
    ) -> UserSession:
        """Return a new collaborative session that the user owns."""
        self._require_self(creator_id)
        made = await self._manager.create_collaborative_session(
            session_name, self.user_id, provider, model, participants, session_config, provider_config
        )
        return await self._view(made)

    async def get_session(self, session_id: str) -> UserSession:
        """Return a session that the user owns or takes part in; SessionNotFoundError for any other."""
        if await self.storage.get_session(session_id) is None:
            raise not_here(session_id)
        return await self._view(await self._manager.get_session(session_id))

    async def get_user_sessions(
        self,
        user_id: str | None = None,
        status: SessionStatus | str | None = None,
        limit: int | None = None,
        since: datetime | None = None,
    ) -> list[UserSession]:
        """Return what the user owns and takes part in, most recently active first."""
        self._require_self(user_id)
        return await self._find(status=status, limit=limit, since=since)

    async def search_sessions(
        self,
        user_id: str | None = None,
        provider: str | None = None,
        status: SessionStatus | str | None = None,
        tags: Sequence[str] | None = None,
        text: str | None = None,
        limit: int | None = None,
    ) -> list[UserSession]:
        """Return those of the user's sessions that meet every condition, most recently active first."""
        self._require_self(user_id)
        return await self._find(provider=provider, status=status, tags=tags, text=text, limit=limit)

    async def add_messages(
        self, session_id: str, messages: Iterable[SessionMessage | Mapping[str, Any]]
    ) -> list[SessionMessage]:
        """Store messages, without calling the provider, in a session that the user administers."""
        return await (await self.get_session(session_id)).add_messages(messages)

    async def archive_session(self, session_id: str) -> None:
        """Make a session that the user administers read-only."""
        await (await self.get_session(session_id)).archive()

    async def archive_sessions(self, session_ids: Iterable[str]) -> int:
        """Archive several sessions that the user administers; return how many. All are checked before the first."""
        sessions = [await self.get_session(session_id) for session_id in session_ids]
        for session in sessions:
            await session._require(ADMIN)
        return await self._manager.archive_sessions([session.session_id for session in sessions])

    async def delete_session(self, session_id: str) -> None:
        """Remove a session that the user administers, for good."""
        session = await self.get_session(session_id)
        await session._require(ADMIN)
        await self._manager.delete_session(session_id)

    async def delete_user(self, user_id: str | None = None) -> Any:
        """Forget the user: see the manager's `delete_user`."""
        self._require_self(user_id)
        return await self._manager.delete_user(self.user_id)

    async def add_participant(
        self, session_id: str, user_id: str, permissions: Iterable[str] = ("read", "write"), by: str | None = None
    ) -> None:
        """Let somebody into a session that the user administers."""
        self._require_self(by)
        await self.get_session(session_id)
        await self._manager.add_participant(session_id, user_id, permissions, by=self.user_id)

    async def remove_participant(self, session_id: str, user_id: str, by: str | None = None) -> None:
        """Take somebody out of a session that the user administers, or the user out of any."""
        self._require_self(by)
        await self.get_session(session_id)
        await self._manager.remove_participant(session_id, user_id, by=self.user_id)

    async def get_session_participants(self, session_id: str) -> list[str]:
        """Return who takes part in one of the user's sessions."""
        await self.get_session(session_id)
        return await self._manager.get_session_participants(session_id)

    async def get_permissions(self, session_id: str) -> dict[str, list[str]]:
        """Return who may do what in one of the user's sessions."""
        await self.get_session(session_id)
        return await self._manager.get_permissions(session_id)

    async def send_message_as_participant(
        self, session_id: str, user_id: str | None, message: str, metadata: dict[str, Any] | None = None
    ) -> SessionMessage:
        """Send a message as the user, and return the reply."""
        self._require_self(user_id)
        session = await self.get_session(session_id)
        await session._require(WRITE)
        return await self._manager.send_message_as_participant(session_id, self.user_id, message, metadata)

    async def get_notifications(
        self, user_id: str | None = None, days: float = 7, limit: int | None = None
    ) -> list[SessionEvent]:
        """Return what others did in the user's sessions, oldest first."""
        self._require_self(user_id)
        return await self._manager.get_notifications(self.user_id, days, limit)

    async def get_analytics(
        self,
        start_date: datetime | str | None = None,
        end_date: datetime | str | None = None,
        user_id: str | None = None,
    ) -> UsageReport:
        """Return the user's sessions in numbers."""
        self._require_self(user_id)
        return await usage_report(self.storage, start_date, end_date)

    async def export_sessions(self, user_id: str | None = None, format: str = "json") -> str:
        """Return the user's conversations as one JSON text."""
        self._require_self(user_id)
        if format != "json":
            raise ConfigurationError(f"There is no export format {format!r}. Use 'json'.")
        sessions = await self._find()
        return json.dumps([await session.export_conversation() for session in sessions], ensure_ascii=False)

    async def session_events(self, poll_s: float = 1.0) -> AsyncGenerator[SessionEvent, None]:
        """Yield what happens in the user's sessions, from now on."""
        async with aclosing(self._manager.session_events(poll_s)) as events:
            async for event in events:
                if event.session_id and await self.storage.get_session(event.session_id) is not None:
                    yield event

    async def close(self) -> None:
        """Do nothing: the manager is its owner's to close."""

    async def _find(self, *, status: SessionStatus | str | None = None, **conditions: Any) -> list[UserSession]:
        wanted = str(SessionStatus.from_string(status)) if status is not None else None
        records = await self.storage.list_sessions(status=wanted, **conditions)
        return [await self._view(self._manager.session_of(record)) for record in records]

    async def _view(self, session: Any) -> UserSession:
        return await UserSession(session, self.user_id, self.storage, self._manager.collaboration).look()

    def _require_self(self, user_id: str | None) -> None:
        if user_id is not None and user_id != self.user_id:
            raise SessionPermissionError(
                f"This is {self.user_id}'s view; it does nothing for other users. Ask for a view of their own.",
                error_code="permission_denied",
            )
