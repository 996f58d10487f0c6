"""Where a session's next message goes, and which path through its branches is the active one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..clock import new_id, now
from ..errors import SessionNotFoundError, SessionStateError
from ..interfaces import ISessionStorage
from ..models import SessionMessage
from . import branches


class Conversation:
    """The end of the active branch, kept in memory so that a turn need not read the history.

    `message_count` is that of a stored session, None for a new one; `load` reads the rest before the first write.
    """

    def __init__(
        self, session_id: str, storage: ISessionStorage, message_count: int | None, last_activity: datetime
    ) -> None:
        self._session_id = session_id
        self._storage = storage
        self._loaded = message_count is None
        self._last_id: str | None = None
        self._seq = 0
        self._turn = 0
        self.count = message_count or 0
        self.last_activity = last_activity

    async def load(self) -> None:
        """Read where the stored conversation ends, once."""
        if not self._loaded:
            self._continue_after(await self._storage.get_messages(self._session_id))

    async def catch_up(self) -> bool:
        """Read the stored conversation anew if its end is no longer the one known here; return whether it was."""
        if not self._loaded:
            return False
        newest = await self._storage.get_messages(self._session_id, limit=1)
        if [message.message_id for message in newest] == [i for i in [self._last_id] if i is not None]:
            return False
        self._continue_after(await self._storage.get_messages(self._session_id))
        return True

    def note(self, message_count: int | None, last_activity: datetime | None) -> None:
        """Take over the store's count and time, as long as the conversation itself was not read."""
        if not self._loaded and message_count is not None and last_activity is not None:
            self.count, self.last_activity = message_count, last_activity

    def forget(self) -> None:
        """Read the stored conversation anew before the next write."""
        self._loaded = False

    def restart(self) -> None:
        """Begin anew, without messages."""
        self._continue_after([])

    def next_message(self, role: str, content: str, metadata: dict[str, Any] | None) -> SessionMessage:
        """Return a new message at the end."""
        return SessionMessage(
            new_id(),
            self._session_id,
            role,
            content,
            now(),
            metadata=dict(metadata or {}),
            parent_id=self._last_id,
            seq=self._seq + 1,
            turn=self._turn + (role == "user"),
            author_name=(metadata or {}).get("participant"),
        )

    def reply_to(self, question: SessionMessage, provider: str, model: str, options: dict[str, Any]) -> SessionMessage:
        """Return the empty reply that answers `question`."""
        return SessionMessage(
            new_id(),
            self._session_id,
            "assistant",
            "",
            now(),
            parent_id=question.message_id,
            seq=(question.seq or 0) + 1,
            turn=question.turn,
            provider=provider,
            request_model=model,
            temperature=options.get("temperature"),
            max_tokens=options.get("max_tokens"),
            reasoning_level=options.get("reasoning_level"),
        )

    def beside(self, behind: SessionMessage, provider: str, model: str, purpose: str) -> SessionMessage:
        """Return an empty reply that is stored for what it cost and belongs to no branch."""
        return SessionMessage(
            new_id(),
            self._session_id,
            "assistant",
            "",
            now(),
            metadata={branches.PURPOSE: purpose},
            parent_id=behind.message_id,
            seq=behind.seq,
            turn=behind.turn,
            is_active_branch=False,
            provider=provider,
            request_model=model,
        )

    def append(self, message: SessionMessage) -> None:
        """Take `message`, which is stored, for the new end."""
        self._last_id = message.message_id
        self._seq = message.seq if message.seq is not None else self._seq + 1
        self._turn = message.turn or self._turn
        self.count += 1
        self.last_activity = max(self.last_activity, message.completed_at or message.timestamp)

    async def find(self, message_id: str) -> SessionMessage:
        """Return one message of any branch; SessionNotFoundError where there is none."""
        return self._pick(await self._storage.get_all_messages(self._session_id), message_id)

    async def question_of(self, reply_id: str) -> SessionMessage:
        """Return the user's message that `reply_id` answers."""
        return self._question_of(await self._storage.get_all_messages(self._session_id), reply_id)

    async def siblings(self, message_id: str) -> list[SessionMessage]:
        """Return the alternatives to `message_id`, itself among them, oldest first."""
        return branches.siblings(await self._storage.get_all_messages(self._session_id), message_id)

    async def switch_to(self, message_id: str) -> None:
        """Make the branch through `message_id` the active one."""
        messages = await self._storage.get_all_messages(self._session_id)
        self._pick(messages, message_id)
        await self._activate(messages, branches.path_through(messages, message_id))

    async def return_to_question(self, reply_id: str | None) -> SessionMessage:
        """Make the user's message that `reply_id` (None: the last reply) answers the end, and return it."""
        messages = await self._storage.get_all_messages(self._session_id)
        question = self._question_of(messages, reply_id)
        await self._activate(messages, branches.path_to(messages, question.message_id))
        return question

    async def return_before(self, message_id: str) -> SessionMessage:
        """Make what came before the user's message `message_id` the end, and return that message."""
        messages = await self._storage.get_all_messages(self._session_id)
        original = self._pick(messages, message_id)
        if original.role != "user":
            raise SessionStateError("Only a user's message can be edited. Regenerate a reply.", self._session_id)
        await self._activate(messages, branches.path_to(messages, original.parent_id))
        return original

    async def _activate(self, messages: list[SessionMessage], path: list[str]) -> None:
        await self._storage.set_active_branch(self._session_id, path)
        by_id = {message.message_id: message for message in messages}
        self._continue_after([by_id[message_id] for message_id in path])

    def _continue_after(self, messages: list[SessionMessage]) -> None:
        self._loaded = True
        self._last_id, self._seq, self._turn, self.count = None, 0, 0, 0
        for message in messages:
            self.append(message)

    def _question_of(self, messages: list[SessionMessage], reply_id: str | None) -> SessionMessage:
        if reply_id is None:
            asked = [message for message in messages if message.is_active_branch and message.role == "user"]
            if not asked:
                raise SessionStateError("There is no message to answer yet. Send one first.", self._session_id)
            return asked[-1]
        message = self._pick(messages, reply_id)
        while message.role != "user":
            if message.parent_id is None:
                raise SessionStateError("This message answers no user's message.", self._session_id)
            message = self._pick(messages, message.parent_id)
        return message

    def _pick(self, messages: list[SessionMessage], message_id: str) -> SessionMessage:
        for message in messages:
            if message.message_id == message_id:
                return message
        raise SessionNotFoundError(f"Session {self._session_id} has no message {message_id}.", self._session_id)
