"""One store in Redis, open: its client, which lives on an event loop of its own, and who looks after checkpoints."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

from ...clock import now
from ...errors import ConfigurationError, SessionNotFoundError, StorageVersionError
from ..content_cipher import ContentCipher, open_cipher
from ..described import describe, described_message
from ..owners import SIGN_OF_LIFE_EVERY_S, is_gone, new_owner, retire
from ..rows import Row, moment
from . import scripts, values
from .failures import storage_error
from .loop_thread import LoopThread
from .ordered_scripts import OrderedScripts

logger = logging.getLogger(__name__)
T = TypeVar("T")

FORMAT_VERSION = 1
# What a reply says of itself whose process ended; a reply that comes after all takes its place.
ABANDONED = "ProcessEnded"

_CONNECTIONS = 32
_TIMEOUT_S = 30
_AT_ONCE = 200


class Store:
    """What a storage does its work with, from any thread; opened on first use."""

    def __init__(self, url: str, key_prefix: str, ttl_s: float | None, encryption_key: str | None) -> None:
        self.prefix = key_prefix
        self.where = _shown(url)
        self.encryption_key = encryption_key
        self._url = _redis_url(url)
        self._ttl_ms = int((ttl_s or 0) * 1000)
        self._closed = False
        self._start_over()

    def _start_over(self) -> None:
        self._pid = os.getpid()
        self._thread = LoopThread("langswarm_nb-redis")
        self._client: Any = None  # redis-py's types know nothing of decode_responses
        self._scripts: OrderedScripts | None = None
        self._cipher = ContentCipher()
        self._opening = asyncio.Lock()
        self._owner = new_owner()
        self._checkpointed: set[str] = set()
        self._watch: asyncio.Task[None] | None = None

    # --- what storages call, from any thread ---

    def submit(self, work: Callable[[], Coroutine[Any, Any, T]]) -> Future[T]:
        """Run `work` on the client's loop; what it raises is explained."""
        if self._pid != os.getpid():  # a forked child has neither the parent's thread nor its connections
            self._start_over()

        async def explained() -> T:
            try:
                await self._open()
                return await work()
            except Exception as error:
                found = storage_error(error, self.where)
                if found is error:
                    raise
                raise found from error

        return self._thread.submit(explained())

    def shut(self) -> Future[None]:
        """Return a future that is done when all is written and every connection closed; then `join`."""
        if self._pid != os.getpid():
            self._start_over()
        self._closed = True
        return self._thread.close(self._leave)

    def join(self) -> None:
        """End the thread, after `shut`; twice does no harm."""
        self._thread.join()
        retire(self._owner)

    # --- on the loop ---

    @property
    def client(self) -> Any:
        """The connected client, a `redis.asyncio.Redis`."""
        assert self._client is not None, "the store is opened before it is used"
        return self._client

    @property
    def cipher(self) -> ContentCipher:
        """What encrypts the content."""
        return self._cipher

    @property
    def ttl_s(self) -> float | None:
        """After how many seconds without activity a session is forgotten."""
        return self._ttl_ms / 1000 or None

    def key(self, kind: str, name: str | None = None) -> str:
        """Return the key of a session's, a user's or the whole store's part."""
        return f"{self.prefix}{kind}" if name is None else f"{self.prefix}{kind}:{name}"

    async def run_script(self, script: str, session_id: str, *arguments: Any) -> Any:
        """Return what a script of `scripts` answers."""
        head = [self.prefix, session_id, self._ttl_ms, values.micros(now())]
        assert self._scripts is not None, "the store is opened before it is used"
        return await self._scripts.run(script, [*head, *arguments])

    async def change(self, script: str, session_id: str, *arguments: Any) -> None:
        """Run a script; an answer of 0 raises SessionNotFoundError."""
        if not await self.run_script(script, session_id, *arguments):
            raise SessionNotFoundError(f"There is no session {session_id}: it was deleted or never made.", session_id)

    async def add_messages(self, session_id: str, rows: Sequence[Row]) -> None:
        """Store rows of `messages`, some at a time; each of them whole or not at all."""
        for start in range(0, len(rows), _AT_ONCE):
            await self._write_messages(scripts.ADD_MESSAGES, session_id, rows[start : start + _AT_ONCE])

    async def replace_messages(self, session_id: str, rows: Sequence[Row]) -> None:
        """Store rows of `messages` in place of all that the session has: all of it or nothing."""
        await self._write_messages(scripts.REPLACE_MESSAGES, session_id, rows)

    async def _write_messages(self, script: str, session_id: str, rows: Sequence[Row]) -> None:
        active_at = [values.micros(row["completed_at"] or row["created_at"]) for row in rows]
        arguments: list[Any] = [max(active_at, default=values.micros(now()))]
        for row in rows:
            seq = "" if row["seq"] is None else row["seq"]
            text = values.message_text(self._cipher, {**row, "session_id": session_id})
            arguments += [row["message_id"], seq, int(row["is_active_branch"]), text]
        await self.change(script, session_id, *arguments)
        self._checkpointed.difference_update(row["message_id"] for row in rows)

    async def delete_events(self, user_id: str) -> None:
        """Remove a user's events."""
        for session_id in [*await self.session_ids(), ""]:
            theirs = [row["event_id"] for row in await self.event_rows([session_id]) if row["user_id"] == user_id]
            if theirs:
                await self.client.hdel(self.key("events", session_id), *theirs)

    async def checkpoint(self, row: Row) -> None:
        """Keep the row of a message that is not whole yet."""
        text = values.message_text(self._cipher, row)
        await self.change(scripts.CHECKPOINT, row["session_id"], row["message_id"], self._owner, text)
        self._checkpointed.add(row["message_id"])
        self._keep_watch()

    async def message_rows(self, session_id: str, newest: int | None = None) -> list[Row]:
        """Return the rows of every branch, oldest first; with `newest`, at least as many of the active one."""
        order, inactive = self.key("order", session_id), self.key("inactive", session_id)
        if newest is None:
            read = self.client.pipeline(transaction=True)
            read.zrange(order, 0, -1, withscores=True).smembers(inactive).hgetall(self.key("messages", session_id))
            ordered, hidden, texts = await read.execute()
        else:
            hidden = await self.client.smembers(inactive)
            ordered = (await self.client.zrevrange(order, 0, newest + len(hidden) - 1, withscores=True))[::-1]
            ids = [message_id for message_id, _ in ordered]
            kept = await self.client.hmget(self.key("messages", session_id), ids) if ids else []
            texts = {message_id: text for message_id, text in zip(ids, kept, strict=True) if text is not None}
        hidden = set(hidden)
        rows = []
        for message_id, seq in ordered:
            if message_id in texts:
                row = values.message_row(self._cipher, texts[message_id])
                row["seq"] = int(seq)
                row["is_active_branch"] = message_id not in hidden
                rows.append(row)
        return rows

    async def records(self, session_ids: Sequence[str]) -> AsyncIterator[Row]:
        """Yield the rows of `sessions`, with message_count, of those that are still there."""
        for start in range(0, len(session_ids), _AT_ONCE):
            some = session_ids[start : start + _AT_ONCE]
            read = self.client.pipeline(transaction=False)
            for session_id in some:
                read.hgetall(self.key("session", session_id)).hlen(self.key("messages", session_id))
                read.scard(self.key("inactive", session_id))
            found = await read.execute()
            for index in range(0, len(found), 3):
                fields, messages, hidden = found[index : index + 3]
                if "session_id" in fields:
                    yield {**values.session_row(self._cipher, fields), "message_count": messages - hidden}

    async def event_rows(self, session_ids: Sequence[str]) -> list[Row]:
        """Return the rows of `events` of these sessions, oldest first; an empty id means those of no session."""
        found: list[Row] = []
        for start in range(0, len(session_ids), _AT_ONCE):
            read = self.client.pipeline(transaction=False)
            for session_id in session_ids[start : start + _AT_ONCE]:
                read.hvals(self.key("events", session_id))
            found += [values.event_row(self._cipher, text) for texts in await read.execute() for text in texts]
        return sorted(found, key=lambda row: row["event_id"])

    async def session_ids(self, user_id: str | None = None, since: datetime | None = None) -> list[str]:
        """Return the ids of all sessions, or of a user's, most recently active first."""
        key = self.key("sessions") if user_id is None else self.key("user", user_id)
        if self._ttl_ms:
            expired = values.micros(now()) - self._ttl_ms * 1000
            await self.client.zremrangebyscore(key, "-inf", f"({expired}")
        earliest = "-inf" if since is None else values.micros(since)
        return await self.client.zrevrangebyscore(key, "+inf", earliest)

    # --- opening and leaving ---

    async def _open(self) -> None:
        async with self._opening:
            if self._client is not None:
                return
            # Waiting for a connection beats opening hundreds of them.
            pool = BlockingConnectionPool.from_url(
                self._url,
                decode_responses=True,
                max_connections=_CONNECTIONS,
                timeout=_TIMEOUT_S,
                socket_timeout=_TIMEOUT_S,
                socket_connect_timeout=_TIMEOUT_S / 3,
                # Every call may be made twice, so a broken connection is no reason to fail: try for about two seconds.
                retry=Retry(ExponentialBackoff(cap=1, base=0.05), 5),
            )
            client: Any = Redis.from_pool(pool)
            try:
                self._cipher = await self._read_meta(client)
                self._client = client
                self._scripts = OrderedScripts(client)
                await self._fold_abandoned()
            except BaseException:
                self._client = None
                await client.aclose()
                raise

    async def _read_meta(self, client: Any) -> ContentCipher:
        key = self.key("meta")
        kept: dict[str, str] = await client.hgetall(key)
        version = int(kept.get("version") or FORMAT_VERSION)
        if version > FORMAT_VERSION:
            raise StorageVersionError(
                f"A newer langswarm_nb wrote the store {self.where} (format {version}). It was left untouched. "
                "Upgrade with: pip install -U langswarm-nb"
            )
        is_new = not await client.zcard(self.key("sessions"))
        made: dict[str, str] = {}
        cipher = open_cipher(
            self.encryption_key, json.loads(kept.get("encryption", "{}")), is_new, made.update, self.where
        )
        if made and not await client.hsetnx(key, "encryption", json.dumps(made)):
            return await self._read_meta(client)  # another process was faster
        if "version" not in kept:
            await client.hsetnx(key, "version", str(FORMAT_VERSION))
        return cipher

    async def encryption_meta(self) -> dict[str, str]:
        """Return what the store says of its encryption."""
        return json.loads(await self.client.hget(self.key("meta"), "encryption") or "{}")

    async def _leave(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        if self._client is None:
            return
        try:
            if self._checkpointed:
                retire(self._owner)
                await self._fold_abandoned()
        except Exception:
            logger.warning("could not fold the replies in flight of %s", self.where, exc_info=True)
        await self._client.aclose()
        self._client = None

    # --- replies in flight ---

    def _keep_watch(self) -> None:
        if self._watch is None or self._watch.done():
            self._watch = asyncio.get_running_loop().create_task(self._watch_over())

    async def _watch_over(self) -> None:
        """Show that this process' replies are alive, and fold those of others that are gone, while there are any."""
        going = True
        while going:
            await asyncio.sleep(SIGN_OF_LIFE_EVERY_S)
            try:
                if self._checkpointed:
                    await self.client.hset(self.key("owners"), self._owner, str(values.micros(now())))
                going = await self._fold_abandoned() or bool(self._checkpointed)
            except Exception:
                logger.warning("could not look after the replies in flight of %s", self.where, exc_info=True)

    async def _fold_abandoned(self) -> bool:
        """Store what owners that are gone left behind, and return whether others are still at it."""
        sessions = list(await self.client.smembers(self.key("streaming")))
        if not sessions:
            return False
        seen: dict[str, str] = await self.client.hgetall(self.key("owners"))
        gone: set[str] = set()
        alive = False
        for session_id in sessions:
            kept: dict[str, str] = await self.client.hgetall(self.key("checkpoints", session_id))
            if not kept:  # it expired
                await self.client.srem(self.key("streaming"), session_id)
            abandoned: list[tuple[Row, str]] = []
            for checkpoint in kept.values():
                owner, _, text = checkpoint.partition("\n")
                if is_gone(owner, moment(int(seen[owner])) if owner in seen else None):
                    gone.add(owner)
                    abandoned.append((described_message(text), checkpoint))
                else:
                    alive = True
            for row, checkpoint in sorted(abandoned, key=lambda each: each[0]["created_at"]):
                await self._fold(session_id, row, checkpoint)
        if gone:
            await self.client.hdel(self.key("owners"), *gone)
        if alive and self._client is not None and not self._closed:
            self._keep_watch()
        return alive

    async def _fold(self, session_id: str, row: Row, checkpoint: str) -> None:
        # What is encrypted in it stays as it is: it is the same message, in the same column.
        text = describe({**row, "status": "interrupted", "error_type": ABANDONED})
        seq = "" if row["seq"] is None else row["seq"]
        await self.run_script(scripts.FOLD, session_id, row["message_id"], checkpoint, seq, text)


def _redis_url(url: str) -> str:
    for ours, theirs in (("valkeys://", "rediss://"), ("valkey://", "redis://")):
        if url.startswith(ours):
            return theirs + url.removeprefix(ours)
    if not url.startswith(("redis://", "rediss://", "unix://")):
        # The text is not repeated: it may hold a password.
        raise ConfigurationError("This is no Redis URL. Use one like redis://localhost:6379/0.")
    return url


def _shown(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return f"Redis at {parts.path}"
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise ConfigurationError("This is no Redis URL: its port is no number.") from None
    return f"Redis at {parts.hostname or 'localhost'}{port}{parts.path.rstrip('/')}"
