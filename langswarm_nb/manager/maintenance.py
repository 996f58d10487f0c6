"""Retention: what is archived and deleted when, by whom of many kernels, and what would be."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from ..clock import now
from ..errors import ConfigurationError
from ..interfaces import ISessionStorage
from ..models import SessionStatus
from ..session.session import Session
from .event_feed import EventFeed

logger = logging.getLogger(__name__)

_CLAIMED, _DONE = "maintenance.claimed", "maintenance.done"
# A kernel that said it would do the work and has not in this time is taken for gone.
_CLAIM_TTL = timedelta(minutes=15)


@dataclass(frozen=True)
class CleanupPolicy:
    """When sessions without activity are idle, archived, and, once archived, deleted for good. None means never."""

    idle_after_hours: float | None = None
    archive_after_days: float | None = None
    delete_after_days: float | None = None
    cleanup_interval_hours: float = 24.0

    @classmethod
    def of(cls, config: CleanupPolicy | Mapping[str, Any] | None) -> CleanupPolicy:
        """Return the policy; ConfigurationError for a key that there is not, or a time that is not above 0."""
        if isinstance(config, CleanupPolicy):
            return config
        known = [f.name for f in fields(cls)]
        unknown = sorted(set(config or {}) - set(known))
        if unknown:
            raise ConfigurationError(
                f"cleanup_config has no {', '.join(map(repr, unknown))}. It takes: {', '.join(known)}."
            )
        policy = cls(**(config or {}))
        for name, value in asdict(policy).items():
            if value is not None and not (isinstance(value, (int, float)) and value > 0):
                raise ConfigurationError(f"{name} must be above 0; it is {value!r}.")
        return policy


@dataclass
class CleanupReport:
    """The ids of the sessions that were, or in a dry run would be, changed; `failed` says why one was not."""

    dry_run: bool = False
    at: datetime = field(default_factory=now)
    idle: list[str] = field(default_factory=list)
    archived: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        words = "would be" if self.dry_run else "were"
        return (
            f"{len(self.idle)} sessions {words} marked idle, {len(self.archived)} archived, "
            f"{len(self.deleted)} deleted, {len(self.failed)} failed"
        )


class Maintenance:
    """Applies a policy to a manager's store."""

    def __init__(
        self,
        policy: CleanupPolicy,
        storage: ISessionStorage,
        feed: EventFeed,
        open_session: Callable[[str], Awaitable[Session]],
    ) -> None:
        self.policy = policy
        self._storage = storage
        self._feed = feed
        self._open = open_session

    async def run(self, dry_run: bool = False) -> CleanupReport:
        """Do, or with `dry_run` only name, what the policy and the sessions' own `auto_archive_after` ask for."""
        report = CleanupReport(dry_run)
        for record in await self._storage.list_sessions():
            done = self._due(record, report.at)
            if done is None:
                continue
            session_id = record["session_id"]
            try:
                if not dry_run:
                    await self._apply(done, session_id)
            except Exception as error:
                logger.warning("cleanup of session %s failed", session_id, exc_info=True)
                report.failed[session_id] = str(error)
            else:
                getattr(report, done).append(session_id)
        return report

    async def run_if_due(self, settle_s: float = 0.5) -> CleanupReport | None:
        """Run if the interval has passed and no other kernel is at it; return None where there is nothing to do.

        The store's trail says who runs: a kernel writes that it will, waits until others' words are visible, and the
        first to have spoken does the work.
        """
        if await self._is_taken_care_of():
            return None
        await self._feed.record(_CLAIMED)
        await asyncio.sleep(settle_s)
        if not await self._is_first_to_claim():
            return None
        report = await self.run()
        counts = {name: len(getattr(report, name)) for name in ("idle", "archived", "deleted", "failed")}
        await self._feed.record(_DONE, payload=counts)
        return report

    async def archive_inactive(self, days: float, status: SessionStatus) -> int:
        """Archive the sessions of this status without activity for `days`; return how many."""
        return await self._apply_to("archived", days, status)

    async def delete_archived(self, days: float) -> int:
        """Delete the archived sessions without activity for `days`, for good; return how many."""
        return await self._apply_to("deleted", days, SessionStatus.ARCHIVED)

    async def _apply_to(self, change: str, days: float, status: SessionStatus) -> int:
        latest = now() - timedelta(days=days)
        records = await self._storage.list_sessions(status=str(status))
        quiet = [record["session_id"] for record in records if _last_activity(record) < latest]
        for session_id in quiet:
            await self._apply(change, session_id)
        return len(quiet)

    @property
    def _interval(self) -> timedelta:
        return timedelta(hours=self.policy.cleanup_interval_hours)

    async def _is_taken_care_of(self) -> bool:
        done = await self._recent(_DONE, now() - self._interval)
        return bool(done) or bool(await self._open_claims())

    async def _open_claims(self) -> list[dict[str, Any]]:
        """Return who said, since the last run, that they would do the next."""
        done = await self._storage.list_events(kinds=[_DONE], limit=1)
        claims = await self._recent(_CLAIMED, now() - _CLAIM_TTL)
        return [claim for claim in claims if not done or claim["event_id"] > done[0]["event_id"]]

    async def _is_first_to_claim(self) -> bool:
        mine = [claim for claim in await self._recent(_CLAIMED, now() - _CLAIM_TTL) if self._is_mine(claim)]
        if not mine:
            return True  # a storage without a trail: there is nobody to agree with
        claims = await self._open_claims()
        # None is open where another kernel has done the work while this one waited for the store.
        return bool(claims) and self._is_mine(claims[0])

    def _is_mine(self, claim: Mapping[str, Any]) -> bool:
        return (claim["payload"] or {}).get("origin") == self._feed.origin

    async def _recent(self, kind: str, since: datetime) -> list[dict[str, Any]]:
        return [row for row in await self._storage.list_events(kinds=[kind]) if row["at"] >= since]

    def _due(self, record: Mapping[str, Any], moment: datetime) -> str | None:
        """Return what is to be done with a session: "idle", "archived", "deleted" or nothing."""
        status, quiet_for = record["status"], moment - _last_activity(record)
        policy = self.policy
        own = (record.get("config") or {}).get("auto_archive_after")
        if status == SessionStatus.ARCHIVED:
            return "deleted" if _passed(quiet_for, days=policy.delete_after_days) else None
        if status not in (SessionStatus.ACTIVE, SessionStatus.IDLE, SessionStatus.ERROR):
            return None
        if _passed(quiet_for, days=policy.archive_after_days) or _passed(quiet_for, seconds=own):
            return "archived"
        if status == SessionStatus.ACTIVE and _passed(quiet_for, hours=policy.idle_after_hours):
            return "idle"
        return None

    async def _apply(self, change: str, session_id: str) -> None:
        session = await self._open(session_id)
        if change == "deleted":
            await session.delete()
        elif change == "archived":
            await session.archive()
        else:
            await session.rest()


