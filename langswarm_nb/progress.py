"""Telling how far long work on sessions is."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# Told how many sessions are done, and of how many.
Progress = bool | Callable[[int, int], Any] | None


@contextmanager
def telling(total: int, what: str, progress: Progress = None) -> Iterator[Callable[[int], None]]:
    """Yield a function that is told how many more sessions are done.

    `progress`: None shows a bar once the work has taken a second, where a person can see it; True shows it at once;
    False never; a function is called with (done, total).
    """
    with _interrupts() as check:
        if callable(progress):
            done = 0

            def tell(more: int) -> None:
                nonlocal done
                check()
                done += more
                progress(done, total)

            yield tell
            return
        with _bar(total, what, progress) as bar:

            def draw(more: int) -> None:
                check()
                bar.update(more)

            yield draw


@contextmanager
def _interrupts() -> Iterator[Callable[[], None]]:
    """Yield a function that raises KeyboardInterrupt if there was one: the sanitizer drops those that it meets."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield lambda: None
        return
    was_interrupted = False

    def note(number: int, frame: Any) -> None:
        nonlocal was_interrupted
        was_interrupted = True
        before(number, frame)

    def check() -> None:
        if was_interrupted:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)


def _bar(total: int, what: str, progress: bool | None) -> Any:
    from tqdm import tqdm

    # A plain bar: one made of widgets would stay in the notebook's file. disable=None: only where it is looked at.
    return tqdm(
        total=total,
        desc=what,
        unit=" sessions",
        delay=0 if progress else 1,
        leave=False,
        disable=progress is False or (None if progress is None and not _in_notebook() else False),
        dynamic_ncols=True,
    )


def _in_notebook() -> bool:
    import sys

    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"
