"""One engine per store and process: the thread that writes, the connection, and when to give the file up.

Changes and requests to read stand in one queue. The writer thread opens the store when something stands there, grants
reading, and makes everything that queued up durable in one transaction (group commit): whatever arrives while a
commit runs goes into the next one. Readers then work in their own threads, on cursors of the one connection. What is
durable in the journal only is settled in the database before anyone reads, and when nothing has come for a moment.

The file is given up when it has been idle and another process waits for it, after a time slice when it is not idle,
and after `idle_release_s` in any case, so that other programs can open it.
"""

from __future__ import annotations

import ctypes
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

import duckdb

from ...errors import StorageError
from ..waiting import LoopAnswer
from . import failures
from .ledger import Ledger
from .location import Location
from .memory import MemoryLimit
from .opening import open_store
from .request import Request, RequestQueue
from .tenure import POLL_S, Tenure
from .write import Write, commit_together

logger = logging.getLogger(__name__)

# A foreign program, which holds no lease, is waited for by trying.
_FOREIGN_POLL_S = 0.1
# A fork waits this long for a reader, and else leaves the child without the store.
_FORK_WAITS_S = 5.0
# After so long without work what stands in the journal goes into the database, for other programs to find.
_SETTLE_AFTER_S = 0.05
_SETTLE_AGAIN_AFTER_S = 5.0
# Nobody waits for a store that is shared; its server is spared connections that idle, and saves a new one soon after.
_SHARED_RELEASE_S = 300.0


