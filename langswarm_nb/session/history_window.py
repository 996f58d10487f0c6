"""How much of a long conversation the model is shown, and what becomes of the rest."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..attachments import attached, size_of
from ..clock import new_id, now
from ..errors import ContextWindowExceededError
from ..models import SessionConfig, SessionContext, SessionMessage
from ..pricing import context_window
from ..stream_events import HistoryLeftOut

# English prose has four to five characters a token, code and other languages fewer; too many tokens is the safe error.
CHARACTERS_PER_TOKEN = 3.5
TOKENS_PER_MESSAGE = 6
TOKENS_PER_IMAGE = 1600
BYTES_PER_TOKEN = 30
# No model in the price list reads less; a shorter conversation need not be measured.
SMALLEST_WINDOW = 4000
# Room for the reply where nobody said how long it may be: a part of the window, and no more than this.
LONGEST_REPLY = 32_000
# Estimates err, and a service that is sent one token too many refuses the whole turn.
SAFE_SHARE = 0.95
# What is cut is cut by more than needed: each cut costs the service's cache, and the next one should be far.
KEPT_SHARE = 0.7
# Beyond this, it is the instructions and tools of a short conversation that count, not the way of counting.
_MOST_SCALE = 5.0

SUMMARY_TITLE = "Summary of the earlier conversation"

# Takes what is to be summarized and the message behind which the summary stands.
Summarize = Callable[[Sequence[SessionMessage], SessionMessage], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Shown:
    """The messages that the model is shown, and what was left out of them."""

    messages: list[SessionMessage]
    left_out: HistoryLeftOut | None = None
    summary: dict[str, Any] | None = None


class HistoryWindow:
    """One session's view of how full its model's window is.

    Between cuts it goes by the tokens that the service itself counted for the last turn, so that a turn need not read
    the history to know that it fits.
    """

    def __init__(self, provider: str, model: str, session_id: str) -> None:
        self._provider = provider
        self._model = model
        self._session_id = session_id
        # What the provider itself says that its model reads, where it says so.
        self.told: int | None = None
        self._tokens = 0.0
        self._estimated = 0.0
        self._turns = 0
        self._policy: str | int | None = None
        self._left_out: HistoryLeftOut | None = None

    def took(self, messages: Sequence[SessionMessage]) -> None:
        """Take note of a turn that the provider has taken part in."""
        self._turns += 1
        self._estimated += _estimated(messages)
        counted = next((m.usage for m in reversed(messages) if m.usage.input_tokens is not None), None)
        if counted is not None:
            self._tokens = float(counted.total_tokens or 0)
        else:
            self._tokens += _estimated(messages)

    async def still_fits(self, said: Sequence[SessionMessage], config: SessionConfig) -> bool:
        """Return whether what the provider has been told can stay as it is, with this turn's messages behind it."""
        if self._left_out is not None and self._policy != config.history:
            return False
        if type(config.history) is int and self._turns > config.history:
            return False
        total = self._tokens + _estimated(said) * _scale(self._tokens, self._estimated)
        room = await self._room(total, config)
        return room is None or total <= room

    @property
    def left_out(self) -> HistoryLeftOut | None:
        """What the provider has not been told of."""
        return self._left_out

    async def fit(
        self,
        messages: Sequence[SessionMessage],
        said: Sequence[SessionMessage],
        config: SessionConfig,
        context: SessionContext,
        summarize: Summarize,
    ) -> Shown:
        """Return what to tell the provider before this turn's messages, `said`.

        Those are never left out: ContextWindowExceededError where they alone do not fit.
        """
        known = context.conversation_context.get("summary") if config.history == "summarize" else None
        scale = calibration(messages)
        older, messages = _split_at_summary(list(messages), known)
        known = known if older else None
        asked = _estimated(said) * scale
        gone: list[SessionMessage] = []
        if config.history == "fit":
            gone = await self._cut_before(messages, asked, scale, config)
            messages = messages if not gone else _without(messages, gone)
        counted = measured_tokens(messages, known["messages"] if known else len(gone))
        total = counted if counted is not None else (_estimated(messages) + _estimated(older)) * scale
        room = await self._room(total + asked, config)
        kept, dropped = _cut(messages, config.history, room, asked, total, scale)
        self._require_fit(kept, asked, room)
        summary = known
        if config.history == "summarize" and dropped:
            # Of what was never summarized, as much as the model can read in one go.
            readable, _ = _cut(dropped, "fit", room, 0, _estimated(dropped), 1.0)
            text = await summarize([*older, *readable], dropped[-1])
            summary = {"text": text, "up_to": dropped[-1].message_id, **_counts(known, dropped)}
            older = [_summary_message(self._session_id, text)]
        first = next((index for index, message in enumerate(kept) if message.role != "system"), len(kept))
        shown = [*kept[:first], *older, *kept[first:]]
        self._estimated = _estimated(shown)
        self._tokens = self._estimated * scale if dropped else total
        self._turns = len(_turns(kept))
        self._policy = config.history
        self._left_out = _left_out([*gone, *dropped], summary)
        return Shown(shown, self._left_out, summary if summary is not known else None)

    async def _cut_before(
        self, messages: Sequence[SessionMessage], asked: float, scale: float, config: SessionConfig
    ) -> list[SessionMessage]:
        """Return what the newest reply was not shown: the same cut again is what the service has in its cache.

        Nothing, where by now everything would fit well: the model may be another one.
        """
        total = _estimated(messages) * scale + asked
        room = await self._room(total, config)
        if room is None or total <= room * KEPT_SHARE:
            return []
        newest = next((m for m in reversed(messages) if m.role == "assistant" and m.status == "complete"), None)
        left_out = newest.metadata.get("history") if newest else None
        if not left_out or left_out.get("summarized"):
            return []
        return [message for message in messages if message.role != "system"][: left_out.get("messages", 0)]

    async def _room(self, tokens: float, config: SessionConfig) -> int | None:
        """Return how many tokens the question and all before it may have; None where any number may."""
        if config.history == "all":
            return None
        window = config.context_window or self.told
        if window is None:
            if tokens < SMALLEST_WINDOW / 2:
                return None
            # The first look reads the price list, which takes a moment.
            window = await asyncio.to_thread(context_window, self._provider, self._model)
        if window is None:
            return None
        wanted = config.provider_config.get("max_tokens")
        reserve = wanted if isinstance(wanted, int) else min(window // 4, LONGEST_REPLY)
        return max(int((window - reserve) * SAFE_SHARE), window // 4)

    def _require_fit(self, kept: Sequence[SessionMessage], asked: float, room: int | None) -> None:
        if room is None:
            return
        needed = asked + sum(estimated_tokens(message) for message in kept if message.role == "system")
        if needed > room:
            raise ContextWindowExceededError(
                f"The message has about {needed:,.0f} tokens with the instructions and what tools returned; "
                f"{self._model} can take {room:,}. Send less of it, or choose a model that reads more.",
                provider=self._provider,
                session_id=self._session_id,
                error_code="message_too_long",
            )


def estimated_tokens(message: SessionMessage) -> int:
    """Return about how many tokens a message has, rather too many than too few."""
    parts = message.parts
    characters = len(message.content)
    for part in parts:
        if part.get("type") == "tool_call":
            characters += len(str(part.get("arguments"))) + len(str(part.get("name")))
    tokens = TOKENS_PER_MESSAGE + math.ceil(characters / CHARACTERS_PER_TOKEN)
    for part in attached(parts):
        if part["type"] == "image":
            tokens += TOKENS_PER_IMAGE
        elif "data" in part:
            tokens += max(TOKENS_PER_IMAGE, size_of(part) // BYTES_PER_TOKEN)
        else:
            tokens += math.ceil(size_of(part) / CHARACTERS_PER_TOKEN)
    return tokens


def measured_tokens(messages: Sequence[SessionMessage], left_out: int = 0) -> float | None:
    """Return about how many tokens `messages` have, by the service's own count for the newest reply.

    None where it counted something else: where that reply was shown less, or more, than all but `left_out` messages.
    """
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        if message.role == "assistant" and message.usage.input_tokens is not None and message.status == "complete":
            if (message.metadata.get("history") or {}).get("messages", 0) != left_out:
                return None
            return float((message.usage.total_tokens or 0) + _estimated(messages[index + 1 :]))
    return None


def calibration(messages: Sequence[SessionMessage]) -> float:
    """Return how many tokens the service counts for one of the estimate's, by its count for the newest reply."""
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        if message.role == "assistant" and message.usage.input_tokens is not None and message.status == "complete":
            left_out = (message.metadata.get("history") or {}).get("messages", 0)
            said = [m for m in messages[: index + 1] if m.role != "system"][left_out:]
            told = [m for m in messages[:index] if m.role == "system"]
            return _scale(float(message.usage.total_tokens or 0), _estimated([*told, *said]))
    return 1.0


def _scale(counted: float, estimated: float) -> float:
    """Return by how much the service counts more than the estimate, at what both have seen; never less."""
    return min(max(counted / estimated, 1.0), _MOST_SCALE) if estimated else 1.0


def _estimated(messages: Sequence[SessionMessage]) -> float:
    return float(sum(map(estimated_tokens, messages)))


def _without(messages: Sequence[SessionMessage], gone: Sequence[SessionMessage]) -> list[SessionMessage]:
    ids = {message.message_id for message in gone}
    return [message for message in messages if message.message_id not in ids]


def _cut(
    messages: Sequence[SessionMessage], history: str | int, room: int | None, asked: float, total: float, scale: float
) -> tuple[list[SessionMessage], list[SessionMessage]]:
    """Return the messages to show and those to leave out: whole turns, the oldest first, never a system message."""
    turns = _turns(messages)
    keep = len(turns)
    if type(history) is int:
        keep = min(keep, history)
    if room is not None and total + asked > room:
        fixed = asked + sum(estimated_tokens(message) for message in messages if message.role == "system")
        budget = max(room * KEPT_SHARE, fixed) - fixed
        fitting = 0
        for turn in reversed(turns):
            budget -= scale * sum(map(estimated_tokens, turn))
            if budget < 0:
                break
            fitting += 1
        keep = min(keep, fitting)
    gone = [message for turn in turns[: len(turns) - keep] for message in turn]
    return _without(messages, gone), gone


def _turns(messages: Sequence[SessionMessage]) -> list[list[SessionMessage]]:
    """Return the turns, each from a user's message to the next one; a call and its results are always in one."""
    turns: list[list[SessionMessage]] = []
    for message in messages:
        if message.role == "system":
            continue
        if message.role == "user" or not turns:
            turns.append([])
        turns[-1].append(message)
    return turns


def _split_at_summary(
    messages: list[SessionMessage], summary: dict[str, Any] | None
) -> tuple[list[SessionMessage], list[SessionMessage]]:
    """Return the summary as a message, if it is of this branch, and the messages that it does not cover."""
    ids = [message.message_id for message in messages]
    if not summary or summary.get("up_to") not in ids:
        return [], messages
    end = ids.index(summary["up_to"]) + 1
    uncovered = [message for index, message in enumerate(messages) if index >= end or message.role == "system"]
    return [_summary_message(messages[0].session_id, summary["text"])], uncovered


def _summary_message(session_id: str, text: str) -> SessionMessage:
    return SessionMessage(new_id(), session_id, "system", f"{SUMMARY_TITLE}:\n{text}", now())


def _counts(known: dict[str, Any] | None, dropped: Sequence[SessionMessage]) -> dict[str, int]:
    before = known or {}
    return {
        "turns": before.get("turns", 0) + len(_turns(dropped)),
        "messages": before.get("messages", 0) + len(dropped),
    }


def _left_out(dropped: Sequence[SessionMessage], summary: dict[str, Any] | None) -> HistoryLeftOut | None:
    if summary:
        return HistoryLeftOut(summary["turns"], summary["messages"], summarized=True)
    return HistoryLeftOut(len(_turns(dropped)), len(dropped)) if dropped else None
