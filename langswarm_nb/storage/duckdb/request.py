"""The writer's queue and a place in it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from .write import Write


@dataclass(eq=False)
class Request:
    """Someone who waits for a change to be durable, for a function to run while the file is closed, or to read."""

    write: Write | None
    waits_s: float
    offline: Callable[[], None] | None = None
    answer: Future[None] = field(default_factory=Future)
    is_abandoned: bool = False
    attempts: int = 0
    deadline: float = 0.0

    def __post_init__(self) -> None:
        self.deadline = time.monotonic() + self.waits_s
        # From now on nobody can cancel it: a task that is cancelled stops waiting, the write goes on.
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
    """Requests in the order in which they came; whoever calls sees to it that nobody else does meanwhile."""

    def __init__(self) -> None:
        self._requests: deque[Request] = deque()

    def __len__(self) -> int:
        return len(self._requests)

    @property
    def writes(self) -> int:
        """How many of them are changes."""
        return sum(request.write is not None for request in self._requests)

    def add(self, request: Request) -> None:
        """Let it stand behind the others."""
        self._requests.append(request)

    def put_back(self, requests: Sequence[Request]) -> None:
        """Let them stand before the others again."""
        self._requests.extendleft(reversed(requests))

    def take(self, *, nobody_reads: bool = False) -> tuple[list[Request], list[Request]]:
        """Return who may read, and the changes of the next transaction, or the one request that wants no others.

        With `nobody_reads`, one who wants to read is such a request.
        """
        readers: list[Request] = []
        taken: list[Request] = []
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

    def take_all(self) -> list[Request]:
        """Return all, which are not here then."""
        requests, self._requests = list(self._requests), deque()
        return requests

    def take_overdue(self) -> list[Request]:
        """Return those who have waited too long, which are not here then."""
        moment = time.monotonic()
        overdue = [request for request in self._requests if request.deadline <= moment]
        self._requests = deque(request for request in self._requests if request.deadline > moment)
        return overdue

    def patience_s(self) -> float:
        """Return how long the least patient one still waits."""
        earliest = min((request.deadline for request in self._requests), default=0.0)
        return max(earliest - time.monotonic(), 0.0)