class Engine:
    """Everything that this process does with one store."""

    def __init__(self, location: Location, idle_release_s: float) -> None:
        self.location = location
        self.idle_release_s = idle_release_s
        self.users = 0
        self._start_over()

    def _start_over(self) -> None:
        self._changed = threading.Condition()
        self._at_work = threading.Lock()
        self._queue = RequestQueue(self._changed)
        self._ledger: Ledger | None = None
        self._readers = 0
        self._memory = MemoryLimit()
        # The connection that failed a reader: nobody gets it any more, and a new one takes its place.
        self._suspect: duckdb.DuckDBPyConnection | None = None
        self._thread: threading.Thread | None = None
        self._closing = False
        self._ended: Future[None] = Future()
        self._ended.set_running_or_notify_cancel()
        self._tenure = Tenure(self.location.leased)
        self._mark = self.location.mark()
        self._settle_at = 0.0
        self.changes = 0

    # --- what storages call, from any thread ---

    def submit(self, write: Write, timeout_s: float, answer: Future[None] | LoopAnswer) -> None:
        """Queue a change, which nobody can take back; it is answered when it is durable."""
        self._enqueue(Request(write, timeout_s, answer=answer))

    def run_offline(self, function: Callable[[], None], timeout_s: float) -> Future[None]:
        """Queue a function that runs while the file is closed and still ours."""
        answer: Future[None] = Future()
        self._enqueue(Request(None, timeout_s, function, answer))
        return answer

    def exclusive_period(self) -> float | None:
        """Return a value that stays the same while this process has kept the file open; None while others may write."""
        if self.location.is_shared:
            return None
        if self._tenure.is_for_good:
            return 0.0
        with self._changed:
            return self._tenure.opened_at if self._ledger is not None else None

    @contextmanager
    def reading(self, timeout_s: float) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a connection to read with; the file stays open meanwhile."""
        connection = self._borrow(timeout_s)
        try:
            cursor = self.location.cursor(connection)
            try:
                with self._memory.reading(cursor):
                    yield cursor
            finally:
                cursor.close()
        except duckdb.Error as error:
            if self.location.is_shared and failures.needs_reopening(error):
                with self._changed:
                    self._suspect = connection
            raise
        finally:
            with self._changed:
                self._give_back()

    @property
    def pending(self) -> int:
        """How many changes are not durable yet."""
        return self._queue.writes

    def shut(self) -> Future[None]:
        """Write what is queued, close and let go; the future that comes back is done when that is."""
        with self._changed:
            self._closing = True
            if self._thread is None and not self._ended.done():
                self._ended.set_result(None)
            self._changed.notify_all()
        return self._ended

    def join(self) -> None:
        """Wait for the last moments of the writer thread, after the future that `shut` returned is done."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    # --- around a fork ---
    # DuckDB finds an open database again in a forked child and would go on with the parent's file. So it is closed.

    def before_fork(self) -> None:
        """Close the file and stand still until one of the two below is called."""
        self._at_work.acquire()
        if self._detach(wait_until=time.monotonic() + _FORK_WAITS_S):
            self._tenure.end()
        self._changed.acquire()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._changed.release()
        self._at_work.release()

    def after_fork_in_child(self) -> None:
        """Start anew, with an empty queue: what was queued is the parent's to write."""
        inherited = self._ledger
        self._start_over()
        if inherited is not None:
            # Freeing it would write to the parent's file.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(inherited.connection))
            self._closing = True

    # --- the queue ---

    def _enqueue(self, request: Request) -> None:
        with self._changed:
            if self._closing:
                raise StorageError("The storage is closed. Make a new one to go on.")
            self._queue.add(request)
            if self._thread is None:
                self._start_thread()
            self._changed.notify_all()

    def _start_thread(self) -> None:
        self._thread = threading.Thread(target=self._run, name="langswarm_nb-writer", daemon=True)
        self._thread.start()

    def _borrow(self, timeout_s: float) -> duckdb.DuckDBPyConnection:
        with self._changed:
            if self._ledger is not None and not (self._ledger.is_ahead or self._is_suspect()):
                self._readers += 1
                return self._ledger.connection
        answer: Future[None] = Future()
        request = Request(None, timeout_s, answer=answer)
        self._enqueue(request)
        try:
            answer.result()
        except BaseException:
            with self._changed:
                request.is_abandoned = True
                if answer.done() and answer.exception() is None:
                    self._give_back()
            raise
        with self._changed:
            if self._ledger is not None:
                return self._ledger.connection
            self._give_back()  # a failed commit closed it, just now
        return self._borrow(timeout_s)

    def _give_back(self) -> None:
        self._readers -= 1
        self._tenure.used()

    # --- the writer thread ---

    def _run(self) -> None:
        try:
            while self._wait_for_work():
                self._serve()
        except BaseException as error:
            explained = self.location.explained(error)
            logger.error("the writer of %s ended", self.location.shown, exc_info=explained)
            self._queue.fail_all(explained)
        finally:
            self._close()
            self._mark.remove()
            with self._changed:
                if self._closing and not self._queue:
                    self._ended.set_result(None)
                else:
                    self._thread = None
                    if self._queue:  # it came in after all others were failed
                        self._start_thread()

    def _wait_for_work(self) -> bool:
        """Return True when the queue holds something, False when the engine is to end; give the file up meanwhile."""
        while True:
            with self._changed:
                self._changed.wait_for(self._is_called, POLL_S if self._ledger is not None else None)
                if self._queue or self._closing:
                    return len(self._queue) > 0
            if self._should_give_up():
                self._give_up()
            elif self._is_ahead() and time.monotonic() >= self._settle_at:
                with self._at_work:
                    self._settle()

    def _is_called(self) -> bool:
        return len(self._queue) > 0 or self._closing

    def _serve(self) -> None:
        if self._is_suspect():
            self._drop_connection()
        if self._ledger is not None and self._should_give_up():
            self._give_up()
        if self._ledger is None and not self._open():
            return
        with self._at_work:
            if self._ledger is None:  # closed by a fork, just now
                return
            requests = self._take()
            if requests and requests[0].offline is not None:
                self._go_offline(requests[0], requests[0].offline)
            elif requests and requests[0].wants_to_read:
                self._settle_for(requests[0])
            elif requests:
                self._commit(requests)

    def _take(self) -> list[Request]:
        """Let readers read, and return the changes of the next transaction, or the one request that wants no others.

        A reader who would not find all that is durable is such a one.
        """
        with self._changed:
            readers, taken = self._queue.take(nobody_reads=self._is_ahead())
            self._readers += len(readers)
            for reader in readers:
                reader.grant()
        return taken

    def _commit(self, requests: list[Request]) -> None:
        ledger = self._ledger
        assert ledger is not None
        try:
            waits_s = max(request.waits_s for request in requests)
            ledger.memory.lift(ledger.connection)
            outcomes = commit_together(ledger, [r.write for r in requests if r.write is not None], waits_s)
            broken = any(outcome is not None and failures.needs_reopening(outcome) for outcome in outcomes)
        except Exception as error:
            outcomes, broken = [error] * len(requests), True
        self.changes += 1  # before anyone hears of it
        self._tenure.used()
        again: list[Request] = []
        for request, outcome in zip(requests, outcomes, strict=True):
            request.attempts += 1
            if outcome is None:
                request.grant()
            elif broken and request.attempts == 1:
                again.append(request)
            else:
                request.fail(self._explained(outcome))
        if broken:
            # Whether such a commit reached the disk is only known after opening the file anew; a change that did is
            # not made twice, because its ids are found.
            self._queue.put_back(again)
            self._drop_connection()
        elif ledger.is_far_ahead:
            self._settle()
        else:
            self._settle_at = time.monotonic() + _SETTLE_AFTER_S

    # --- the journal ---

    def _is_ahead(self) -> bool:
        return self._ledger is not None and self._ledger.is_ahead

    def _settle(self) -> Exception | None:
        """Bring the journal into the database; return what went wrong, and then it stays in the journal."""
        if self._ledger is None:
            return None
        try:
            self._ledger.settle()
        except Exception as error:
            logger.warning("%s", self._explained(error))
            self._settle_at = time.monotonic() + _SETTLE_AGAIN_AFTER_S
            if failures.needs_reopening(error):
                self._drop_connection()
            return error
        return None

    def _settle_for(self, request: Request) -> None:
        error = self._settle()
        if error is not None:
            request.fail(self._explained(error))
        else:
            self._queue.put_back([request])

    def _go_offline(self, request: Request, function: Callable[[], None]) -> None:
        if (error := self._settle()) is not None:
            request.fail(self._explained(error))
            return
        if not self._detach(wait_until=request.deadline):
            request.fail(failures.locked(self.location.shown, "a reader in this process", request.waits_s))
            return
        self.changes += 1
        try:
            function()
        except Exception as error:
            request.fail(self._explained(error))
        else:
            request.grant()

    # --- opening and closing ---

    def _open(self) -> bool:
        """Return whether the store is open; those who waited too long, or in vain, have been told."""
        try:
            if not self._tenure.begin(self._queue.patience_s()):
                self._fail_overdue(self._tenure.holder())
                return False
        except OSError as error:
            self._queue.fail_all(self.location.explained(error))
            return False
        try:
            with self._at_work:
                if not self._tenure.is_ours:  # lost to a fork, just now
                    return False
                ledger = open_store(self.location, self._mark)
                ledger.memory = self._memory
                with self._changed:
                    self._ledger = ledger
                    self._tenure.opened()
        except Exception as error:
            self._tenure.end()
            if failures.is_held_elsewhere(error):
                self._fail_overdue(failures.holder_in(error))
                time.sleep(min(_FOREIGN_POLL_S, self._queue.patience_s()))
            else:
                self._queue.fail_all(self._explained(error))
            return False
        return True

    def _should_give_up(self) -> bool:
        is_unused = self._readers == 0 and not self._queue
        if self.location.is_shared:
            return is_unused and self._ledger is not None and self._tenure.idle_s() >= _SHARED_RELEASE_S
        return self._tenure.is_over(is_unused, self.idle_release_s)

    def _give_up(self) -> None:
        with self._at_work:
            if self._detach():
                self._tenure.end()

    def _detach(self, wait_until: float = 0.0) -> bool:
        """Close the store unless someone reads; return whether it is closed."""
        self._settle()
        while True:
            with self._changed:
                if self._readers == 0:
                    ledger, self._ledger = self._ledger, None
                    break
            if time.monotonic() >= wait_until:
                return False
            time.sleep(POLL_S)
        if ledger is not None:
            ledger.close()
        return True

    def _is_suspect(self) -> bool:
        return self._ledger is not None and self._ledger.connection is self._suspect

    def _drop_connection(self) -> None:
        # Readers of a connection that failed get an error of their own and give it back; it is closed at once.
        with self._changed:
            ledger, self._ledger = self._ledger, None
        if ledger is not None:
            ledger.close()

    def _close(self) -> None:
        while not self._detach(wait_until=time.monotonic() + 1):
            pass
        self._tenure.end()

    # --- bad news ---

    def _fail_overdue(self, holder: str) -> None:
        self._queue.fail_overdue(lambda request: failures.locked(self.location.shown, holder, request.waits_s))

    def _explained(self, error: BaseException) -> BaseException:
        if isinstance(error, (duckdb.Error, OSError)):
            return self.location.explained(error)
        return error
