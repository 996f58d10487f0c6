"""Opening sessions and looking after them."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError, SessionNotFoundError, SessionStateError
from ..hooks import HookDispatcher
from ..interfaces import ISessionManager, ISessionStorage
from ..middleware import MiddlewareChain
from ..models import SessionConfig, SessionMessage, SessionStatus
from ..providers import ProviderSessionFactory
from ..session.session import Session
from ..storage import StorageFactory
from ..users.collaboration import Collaboration, collaborative_config
from ..users.view import UserView
from . import erasure, presets
from .event_feed import EventFeed, SessionEvent
from .hot_sessions import HotSessions
from .maintenance import CleanupPolicy, CleanupReport, Maintenance, MaintenanceScheduler
from .parallel import in_parallel
from .session_builder import SessionBuilder
from .usage_report import UsageReport, usage_report


class SessionManager(ISessionManager):
    """Creates sessions, finds them again, and owns their storage. `async with` closes it.

    `config` takes the keywords of `create_session_manager` other than the storage's.
    """

    def __init__(
        self,
        storage: ISessionStorage | str | Path = "duckdb",
        provider_factory: type[ProviderSessionFactory] | None = None,
        config: dict[str, Any] | None = None,
    ) -> None:
        options = presets.resolved(config or {})
        self.storage = StorageFactory.create(storage)
        self.preset = options["preset"]
        self.cleanup_config = options["cleanup_config"]
        self._options = options
        self._middleware = MiddlewareChain(options["middleware"])
        self._hooks = HookDispatcher()
        self._builder = SessionBuilder(
            self.storage,
            provider_factory or ProviderSessionFactory,
            options["providers"],
            options["provider_config"],
            self._middleware,
            self._hooks,
            options["session_defaults"],
        )
        self._hot = HotSessions(options["cache_size"])
        self._bridges: list[Any] = []
        self._feed = EventFeed(self.storage)
        self.collaboration = Collaboration(self.storage, self._feed, self.get_session)
        policy = CleanupPolicy.of(self.cleanup_config)
        self._maintenance = Maintenance(policy, self.storage, self._feed, self.get_session)
        self._scheduler = MaintenanceScheduler(self._maintenance) if self.cleanup_config else None
        for hook in (self._feed, *options["hooks"]):
            self.add_lifecycle_hook(hook)

    async def __aenter__(self) -> SessionManager:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<SessionManager on {self.storage!r}, providers: {', '.join(self.providers)}>"

    # --- set-up ---

    @property
    def providers(self) -> list[str]:
        """The names of the providers that sessions may use."""
        return self._builder.providers

    def add_middleware(self, middleware: Any, **conditions: Any) -> None:
        """Let `middleware` see every message from now on; `conditions` are priority, roles and when."""
        self._middleware.add(middleware, **conditions)

    def add_lifecycle_hook(self, hook: Any) -> None:
        """Let `hook` hear what happens from now on; one with a method `bind` is given this manager first."""
        bind = getattr(hook, "bind", None)
        if bind is not None:
            bind(self)
        self._hooks.add(hook)

    def add_bridge(self, bridge: Any) -> None:
        """Look for sessions that are not here in another store: `await bridge.move_session(session_id, self)`."""
        self._bridges.append(bridge)

    def for_user(self, user_id: str) -> UserView:
        """Return a view that reaches only what `user_id` owns or takes part in."""
        return UserView(self, user_id)

    def describe(self) -> dict[str, Any]:
        """Return how this manager is set up, in words and numbers; never a key."""
        return presets.described(self._options, repr(self.storage), self.providers, self._middleware, self._hooks)

    # --- sessions ---

    async def create_session(
        self,
        user_id: str,
        provider: str,
        model: str,
        session_config: SessionConfig | dict[str, Any] | None = None,
        provider_config: dict[str, Any] | None = None,
    ) -> Session:
        """Return a new, stored session. ConfigurationError for a wrong name or option; nothing is stored then."""
        config = self._builder.config(session_config, provider_config)
        return await self._keep(await self._builder.new(user_id, provider, model, config, provider_config))

    async def create_sessions(self, requests: Iterable[Mapping[str, Any]]) -> list[Session]:
        """Return a new session for each mapping of `create_session`'s arguments, in order.

        All are checked before the first is stored.
        """
        wanted = [{"session_config": None, "provider_config": None, **request} for request in requests]
        new: list[Session] = []
        for request in wanted:
            config = self._builder.config(request.pop("session_config"), request["provider_config"])
            try:
                new.append(await self._builder.new(config=config, **request))
            except TypeError as error:
                raise ConfigurationError(f"A request does not fit create_session: {error}.") from error
        return await in_parallel([self._keep(session) for session in new])

    async def create_collaborative_session(
        self,
        session_name: str,
        creator_id: str,
        provider: str,
        model: str,
        participants: Mapping[str, Iterable[str]] | None = None,
        session_config: SessionConfig | dict[str, Any] | None = None,
        provider_config: dict[str, Any] | None = None,
    ) -> Session:
        """Return a new session of several people; `participants` maps others to some of read, write and admin."""
        config = collaborative_config(session_name, session_config)
        session = await self.create_session(creator_id, provider, model, config, provider_config)
        await self.collaboration.start(session, participants or {})
        return session

    async def get_session(self, session_id: str) -> Session:
        """Return a session that goes on where the stored one stopped; SessionNotFoundError where there is none."""
        self._wake_scheduler()
        session = self._hot.get(session_id)
        if session is not None:
            await session.refresh()
            if session.status is not SessionStatus.DELETED:
                return session
        record = await self.storage.get_session(session_id)
        for bridge in self._bridges:
            if record is None and await bridge.move_session(session_id, self):
                record = await self.storage.get_session(session_id)
        if record is None:
            self._hot.discard(session_id)
            raise SessionNotFoundError(f"There is no session {session_id} in this store.", session_id)
        return self.session_of(record)

    def session_of(self, record: Mapping[str, Any]) -> Session:
        """Return the session that a storage's record describes."""
        known = self._hot.get(record["session_id"])
        if known is None:
            return self._hot.put(self._builder.reopened(record))
        known.take(record)
        return known

    async def get_user_sessions(
        self,
        user_id: str,
        status: SessionStatus | str | None = None,
        limit: int | None = None,
        since: datetime | None = None,
    ) -> list[Session]:
        """Return the user's sessions, most recently active first."""
        for bridge in self._bridges:
            await bridge.move_user(user_id, self)
        return await self._find(user_id=user_id, status=status, limit=limit, since=since)

    async def search_sessions(
        self,
        user_id: str | None = None,
        provider: str | None = None,
        status: SessionStatus | str | None = None,
        tags: Sequence[str] | None = None,
        text: str | None = None,
        limit: int | None = None,
    ) -> list[Session]:
        """Return the sessions that meet every condition, most recently active first."""
        return await self._find(user_id=user_id, provider=provider, status=status, tags=tags, text=text, limit=limit)

    async def add_messages(
        self, session_id: str, messages: Iterable[SessionMessage | Mapping[str, Any]]
    ) -> list[SessionMessage]:
        """Store messages in one go, without calling the provider; mappings need `role` and `content`."""
        return await (await self.get_session(session_id)).add_messages(messages)

    async def archive_session(self, session_id: str) -> None:
        """Make a session read-only."""
        await (await self.get_session(session_id)).archive()

    async def archive_sessions(self, session_ids: Iterable[str]) -> int:
        """Make several sessions read-only; return how many. SessionNotFoundError before the first, where one is not."""
        sessions = [await self.get_session(session_id) for session_id in session_ids]
        await in_parallel([session.archive() for session in sessions])
        return len(sessions)

    async def change_model(self, session_id: str, provider: str, model: str) -> Session:
        """Return the session with its next turns going to another model, which is told the conversation so far.

        Messages remember which model wrote them. ConfigurationError for a wrong name; nothing changes then.
        """
        session = await self.get_session(session_id)
        if session.is_busy:
            raise SessionStateError("A turn is under way. Wait for it or stop it, then change the model.", session_id)
        # Options are one provider's own: another one would refuse them.
        config = session.config if provider == session.provider else session.config.merge_with({"provider_config": {}})
        self._builder.check(session_id, provider, model, config)
        context = await session.get_context()
        context.provider_context.pop("provider_session_id", None)
        changes = {"provider": provider, "model": model, "provider_session_id": None, "config": config.__dict__}
        await self.storage.update_session(session_id, changes)
        await self.storage.update_context(session_id, context)
        await session.close()
        self._hot.discard(session_id)
        changed = await self.get_session(session_id)
        changed.take_tools_of(session)
        return changed

    async def delete_session(self, session_id: str) -> None:
        """Remove a session and all its messages, for good, from the store and from the backups made by `backup`."""
        session = await self.get_session(session_id)
        await session.delete()
        self._hot.discard(session_id)
        await erasure.forget_in_backups(self.storage, erasure.ErasureReport("", [session_id]))

    # --- people ---

    async def add_participant(
        self, session_id: str, user_id: str, permissions: Iterable[str] = ("read", "write"), by: str | None = None
    ) -> None:
        """Let `user_id` into a session, or change what they may do there; `by` must administer it, if given."""
        await self.collaboration.add(session_id, user_id, permissions, by)

    async def remove_participant(self, session_id: str, user_id: str, by: str | None = None) -> None:
        """Take `user_id` out of a session; `by`, if given, must administer it or be `user_id`."""
        await self.collaboration.remove(session_id, user_id, by)

    async def get_session_participants(self, session_id: str) -> list[str]:
        """Return who takes part, the owner first."""
        return list(await self.collaboration.participants(session_id))

    async def get_permissions(self, session_id: str) -> dict[str, list[str]]:
        """Return who may do what."""
        return await self.collaboration.participants(session_id)

    async def send_message_as_participant(
        self, session_id: str, user_id: str, message: str, metadata: dict[str, Any] | None = None
    ) -> SessionMessage:
        """Send a message in `user_id`'s name and return the reply; SessionPermissionError unless they may write."""
        return await self.collaboration.send(session_id, user_id, message, metadata)

    async def get_notifications(self, user_id: str, days: float = 7, limit: int | None = None) -> list[SessionEvent]:
        """Return what others did in the sessions that `user_id` owns or takes part in, oldest first."""
        return await self.collaboration.notifications(user_id, days, limit)

    async def delete_user(self, user_id: str) -> erasure.ErasureReport:
        """Forget a user for good: their sessions, what they wrote in others', their traces in the audit trail."""
        report = await erasure.forget_user(user_id, self.storage, self.get_session, self.collaboration)
        for session_id in report.sessions:
            self._hot.discard(session_id)
        await erasure.leave_no_bytes(self.storage)
        await erasure.forget_in_backups(self.storage, report)
        return report

    # --- looking after the store ---

    async def cleanup(self, dry_run: bool = False) -> CleanupReport:
        """Apply `cleanup_config` now; with `dry_run`, only say what that would change."""
        return await self._maintenance.run(dry_run)

    async def cleanup_inactive_sessions(self, days: float = 30, status: SessionStatus | str | None = None) -> int:
        """Archive the sessions without activity for `days`; return how many."""
        return await self._maintenance.archive_inactive(days, SessionStatus.from_string(status or "active"))

    async def cleanup_archived_sessions(self, days: float = 90) -> int:
        """Delete, for good, the archived sessions without activity for `days`; return how many."""
        return await self._maintenance.delete_archived(days)

    async def get_analytics(
        self,
        start_date: datetime | str | None = None,
        end_date: datetime | str | None = None,
        user_id: str | None = None,
    ) -> UsageReport:
        """Return the store in numbers, of all time or of a period: a mapping whose keys also read as attributes.

        Totals, active users, distributions by provider and model, performance in milliseconds, activity by hour (UTC)
        with its peak, and power users (more than ten sessions).
        """
        return await usage_report(self.storage, start_date, end_date, user_id)

    async def export_sessions(self, user_id: str | None = None, format: str = "json") -> str:
        """Return every conversation (of `user_id`) as one JSON text: a list of `export_conversation` values."""
        if format != "json":
            raise ConfigurationError(f"There is no export format {format!r}. Use 'json'.")
        sessions = await self._find(user_id=user_id)
        return json.dumps([await session.export_conversation() for session in sessions], ensure_ascii=False)

    async def backup(self, path: str | Path) -> str:
        """Copy the store to `path` and return it; what is deleted later is deleted from the copy as well."""
        copy = getattr(self.storage, "backup_database", None)
        if copy is None:
            raise ConfigurationError(f"{type(self.storage).__name__} cannot be copied to a file.")
        made = str(await copy(path))
        await self._feed.record("backup", payload={"path": made})
        return made

    async def optimize_storage(self) -> dict[str, Any]:
        """Return what the storage did to tidy itself up."""
        optimize = getattr(self.storage, "optimize_database", None)
        return await optimize() if optimize else {"optimized": False, "reason": "this storage has nothing to tidy"}

    async def health_check(self) -> dict[str, Any]:
        """Return the storage's health, the providers' names and the number of sessions in use here."""
        storage = await self.storage.health_check()
        return {
            "status": storage.get("status", "unknown"),
            "storage": storage,
            "providers": self.providers,
            "live_sessions": len(self._hot),
        }

    def session_events(self, poll_s: float = 1.0) -> AsyncGenerator[SessionEvent, None]:
        """Yield what happens from now on: in this process at once, in others within about `poll_s` seconds."""
        return self._feed.listen(poll_s)

    async def close(self) -> None:
        """Stop what runs, let hooks finish, and let go of the storage."""
        if self._scheduler is not None:
            await self._scheduler.stop()
        for session in self._hot:
            await session.close()
        self._hot.clear()
        await self._hooks.drain()
        await self.storage.close()

    async def _keep(self, session: Session) -> Session:
        self._wake_scheduler()
        await session.store()
        self._hot.put(session)
        await self._hooks.notify(
            "on_session_created", session.session_id, session.user_id, session.provider, session.model
        )
        return session

    async def _find(self, *, status: SessionStatus | str | None = None, **conditions: Any) -> list[Session]:
        self._wake_scheduler()
        wanted = str(SessionStatus.from_string(status)) if status is not None else None
        records = await self.storage.list_sessions(status=wanted, **conditions)
        return [self.session_of(record) for record in records]

    def _wake_scheduler(self) -> None:
        if self._scheduler is not None:
            self._scheduler.ensure_running()


