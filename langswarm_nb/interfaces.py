"""The extension points, and the values that they speak in.

A class implements what is abstract; every other method has a default that either works through those or says
which method is missing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Hashable, Sequence
from datetime import datetime
from typing import Any, NoReturn

from .errors import StorageError
from .models import SessionConfig, SessionContext, SessionMessage, SessionMetrics, SessionStatus, Usage
from .stream_events import (
    Completed,
    HistoryLeftOut,
    ProviderEvent,
    ReasoningDelta,
    Retrying,
    StreamEvent,
    TextDelta,
    ToolCall,
    ToolResult,
    TurnCompleted,
    TurnStarted,
    UsageUpdate,
)

__all__ = [
    "Completed",
    "HistoryLeftOut",
    "IProviderSession",
    "ISession",
    "ISessionLifecycleHook",
    "ISessionManager",
    "ISessionMiddleware",
    "ISessionStorage",
    "ProviderEvent",
    "ReasoningDelta",
    "Retrying",
    "SessionConfig",
    "SessionContext",
    "SessionMessage",
    "SessionMetrics",
    "SessionStatus",
    "StreamEvent",
    "TextDelta",
    "ToolCall",
    "ToolResult",
    "TurnCompleted",
    "TurnStarted",
    "Usage",
    "UsageUpdate",
]


class IProviderSession(ABC):
    """One conversation with a model.

    Optional methods, used where a class has them:

    - `send_message_stream(content, role="user", metadata=None)`: an async generator of `str` or provider events;
    - of both `send_message` and `send_message_stream`, the keywords `parts` (attachments), `tools`, `tool_results` and
      `output_schema`: a provider that has one of them is given what there is, of one that has not the session says so;
    - `context_window`: how many tokens the model reads, by which a long history is cut;
    - `create_provider_session()`: async, called once before the first turn of a new session;
    - `restore(messages)`: "the conversation so far is this"; called when a stored session is reopened and whenever
      the history changed other than by a plain turn. A provider without it hears of a system message through
      `update_provider_config({"system_prompt": text})`.
    """

    @property
    @abstractmethod
    def provider_session_id(self) -> str | None:
        """The id under which the provider knows the conversation."""

    @abstractmethod
    async def send_message(
        self, content: str, role: str = "user", metadata: dict[str, Any] | None = None
    ) -> SessionMessage:
        """Send `content` and return the reply."""

    @abstractmethod
    async def get_provider_metadata(self) -> dict[str, Any]:
        """Return what is worth knowing of the conversation at the provider; never a key."""

    @abstractmethod
    async def update_provider_config(self, config: dict[str, Any]) -> None:
        """Merge `config` into the options of the turns to come."""

    @abstractmethod
    async def cleanup_provider_resources(self) -> None:
        """Let go of connections and memory; the conversation at the provider stays."""


class ISessionStorage(ABC):
    """Where sessions and messages are kept.

    A session's record is a dict with the columns of `sessions` (`config` and `context` as dicts), and, where cheap,
    `message_count` and `last_activity`.
    """

    @abstractmethod
    async def create_session(
        self,
        session_id: str,
        user_id: str,
        provider: str,
        model: str,
        config: SessionConfig,
        context: SessionContext,
    ) -> None:
        """Store a new, active session; durable on return."""

    @abstractmethod
    async def get_session(self, session_id: str) -> dict[str, Any] | None:
        """Return the session's record, or None."""

    @abstractmethod
    async def add_message(self, session_id: str, message: SessionMessage) -> None:
        """Store `message`; durable on return. A `message_id` that is stored already changes nothing."""

    @abstractmethod
    async def get_messages(
        self,
        session_id: str,
        limit: int | None = None,
        role: str | None = None,
        since: datetime | None = None,
    ) -> list[SessionMessage]:
        """Return the active branch, oldest first; `limit` keeps the newest, `since` is inclusive."""

    @abstractmethod
    async def health_check(self) -> dict[str, Any]:
        """Return `{"status": "healthy" | "unhealthy", ...}`; never raises."""

    @abstractmethod
    async def close(self) -> None:
        """Write what is pending and let go of files and connections; calling it twice does no harm."""

    async def add_messages(self, session_id: str, messages: Sequence[SessionMessage]) -> None:
        """Store several messages, in order."""
        for message in messages:
            await self.add_message(session_id, message)

    async def replace_messages(self, session_id: str, messages: Sequence[SessionMessage]) -> None:
        """Store `messages` in place of all that the session has, of every branch."""
        await self.clear_messages(session_id)
        await self.add_messages(session_id, messages)

    async def checkpoint(self, message: SessionMessage) -> None:
        """Keep the text of a reply that is still streaming, best effort; `add_message` supersedes it."""

    async def add_event(
        self,
        kind: str,
        session_id: str | None = None,
        message_id: str | None = None,
        user_id: str | None = None,
        payload: dict[str, Any] | None = None,
    ) -> None:
        """Append to the audit trail, where the storage keeps one."""

    async def list_events(
        self,
        *,
        after: str | None = None,
        session_id: str | None = None,
        kinds: Sequence[str] | None = None,
        user_id: str | None = None,
        limit: int | None = None,
    ) -> list[dict[str, Any]]:
        """Return rows of the audit trail, oldest first; `limit` keeps the newest. One that keeps no trail returns none.

        `after` is an `event_id`: only events with a greater one are returned.
        """
        return []

    async def delete_events(self, *, user_id: str) -> None:
        """Remove the user's rows from the audit trail, for good, where the storage keeps one."""

    def exclusive_period(self) -> Hashable | None:
        """Return a value that stays the same for as long as no other process can have written; None where unknown."""
        return None

    async def update_session(self, session_id: str, changes: dict[str, Any]) -> None:
        """Change columns of the session's record: status, title, tags, config, context, provider_session_id, ..."""
        self._missing("update_session")

    async def update_context(self, session_id: str, context: SessionContext) -> None:
        """Store `context` in place of the one before."""
        await self.update_session(session_id, {"context": context.to_dict()})

    async def delete_session(self, session_id: str) -> None:
        """Remove the session and all that belongs to it, for good."""
        self._missing("delete_session")

    async def clear_messages(self, session_id: str) -> None:
        """Remove the session's messages, for good."""
        self._missing("clear_messages")

    async def set_active_branch(self, session_id: str, message_ids: Sequence[str]) -> None:
        """Make exactly `message_ids` the session's active branch."""
        self._missing("set_active_branch")

    async def get_all_messages(self, session_id: str) -> list[SessionMessage]:
        """Return the messages of every branch, oldest first."""
        return await self.get_messages(session_id)

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
        """Return the records that meet every condition, most recently active first.

        `tags` must all be there; `text` is looked for in title, description and messages, in any case;
        `since` is inclusive and means the last activity.
        """
        self._missing("list_sessions")

    def _missing(self, method: str) -> NoReturn:
        name = type(self).__name__
        raise StorageError(f"{name} has no {method}(). Write it to use this feature with {name}.")


