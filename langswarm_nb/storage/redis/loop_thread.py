"""An event loop in a thread of its own: its client serves callers on any other loop and thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from ...errors import StorageError

T = TypeVar("T")


class LoopThread:
    """Runs coroutines; what was submitted ends even if the caller does not wait for it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._guard = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._ended: Future[None] | None = None
        self._last: asyncio.Task[None] | None = None

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start `work`; its future cannot be cancelled, so that a change is made whole or not at all."""
        answer: Future[T] = Future()
        answer.set_running_or_notify_cancel()
        with self._guard:
            if self._ended is not None:
                work.close()
                raise StorageError("The storage is closed. Make a new one to go on.")
            self._started().call_soon_threadsafe(self._start, work, answer)
        return answer

    def close(self, last: Callable[[], Coroutine[Any, Any, None]]) -> Future[None]:
        """Return a future that is done when what was submitted, and then `last`, has ended."""
        with self._guard:
            if self._ended is None:
                self._ended = Future()
                self._ended.set_running_or_notify_cancel()
                if self._loop is None:
                    self._ended.set_result(None)
                else:
                    self._loop.call_soon_threadsafe(self._begin_to_finish, last, self._ended)
            return self._ended

    def join(self) -> None:
        """End the thread; after the future of `close` is done."""
        with self._guard:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def _begin_to_finish(self, last: Callable[[], Coroutine[Any, Any, None]], ended: Future[None]) -> None:
        task = asyncio.get_running_loop().create_task(self._finish(last))
        self._last = task
        task.add_done_callback(lambda done: self._settle(done, ended))

    async def _finish(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while self._tasks:
            await asyncio.wait(self._tasks)
        await last()

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=_serve, args=(self._loop,), name=self._name, daemon=True)
            self._thread.start()
        return self._loop

    def _start(self, work: Coroutine[Any, Any, T], answer: Future[T]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._settle(done, answer))

    def _settle(self, task: asyncio.Task[T], answer: Future[T]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            answer.set_exception(StorageError("The storage was closed before it was done."))
        elif (error := task.exception()) is not None:
            answer.set_exception(error)
        else:
            answer.set_result(task.result())


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
