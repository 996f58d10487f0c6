"""A conversation that OpenAI keeps: which of our messages it holds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ...attachments import marks_of
from ...errors import ConfigurationError
from ...models import SessionMessage
from ..history import tool_calls

# Limits of the API for a conversation's metadata.
_PAIRS, _KEY_LENGTH, _VALUE_LENGTH = 16, 64, 512


class Conversation:
    """The server's side of the history.

    A turn's input and output become part of the conversation by themselves. So what it lacks (a system message, one
    that was added by hand) goes along in front of the next question. Where it holds something that our history does
    not have any more (an edit, a reply that was stopped, a failure in the middle), a new conversation is started
    that gets the whole history with its first question; the old one is left as it is.
    """

    def __init__(self, conversation_id: str | None = None) -> None:
        self.id = conversation_id
        # None: opened again from its id, so that only the messages' own marks tell what it holds.
        self._held: list[tuple[Any, ...]] | None = None if conversation_id else []
        self._doubtful = False

    def started(self, conversation_id: str) -> None:
        """Go on in a new, empty conversation."""
        self.id = conversation_id
        self._held = []
        self._doubtful = False

    def completed(self, messages: Sequence[SessionMessage]) -> None:
        """Take down that the conversation now holds exactly `messages`."""
        self._held = [_mark(message) for message in messages]
        self._doubtful = False

    def doubt(self) -> None:
        """Take down that nobody knows what the conversation holds now."""
        self._doubtful = True

    def missing(self, messages: Sequence[SessionMessage]) -> list[SessionMessage] | None:
        """Return which of `messages` it lacks, at their end; None where it holds something else."""
        if self.id is None or self._doubtful:
            return None
        held = self._held_by_marks(messages) if self._held is None else self._held
        if held is None or [_mark(message) for message in messages[: len(held)]] != held:
            return None
        return list(messages[len(held) :])

    def _held_by_marks(self, messages: Sequence[SessionMessage]) -> list[tuple[Any, ...]] | None:
        replies = [index for index, message in enumerate(messages) if message.role == "assistant"]
        ours = all(messages[index].status == "complete" and signed_by(messages[index]) == self.id for index in replies)
        last = replies[-1] + 1 if replies else 0
        return [_mark(message) for message in messages[:last]] if ours else None


def signed_by(message: SessionMessage) -> str | None:
    """Return the id of the conversation that a stored reply came from."""
    return message.provider_metadata.get("conversation")


def last_conversation(messages: Sequence[SessionMessage]) -> str | None:
    """Return the id of the conversation that the newest reply came from."""
    return next((signed_by(message) for message in reversed(messages) if message.role == "assistant"), None)


def conversation_metadata(pairs: dict[str, Any]) -> dict[str, str]:
    """Return `pairs` as the API takes them, as texts; ConfigurationError beyond its limits."""
    texts = {str(key): value if isinstance(value, str) else json.dumps(value) for key, value in pairs.items()}
    if len(texts) > _PAIRS:
        raise ConfigurationError(f"thread_metadata takes {_PAIRS} pairs at most; it has {len(texts)}.")
    for key, value in texts.items():
        if len(key) > _KEY_LENGTH or len(value) > _VALUE_LENGTH:
            raise ConfigurationError(
                f"thread_metadata takes keys of {_KEY_LENGTH} and values of {_VALUE_LENGTH} characters at most; "
                f"{key[:_KEY_LENGTH]!r} is longer."
            )
    return texts


def _mark(message: SessionMessage) -> tuple[Any, ...]:
    calls = tuple(call.call_id for call in tool_calls(message))
    return message.role, message.content, message.tool_call_id, calls, marks_of(message.parts)
