"""Who may do what in a session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import ConfigurationError, SessionPermissionError
from ..models import SessionContext

READ, WRITE, ADMIN = "read", "write", "admin"
PERMISSIONS: tuple[str, ...] = (READ, WRITE, ADMIN)
# Where a session's context keeps its participants: out of reach of `update_context`.
_KEY = "collaboration"


def checked(permissions: Iterable[str]) -> list[str]:
    """Return the permissions in order, each once, with those they imply; ConfigurationError for an unknown word."""
    wanted = set([permissions] if isinstance(permissions, str) else permissions)
    unknown = sorted(wanted - set(PERMISSIONS))
    if unknown or not wanted:
        raise ConfigurationError(
            f"A participant's permissions are some of {', '.join(PERMISSIONS)}; "
            f"given was {', '.join(map(repr, unknown)) or 'none'}."
        )
    # Who writes reads the replies, who administers may do all.
    highest = max(PERMISSIONS.index(permission) for permission in wanted)
    return list(PERMISSIONS[: highest + 1])


def participants_in(context: SessionContext) -> dict[str, list[str]]:
    """Return a collaborative session's participants with their permissions; of any other session, none."""
    kept = context.system_context.get(_KEY)
    permissions = kept.get("permissions") if isinstance(kept, Mapping) else None
    return {str(user): list(granted) for user, granted in permissions.items()} if permissions else {}


def set_participants(context: SessionContext, participants: Mapping[str, list[str]]) -> None:
    """Write the participants into `context`."""
    kept: dict[str, Any] = dict(context.system_context.get(_KEY) or {})
    context.system_context[_KEY] = {**kept, "permissions": dict(participants)}


def granted(owner_id: str, context: SessionContext, user_id: str) -> frozenset[str]:
    """Return what `user_id` may do in the session of `owner_id`; nobody else but its participants may do anything."""
    if user_id == owner_id:
        return frozenset(PERMISSIONS)
    return frozenset(participants_in(context).get(user_id, ()))


def require(permission: str, held: Iterable[str], session_id: str, user_id: str) -> None:
    """Raise SessionPermissionError unless `permission` is among those `held`."""
    if permission not in held:
        raise SessionPermissionError(
            f"User {user_id} has no {permission} permission in session {session_id}. Ask somebody who administers it.",
            session_id,
            error_code="permission_denied",
        )
