"""Messages that must not be lost though the store cannot be written now: a reply that was paid for and is here."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress

from ...errors import SessionNotFoundError
from .write import Write
from .writes import AddMessages

logger = logging.getLogger(__name__)

_AGAIN_AFTER_S = 5.0


class Unsaved:
    """Tries to write each message again and again, in the background, until it is durable."""

    def __init__(self, submit: Callable[[Write], Future[None]]) -> None:
        self._submit = submit
        self._guard = threading.RLock()
        self._writes: dict[str, AddMessages] = {}
        self._under_way: dict[str, Future[None]] = {}
        self._timer: threading.Timer | None = None

    def __len__(self) -> int:
        return len(self._writes)

    def add(self, message_id: str, write: AddMessages) -> None:
        """Take the message over, and return at once."""
        with self._guard:
            self._writes[message_id] = write
        self.try_again()

    def try_again(self) -> None:
        """Queue what is not under way."""
        with self._guard:
            self._stop_timer()
            waiting = [message_id for message_id in self._writes if message_id not in self._under_way]
            for message_id in waiting:
                self._under_way[message_id] = self._submit(self._writes[message_id])
            futures = [(message_id, self._under_way[message_id]) for message_id in waiting]
        for message_id, future in futures:
            future.add_done_callback(lambda done, message_id=message_id: self._tried(message_id, done))

    def finish(self, timeout_s: float) -> None:
        """Try a last time, waiting at most so long, and log what stays unsaved."""
        self.try_again()
        with self._guard:
            last = list(self._under_way.values())
        wait(last, timeout_s)
        with self._guard:
            self._stop_timer()
        if self._writes:
            logger.error("%d messages could not be saved: %s", len(self._writes), ", ".join(self._writes))

    def _tried(self, message_id: str, done: Future[None]) -> None:
        error = done.exception()
        with self._guard:
            self._under_way.pop(message_id, None)
            if error is None or isinstance(error, SessionNotFoundError):
                self._writes.pop(message_id, None)
                if not self._writes:
                    self._stop_timer()
            elif self._timer is None:
                logger.warning("message %s is not saved yet: %s", message_id, error)
                self._timer = threading.Timer(_AGAIN_AFTER_S, self._try_quietly)
                self._timer.daemon = True
                with suppress(RuntimeError):  # the interpreter is ending
                    self._timer.start()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _try_quietly(self) -> None:
        with suppress(Exception):  # closed meanwhile
            self.try_again()
