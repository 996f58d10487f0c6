"""Writing what happened into the store's own trail."""

from __future__ import annotations

from typing import Any

from ..interfaces import ISessionLifecycleHook, ISessionStorage
from ..models import SessionContext, SessionMessage
from ..redaction import mask_secrets
from .trail import Trail

# What a manager writes into its own store's trail without being asked.
RECORDED_ANYWAY = frozenset({"session.archived", "session.deleted", "error"})


class AuditLoggingHook(ISessionLifecycleHook):
    """Keeps a row in `events` for everything that happens to a session; never what anybody said.

    The rows go into the manager's storage, which has rows for archiving, deleting and errors anyway, or, all of them,
    into `storage`. `messages=False` leaves single messages out: they have
    rows of their own.
    """

    def __init__(self, storage: ISessionStorage | None = None, messages: bool = True) -> None:
        self._storage = storage
        self._messages = messages
        self._left_out: frozenset[str] = frozenset()
        self._trail = Trail()

    def bind(self, manager: Any) -> None:
        """Take the manager's storage, unless one was given."""
        if self._storage is None:
            self._storage = manager.storage
            self._left_out = RECORDED_ANYWAY

    async def on_session_created(self, session_id: str, user_id: str, provider: str, model: str) -> None:
        payload = {"provider": provider, "model": model}
        await self._write("session.created", session_id, user_id=user_id, payload=payload)

    async def on_session_archived(self, session_id: str) -> None:
        await self._write("session.archived", session_id)

    async def on_session_deleted(self, session_id: str) -> None:
        await self._write("session.deleted", session_id)

    async def on_message_sent(self, session_id: str, message: SessionMessage) -> None:
        if self._messages:
            await self._write("message.sent", session_id, message.message_id, message.author_name)

    async def on_message_received(self, session_id: str, message: SessionMessage) -> None:
        if self._messages:
            payload = {"model": message.response_model or message.request_model, "status": message.status}
            await self._write("message.received", session_id, message.message_id, payload=payload)

    async def on_context_updated(self, session_id: str, context: SessionContext) -> None:
        payload = {"version": context.version, "keys": sorted(context.user_context)}
        await self._write("context.updated", session_id, payload=payload)

    async def on_session_error(self, session_id: str, error: Exception) -> None:
        payload = {"error_type": type(error).__name__, "error": mask_secrets(str(error))}
        await self._write("error", session_id, payload=payload)

    async def _write(
        self,
        kind: str,
        session_id: str,
        message_id: str | None = None,
        user_id: str | None = None,
        payload: dict[str, Any] | None = None,
    ) -> None:
        if self._storage is not None and kind not in self._left_out:
            await self._trail.put(self._storage.add_event(kind, session_id, message_id, user_id, payload or {}))

    async def drain(self) -> None:
        await self._trail.drain()