def create_session_manager(
    storage: str | Path | ISessionStorage = "duckdb",
    storage_config: dict[str, Any] | None = None,
    providers: Mapping[str, str | None] | None = None,
    provider_config: dict[str, dict[str, Any]] | None = None,
    middleware: Iterable[Any] | None = None,
    hooks: Iterable[Any] | None = None,
    cleanup_config: dict[str, Any] | None = None,
    preset: str | None = None,
    session_defaults: dict[str, Any] | None = None,
    cache_size: int | None = None,
) -> SessionManager:
    """Return a manager.

    `storage` is a name, a URL, a path or a storage; `storage_config` its keyword arguments. `providers` maps names
    to keys, None meaning the environment's; without it `mock` is there and every provider whose key the environment
    has. `provider_config` maps names to options for all of that provider's sessions, `session_defaults` are keys of
    SessionConfig for new sessions. `cleanup_config` takes archive_after_days, delete_after_days, idle_after_hours and
    cleanup_interval_hours. A `preset` sets what is not given here; `manager.describe()` shows what came of it.
    """
    return SessionManager(
        StorageFactory.create(storage, storage_config),
        config={
            "providers": providers,
            "provider_config": provider_config,
            "middleware": middleware,
            "hooks": hooks,
            "cleanup_config": cleanup_config,
            "preset": preset,
            "session_defaults": session_defaults,
            "cache_size": cache_size,
        },
    )
