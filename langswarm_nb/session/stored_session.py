"""A conversation as it is kept: what it holds, what it is called, and what may become of it."""

from __future__ import annotations

import copy
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields as fields_of
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from ..attachments import attached
from ..clock import now
from ..errors import InvalidMessageError
from ..hooks import HookDispatcher
from ..interfaces import ISessionStorage
from ..middleware import MiddlewareChain
from ..models import SessionConfig, SessionContext, SessionMessage, SessionMetrics, SessionStatus
from .conversation import Conversation
from .export import exported
from .freshness import Freshness
from .limits import require_room
from .state import SessionState
from .turnstile import Turnstile

# The event that remembers which status a session had before it came into the trash.
TRASHED = "session.trashed"


class StoredSession:
    """Everything about a session that needs no provider."""

    def __init__(
        self,
        *,
        session_id: str,
        user_id: str,
        provider: str,
        model: str,
        storage: ISessionStorage,
        config: SessionConfig,
        context: SessionContext,
        status: SessionStatus = SessionStatus.ACTIVE,
        created_at: datetime | None = None,
        last_activity: datetime | None = None,
        message_count: int | None = None,
        middleware: MiddlewareChain | None = None,
        hooks: HookDispatcher | None = None,
    ) -> None:
        self.session_id = session_id
        self.user_id = user_id
        self.provider = provider
        self.model = model
        self.created_at = created_at or now()
        self._storage = storage
        self._state = SessionState(session_id, storage, config, context, status)
        self._freshness = Freshness(session_id, storage, new=message_count is None)
        self._middleware = middleware or MiddlewareChain()
        self._hooks = hooks or HookDispatcher()
        self._turns = Turnstile()
        self._conversation = Conversation(session_id, storage, message_count, last_activity or self.created_at)

    def __repr__(self) -> str:
        name = f" {self.config.name!r}" if self.config.name else ""
        return (
            f"<Session{name} {self.session_id}: {self.user_id} with {self.provider}/{self.model}, "
            f"{self.message_count} messages, {self.status}>"
        )

    @property
    def status(self) -> SessionStatus:
        """Where the session is in its life."""
        return self._state.status

    @property
    def config(self) -> SessionConfig:
        """How the session behaves; `update_config` changes it."""
        return self._state.config

    @property
    def storage(self) -> ISessionStorage:
        """Where the session is kept."""
        return self._storage

    @property
    def message_count(self) -> int:
        """How many messages the active branch has."""
        return self._conversation.count

    @property
    def last_activity(self) -> datetime:
        """When the last message was written, or the session created."""
        return self._conversation.last_activity

    @property
    def is_busy(self) -> bool:
        """Whether a turn is under way."""
        return self._turns.busy

    @property
    def context(self) -> SessionContext:
        """The context as last seen; `get_context` asks the store."""
        return copy.deepcopy(self._state.context)

    async def send_system_message(self, content: str, metadata: dict[str, Any] | None = None) -> SessionMessage:
        """Store an instruction that the model reads from the next turn on, and return it."""
        return await self.add_message("system", content, metadata=metadata)

    async def add_message(
        self,
        role: str,
        content: str,
        timestamp: datetime | None = None,
        metadata: dict[str, Any] | None = None,
        **fields: Any,
    ) -> SessionMessage:
        """Store a message without calling the provider, and return it; `fields` are SessionMessage's own."""
        described = {"role": role, "content": content, "timestamp": timestamp, "metadata": metadata, **fields}
        return (await self.add_messages([described]))[0]

    async def add_messages(self, messages: Iterable[SessionMessage | Mapping[str, Any]]) -> list[SessionMessage]:
        """Store several messages in one go without calling the provider, and return them.

        A mapping holds the arguments of `add_message`; a SessionMessage goes in with its own id and time.
        """
        wanted = [_arguments(message) for message in messages]
        for _, content, _, fields in wanted:
            self._require_content(content, attached(fields.get("parts") or ()))
        async with self._turns:
            await self._require_open()
            added: list[SessionMessage] = []
            try:
                for role, content, metadata, fields in wanted:
                    message = replace(self._conversation.next_message(role, content, metadata), **fields)
                    message = await self._middleware.process(message, self._state.context, reply=role == "assistant")
                    self._conversation.append(message)
                    added.append(message)
                await self._storage.add_messages(self.session_id, added)
            except BaseException:
                self._conversation.forget()
                raise
            self._freshness.wrote()
            self._history_changed()
            return added

    async def get_messages(
        self, limit: int | None = None, role: str | None = None, since: datetime | None = None
    ) -> list[SessionMessage]:
        """Return the active branch, oldest first; `limit` keeps the newest, `since` is inclusive."""
        return await self._storage.get_messages(self.session_id, limit, role, since)

    async def get_all_messages(self) -> list[SessionMessage]:
        """Return the messages of every branch, oldest first."""
        return await self._storage.get_all_messages(self.session_id)

    async def get_message(self, message_id: str) -> SessionMessage:
        """Return one message of any branch; SessionNotFoundError where there is none."""
        return await self._conversation.find(message_id)

    async def get_question(self, reply_id: str) -> SessionMessage:
        """Return the user's message that a reply, or a call or result on the way to it, answers."""
        return await self._conversation.question_of(reply_id)

    async def get_branches(self, message_id: str) -> list[SessionMessage]:
        """Return the alternatives to `message_id`, itself among them, oldest first."""
        return await self._conversation.siblings(message_id)

    async def switch_branch(self, message_id: str) -> None:
        """Make the branch through `message_id` the active one."""
        async with self._turns:
            await self._look()
            await self._conversation.switch_to(message_id)
            self._freshness.wrote()
            self._history_changed()

    async def clear_messages(self) -> None:
        """Remove every message, for good."""
        async with self._turns:
            await self._require_open()
            await self._storage.clear_messages(self.session_id)
            self._conversation.restart()
            self._freshness.wrote()
            self._history_changed()

    async def update_context(self, values: dict[str, Any]) -> None:
        """Merge `values`, which must be JSON-ready, into `user_context`."""
        await self._look_at_state()
        context = await self._state.update_context(values)
        await self._tell_of_context(context)

    async def replace_context(self, context: SessionContext) -> None:
        """Store `context`, as changed by the caller after `get_context`, in place of the one before."""
        await self._tell_of_context(await self._state.replace_context(context))

    async def get_context(self) -> SessionContext:
        """Return a copy of the context; `update_context` changes it."""
        await self._look_at_state()
        return copy.deepcopy(self._state.context)

    async def update_config(self, changes: dict[str, Any]) -> SessionConfig:
        """Change the session's configuration and return it; `provider_config` reaches the provider at once.

        An option that a new `provider_config` does not have goes back to the provider's default.
        """
        await self._look_at_state()
        before = self.config.provider_config
        config = await self._state.update_config(changes)
        self._freshness.wrote()
        options = dict(changes.get("provider_config") or {})
        if "provider_config" in changes:
            options = dict.fromkeys(before) | options
        if "system_prompt" in changes:
            options["system_prompt"] = changes["system_prompt"]
        if options:
            await self._provider_options_changed(options)
        return config

    async def set_tags(self, tags: Sequence[str]) -> None:
        """Replace the session's tags, those that the package set itself included."""
        await self._look_at_state()
        await self._state.set_tags(list(tags))
        self._freshness.wrote()

    async def get_metrics(self) -> SessionMetrics:
        """Return the active branch in numbers."""
        return SessionMetrics.of(await self.get_messages())

    async def export_conversation(self) -> dict[str, Any]:
        """Return `session`, `messages` and `metrics` as JSON-ready values."""
        await self._look_at_state()
        return exported(self, self._state.context, await self.get_messages())

    async def archive(self) -> None:
        """Make the session read-only."""
        if await self._change_status(SessionStatus.ARCHIVED):
            await self._let_provider_go()
            await self._hooks.notify("on_session_archived", self.session_id)

    async def unarchive(self) -> None:
        """Let the session go on."""
        await self._change_status(SessionStatus.ACTIVE)
        self._history_changed()

    async def rest(self) -> None:
        """Mark the session as idle; the next message wakes it."""
        await self._change_status(SessionStatus.IDLE)

    async def move_to_trash(self) -> None:
        """Stop what is under way and set the session aside as deleted; `take_from_trash` brings it back whole."""
        await self._stop()
        before = self.status
        if await self._change_status(SessionStatus.DELETED):
            await self._let_provider_go()
            await self._storage.add_event(TRASHED, self.session_id, payload={"status": str(before)})

    async def take_from_trash(self) -> None:
        """Give a session in the trash the status back that it had before; any other stays as it is."""
        async with self._turns:
            await self._state.refresh()
            if self.status is not SessionStatus.DELETED:
                return
            trail = await self._storage.list_events(session_id=self.session_id, kinds=[TRASHED], limit=1)
            before = trail[0]["payload"].get("status") if trail else None
            archived = before == SessionStatus.ARCHIVED
            await self._state.put_back(SessionStatus.ARCHIVED if archived else SessionStatus.ACTIVE)
        self._freshness.wrote()
        self._history_changed()
        await self._storage.add_event("session.restored", self.session_id)

    async def delete(self) -> None:
        """Remove the session and all its messages, for good."""
        await self._stop()
        async with self._turns:
            await self._storage.delete_session(self.session_id)
            self._state.status = SessionStatus.DELETED
            self._freshness.wrote()
        await self._let_provider_go()
        await self._hooks.notify("on_session_deleted", self.session_id)

    async def store(self) -> None:
        """Write the new session into its store."""
        await self._storage.create_session(
            self.session_id, self.user_id, self.provider, self.model, self.config, self._state.context
        )

    async def refresh(self) -> None:
        """Take over what others wrote; while a turn is under way, only of status, configuration and context."""
        if self.is_busy:
            await self._look_at_state()
            return
        async with self._turns:
            await self._look()

    def take(self, record: Mapping[str, Any]) -> None:
        """Take over what a record read just now says, where others may have written since the last look."""
        if not self._freshness.is_current() and self._state.take(record):
            self._conversation.note(record.get("message_count"), record.get("last_activity"))

    @asynccontextmanager
    async def paused(self) -> AsyncGenerator[None, None]:
        """Let no turn begin while the caller changes what the store has of this session."""
        async with self._turns:
            yield
            self._conversation.forget()
            self._freshness.wrote()
            self._history_changed()

    def _require_content(self, content: object, attachments: Any = None) -> None:
        if not isinstance(content, str) or not (content.strip() or _is_something(attachments)):
            raise InvalidMessageError("The message is empty. Write something and send it again.", self.session_id)

    async def _require_open(self) -> None:
        await self._look()
        await self._conversation.load()
        before = self.status
        try:
            await self._state.wake(self.last_activity)
        finally:
            if self.status is not before:
                self._freshness.wrote()
                if self.status is SessionStatus.ARCHIVED:
                    await self._hooks.notify("on_session_archived", self.session_id)
        require_room(self.session_id, self.config, self.message_count, await self._spent())

    async def _spent(self) -> Decimal | None:
        """Return what the session has cost on every branch; None where no budget asks."""
        if self.config.max_cost_usd is None:
            return None
        costs = [message.cost_usd for message in await self.get_all_messages()]
        return sum((cost for cost in costs if cost is not None), Decimal(0))

    async def _look_at_state(self) -> None:
        if not self._freshness.is_current():
            await self._state.refresh()

    async def _look(self) -> None:
        """Bring all that is kept here into step with the store, where others may have written; between turns only."""
        if self._freshness.is_current():
            return
        period = self._freshness.begin_look()
        record = await self._state.refresh()
        self._conversation.note(record.get("message_count"), record.get("last_activity"))
        if await self._conversation.catch_up():
            self._history_changed()
        self._freshness.end_look(period)

    async def _tell_of_context(self, context: SessionContext) -> None:
        self._freshness.wrote()
        await self._hooks.notify("on_context_updated", self.session_id, copy.deepcopy(context))

    async def _change_status(self, status: SessionStatus) -> bool:
        async with self._turns:
            await self._look()
            changed = await self._state.change_status(status)
        self._freshness.wrote()
        return changed

    async def _stop(self) -> None:
        """Stop what is under way; one who talks to a provider says how."""

    async def _let_provider_go(self) -> None:
        """Let go of what a provider holds, where there is one."""

    async def _provider_options_changed(self, options: dict[str, Any]) -> None:
        """Hear of options for the turns to come."""

    def _history_changed(self) -> None:
        """Hear that the conversation changed other than by a turn."""


def _is_something(attachments: Any) -> bool:
    """Whether there is an attachment; a DataFrame knows no truth of its own."""
    return len(attachments) > 0 if isinstance(attachments, (list, tuple, set, Mapping)) else attachments is not None


def _arguments(message: SessionMessage | Mapping[str, Any]) -> tuple[str, str, dict[str, Any] | None, dict[str, Any]]:
    """Return role, content, metadata, and the fields that are set besides."""
    own = ("session_id", "parent_id", "seq", "turn")
    if isinstance(message, SessionMessage):
        message = {f.name: getattr(message, f.name) for f in fields_of(message) if f.name not in own}
    fields = {name: value for name, value in message.items() if value is not None}
    return fields.pop("role"), fields.pop("content"), fields.pop("metadata", None), fields
