"""One manager for a whole program, and sessions without any set-up."""

from __future__ import annotations

from ..models import SessionStatus
from ..session.session import Session
from .manager import SessionManager, create_session_manager

_manager: SessionManager | None = None


def set_global_session_manager(manager: SessionManager | None) -> None:
    """Make `manager` the one that `get_global_session_manager` returns; None forgets it."""
    global _manager
    _manager = manager


def get_global_session_manager() -> SessionManager:
    """Return the program's manager; the first call makes one on the default store."""
    global _manager
    if _manager is None:
        _manager = create_session_manager()
    return _manager


async def create_simple_session(
    user_id: str, provider: str = "mock", model: str = "mock-model", storage: str = "memory"
) -> Session:
    """Return a new session with a manager of its own."""
    manager = create_session_manager(storage=storage)
    return await manager.create_session(user_id, provider, model)


async def get_or_create_session(user_id: str, provider: str = "mock", model: str = "mock-model") -> Session:
    """Return the user's most recent active session with this model, or a new one, from the program's manager."""
    manager = get_global_session_manager()
    active = await manager.search_sessions(user_id=user_id, provider=provider, status=SessionStatus.ACTIVE)
    for session in active:
        if session.model == model:
            return session
    return await manager.create_session(user_id, provider, model)
