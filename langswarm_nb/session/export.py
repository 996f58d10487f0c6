"""A whole conversation as JSON-ready values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..models import SessionConfig, SessionContext, SessionMessage, SessionMetrics

if TYPE_CHECKING:
    from .stored_session import StoredSession


def exported(session: StoredSession, context: SessionContext, messages: Sequence[SessionMessage]) -> dict[str, Any]:
    """Return `session`, `messages` and `metrics`: what `Session.export_conversation` promises."""
    metrics = SessionMetrics.of(list(messages))
    return {
        "session": {
            "session_id": session.session_id,
            "user_id": session.user_id,
            "provider": session.provider,
            "model": session.model,
            "status": str(session.status),
            "created_at": session.created_at.isoformat(),
            "config": SessionConfig.of(session.config).__dict__,
            "context": context.to_dict(),
        },
        "messages": [message.to_dict() for message in messages],
        "metrics": {name: _json_ready(value) for name, value in metrics.__dict__.items()},
    }


def _json_ready(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, (int, float, str)) else str(value)
