"""A place in the writer's queue."""

from __future__ import annotations

import time
from collections.abc import Callable
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
