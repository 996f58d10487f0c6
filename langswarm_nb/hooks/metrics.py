"""Counting what happens to sessions."""

from __future__ import annotations

from typing import Any

from ..instruments import Counter, Gauge, prometheus_text
from ..interfaces import ISessionLifecycleHook
from ..models import SessionContext, SessionMessage


class MetricsCollectionHook(ISessionLifecycleHook):
    """Counts events, and the sessions that this process created and nobody has archived or deleted since."""

    def __init__(self) -> None:
        self.events = Counter("langswarm_session_events_total", "What happened to sessions, by event.")
        self.errors = Counter("langswarm_session_errors_total", "Failed turns, by error type.")
        self.created = Counter("langswarm_sessions_created_total", "Sessions created, by provider and model.")
        self.active = Gauge("langswarm_sessions_active", "Sessions created here and not ended yet.")
        self._open: set[str] = set()

    async def on_session_created(self, session_id: str, user_id: str, provider: str, model: str) -> None:
        self.events.add(event="created")
        self.created.add(provider=provider, model=model)
        self._open.add(session_id)
        self.active.add(1)

    async def on_session_archived(self, session_id: str) -> None:
        self.events.add(event="archived")
        self._end(session_id)

    async def on_session_deleted(self, session_id: str) -> None:
        self.events.add(event="deleted")
        self._end(session_id)

    async def on_message_sent(self, session_id: str, message: SessionMessage) -> None:
        self.events.add(event="message_sent")

    async def on_message_received(self, session_id: str, message: SessionMessage) -> None:
        self.events.add(event="message_received")

    async def on_context_updated(self, session_id: str, context: SessionContext) -> None:
        self.events.add(event="context_updated")

    async def on_session_error(self, session_id: str, error: Exception) -> None:
        self.events.add(event="error")
        self.errors.add(error_type=type(error).__name__)

    def get_metrics(self) -> dict[str, Any]:
        """Return the counts, and `error_rate`: failed turns of all messages sent (None before the first)."""
        counts = {name: int(count) for name, count in self.events.by("event").items()}
        sent = counts.get("message_sent", 0)
        return {
            "sessions_created": counts.get("created", 0),
            "sessions_archived": counts.get("archived", 0),
            "sessions_deleted": counts.get("deleted", 0),
            "active_sessions": len(self._open),
            "messages_sent": sent,
            "messages_received": counts.get("message_received", 0),
            "context_updates": counts.get("context_updated", 0),
            "errors": counts.get("error", 0),
            "errors_by_type": {name: int(count) for name, count in self.errors.by("error_type").items()},
            "error_rate": counts.get("error", 0) / sent if sent else None,
        }

    def prometheus(self) -> str:
        """Return everything in Prometheus' text format."""
        return prometheus_text([self.events, self.errors, self.created, self.active])

    def _end(self, session_id: str) -> None:
        if session_id in self._open:
            self._open.remove(session_id)
            self.active.add(-1)
