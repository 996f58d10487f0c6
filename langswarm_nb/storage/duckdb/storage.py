"""DuckDBSessionStorage: sessions and messages in a DuckDB file that several kernels share."""

from __future__ import annotations

import asyncio
import shutil
import time
import weakref
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import duckdb
import pyarrow as pa

from ...clock import new_id, now
from ...errors import ConfigurationError, StorageError
from ...interfaces import ISessionStorage
from ...models import SessionConfig, SessionContext, SessionMessage
from ..paths import default_location
from ..rows import event_row, message_to_row, new_session_row, session_changes, text
from ..schema import SESSIONS, TABLES
from ..waiting import LoopAnswer
from . import failures, reads, registry, statement
from .appending import Append, Appended
from .checkpoints import Checkpoint
from .engine import Engine
from .location import Location
from .migrations import migrate
from .places import location_of
from .rewriting import copy_table, rewrite
from .statement import Parameters
from .unsaved import Unsaved
from .write import Write
from .writes import (
    AddEvent,
    AddMessages,
    ClearMessages,
    CreateSession,
    DeleteEvents,
    DeleteSession,
    Maintain,
    SetActiveBranch,
    UpdateSession,
)

Found = TypeVar("Found")


class DuckDBSessionStorage(ISessionStorage):
    """Keeps everything in one DuckDB file, in memory (`:memory:`), or past this machine.

    `location` may also be `ducklake:postgres:...` or `ducklake:<file>` (a lake; `data_path` says where its files are
    when it is made), `quack:host:port` (a DuckDB server, with its `token`), or `md:name` (MotherDuck).
    Without `db_path` and `location` it is the default store. Methods may be called from any event loop and any
    thread; every write is durable on return. `lock_timeout_s` is how long a call waits for a file that another
    process holds before it raises StorageLockedError; `idle_release_s` is how long the file is kept open after its
    last use. Storages of one process on one file share one connection.
    """

    def __init__(
        self,
        db_path: str | Path | None = None,
        location: str | None = None,
        encryption_key: str | None = None,
        lock_timeout_s: float = 10.0,
        idle_release_s: float = 5.0,
        data_path: str | Path | None = None,
        token: str | None = None,
    ) -> None:
        if db_path is not None and location is not None:
            raise ConfigurationError("db_path and location mean the same. Give one of them.")
        self._location = location_of(
            db_path or location or default_location(),
            encryption_key=encryption_key,
            data_path=data_path,
            token=token,
        )
        self.lock_timeout_s = lock_timeout_s
        self._engine = engine = registry.engine_for(self._location, idle_release_s)
        self._unsaved = Unsaved(lambda write: _submitted(engine, write, lock_timeout_s))
        # A storage that nobody closed must not keep the file from others.
        self._leave = weakref.finalize(self, registry.leave, self._engine)
        self._leave.atexit = False

    def __repr__(self) -> str:
        return f"DuckDBSessionStorage({self._location.shown!r})"

    @property
    def location(self) -> str:
        """Where the store is."""
        return self._location.shown

    # --- writing ---

    async def create_session(
        self,
        session_id: str,
        user_id: str,
        provider: str,
        model: str,
        config: SessionConfig,
        context: SessionContext,
    ) -> None:
        await self._write(CreateSession(new_session_row(session_id, user_id, provider, model, config, context)))

    async def add_message(self, session_id: str, message: SessionMessage) -> None:
        await self._write(AddMessages(_id(session_id), (message_to_row(message),)))

    def write_later(self, session_id: str, message: SessionMessage) -> None:
        """Take over a message that `add_message` failed on: it is tried again until it is durable, at last in `close`.

        Meanwhile `health_check()` counts it among `unsaved_messages`, and no reading method returns it.
        """
        self._require_open()
        row = message_to_row(message)
        self._unsaved.add(row["message_id"], AddMessages(_id(session_id), (row,)))

    async def add_messages(self, session_id: str, messages: Sequence[SessionMessage]) -> None:
        """Store several messages, in order, in one transaction."""
        rows = await _in_thread(lambda: [message_to_row(message) for message in messages])
        await self._write(AddMessages(_id(session_id), rows))

    async def checkpoint(self, message: SessionMessage) -> None:
        await self._write(Checkpoint(message_to_row(message)))

    async def add_event(
        self,
        kind: str,
        session_id: str | None = None,
        message_id: str | None = None,
        user_id: str | None = None,
        payload: dict[str, Any] | None = None,
    ) -> None:
        ids = {"session_id": session_id, "message_id": message_id, "user_id": user_id}
        await self._write(AddEvent(event_row(new_id(), kind, now(), payload, **ids)))

    async def delete_events(self, *, user_id: str) -> None:
        await self._write(DeleteEvents(_id(user_id)))

    async def update_session(self, session_id: str, changes: dict[str, Any]) -> None:
        try:
            row = session_changes(changes)
        except KeyError as error:
            raise ConfigurationError(
                f"A session has no column {error.args[0]!r}. It has: {', '.join(SESSIONS)}."
            ) from None
        await self._write(UpdateSession(_id(session_id), row))

    async def delete_session(self, session_id: str) -> None:
        await self._write(DeleteSession(_id(session_id)))

    async def clear_messages(self, session_id: str) -> None:
        await self._write(ClearMessages(_id(session_id)))

    async def set_active_branch(self, session_id: str, message_ids: Sequence[str]) -> None:
        await self._write(SetActiveBranch(_id(session_id), [_id(message_id) for message_id in message_ids]))

    def append_tables(
        self, tables: Mapping[str, pa.Table], *, replacing: bool = False, trial: bool = False
    ) -> Appended:
        """Add the rows of Arrow tables named sessions, messages and events that the store lacks, in one transaction.

        Rows are known by their ids; durable on return. For any thread, without an event loop. With `replacing`, a
        message from the same source that is here with other values is written anew. A `trial` changes nothing, and
        returns what would be.
        """
        write = Append(tables, replacing, trial)
        self._require_open()
        _submitted(self._engine, write, self.lock_timeout_s).result()
        return write.outcome

    async def _write(self, write: Write) -> None:
        self._require_open()
        answer = LoopAnswer()
        self._engine.submit(write, self.lock_timeout_s, answer)
        await answer

    def _require_open(self) -> None:
        if not self._leave.alive:
            raise StorageError(f"The storage {self.location} is closed. Make a new one to go on.")

    # --- reading ---

    async def get_session(self, session_id: str) -> dict[str, Any] | None:
        return await self._read(lambda connection: reads.session(connection, session_id))

    async def get_messages(
        self,
        session_id: str,
        limit: int | None = None,
        role: str | None = None,
        since: datetime | None = None,
    ) -> list[SessionMessage]:
        return await self._read(
            lambda connection: reads.messages(connection, session_id, limit=limit, role=role, since=since)
        )

    async def get_all_messages(self, session_id: str) -> list[SessionMessage]:
        return await self._read(lambda connection: reads.messages(connection, session_id, every_branch=True))

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
    ) -> list[dict[str, Any]]:
        return await self._read(
            lambda connection: reads.sessions(
                connection,
                user_id=user_id,
                provider=provider,
                status=status,
                tags=tags,
                words=text,
                since=since,
                limit=limit,
            )
        )

    async def list_events(
        self,
        *,
        after: str | None = None,
        session_id: str | None = None,
        kinds: Sequence[str] | None = None,
        user_id: str | None = None,
        limit: int | None = None,
    ) -> list[dict[str, Any]]:
        return await self._read(
            lambda connection: reads.events(
                connection, after=after, session_id=session_id, kinds=kinds, user_id=user_id, limit=limit
            )
        )

    def exclusive_period(self) -> float | None:
        return self._engine.exclusive_period()

    def state(self) -> Hashable | None:
        """Return a value that stays the same while nothing in the store changes; None where others may write."""
        self._require_open()
        period = self._engine.exclusive_period()
        return None if period is None else (period, self._engine.changes)

    async def _read(self, query: Callable[[duckdb.DuckDBPyConnection], Found]) -> Found:
        return await _in_thread(lambda: self._read_here(query))

    def _read_here(self, query: Callable[[duckdb.DuckDBPyConnection], Found]) -> Found:
        self._require_open()
        # Outside of the handler: what is raised there would carry along the error that may show a password.
        for is_last in (not self._location.is_shared, True):
            try:
                with self._engine.reading(self.lock_timeout_s) as connection, failures.interrupts():
                    return query(connection)
            except duckdb.Error as error:
                failure = error
            if is_last or not failures.needs_reopening(failure):
                break
        raise self._location.explained(failure)

    def query(self, sql: str, params: Parameters = None, *, untrusted: bool = False) -> pa.Table:
        """Return the result of a query as an Arrow table; for any thread, without an event loop.

        Times are UTC. `untrusted` SQL, as a person or a model writes it, is refused with a StorageError unless it is
        one query over `sessions`, `messages`, `events` and `session_summary`.
        """
        return self._read_here(lambda connection: statement.table(connection, sql, params, untrusted))

    def query_batches(
        self, sql: str, params: Parameters = None, *, rows: int = 100_000, untrusted: bool = False
    ) -> Iterator[pa.RecordBatch]:
        """Yield the result of a query in Arrow batches of at most `rows`, in constant memory.

        The file stays open, and other processes wait, until the last batch is taken or the iterator is closed.
        """
        self._require_open()
        try:
            with self._engine.reading(self.lock_timeout_s) as connection, failures.interrupts():
                yield from statement.batches(connection, sql, params, untrusted, rows)
            return
        except duckdb.Error as error:
            failure = error
        raise self._location.explained(failure)

    def spare_memory(self) -> None:
        """Close the file for a moment where DuckDB keeps much of it in memory: nothing else frees that."""
        if self._location.path is not None and self._read_here(reads.holds_much):
            # A lower memory limit would, but other queries fail by it. Where somebody reads now, it stays open.
            self._engine.run_offline(lambda: None, timeout_s=1).exception()

    # --- looking after the store ---

    async def health_check(self) -> dict[str, Any]:
        began = time.perf_counter()
        health: dict[str, Any] = {
            "backend": "duckdb",
            "location": self.location,
            "pending_writes": self._engine.pending,
            "unsaved_messages": len(self._unsaved),
        }
        try:
            counts = await self._read(reads.counts)
        except (StorageError, ConfigurationError) as error:
            return {"status": "unhealthy", **health, "error": str(error)}
        return {"status": "healthy", **health, **counts, "latency_ms": (time.perf_counter() - began) * 1000}

    async def get_database_stats(self) -> dict[str, Any]:
        """Return counts of what the store holds, its versions and its size in bytes."""
        stats = {"backend": "duckdb", "location": self.location, **await self._read(reads.counts)}
        return {**stats, "size_bytes": await self._size()}

    async def optimize_database(self) -> dict[str, Any]:
        """Refresh statistics and give back the space of deleted rows; return the sizes before and after, in bytes."""
        before = await self._size()
        await self._write(Maintain(self._location.tidy))
        after = await self._size()
        return {"optimized": True, "backend": "duckdb", "size_before_bytes": before, "size_after_bytes": after}

    async def backup_database(self, path: str | Path) -> str:
        """Copy the store, as it is now, to `path` in place of what is there, and return the path."""
        target = _absolute(path)
        if target == self._location.path:
            raise ConfigurationError(f"{target} is the store itself. Choose another path for the backup.")
        if self._location.path is None:
            await _in_thread(lambda: self._copy_tables(target))
        else:
            source = self._location.path
            copying = self._engine.run_offline(lambda: _copy_file(source, target), self.lock_timeout_s)
            await asyncio.wrap_future(copying)
        return str(target)

    async def rewrite_database(self) -> None:
        """Write the store anew, so that no byte is left in its files of what was deleted."""
        await self._write(Maintain(self._location.forget_deleted))
        await self._read(self._location.sweep)
        if self._location.leased is not None:
            writing = self._engine.run_offline(lambda: rewrite(self._location), self.lock_timeout_s)
            await asyncio.wrap_future(writing)

    def open_backup(self, path: str | Path) -> DuckDBSessionStorage:
        """Return the storage of a file that `backup_database` made."""
        return DuckDBSessionStorage(path, encryption_key=self._location.encryption_key)

    async def close(self) -> None:
        if self._leave.alive and len(self._unsaved):
            await _in_thread(lambda: self._unsaved.finish(self.lock_timeout_s + 1))
        if self._leave.detach() is not None:
            ended = registry.leave(self._engine)
            if ended is not None:
                await asyncio.wrap_future(ended)
                self._engine.join()

    async def _size(self) -> int:
        return await self._read(self._location.size)

    def _copy_tables(self, target: Path) -> None:
        draft = _draft(target)
        connection = Location.of(draft).connect()
        try:
            migrate(connection, str(target))
            for name in (*TABLES, "checkpoints"):
                self._read_here(lambda source, name=name: copy_table(source, connection, name))
        finally:
            connection.close()
        draft.replace(target)


def _copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft(target)
    try:
        shutil.copyfile(source, draft)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


async def _in_thread(function: Callable[[], Found]) -> Found:
    try:
        waiting = asyncio.get_running_loop().run_in_executor(None, function)
    except RuntimeError:  # the interpreter is ending and starts no more threads
        return function()
    return await waiting


def _submitted(engine: Engine, write: Write, timeout_s: float) -> Future[None]:
    answer: Future[None] = Future()
    engine.submit(write, timeout_s, answer)
    return answer


def _absolute(path: str | Path) -> Path:
    return Path(path).expanduser().resolve()


def _draft(target: Path) -> Path:
    return target.with_name(f"{target.name}.{uuid4().hex}.part")


def _id(value: str) -> str:
    return text(value) or ""
