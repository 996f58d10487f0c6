"""Tidying up as sessions come and go."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from ..errors import ConfigurationError
from ..interfaces import ISessionLifecycleHook

logger = logging.getLogger(__name__)

Cleaner = Callable[[str], Awaitable[None] | None]


class CleanupHook(ISessionLifecycleHook):
    """Calls `on_end(session_id)` when a session is archived or deleted, and keeps users' open sessions in bounds.

    With `max_active_per_user`, a user's least recently active sessions beyond that number are archived when another
    one is created. What goes by age instead is the manager's `cleanup_config`.
    """

    def __init__(self, on_end: Cleaner | None = None, max_active_per_user: int | None = None) -> None:
        if max_active_per_user is not None and max_active_per_user < 1:
            raise ConfigurationError("max_active_per_user must be at least 1, or None for no limit.")
        self._on_end = on_end
        self._max_active = max_active_per_user
        self._manager: Any = None
        self.archived = 0

    def bind(self, manager: Any) -> None:
        """Take the manager whose sessions are looked after."""
        self._manager = manager

    async def on_session_created(self, session_id: str, user_id: str, provider: str, model: str) -> None:
        if self._max_active is None or self._manager is None:
            return
        active = await self._manager.get_user_sessions(user_id, status="active")
        others = [session for session in active if session.session_id != session_id and not session.is_busy]
        for session in others[max(self._max_active - 1, 0) :]:
            await session.archive()
            self.archived += 1
            logger.info("archived session %s: its owner has more than %d", session.session_id, self._max_active)

    async def on_session_archived(self, session_id: str) -> None:
        await self._end(session_id)

    async def on_session_deleted(self, session_id: str) -> None:
        await self._end(session_id)

    async def _end(self, session_id: str) -> None:
        if self._on_end is not None:
            done = self._on_end(session_id)
            if inspect.isawaitable(done):
                await done
