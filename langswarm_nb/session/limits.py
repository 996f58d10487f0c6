"""What a session's configuration allows."""

from __future__ import annotations

from decimal import Decimal

from ..errors import SessionStateError
from ..models import SessionConfig


def require_room(session_id: str, config: SessionConfig, message_count: int, spent: Decimal | None) -> None:
    """Raise SessionStateError where one more message would pass `max_messages` or `max_cost_usd`."""
    limit = config.max_messages
    if limit is not None and message_count >= limit:
        raise SessionStateError(
            f"Session {session_id} has reached its limit of {limit} messages (max_messages). "
            "Raise it with update_config or start a new session.",
            session_id,
        )
    if config.max_cost_usd is not None and (spent or 0) >= Decimal(str(config.max_cost_usd)):
        raise SessionStateError(
            f"Session {session_id} has cost ${spent or 0:.4f} of its ${config.max_cost_usd:g} "
            "(max_cost_usd). Raise it with update_config to go on.",
            session_id,
        )
