"""The writer's queue and a place in it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from ..waiting import LoopAnswer
from .write import Write


@dataclass(eq=False)
class Request:
    """Someone who waits for a change to be durable, for a function to run while the file is closed, or to read."""

    write: Write | None
    waits_s: float
    offline: Callable[[], None] | None = None
    answer: Future[None] | LoopAnswer = field(default_factory=Future)
    is_abandoned: bool = False
    attempts: int = 0
    deadline: float = 0.0

    def __post_init__(self) -> None:
        self.deadline = time.monotonic() + self.waits_s
        if isinstance(self.answer, Future):
            # From now on nobody can cancel it.
            self.answer.set_running_or_notify_cancel()

    @property
    def is_alone(self) -> bool:
        """Whether it shares a transaction with no other."""
        return self.offline is not None or (self.write is not None and self.write.alone)

    @property
    def wants_to_read(self) -> bool:
        """Whether it is someone who wants to read."""
        return self.write is None and self.offline is None

    def grant(self) -> None:
        """Answer that it is done, or may begin."""
        self.answer.set_result(None)

    def fail(self, error: BaseException) -> None:
        """Answer why it cannot be."""
        self.answer.set_exception(error)


class RequestQueue:
    """Requests in the order in which they came; for any thread, each of which may hold `guard` meanwhile."""

    def __init__(self, guard: threading.Condition) -> None:
        self._guard = guard
        self._requests: deque[Request] = deque()

    def __len__(self) -> int:
        return len(self._requests)

    @property
    def writes(self) -> int:
        """How many of them are changes."""
        with self._guard:
            return sum(request.write is not None for request in self._requests)

    def add(self, request: Request) -> None:
        """Let it stand behind the others."""
        with self._guard:
            self._requests.append(request)

    def put_back(self, requests: Sequence[Request]) -> None:
        """Let them stand before the others again."""
        with self._guard:
            self._requests.extendleft(reversed(requests))

    def take(self, *, nobody_reads: bool = False) -> tuple[list[Request], list[Request]]:
        """Return who may read, and the changes of the next transaction, or the one request that wants no others.

        With `nobody_reads`, one who wants to read is such a request.
        """
        readers: list[Request] = []
        taken: list[Request] = []
        with self._guard:
            while self._requests:
                request = self._requests[0]
                if request.is_alone or (request.wants_to_read and nobody_reads):
                    if not taken:
                        taken.append(self._requests.popleft())
                    break
                self._requests.popleft()
                if not request.wants_to_read:
                    taken.append(request)
                elif not request.is_abandoned:
                    readers.append(request)
        return readers, taken

    def fail_all(self, error: BaseException) -> None:
        """Answer everyone that it cannot be."""
        with self._guard:
            requests, self._requests = list(self._requests), deque()
        for request in requests:
            request.fail(error)

    def fail_overdue(self, error: Callable[[Request], BaseException]) -> None:
        """Answer those who have waited too long that it cannot be."""
        moment = time.monotonic()
        with self._guard:
            overdue = [request for request in self._requests if request.deadline <= moment]
            self._requests = deque(request for request in self._requests if request.deadline > moment)
        for request in overdue:
            request.fail(error(request))

    def patience_s(self) -> float:
        """Return how long the least patient one still waits."""
        with self._guard:
            earliest = min((request.deadline for request in self._requests), default=0.0)
        return max(earliest - time.monotonic(), 0.0)
