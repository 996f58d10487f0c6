"""The sessions of a comparison: made for it and found by its tag, or any that are given."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ..errors import ConfigurationError, SessionNotFoundError
from ..manager.manager import SessionManager
from ..models import SessionMessage, SessionStatus
from ..notebook.sessions import preferred_model, start_session
from ..providers import ProviderSessionFactory
from ..session.session import Session
from . import formats

TAG = "comparison:"
PICKED = "comparison.winner"
MOST = 8

_REOPENED = re.compile(rf"{TAG}[0-9a-f]{{8}}")


@dataclass(frozen=True)
class Numbers:
    """What all replies of one session took together; None is unknown."""

    seconds: float | None
    tokens: int | None
    cost: Decimal | None

    @classmethod
    def of(cls, messages: Sequence[SessionMessage]) -> Numbers:
        """Return the sums over the replies; one that is unknown makes a sum unknown."""
        replies = [message for message in messages if message.role == "assistant" and message.status != "error"]

        def total(values: list[Any]) -> Any:
            return sum(values[1:], values[0]) if values and None not in values else None

        return cls(
            total([reply.duration_s for reply in replies]),
            total([reply.usage.output_tokens for reply in replies]),
            total([reply.cost_usd for reply in replies]),
        )

    def shown(self) -> dict[str, Any]:
        """Return the numbers to read, and those to compare by."""
        return {
            "time": formats.seconds(self.seconds),
            "tokens": formats.tokens(self.tokens),
            "cost": formats.dollars(self.cost),
            "seconds": self.seconds,
            "dollars": None if self.cost is None else float(self.cost),
        }


def is_tag(text: str) -> bool:
    """Return whether `text` is the tag of a comparison, and no prompt."""
    return bool(_REOPENED.fullmatch(text.strip()))


def chosen_models(models: Iterable[str] | None, known: Sequence[str]) -> list[str]:
    """Return what is compared, each as provider/model; without `models`, the providers that have a key, else mocks.

    ConfigurationError for a provider that there is not, and for none or too many.
    """
    if isinstance(models, str):
        raise ConfigurationError(f"models is a list of names, as in models=[{models!r}, ...].")
    wanted = list(dict.fromkeys(models or ()))
    if models is None:
        usable = [name for name in ProviderSessionFactory.configured_providers() if name in known]
        wanted = ["/".join(preferred_model(name)) for name in usable]
        if len(wanted) < 2:
            wanted = ["mock/mock-model", "mock/mock-markdown"] if wanted in ([], ["mock/mock-model"]) else wanted
    if not 1 <= len(wanted) <= MOST:
        raise ConfigurationError(f"A comparison is of 1 to {MOST} models; these are {len(wanted)}.")
    resolved = []
    for name in wanted:
        provider, _, model = name.partition("/")
        if provider not in known:
            raise ConfigurationError(
                f"{name!r} is no provider/model: there is no provider {provider!r}. There are: {', '.join(known)}."
            )
        resolved.append("/".join(preferred_model(provider, model or None)))
    return resolved


async def new_sessions(
    manager: SessionManager,
    user_id: str,
    models: Sequence[str],
    notebook: str | None,
    system: str | None,
    provider_config: Mapping[str, Any] | None,
) -> tuple[str, list[Session]]:
    """Return a new comparison's tag and a session for each model, which bears it."""
    tag = f"{TAG}{secrets.token_hex(4)}"
    sessions = []
    for name in models:
        provider, _, model = name.partition("/")
        config = dict(provider_config) if provider_config else None
        sessions.append(
            await start_session(
                manager, user_id, provider, model, notebook=notebook, system=system, provider_config=config, tags=[tag]
            )
        )
    return tag, sessions


async def stored_sessions(manager: SessionManager, tag: str) -> list[Session]:
    """Return the sessions of an earlier comparison, in the order in which they were made."""
    records = await manager.storage.list_sessions(tags=[tag])
    records = [record for record in records if record.get("status") != SessionStatus.DELETED]
    if not records:
        raise SessionNotFoundError(f"There is no {tag} in this store. ls.session_browser() finds your chats.")
    records.sort(key=lambda record: record["session_id"])
    return [await manager.get_session(record["session_id"]) for record in records[:MOST]]


async def given_sessions(manager: SessionManager, wanted: Iterable[Any]) -> tuple[str, list[Session]]:
    """Return sessions that are given as such or by id, and the tag under which the choice among them is kept."""
    sessions = [each if isinstance(each, Session) else await manager.get_session(str(each)) for each in wanted]
    sessions = list({session.session_id: session for session in sessions}.values())
    if not 1 <= len(sessions) <= MOST:
        raise ConfigurationError(f"A comparison is of 1 to {MOST} sessions; these are {len(sessions)}.")
    shared = set(sessions[0].config.tags).intersection(*(session.config.tags for session in sessions))
    for tag in sorted(shared):
        if is_tag(tag):
            return tag, sessions
    ids = "\n".join(sorted(session.session_id for session in sessions))
    return f"{TAG}{hashlib.sha256(ids.encode()).hexdigest()[:8]}", sessions


async def picked(sessions: Sequence[Session], tag: str) -> str:
    """Return the id of the session that was picked last, or ''."""
    rows = [
        row
        for session in sessions
        for row in await session.storage.list_events(session_id=session.session_id, kinds=[PICKED])
        if row["payload"].get("comparison") == tag
    ]
    winner = max(rows, key=lambda row: row["event_id"])["payload"].get("winner") if rows else None
    return winner if winner in {session.session_id for session in sessions} else ""


async def pick(sessions: Sequence[Session], tag: str, winner: Session, taken_back: bool) -> None:
    """Store, as an event, that `winner` was the best of `sessions`, or is so no more."""
    await winner.storage.add_event(
        PICKED,
        session_id=winner.session_id,
        user_id=winner.user_id,
        payload={
            "comparison": tag,
            "winner": None if taken_back else winner.session_id,
            "model": f"{winner.provider}/{winner.model}",
            "sessions": [session.session_id for session in sessions],
            "models": [f"{session.provider}/{session.model}" for session in sessions],
        },
    )
