"""Python's garbage collector, while many replies stream at once."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# From this many replies at a time on, a pause is felt by many; fewer are not worth touching what is the whole process'.
MANY = 8
# Python 3.12 sets a few hundred objects aside when it starts; whoever does it on purpose sets aside many more.
_OF_PYTHON = 1000

_lock = threading.Lock()
_streaming = 0
_spared = False


@contextmanager
def sparing_the_collector() -> Iterator[None]:
    """While MANY or more are within, spare the collector what was there before.

    A full collection looks through every object of the process, which SDKs and data frames make hundreds of thousands:
    a quarter of a second in which no event loop runs. What is set aside meanwhile is collected once fewer stream.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _streaming, _spared
    with _lock:
        _streaming += 1
        if _streaming == MANY and gc.get_freeze_count() < _OF_PYTHON:  # else somebody else set objects aside, for good
            gc.freeze()
            _spared = True


def _leave() -> None:
    global _streaming, _spared
    with _lock:
        _streaming -= 1
        if _spared and _streaming < MANY:
            _spared = False
            gc.unfreeze()
