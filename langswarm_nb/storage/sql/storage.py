"""What SQLite and PostgreSQL have in common as storages."""

from __future__ import annotations

import asyncio
import weakref
from abc import abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection

from ...clock import new_id, now
from ...errors import ConfigurationError, SessionError
from ...interfaces import ISessionStorage
from ...models import SessionConfig, SessionContext, SessionMessage
from ..rows import Row, event_row, message_to_row, new_session_row, session_changes
from ..rows import text as storable
from . import queries
from .changes import (
    AddEvent,
    AddMessages,
    Change,
    Checkpoint,
    ClearMessages,
    CreateSession,
    DeleteEvents,
    DeleteSession,
    ReplaceMessages,
    SetActiveBranch,
    UpdateSession,
)
from .database import Database
from .tables import Codec

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")


class SQLSessionStorage(ISessionStorage):
    """A storage on a Database, usable from any thread and event loop; what is awaited is durable."""

    backend: str

    def __init__(self, database: Database) -> None:
        self._database = database
        # Also at exit, and when nobody holds the storage any more: no connection is left to the garbage collector.
        self._finalizer = weakref.finalize(self, lambda: database.shut().result())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._database.where}>"

    async def create_session(
        self,
        session_id: str,
        user_id: str,
        provider: str,
        model: str,
        config: SessionConfig,
        context: SessionContext,
    ) -> None:
        await self._change(CreateSession(new_session_row(session_id, user_id, provider, model, config, context)))

    async def get_session(self, session_id: str) -> Row | None:
        return await self._read(lambda connection, codec: queries.get_session(connection, codec, _id(session_id)))

    async def add_message(self, session_id: str, message: SessionMessage) -> None:
        await self._change(AddMessages(_id(session_id), [message_to_row(message)]))

    async def add_messages(self, session_id: str, messages: Sequence[SessionMessage]) -> None:
        """Store several messages, in order, in one transaction."""
        if messages:
            await self._change(AddMessages(_id(session_id), [message_to_row(message) for message in messages]))

    async def replace_messages(self, session_id: str, messages: Sequence[SessionMessage]) -> None:
        """Store `messages` in place of all that the session has, in one transaction."""
        await self._change(ReplaceMessages(_id(session_id), [message_to_row(message) for message in messages]))

    async def get_messages(
        self,
        session_id: str,
        limit: int | None = None,
        role: str | None = None,
        since: datetime | None = None,
    ) -> list[SessionMessage]:
        return await self._read(
            lambda connection, codec: queries.get_messages(
                connection, codec, _id(session_id), limit=limit, role=storable(role), since=since
            )
        )

    async def get_all_messages(self, session_id: str) -> list[SessionMessage]:
        return await self._read(
            lambda connection, codec: queries.get_messages(connection, codec, _id(session_id), every_branch=True)
        )

    async def checkpoint(self, message: SessionMessage) -> None:
        await self._change(Checkpoint(message_to_row(message)))

    async def add_event(
        self,
        kind: str,
        session_id: str | None = None,
        message_id: str | None = None,
        user_id: str | None = None,
        payload: dict[str, Any] | None = None,
    ) -> None:
        ids = {"session_id": session_id, "message_id": message_id, "user_id": user_id}
        await self._change(AddEvent(event_row(new_id(), kind, now(), payload, **ids)))

    async def update_session(self, session_id: str, changes: dict[str, Any]) -> None:
        try:
            row = session_changes(changes)
        except KeyError as error:
            raise ConfigurationError(f"A session's record has no {error.args[0]!r}.", session_id) from None
        await self._change(UpdateSession(_id(session_id), row))

    async def delete_session(self, session_id: str) -> None:
        await self._change(DeleteSession(_id(session_id)))

    async def clear_messages(self, session_id: str) -> None:
        await self._change(ClearMessages(_id(session_id)))

    async def set_active_branch(self, session_id: str, message_ids: Sequence[str]) -> None:
        await self._change(SetActiveBranch(_id(session_id), [_id(message_id) for message_id in message_ids]))

    async def delete_events(self, *, user_id: str) -> None:
        """Remove the user's rows from the audit trail, for good."""
        await self._change(DeleteEvents(_id(user_id)))

    async def list_events(
        self,
        *,
        after: str | None = None,
        session_id: str | None = None,
        kinds: Sequence[str] | None = None,
        user_id: str | None = None,
        limit: int | None = None,
    ) -> list[Row]:
        wanted = queries.EventFilter(
            after=storable(after),
            session_id=storable(session_id),
            kinds=None if kinds is None else tuple(_id(kind) for kind in kinds),
            user_id=storable(user_id),
            limit=limit,
        )
        return await self._read(lambda connection, codec: queries.list_events(connection, codec, wanted))

    async def list_sessions(
        self,
        *,
        user_id: str | None = None,
        provider: str | None = None,
        status: str | None = None,
        tags: Sequence[str] | None = None,
        text: str | None = None,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> list[Row]:
        wanted = queries.SessionFilter(
            user_id=storable(user_id),
            provider=storable(provider),
            status=storable(status),
            tags=tuple(_id(tag) for tag in tags or ()),
            text=storable(text),
            since=since,
            limit=limit,
        )
        return await self._read(lambda connection, codec: queries.list_sessions(connection, codec, wanted))

    async def health_check(self) -> dict[str, Any]:
        about = {"backend": self.backend, "location": self._database.where}
        try:
            facts = await self._read(lambda connection, _: self._health(connection))
        except SessionError as error:
            return {"status": "unhealthy", **about, "error": error.message}
        return {"status": "healthy", **about, "encrypted": self._database.encrypted, **facts}

    async def get_database_stats(self) -> dict[str, Any]:
        """Return the counts of sessions, messages and events, and the size in bytes."""

        def look(connection: Connection, codec: Codec) -> dict[str, Any]:
            return {
                "backend": self.backend,
                "location": self._database.where,
                **queries.count_rows(connection, codec.dialect.tables),
                "encrypted": self._database.encrypted,
                **self._size(connection),
            }

        return await self._read(look)

    async def optimize_database(self) -> dict[str, Any]:
        """Refresh the statistics and give back the space of deleted rows; return the sizes before and after."""
        return await self._in_thread(self._optimize)

    async def backup_database(self, path: str | Path) -> str:
        """Write a consistent copy to `path`, in place of what is there, and return the path.

        The copy is a store that SQLiteSessionStorage opens; that of an encrypted store is encrypted with the same key.
        """
        return await self._in_thread(lambda: self._back_up(Path(path).expanduser().absolute()))

    def export_tables(self) -> dict[str, pa.Table]:
        """Return `sessions`, `messages` and `events` as Arrow tables, with the columns of `storage.schema`."""
        return self._database.run(self._export).result()

    async def close(self) -> None:
        self._finalizer.detach()
        await _result(self._database.shut())

    @abstractmethod
    def _health(self, connection: Connection) -> dict[str, Any]:
        """Return what is worth knowing of a healthy store."""

    @abstractmethod
    def _size(self, connection: Connection) -> dict[str, Any]:
        """Return `size_bytes`, and what else there is to say of the place that the store takes."""

    @abstractmethod
    def _optimize(self) -> dict[str, Any]:
        """Tidy up."""

    @abstractmethod
    def _back_up(self, target: Path) -> str:
        """Write the copy."""

    @abstractmethod
    def _export(self) -> dict[str, pa.Table]:
        """Read everything, column by column."""

    async def _change(self, change: Change) -> None:
        await _result(self._database.submit(change))

    async def _read(self, function: Callable[[Connection, Codec], T]) -> T:
        return await _result(self._database.read(function))

    async def _in_thread(self, function: Callable[[], T]) -> T:
        return await _result(self._database.run(function))


def _id(value: str) -> str:
    return storable(value) or ""


async def _result(future: Future[T]) -> T:
    return await asyncio.wrap_future(future)
