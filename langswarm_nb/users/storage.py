"""A store as one user may read it: what they own or take part in, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NoReturn

from ..errors import SessionPermissionError
from ..interfaces import ISessionStorage
from ..models import SessionConfig, SessionContext, SessionMessage
from .collaboration import Collaboration
from .permissions import granted


class UserStorage(ISessionStorage):
    """Reads for one user; whoever wants to write does so through sessions. Every analysis of a view reads from here."""

    def __init__(self, storage: ISessionStorage, user_id: str, collaboration: Collaboration) -> None:
        self._storage = storage
        self._user = user_id
        self._collaboration = collaboration

    async def get_session(self, session_id: str) -> dict[str, Any] | None:
        record = await self._storage.get_session(session_id)
        if record is None:
            return None
        context = SessionContext.from_dict(session_id, record.get("context"))
        return record if granted(record["user_id"], context, self._user) else None

    async def get_messages(
        self,
        session_id: str,
        limit: int | None = None,
        role: str | None = None,
        since: datetime | None = None,
    ) -> list[SessionMessage]:
        if await self.get_session(session_id) is None:
            return []
        return await self._storage.get_messages(session_id, limit, role, since)

    async def get_all_messages(self, session_id: str) -> list[SessionMessage]:
        return [] if await self.get_session(session_id) is None else await self._storage.get_all_messages(session_id)

    async def list_sessions(
        self,
        *,
        user_id: str | None = None,
        limit: int | None = None,
        **conditions: Any,
    ) -> list[dict[str, Any]]:
        own = await self._storage.list_sessions(user_id=self._user, limit=limit, **conditions)
        found = [*own, *await self._collaboration.sessions_of(self._user, **conditions)]
        found = [record for record in found if user_id is None or record["user_id"] == user_id]
        found.sort(key=lambda record: record.get("last_activity") or record["created_at"], reverse=True)
        return found if limit is None else found[: max(limit, 0)]

    async def list_events(self, **conditions: Any) -> list[dict[str, Any]]:
        mine = {record["session_id"] for record in await self.list_sessions()}
        return [row for row in await self._storage.list_events(**conditions) if row["session_id"] in mine]

    async def health_check(self) -> dict[str, Any]:
        return {"status": (await self._storage.health_check()).get("status", "unknown")}

    async def close(self) -> None:
        """Do nothing: the store is the manager's to close."""

    async def create_session(
        self,
        session_id: str,
        user_id: str,
        provider: str,
        model: str,
        config: SessionConfig,
        context: SessionContext,
    ) -> None:
        self._refuse()

    async def add_message(self, session_id: str, message: SessionMessage) -> None:
        self._refuse()

    async def add_messages(self, session_id: str, messages: Sequence[SessionMessage]) -> None:
        self._refuse()

    async def replace_messages(self, session_id: str, messages: Sequence[SessionMessage]) -> None:
        self._refuse()

    async def checkpoint(self, message: SessionMessage) -> None:
        self._refuse()

    async def add_event(self, kind: str, *args: Any, **kwargs: Any) -> None:
        self._refuse()

    async def delete_events(self, *, user_id: str) -> None:
        self._refuse()

    async def update_session(self, session_id: str, changes: dict[str, Any]) -> None:
        self._refuse()

    async def update_context(self, session_id: str, context: SessionContext) -> None:
        self._refuse()

    async def delete_session(self, session_id: str) -> None:
        self._refuse()

    async def clear_messages(self, session_id: str) -> None:
        self._refuse()

    async def set_active_branch(self, session_id: str, message_ids: Sequence[str]) -> None:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise SessionPermissionError(
            f"{self._user}'s view of the store can only be read. Write through a session, or through the view itself."
        )