class ISessionMiddleware(ABC):
    """Sees every message, both ways; may change it or refuse it by raising."""

    @abstractmethod
    async def process_message(
        self, session_id: str, message: SessionMessage, context: SessionContext
    ) -> SessionMessage | None:
        """Return the message to go on with; None means the one that came in."""

    async def on_error(self, session_id: str, error: Exception, context: SessionContext) -> None:
        """Hear of a turn that failed."""


class ISessionLifecycleHook:
    """Hears of what happened; override what matters. A hook that raises is logged and breaks nothing."""

    async def on_session_created(self, session_id: str, user_id: str, provider: str, model: str) -> None: ...

    async def on_session_archived(self, session_id: str) -> None: ...

    async def on_session_deleted(self, session_id: str) -> None: ...

    async def on_message_sent(self, session_id: str, message: SessionMessage) -> None: ...

    async def on_message_received(self, session_id: str, message: SessionMessage) -> None: ...

    async def on_context_updated(self, session_id: str, context: SessionContext) -> None: ...

    async def on_session_error(self, session_id: str, error: Exception) -> None: ...

    async def drain(self) -> None:
        """Finish what was begun; called before the manager lets its storage go."""


class ISession(ABC):
    """What a conversation offers; `langswarm_nb.session.session.Session` is the implementation."""

    session_id: str
    user_id: str
    provider: str
    model: str

    @abstractmethod
    async def send_message(
        self, content: str, role: str = "user", metadata: dict[str, Any] | None = None
    ) -> SessionMessage:
        """Send `content` and return the stored reply."""

    @abstractmethod
    def stream(
        self, content: str, role: str = "user", metadata: dict[str, Any] | None = None
    ) -> AsyncIterator[StreamEvent]:
        """Send `content` and yield what happens until the reply is stored."""

    @abstractmethod
    async def get_messages(
        self, limit: int | None = None, role: str | None = None, since: datetime | None = None
    ) -> list[SessionMessage]:
        """Return the conversation, oldest first; `limit` keeps the newest."""

    @abstractmethod
    async def get_metrics(self) -> SessionMetrics:
        """Return the conversation in numbers."""


class ISessionManager(ABC):
    """Opens sessions and looks after them; `langswarm_nb.manager.manager.SessionManager` is the implementation."""

    @abstractmethod
    async def create_session(
        self,
        user_id: str,
        provider: str,
        model: str,
        session_config: SessionConfig | dict[str, Any] | None = None,
        provider_config: dict[str, Any] | None = None,
    ) -> ISession:
        """Return a new, stored session."""

    @abstractmethod
    async def get_session(self, session_id: str) -> ISession:
        """Return a stored session; SessionNotFoundError where there is none."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what is pending and let go of everything."""
