"""A session as one of its people may use it."""

from __future__ import annotations

import copy
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeVar

from ..attachments import named_paths
from ..errors import SessionNotFoundError, SessionPermissionError
from ..interfaces import ISession, ISessionStorage
from ..models import SessionConfig, SessionMessage, SessionMetrics
from ..session.session import Session
from ..session.turn import reply_of
from ..stream_events import StreamEvent, TurnCompleted
from .collaboration import Collaboration, signed
from .permissions import ADMIN, READ, WRITE, granted, participants_in, require

T = TypeVar("T")


def _needing(permission: str, names: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), permission)


# What each of a session's methods and properties asks for. One that is named nowhere here cannot be reached.
NEEDED = {
    **_needing(
        READ,
        """
        session_id user_id provider model status created_at last_activity message_count is_busy context
        provider_session_id get_messages get_all_messages get_message get_question get_branches get_context
        get_metrics get_provider_metadata export_conversation refresh
        """,
    ),
    **_needing(
        WRITE,
        """
        send_message send_message_stream stream send_structured regenerate stream_regenerated edit stream_edited
        switch_branch update_context cancel
        """,
    ),
    **_needing(
        ADMIN,
        """
        add_message add_messages send_system_message clear_messages update_config archive unarchive rest
        move_to_trash delete close
        """,
    ),
}
# What would lead past the boundary: the provider's own object, and the package's own tools.
WITHHELD = frozenset(
    _needing(
        "nobody",
        """
        provider_session replace_context set_tags paused store take tools register_tool unregister_tool approve_tools
        take_tools_of take_from_trash ask_through
        """,
    )
)


class UserSession(ISession):
    """Somebody's own session, or one that they take part in: every call is checked against what the store allows.

    What they send bears their name in a collaborative session, whatever the metadata say.
    """

    def __init__(self, session: Session, user_id: str, storage: ISessionStorage, collaboration: Collaboration) -> None:
        self._session = session
        self._user = user_id
        self._collaboration = collaboration
        self._held = frozenset[str]()
        self.storage = storage

    def __repr__(self) -> str:
        return f"<{self._user}'s view of {self._session!r}>"

    @property
    def config(self) -> SessionConfig:
        """A copy of how the session behaves; `update_config` changes it."""
        return copy.deepcopy(self._session.config)

    async def look(self) -> UserSession:
        """Return this view after asking the store what the user may do; SessionNotFoundError where that is nothing."""
        await self._session.refresh()
        context = await self._session.get_context()
        self._held = granted(self._session.user_id, context, self._user)
        if READ not in self._held or self._session.status == "deleted":
            raise not_here(self._session.session_id)
        return self

    async def send_message(
        self, content: str, role: str = "user", metadata: dict[str, Any] | None = None, *, attachments: Any = None
    ) -> SessionMessage:
        if role == "system":
            return await self.send_system_message(content, metadata)
        return await reply_of(self.stream(content, role, metadata, attachments=attachments))

    async def send_message_stream(
        self, content: str, role: str = "user", metadata: dict[str, Any] | None = None, *, attachments: Any = None
    ) -> AsyncGenerator[str, None]:
        """Send `content` and yield the reply's text as it comes."""
        await self._require(WRITE if role == "user" else ADMIN)
        self._require_contents(attachments)
        texts = self._session.send_message_stream(content, role, self._signed(metadata), attachments=attachments)
        async with aclosing(texts):
            async for text in texts:
                yield text

    async def stream(
        self, content: str, role: str = "user", metadata: dict[str, Any] | None = None, *, attachments: Any = None
    ) -> AsyncIterator[StreamEvent]:
        await self._require(WRITE if role == "user" else ADMIN)
        self._require_contents(attachments)
        events = self._session.stream(content, role, self._signed(metadata), attachments=attachments)
        async with aclosing(events):
            async for event in events:
                if isinstance(event, TurnCompleted) and self._is_shared():
                    await self._collaboration.announce(self._session, self._user, event.message)
                yield event

    async def edit(self, message_id: str, content: str) -> SessionMessage:
        """Return the reply to `content` in place of the user's own message `message_id`."""
        return await reply_of(self.stream_edited(message_id, content))

    async def stream_edited(self, message_id: str, content: str) -> AsyncIterator[StreamEvent]:
        """Send `content` in place of the user's own message and yield what happens."""
        await self._require(WRITE)
        original = await self._session.get_message(message_id)
        author = original.metadata.get("participant", self._session.user_id)
        if author != self._user:
            raise SessionPermissionError(
                f"Message {message_id} is by somebody else; only its author can edit it.", self._session.session_id
            )
        async with aclosing(self._session.stream_edited(message_id, content)) as events:
            async for event in events:
                yield event

    async def send_structured(
        self, content: str, model: type[T], *, metadata: dict[str, Any] | None = None, attachments: Any = None
    ) -> T:
        """Send `content` and return the reply as a validated `model`."""
        await self._require(WRITE)
        self._require_contents(attachments)
        return await self._session.send_structured(
            content, model, metadata=self._signed(metadata), attachments=attachments
        )

    async def get_messages(self, *args: Any, **kwargs: Any) -> list[SessionMessage]:
        await self._require(READ)
        return await self._session.get_messages(*args, **kwargs)

    async def get_metrics(self) -> SessionMetrics:
        await self._require(READ)
        return await self._session.get_metrics()

    def __getattr__(self, name: str) -> Any:
        needed = NEEDED.get(name)
        if needed is None or name.startswith("_"):
            raise AttributeError(f"a user's view of a session has no {name!r}")
        found = getattr(self._session, name)
        if inspect.isasyncgenfunction(found):
            return self._guarded_stream(found, needed)
        if inspect.iscoroutinefunction(found):
            return self._guarded(found, needed)
        if callable(found):
            require(needed, self._held, self._session.session_id, self._user)
            # Streams that a plain method returns are checked when they are begun.
            return self._guarded_stream(found, needed) if name.startswith("stream") else found
        return found

    def _guarded(self, method: Callable[..., Awaitable[Any]], needed: str) -> Callable[..., Awaitable[Any]]:
        async def checked(*args: Any, **kwargs: Any) -> Any:
            await self._require(needed)
            return await method(*args, **kwargs)

        return checked

    def _guarded_stream(self, method: Callable[..., Any], needed: str) -> Callable[..., AsyncGenerator[Any, None]]:
        async def checked(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
            await self._require(needed)
            async with aclosing(method(*args, **kwargs)) as items:
                async for item in items:
                    yield item

        return checked

    async def _require(self, permission: str) -> None:
        await self.look()
        require(permission, self._held, self._session.session_id, self._user)

    def _require_contents(self, attachments: Any) -> None:
        # A path names a file of this machine, which is not the user's.
        if named_paths(attachments):
            raise SessionPermissionError(
                "A user's view of a session reads no files. Attach their content as bytes.", self._session.session_id
            )

    def _is_shared(self) -> bool:
        return bool(participants_in(self._session.context))

    def _signed(self, metadata: dict[str, Any] | None) -> dict[str, Any]:
        unsigned = {name: value for name, value in (metadata or {}).items() if name != "participant"}
        return signed(unsigned, self._user) if self._is_shared() else unsigned


def not_here(session_id: str) -> SessionNotFoundError:
    """Return the error for a session that there is not, or that the user may not know of."""
    return SessionNotFoundError(f"There is no session {session_id} in this store.", session_id)
