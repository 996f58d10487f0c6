"""Speaking up when a number passes a line."""

from __future__ import annotations

import inspect
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..clock import now
from ..errors import ConfigurationError
from ..interfaces import ISessionLifecycleHook
from ..models import SessionMessage

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Alert:
    """One threshold that was passed: `name` is its argument's, `value` what was measured against `threshold`."""

    name: str
    value: float
    threshold: float
    text: str
    session_id: str | None = None
    at: datetime = field(default_factory=now)


Receiver = Callable[[Alert], Awaitable[None] | None]


class AlertingHook(ISessionLifecycleHook):
    """Watches the last `window_s` seconds and calls `notify(alert)`, plain or async; without it a warning is logged.

    `error_rate`: failed of all turns, once there were `min_turns`. `slow_reply_s`: one reply's duration.
    `cost_usd`: of the replies in the window. `active_sessions`: created here and not ended. None switches one off.
    The same alert is raised again after `repeat_after_s` at the earliest. `alerts` keeps the last hundred.
    """

    def __init__(
        self,
        notify: Receiver | None = None,
        *,
        error_rate: float | None = 0.05,
        slow_reply_s: float | None = None,
        cost_usd: float | None = None,
        active_sessions: int | None = None,
        window_s: float = 300.0,
        min_turns: int = 20,
        repeat_after_s: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        limits = {
            "error_rate": error_rate,
            "slow_reply_s": slow_reply_s,
            "cost_usd": cost_usd,
            "active_sessions": active_sessions,
        }
        self._limits = {name: float(limit) for name, limit in limits.items() if limit is not None}
        if any(limit < 0 for limit in self._limits.values()) or window_s <= 0:
            raise ConfigurationError("An alert's thresholds must not be negative, and its window is above 0 s.")
        self.alerts: deque[Alert] = deque(maxlen=100)
        self._notify = notify
        self._window_s = window_s
        self._min_turns = min_turns
        self._repeat_after_s = repeat_after_s
        self._clock = clock
        self._turns: deque[tuple[float, bool, float]] = deque()
        self._open: set[str] = set()
        self._raised_at: dict[str, float] = {}

    async def on_session_created(self, session_id: str, user_id: str, provider: str, model: str) -> None:
        self._open.add(session_id)
        await self._check("active_sessions", len(self._open), "{value:.0f} sessions are active (limit {limit:.0f})")

    async def on_session_archived(self, session_id: str) -> None:
        self._open.discard(session_id)

    async def on_session_deleted(self, session_id: str) -> None:
        self._open.discard(session_id)

    async def on_message_received(self, session_id: str, message: SessionMessage) -> None:
        self._remember(failed=False, cost=float(message.cost_usd or 0))
        if message.duration_s is not None:
            words = "a reply took {value:.1f} s (limit {limit:g} s)"
            await self._check("slow_reply_s", message.duration_s, words, session_id)
        cost = sum(cost for _, _, cost in self._turns)
        await self._check("cost_usd", cost, "replies cost ${value:.4f} in {window:g} s (limit ${limit:g})")

    async def on_session_error(self, session_id: str, error: Exception) -> None:
        self._remember(failed=True, cost=0.0)
        if len(self._turns) >= self._min_turns:
            rate = sum(failed for _, failed, _ in self._turns) / len(self._turns)
            await self._check("error_rate", rate, "{value:.1%} of turns fail (limit {limit:.1%})", session_id)

    def get_status(self) -> dict[str, Any]:
        """Return the window's numbers and the thresholds."""
        self._forget_old()
        failed = sum(failed for _, failed, _ in self._turns)
        return {
            "turns": len(self._turns),
            "errors": failed,
            "error_rate": failed / len(self._turns) if self._turns else None,
            "cost_usd": sum(cost for _, _, cost in self._turns),
            "active_sessions": len(self._open),
            "thresholds": dict(self._limits),
            "alerts": len(self.alerts),
        }

    def _remember(self, *, failed: bool, cost: float) -> None:
        self._turns.append((self._clock(), failed, cost))
        self._forget_old()

    def _forget_old(self) -> None:
        oldest = self._clock() - self._window_s
        while self._turns and self._turns[0][0] < oldest:
            self._turns.popleft()

    async def _check(self, name: str, value: float, words: str, session_id: str | None = None) -> None:
        limit = self._limits.get(name)
        if limit is None or value <= limit:
            return
        if self._clock() - self._raised_at.get(name, float("-inf")) < self._repeat_after_s:
            return
        self._raised_at[name] = self._clock()
        text = words.format(value=value, limit=limit, window=self._window_s)
        alert = Alert(name, value, limit, text, session_id)
        self.alerts.append(alert)
        if self._notify is None:
            logger.warning("alert %s: %s", name, text)
            return
        told = self._notify(alert)
        if inspect.isawaitable(told):
            await told
