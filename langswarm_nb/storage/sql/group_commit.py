"""One writer thread a store and process: what queues up while a commit runs shares the next one."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from ...errors import StorageError

logger = logging.getLogger(__name__)

_AT_MOST = 500

Outcome = Any  # a change's result, or the exception that it ended with


class GroupCommit:
    """Hands changes to `commit` in groups; `commit` returns an outcome for each, durable by then.

    Between groups, about every `every_s`, `look_around` is called; it returns whether to go on doing so. When it is
    closed, `leave` is the last thing that the thread does.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Any]], list[Outcome]],
        look_around: Callable[[], bool],
        leave: Callable[[], None],
        every_s: float,
    ) -> None:
        self._commit = commit
        self._look_around = look_around
        self._leave = leave
        self._every_s = every_s
        self._queue: queue.SimpleQueue[tuple[Any, Future[Any]] | None] = queue.SimpleQueue()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ended: Future[None] | None = None
        self._looked_at = 0.0
        self.keep_looking = False

    def submit(self, change: Any) -> Future[Any]:
        """Queue a change; its future is done once it is durable."""
        answer: Future[Any] = Future()
        # Whoever stops waiting does not take the change back: made or not must not depend on a moment.
        answer.set_running_or_notify_cancel()
        with self._guard:
            if self._ended is not None:
                raise StorageError("The storage is closed. Make a new one to go on.")
            self._queue.put((change, answer))
            if self._thread is None or not self._thread.is_alive():
                self._start_thread()
        return answer

    def close(self) -> Future[None]:
        """Return a future that is done when what was queued is written and the thread has left."""
        with self._guard:
            if self._ended is not None:
                return self._ended
            self._ended = ended = Future()
            ended.set_running_or_notify_cancel()
            self._queue.put(None)
            running = self._thread is not None and self._thread.is_alive()
            if not running:
                try:
                    self._start_thread()
                except RuntimeError:  # at exit no thread can be started any more
                    running = None
        if running is None:
            self._run()
        return ended

    def _start_thread(self) -> None:
        # A daemon: nothing waits for it at exit but what closes it.
        self._thread = threading.Thread(target=self._run, name="langswarm_nb-writer", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        ending = False
        while not ending:
            group = self._next_group()
            ending = None in group
            work = [item for item in group if item is not None]
            if work:
                self._settle(work)
            if self.keep_looking and time.monotonic() - self._looked_at >= self._every_s:
                self._tick()
        try:
            self._leave()
        finally:
            if self._ended is not None:
                self._ended.set_result(None)

    def _next_group(self) -> list[tuple[Any, Future[Any]] | None]:
        group: list[tuple[Any, Future[Any]] | None] = []
        with suppress(queue.Empty):
            group.append(self._queue.get(timeout=self._every_s if self.keep_looking else None))
            while len(group) < _AT_MOST:
                group.append(self._queue.get_nowait())
        return group

    def _settle(self, work: list[tuple[Any, Future[Any]]]) -> None:
        try:
            outcomes = self._commit([change for change, _ in work])
        except BaseException as error:
            outcomes = [error] * len(work)
        for (_, answer), outcome in zip(work, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                answer.set_exception(outcome)
            else:
                answer.set_result(outcome)

    def _tick(self) -> None:
        self._looked_at = time.monotonic()
        try:
            self.keep_looking = self._look_around()
        except Exception:
            logger.warning("could not look after the replies in flight", exc_info=True)
