"""Opening sessions, finding them again, and looking after them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .manager import SessionManager, create_session_manager

__all__ = ["SessionManager", "create_session_manager"]


def __getattr__(name: str) -> Any:
    # On use only: `users` stands on parts of this room, and the manager on `users`.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import manager

    return getattr(manager, name)
