"""Sessions in this process' memory: fast, and gone with the process."""

from __future__ import annotations

import copy
import logging
import sys
import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ..clock import as_utc, new_id, now
from ..errors import SessionNotFoundError
from ..interfaces import ISessionStorage
from ..models import SessionConfig, SessionContext, SessionMessage

logger = logging.getLogger(__name__)


class InMemorySessionStorage(ISessionStorage):
    """Keeps at most `max_sessions`; past that the least recently active one is let go, with a logged warning."""

    def __init__(self, max_sessions: int = 1000) -> None:
        self.max_sessions = max_sessions
        self.events: list[dict[str, Any]] = []
        self._sessions: dict[str, dict[str, Any]] = {}
        self._messages: dict[str, dict[str, SessionMessage]] = {}
        self._guard = threading.RLock()

    async def create_session(
        self,
        session_id: str,
        user_id: str,
        provider: str,
        model: str,
        config: SessionConfig,
        context: SessionContext,
    ) -> None:
        with self._guard:
            self._make_room()
            created = now()
            self._sessions[session_id] = {
                "session_id": session_id,
                "user_id": user_id,
                "provider": provider,
                "model": model,
                "status": "active",
                "title": config.name,
                "description": config.description,
                "tags": list(config.tags),
                "created_at": created,
                "updated_at": created,
                "provider_session_id": context.provider_context.get("provider_session_id"),
                "config": copy.deepcopy(config.__dict__),
                "context": context.to_dict(),
                "metadata": copy.deepcopy(config.metadata),
                "last_activity": created,
            }
            self._messages[session_id] = {}

    async def get_session(self, session_id: str) -> dict[str, Any] | None:
        with self._guard:
            record = self._sessions.get(session_id)
            return self._with_count(record) if record else None

    async def add_message(self, session_id: str, message: SessionMessage) -> None:
        with self._guard:
            self._messages_of(session_id).setdefault(message.message_id, copy.deepcopy(message))
            self._sessions[session_id]["last_activity"] = now()

    async def get_messages(
        self,
        session_id: str,
        limit: int | None = None,
        role: str | None = None,
        since: datetime | None = None,
    ) -> list[SessionMessage]:
        earliest = as_utc(since) if since else None
        found = [
            message
            for message in await self.get_all_messages(session_id)
            if message.is_active_branch
            and (role is None or message.role == role)
            and (earliest is None or message.timestamp >= earliest)
        ]
        return found if limit is None else found[max(len(found) - limit, 0) :]

    async def get_all_messages(self, session_id: str) -> list[SessionMessage]:
        with self._guard:
            messages = copy.deepcopy(list(self._messages.get(session_id, {}).values()))
        return sorted(messages, key=lambda m: (m.seq or 0, m.message_id))

    async def add_event(
        self,
        kind: str,
        session_id: str | None = None,
        message_id: str | None = None,
        user_id: str | None = None,
        payload: dict[str, Any] | None = None,
    ) -> None:
        event = {"event_id": new_id(), "session_id": session_id, "message_id": message_id, "kind": kind}
        self.events.append({**event, "user_id": user_id, "at": now(), "payload": copy.deepcopy(payload or {})})

    async def list_events(
        self,
        *,
        after: str | None = None,
        session_id: str | None = None,
        kinds: Sequence[str] | None = None,
        user_id: str | None = None,
        limit: int | None = None,
    ) -> list[dict[str, Any]]:
        wanted = None if kinds is None else set(kinds)
        found = [
            copy.deepcopy(event)
            for event in list(self.events)
            if (after is None or event["event_id"] > after)
            and (session_id is None or event["session_id"] == session_id)
            and (wanted is None or event["kind"] in wanted)
            and (user_id is None or event["user_id"] == user_id)
        ]
        return found if limit is None else found[max(len(found) - limit, 0) :]

    async def delete_events(self, *, user_id: str) -> None:
        with self._guard:
            self.events = [event for event in self.events if event["user_id"] != user_id]

    def exclusive_period(self) -> int:
        return 0

    async def update_session(self, session_id: str, changes: dict[str, Any]) -> None:
        with self._guard:
            self._messages_of(session_id)
            self._sessions[session_id].update(copy.deepcopy(changes), updated_at=now())

    async def delete_session(self, session_id: str) -> None:
        with self._guard:
            self._sessions.pop(session_id, None)
            self._messages.pop(session_id, None)
            self.events = [event for event in self.events if event["session_id"] != session_id]

    async def clear_messages(self, session_id: str) -> None:
        with self._guard:
            self._messages_of(session_id).clear()

    async def set_active_branch(self, session_id: str, message_ids: Sequence[str]) -> None:
        active = set(message_ids)
        with self._guard:
            for message in self._messages_of(session_id).values():
                message.is_active_branch = message.message_id in active

    async def list_sessions(
        self,
        *,
        user_id: str | None = None,
        provider: str | None = None,
        status: str | None = None,
        tags: Sequence[str] | None = None,
        text: str | None = None,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> list[dict[str, Any]]:
        earliest = as_utc(since) if since else None
        with self._guard:
            found = [
                self._with_count(record)
                for record in self._sessions.values()
                if (user_id is None or record["user_id"] == user_id)
                and (provider is None or record["provider"] == provider)
                and (status is None or record["status"] == status)
                and set(tags or ()) <= set(record["tags"])
                and (earliest is None or record["last_activity"] >= earliest)
                and (text is None or self._mentions(record, text))
            ]
        found.sort(key=lambda record: record["last_activity"], reverse=True)
        return found[:limit]

    async def health_check(self) -> dict[str, Any]:
        return {"status": "healthy", "backend": "memory", **self.get_memory_usage()}

    async def close(self) -> None:
        """Keep everything: the memory goes with the object."""

    async def get_database_stats(self) -> dict[str, Any]:
        """Return counts, as the other storages do."""
        return {"backend": "memory", **self.get_memory_usage()}

    async def optimize_database(self) -> dict[str, Any]:
        """Return that there is nothing to do."""
        return {"optimized": True, "backend": "memory"}

    def get_memory_usage(self) -> dict[str, Any]:
        """Return the number of sessions and messages, the limit, and the texts' size in bytes."""
        with self._guard:
            messages = [message for kept in self._messages.values() for message in kept.values()]
            return {
                "sessions": len(self._sessions),
                "messages": len(messages),
                "max_sessions": self.max_sessions,
                "content_bytes": sum(sys.getsizeof(message.content) for message in messages),
            }

    def clear_all(self) -> None:
        """Forget everything."""
        with self._guard:
            self._sessions.clear()
            self._messages.clear()
            self.events.clear()

    def _messages_of(self, session_id: str) -> dict[str, SessionMessage]:
        if session_id not in self._messages:
            raise SessionNotFoundError(f"There is no session {session_id} in memory.", session_id)
        return self._messages[session_id]

    def _with_count(self, record: dict[str, Any]) -> dict[str, Any]:
        messages = self._messages[record["session_id"]].values()
        return {**copy.deepcopy(record), "message_count": sum(message.is_active_branch for message in messages)}

    def _mentions(self, record: dict[str, Any], text: str) -> bool:
        messages = self._messages[record["session_id"]].values()
        texts = [record["title"], record["description"], *(message.content for message in messages)]
        return any(text.casefold() in (candidate or "").casefold() for candidate in texts)

    def _make_room(self) -> None:
        while len(self._sessions) >= max(self.max_sessions, 1):
            oldest = min(self._sessions.values(), key=lambda record: record["last_activity"])["session_id"]
            logger.warning("memory storage is full (%d sessions); let go of session %s", self.max_sessions, oldest)
            del self._sessions[oldest], self._messages[oldest]
