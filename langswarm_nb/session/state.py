"""What a session is besides its messages: status, configuration and context, in memory and in the store."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ..clock import now
from ..errors import ConfigurationError, SessionError, SessionNotFoundError, SessionStateError
from ..interfaces import ISessionStorage
from ..models import SessionConfig, SessionContext, SessionStatus

# Tags that the package sets itself; who replaces a session's tags keeps these.
INDEX_TAG = "participant:"


class SessionState:
    """The session's row, kept in step with the store."""

    def __init__(
        self,
        session_id: str,
        storage: ISessionStorage,
        config: SessionConfig,
        context: SessionContext,
        status: SessionStatus,
    ) -> None:
        self._session_id = session_id
        self._storage = storage
        self.config = config
        self.context = context
        self.status = status

    async def refresh(self) -> Mapping[str, Any]:
        """Take over what another process may have changed, and return the stored record, empty where there is none."""
        record = await self._storage.get_session(self._session_id)
        if record is None:
            self.status = SessionStatus.DELETED
            return {}
        return record if self.take(record) else {}

    def take(self, record: Mapping[str, Any]) -> bool:
        """Take over what the stored record says; return whether it could be understood."""
        try:
            self.status = SessionStatus.from_string(record["status"])
            self.config = stored_config(record)
            self.context = stored_context(record)
        except (KeyError, AttributeError, TypeError, SessionError):
            # A storage of somebody's own may describe its sessions in another way; what is known here stays.
            return False
        return True

    async def update_context(self, values: Mapping[str, Any]) -> SessionContext:
        """Merge `values` into the user's section, store the context and return it."""
        try:
            json.dumps(values)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"A context keeps JSON-ready values only: {error}.", self._session_id) from None
        context = copy.deepcopy(self.context)
        context.user_context.update(copy.deepcopy(dict(values)))
        return await self.replace_context(context)

    async def replace_context(self, context: SessionContext) -> SessionContext:
        """Store `context` as the next version and return it."""
        context.version = self.context.version + 1
        await self._storage.update_context(self._session_id, context)
        self.context = context
        return context

    async def update_config(self, changes: Mapping[str, Any]) -> SessionConfig:
        """Store the configuration with `changes`, and return it."""
        config = self.config.merge_with(dict(changes))
        config.tags += [tag for tag in self.config.tags if tag.startswith(INDEX_TAG) and tag not in config.tags]
        await self._store_config(config)
        return config

    async def set_tags(self, tags: list[str]) -> None:
        """Store these tags in place of the ones before."""
        config = copy.deepcopy(self.config)
        config.tags = tags
        await self._store_config(config)

    async def change_status(self, status: SessionStatus) -> bool:
        """Store the new status; return whether it is one. SessionStateError where it cannot follow on the old one."""
        if status == self.status:
            return False
        if not self.status.can_transition_to(status):
            raise SessionStateError(
                f"Session {self._session_id} is {self.status} and cannot become {status}.", self._session_id
            )
        await self._storage.update_session(self._session_id, {"status": str(status)})
        self.status = status
        return True

    async def put_back(self, status: SessionStatus) -> None:
        """Store the status that a session in the trash had before."""
        await self._storage.update_session(self._session_id, {"status": str(status)})
        self.status = status

    async def wake(self, last_activity: datetime) -> None:
        """Make the session ready for a message; SessionStateError where it takes none."""
        limit = self.config.auto_archive_after
        if self.status.is_active and limit and now() - last_activity > timedelta(seconds=limit):
            await self.change_status(SessionStatus.ARCHIVED)
        if self.status is SessionStatus.IDLE:
            await self.change_status(SessionStatus.ACTIVE)
        if self.status is SessionStatus.DELETED:
            raise SessionNotFoundError(f"Session {self._session_id} was deleted. Start a new one.", self._session_id)
        if not self.status.is_active:
            raise SessionStateError(
                f"Session {self._session_id} is {self.status}: it can be read, not written to. "
                "Unarchive it or start a new one.",
                self._session_id,
            )

    async def _store_config(self, config: SessionConfig) -> None:
        await self._storage.update_session(
            self._session_id,
            {
                "config": config.__dict__,
                "title": config.name,
                "description": config.description,
                "tags": config.tags,
            },
        )
        self.config = config


def stored_config(record: Mapping[str, Any]) -> SessionConfig:
    """Return the configuration as stored, named as the session is titled; keys of a newer version are left out."""
    stored = record.get("config") or {}
    known = {name: value for name, value in stored.items() if name in SessionConfig.__dataclass_fields__}
    if not known.get("name"):  # who imports a session gives it a title and no configuration
        known["name"] = record.get("title")
    return SessionConfig(**known)


def stored_context(record: Mapping[str, Any]) -> SessionContext:
    """Return the context as stored, with the session's owner."""
    context = SessionContext.from_dict(record["session_id"], record.get("context"))
    context.user_id = record["user_id"]
    return context
