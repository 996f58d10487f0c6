"""Conversations in Redis or Valkey, for web services that have one already."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ...clock import as_utc, new_id, now
from ...errors import ConfigurationError, SessionError, SessionStateError, StorageError
from ...interfaces import ISessionStorage
from ...models import SessionConfig, SessionContext, SessionMessage
from .. import rows
from ..content_cipher import require_key_material
from ..rows import Row
from ..schema import SESSIONS
from . import scripts, values

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")


class RedisSessionStorage(ISessionStorage):
    """Keeps conversations on one Redis or Valkey server, under keys that begin with `key_prefix`.

    `ttl` is after how many seconds without a change a session is forgotten; None keeps it. Each change is one script,
    whole or not at all; whether it also survives the server's power cut is the server's setting (`appendonly yes`,
    `appendfsync always`; `health_check` shows it). With `encryption_key` the columns named in
    `content_cipher.ENCRYPTED` are encrypted before they leave this process. Usable from any thread and event loop.
    """

    def __init__(
        self,
        redis_url: str = "redis://localhost:6379",
        key_prefix: str = "langswarm:",
        ttl: float | None = None,
        encryption_key: str | None = None,
    ) -> None:
        require_key_material(encryption_key)
        if ttl is not None and not ttl > 0:
            raise ConfigurationError(f"ttl must be above 0 seconds, or None to keep sessions; it is {ttl!r}.")
        try:
            from .store import Store
        except ImportError as error:
            raise ConfigurationError(
                "RedisSessionStorage needs the package redis. Install it with: pip install 'langswarm-nb[redis]'"
            ) from error
        self._store = store = Store(redis_url, key_prefix, ttl, encryption_key)
        self._finalizer = weakref.finalize(self, lambda: (store.shut().result(), store.join()))

    def __repr__(self) -> str:
        return f"<RedisSessionStorage {self._store.where}, keys {self._store.prefix}*>"

    async def create_session(
        self,
        session_id: str,
        user_id: str,
        provider: str,
        model: str,
        config: SessionConfig,
        context: SessionContext,
    ) -> None:
        row = rows.new_session_row(session_id, user_id, provider, model, config, context)
        await self._run(lambda: self._create(row))

    async def get_session(self, session_id: str) -> Row | None:
        async def read() -> Row | None:
            async for row in self._store.records([_id(session_id)]):
                return rows.row_to_session(row)
            return None

        return await self._run(read)

    async def add_message(self, session_id: str, message: SessionMessage) -> None:
        await self.add_messages(session_id, [message])

    async def add_messages(self, session_id: str, messages: Sequence[SessionMessage]) -> None:
        """Store several messages, in order; each is stored whole or not at all."""
        stored = [rows.message_to_row(message) for message in messages]
        await self._run(lambda: self._store.add_messages(_id(session_id), stored))

    async def replace_messages(self, session_id: str, messages: Sequence[SessionMessage]) -> None:
        """Store `messages` in place of all that the session has: all of it or nothing."""
        stored = [rows.message_to_row(message) for message in messages]
        await self._run(lambda: self._store.replace_messages(_id(session_id), stored))

    async def get_messages(
        self,
        session_id: str,
        limit: int | None = None,
        role: str | None = None,
        since: datetime | None = None,
    ) -> list[SessionMessage]:
        earliest = as_utc(since) if since else None
        newest = limit if role is None and since is None else None
        if limit is not None and limit <= 0:
            return []
        found = [
            rows.row_to_message(row)
            for row in await self._run(lambda: self._store.message_rows(_id(session_id), newest))
            if row["is_active_branch"]
            and (role is None or row["role"] == role)
            and (earliest is None or row["created_at"] >= earliest)
        ]
        return found if limit is None else found[-limit:]

    async def get_all_messages(self, session_id: str) -> list[SessionMessage]:
        found = await self._run(lambda: self._store.message_rows(_id(session_id)))
        return [rows.row_to_message(row) for row in found]

    async def checkpoint(self, message: SessionMessage) -> None:
        row = rows.message_to_row(message)
        await self._run(lambda: self._store.checkpoint(row))

    async def add_event(
        self,
        kind: str,
        session_id: str | None = None,
        message_id: str | None = None,
        user_id: str | None = None,
        payload: dict[str, Any] | None = None,
    ) -> None:
        ids = {"session_id": session_id, "message_id": message_id, "user_id": user_id}
        row = rows.event_row(new_id(), kind, now(), payload, **ids)
        await self._run(lambda: self._add_event(row))

    async def update_session(self, session_id: str, changes: dict[str, Any]) -> None:
        try:
            row = rows.session_changes(changes)
        except KeyError as error:
            raise ConfigurationError(f"A session's record has no {error.args[0]!r}.", session_id) from None
        await self._run(lambda: self._update(_id(session_id), row))

    async def delete_session(self, session_id: str) -> None:
        await self._run(lambda: self._store.change(scripts.DELETE_SESSION, _id(session_id)))

    async def clear_messages(self, session_id: str) -> None:
        await self._run(lambda: self._store.change(scripts.CLEAR_MESSAGES, _id(session_id)))

    async def set_active_branch(self, session_id: str, message_ids: Sequence[str]) -> None:
        wanted = [_id(message_id) for message_id in message_ids]
        await self._run(lambda: self._store.change(scripts.SET_ACTIVE_BRANCH, _id(session_id), *wanted))

    async def delete_events(self, *, user_id: str) -> None:
        """Remove the user's rows from the audit trail, for good."""
        await self._run(lambda: self._store.delete_events(_id(user_id)))

    async def list_events(
        self,
        *,
        after: str | None = None,
        session_id: str | None = None,
        kinds: Sequence[str] | None = None,
        user_id: str | None = None,
        limit: int | None = None,
    ) -> list[Row]:
        async def find() -> list[Row]:
            places = [*await self._store.session_ids(), ""] if session_id is None else [_id(session_id)]
            found = [
                row
                for row in await self._store.event_rows(places)
                if (after is None or row["event_id"] > after)
                and (kinds is None or row["kind"] in kinds)
                and (user_id is None or row["user_id"] == user_id)
            ]
            newest = found if limit is None else found[max(len(found) - limit, 0) :]
            return [rows.row_to_event(row) for row in newest]

        return await self._run(find)

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
        async def find() -> list[Row]:
            owner = rows.text(user_id)
            ids = await self._store.session_ids(owner, as_utc(since) if since else None)
            needle = None if text is None else _id(text).casefold()
            wanted_tags = {_id(tag) for tag in tags or ()}
            found: list[Row] = []
            async for row in self._store.records(ids if limit != 0 else []):
                if (
                    (provider is None or row["provider"] == provider)
                    and (status is None or row["status"] == str(status))
                    and wanted_tags <= set(row["tags"])
                    and (needle is None or await self._mentions(row, needle))
                ):
                    found.append(rows.row_to_session(row))
                    if len(found) == limit:
                        break
            return found

        return await self._run(find)

    async def health_check(self) -> dict[str, Any]:
        about = {"backend": "redis", "location": self._store.where}

        async def look() -> dict[str, Any]:
            info = await self._store.client.info()
            return {
                "server": info.get("server_name", "redis"),
                "redis_version": info.get("valkey_version") or info.get("redis_version"),
                "used_memory": info.get("used_memory_human"),
                "connected_clients": info.get("connected_clients"),
                "append_only": bool(info.get("aof_enabled")),
            }

        try:
            facts = await self._run(look)
        except SessionError as error:
            return {"status": "unhealthy", **about, "error": error.message}
        return {"status": "healthy", **about, "encrypted": self._store.encryption_key is not None, **facts}

    async def get_database_stats(self) -> dict[str, Any]:
        """Return the counts of sessions and messages, and the bytes that the server uses in all."""

        async def look() -> dict[str, Any]:
            store = self._store
            ids = await store.session_ids()
            read = store.client.pipeline(transaction=False)
            for session_id in ids:
                read.hlen(store.key("messages", session_id))
            for session_id in [*ids, ""]:
                read.hlen(store.key("events", session_id))
            counts = await read.execute()
            memory = await store.client.info("memory")
            return {
                "backend": "redis",
                "location": store.where,
                "sessions": len(ids),
                "messages": sum(counts[: len(ids)]),
                "events": sum(counts[len(ids) :]),
                "encrypted": store.encryption_key is not None,
                "size_bytes": memory.get("used_memory"),
                "ttl_s": store.ttl_s,
            }

        return await self._run(look)

    async def optimize_database(self) -> dict[str, Any]:
        """Take expired sessions out of the lists, and return how many there were."""

        async def tidy() -> dict[str, Any]:
            store = self._store
            ids = await store.session_ids()
            read = store.client.pipeline(transaction=False)
            for session_id in ids:
                read.exists(store.key("session", session_id))
            gone = [session_id for session_id, there in zip(ids, await read.execute(), strict=True) if not there]
            if gone:
                await store.client.zrem(store.key("sessions"), *gone)
            async for key in store.client.scan_iter(match=f"{_literal(store.prefix)}user:*", count=500):
                if gone:
                    await store.client.zrem(key, *gone)
            return {"optimized": True, "backend": "redis", "expired_sessions_removed": len(gone)}

        return await self._run(tidy)

    async def backup_database(self, path: str | Path) -> str:
        """Write a copy to `path`, in place of what is there, and return the path.

        The copy is a store that SQLiteSessionStorage opens; that of an encrypted store is encrypted with the same key.
        What changes meanwhile may be in it or not.
        """
        from ..sql.copying import copy_to_sqlite

        async def read() -> tuple[dict[str, list[Row]], dict[str, str]]:
            return await self._all_rows(), await self._store.encryption_meta()

        found, meta = await self._run(read)
        found["sessions"] = [{name: row[name] for name in SESSIONS} for row in found["sessions"]]

        def write() -> str:
            tables = ((name, [batch]) for name, batch in found.items())
            return copy_to_sqlite(Path(path).expanduser().absolute(), tables, self._store.cipher, meta)

        try:
            return await asyncio.to_thread(write)
        except OSError as error:
            raise StorageError(f"The backup {path} cannot be written: {error.strerror or error}.") from error

    def export_tables(self) -> dict[str, pa.Table]:
        """Return `sessions`, `messages` and `events` as Arrow tables, with the columns of `storage.schema`."""
        from ..arrow import table_of_rows

        found = self._store.submit(self._all_rows).result()
        return {name: table_of_rows(name, some) for name, some in found.items()}

    async def close(self) -> None:
        self._finalizer.detach()
        await _result(self._store.shut())
        self._store.join()

    # --- on the store's loop ---

    async def _create(self, row: Row) -> None:
        session_id = row["session_id"]
        known, _ = values.session_fields(self._store.cipher, session_id, row)
        created = values.micros(row["created_at"])
        if not await self._store.run_script(scripts.CREATE_SESSION, session_id, created, *known):
            raise SessionStateError(f"There is a session {session_id} already. Choose another id.", session_id)

    async def _update(self, session_id: str, row: Row) -> None:
        known, unknown = values.session_fields(self._store.cipher, session_id, row)
        await self._store.change(scripts.UPDATE_SESSION, session_id, len(known), *known, *unknown)

    async def _add_event(self, row: Row) -> None:
        text = values.event_text(self._store.cipher, row)
        await self._store.change(scripts.ADD_EVENT, row["session_id"] or "", row["event_id"], text)

    async def _mentions(self, row: Row, needle: str) -> bool:
        if any(needle in (row[name] or "").casefold() for name in ("title", "description")):
            return True
        messages = await self._store.message_rows(row["session_id"])
        return any(needle in (message["content"] or "").casefold() for message in messages)

    async def _all_rows(self) -> dict[str, list[Row]]:
        store = self._store
        ids = await store.session_ids()
        found: dict[str, list[Row]] = {
            "sessions": [row async for row in store.records(ids)],
            "messages": [],
            "events": [],
        }
        for row in found["sessions"]:
            found["messages"] += await store.message_rows(row["session_id"])
        found["events"] = await store.event_rows([*(row["session_id"] for row in found["sessions"]), ""])
        return found

    async def _run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return await _result(self._store.submit(work))


async def _result(future: Future[T]) -> T:
    return await asyncio.wrap_future(future)


def _id(value: str) -> str:
    return rows.text(value) or ""


def _literal(pattern: str) -> str:
    return "".join(f"\\{letter}" if letter in "*?[]\\" else letter for letter in pattern)