class MaintenanceScheduler:
    """Runs the maintenance from time to time, from the first use of the manager until it is closed."""

    def __init__(self, maintenance: Maintenance) -> None:
        self._maintenance = maintenance
        self._task: asyncio.Task[None] | None = None

    def ensure_running(self) -> None:
        """Start on the running loop, unless it runs already."""
        task = self._task
        if task is not None and not task.done() and not task.get_loop().is_closed():
            return
        # A manager that nobody holds any longer must not be kept by its own clockwork.
        self._task = asyncio.create_task(_serve(weakref.ref(self._maintenance)), name="langswarm-nb maintenance")

    async def stop(self) -> None:
        """Stop, and wait until it has."""
        task, self._task = self._task, None
        if task is None or task.done() or task.get_loop().is_closed():
            return
        if task.get_loop() is asyncio.get_running_loop():
            task.cancel()
            await asyncio.wait([task])
        else:
            task.get_loop().call_soon_threadsafe(task.cancel)


async def _serve(maintenance: weakref.ref[Maintenance]) -> None:
    while (work := maintenance()) is not None:
        pause_s = min(work.policy.cleanup_interval_hours * 3600 / 10, 300.0)
        try:
            report = await work.run_if_due()
            if report is not None:
                logger.info("cleanup: %s", report)
        except Exception:
            logger.warning("cleanup failed; it is tried again in %g s", pause_s, exc_info=True)
        del work
        await asyncio.sleep(pause_s)


def _last_activity(record: Mapping[str, Any]) -> datetime:
    return record.get("last_activity") or record["created_at"]


def _passed(quiet_for: timedelta, **limit: float | None) -> bool:
    return all(value is not None and quiet_for > timedelta(**{unit: value}) for unit, value in limit.items())
