"""One store, open: its connections, the thread that writes, and the threads that read."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from ...errors import StorageError
from ..content_cipher import ContentCipher, open_cipher
from ..owners import SIGN_OF_LIFE_EVERY_S, new_owner, retire
from . import queries
from .changes import AddMessages, Change, Checkpoint, FoldAbandoned, Ledger, add_all, show_life
from .failures import WHOLE_STORE, is_disconnect, storage_error
from .group_commit import GroupCommit
from .migrations import migrate
from .tables import Codec, Dialect

logger = logging.getLogger(__name__)
T = TypeVar("T")


_all: weakref.WeakSet[Database] = weakref.WeakSet()


def _before_fork() -> None:
    # SQLite keeps what it has locked in the process' memory: a forked child would take the parent's locks for its own,
    # and remove the log of a file that the parent still writes to.
    for database in list(_all):
        database.before_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork)


class Database:
    """What a storage does its work with, from any thread; opened on first use.

    `readers` is how many threads read at once, `timeout_s` how long a lock or a connection is waited for.
    """

    def __init__(
        self,
        dialect: Dialect,
        make_engine: Callable[[], Engine],
        where: str,
        *,
        readers: int,
        timeout_s: float,
        encryption_key: str | None,
    ) -> None:
        self.dialect = dialect
        self.where = where
        self.timeout_s = timeout_s
        self._make_engine = make_engine
        self._readers = readers
        self._encryption_key = encryption_key
        self._closed = False
        self._start_over()

    def _start_over(self) -> None:
        self._opening = threading.RLock()
        self._pid = os.getpid()
        self._engine: Engine | None = None
        _all.add(self)
        self._codec: Codec | None = None
        self._owner = new_owner()
        self._checkpointed: set[str] = set()
        # Waiting for threads costs nothing; they are started as they are needed.
        self._threads = ThreadPoolExecutor(self._readers, thread_name_prefix="langswarm_nb-reader")
        self._writer = GroupCommit(self._commit, self._look_around, self._leave, SIGN_OF_LIFE_EVERY_S)

    @property
    def encrypted(self) -> bool:
        """Whether content is encrypted."""
        return self._encryption_key is not None

    def submit(self, change: Change) -> Future[None]:
        """Queue a change; the future is done when it is durable."""
        self._leave_parent_alone()
        return self._writer.submit(change)

    def read(self, function: Callable[[Connection, Codec], T]) -> Future[T]:
        """Run a function on a connection, in a thread of its own."""
        return self.run(lambda: self._reading(function))

    def run(self, function: Callable[[], T]) -> Future[T]:
        """Run a function in one of the store's threads; what it raises is explained."""
        self._leave_parent_alone()

        def explained() -> T:
            try:
                return function()
            except Exception as error:
                found = self._explained(error)
                if found is error:
                    raise
                raise found from error

        try:
            return self._threads.submit(explained)
        except RuntimeError as error:
            if self._closed:
                raise StorageError("The storage is closed. Make a new one to go on.") from error
        # At exit no thread can be had any more, and what is to be stored at last is still to be read.
        answer: Future[T] = Future()
        try:
            answer.set_result(explained())
        except Exception as error:
            answer.set_exception(error)
        return answer

    def opened(self) -> tuple[Engine, Codec]:
        """Return the engine and the codec of the store, made or brought up to date on first use."""
        with self._opening:
            if self._engine is None or self._codec is None:
                self._engine, self._codec = self._open()
            return self._engine, self._codec

    def shut(self) -> Future[None]:
        """Return a future that is done when all is written and every connection closed; twice does no harm."""
        self._leave_parent_alone()
        self._closed = True
        self._threads.shutdown(wait=False)
        return self._writer.close()

    def _leave(self) -> None:
        self._threads.shutdown(wait=True)
        engine, codec = self._engine, self._codec
        self._engine = self._codec = None
        if engine is not None and codec is not None:
            try:
                if self._checkpointed:
                    self._attempt(engine, codec, [FoldAbandoned(leaving=True)])
            except Exception:
                logger.warning("could not fold the replies in flight of %s", self.where, exc_info=True)
            engine.dispose()
        retire(self._owner)

    def _open(self) -> tuple[Engine, Codec]:
        engine = self._make_engine()
        try:
            migrate(engine, self.dialect, self.where)
            codec = Codec(self.dialect, self._open_cipher(engine))
            if self._any_in_flight(engine):
                self._attempt(engine, codec, [FoldAbandoned()])
                self._writer.keep_looking = self._any_in_flight(engine)
        except BaseException:
            engine.dispose()
            raise
        return engine, codec

    def _open_cipher(self, engine: Engine) -> ContentCipher:
        tables = self.dialect.tables
        writes = self._encryption_key is not None
        with engine.connect().execution_options(writes=writes) as connection, connection.begin():
            if writes:
                self.dialect.lock_for_change(connection)
            meta = queries.read_meta(connection, tables)
            is_new = writes and "salt" not in meta and not any(queries.count_rows(connection, tables).values())

            def remember(values: dict[str, str]) -> None:
                rows = [{"name": name, "value": value} for name, value in values.items()]
                connection.execute(self.dialect.insert("meta"), rows)

            return open_cipher(self._encryption_key, meta, is_new, remember, self.where)

    def _reading(self, function: Callable[[Connection, Codec], T]) -> T:
        engine, codec = self.opened()
        with engine.connect() as connection:
            return function(connection, codec)

    def _commit(self, changes: Sequence[Change]) -> list[Any]:
        try:
            engine, codec = self.opened()
        except Exception as error:
            return [self._explained(error) for _ in changes]
        try:
            return self._attempt_twice(engine, codec, changes)
        except Exception as error:
            explained = self._explained(error)
            if len(changes) == 1 or getattr(explained, "error_code", None) in WHOLE_STORE:
                return [explained] * len(changes)
        # Whatever is wrong with one of them is no fault of the others.
        return [outcome for change in changes for outcome in self._commit([change])]

    def _attempt_twice(self, engine: Engine, codec: Codec, changes: Sequence[Change]) -> list[Any]:
        try:
            return self._attempt(engine, codec, changes)
        except Exception as error:
            if not is_disconnect(error):
                raise
            # Whether the first attempt got through does not matter: making a change twice does no harm.
            return self._attempt(engine, codec, changes)

    def _attempt(self, engine: Engine, codec: Codec, changes: Sequence[Change]) -> list[Any]:
        with engine.connect().execution_options(writes=True) as connection, connection.begin():
            ledger = Ledger(connection, codec, self._owner, self._checkpointed)
            for kind, some in groupby(changes, type):
                if kind is AddMessages:
                    add_all(ledger, [change for change in some if isinstance(change, AddMessages)])
                else:
                    for change in some:
                        change.apply(ledger)
        for change in changes:
            if isinstance(change, Checkpoint):
                self._checkpointed.add(change.row["message_id"])
                self._writer.keep_looking = True
            elif isinstance(change, AddMessages) and self._checkpointed:
                self._checkpointed.difference_update(row["message_id"] for row in change.rows)
        return [None] * len(changes)

    def _look_around(self) -> bool:
        """Show that this process' replies are alive, and fold those of others that are gone."""
        engine, codec = self.opened()
        with engine.connect().execution_options(writes=True) as connection, connection.begin():
            ledger = Ledger(connection, codec, self._owner, self._checkpointed)
            if self._checkpointed:
                show_life(ledger)
            FoldAbandoned().apply(ledger)
        return bool(self._checkpointed) or self._any_in_flight(engine)

    def _any_in_flight(self, engine: Engine) -> bool:
        checkpoints = self.dialect.tables["checkpoints"]
        with engine.connect() as connection:
            return connection.execute(checkpoints.select().limit(1)).first() is not None

    def before_fork(self) -> None:
        """Close SQLite's connections that nobody uses just now; they are opened again when they are needed."""
        engine = self._engine
        if engine is not None and engine.dialect.name == "sqlite" and self._pid == os.getpid():
            engine.dispose()

    def _leave_parent_alone(self) -> None:
        """In a forked child: forget the parent's connections and threads without closing what is theirs."""
        if self._pid == os.getpid():
            return
        if self._engine is not None:
            self._engine.dispose(close=False)
        self._start_over()

    def _explained(self, error: BaseException) -> BaseException:
        explained = storage_error(error, self.where, self.timeout_s)
        if explained is not error:
            explained.__cause__ = error
        return explained
