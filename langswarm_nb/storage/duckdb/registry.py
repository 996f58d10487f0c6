"""The engines of this process: found by store, closed at exit, left alone by a forked child."""

from __future__ import annotations

import atexit
import os
import threading
from concurrent.futures import Future

from ...errors import ConfigurationError
from .engine import Engine
from .location import Location

# Reentrant: a storage can be finalized, and leave, at any moment of any thread.
_guard = threading.RLock()
_engines: dict[str, Engine] = {}
# Still writing what was queued, though nobody uses them any more.
_leaving: set[Engine] = set()


def engine_for(location: Location, idle_release_s: float) -> Engine:
    """Return the engine of the store, made if there is none; whoever asks must `leave` it."""
    with _guard:
        engine = _engines.get(location.identity)
        if engine is None:
            engine = _engines[location.identity] = Engine(location, idle_release_s)
        elif engine.location.secrets != location.secrets:
            raise ConfigurationError(f"The store {location.shown} is in use here with another {location.key_name}.")
        engine.idle_release_s = min(engine.idle_release_s, idle_release_s)
        engine.users += 1
        return engine


def leave(engine: Engine) -> Future[None] | None:
    """Give the engine back; of the last one to leave, return the future that is done when all is written and closed."""
    with _guard:
        engine.users -= 1
        if engine.users > 0:
            return None
        if _engines.get(engine.location.identity) is engine:
            del _engines[engine.location.identity]
        _leaving.add(engine)
    ended = engine.shut()
    ended.add_done_callback(lambda _: _leaving.discard(engine))
    return ended


def _shut_all() -> None:
    with _guard:
        engines = _all()
        _engines.clear()
    for engine, ended in [(engine, engine.shut()) for engine in engines]:
        ended.result()
        engine.join()


def _before_fork() -> None:
    _guard.acquire()
    for engine in _all():
        engine.before_fork()


def _after_fork_in_parent() -> None:
    for engine in _all():
        engine.after_fork_in_parent()
    _guard.release()


def _after_fork_in_child() -> None:
    global _guard
    _guard = threading.RLock()
    for engine in _all():
        engine.after_fork_in_child()
    _leaving.clear()


def _all() -> list[Engine]:
    return [*_engines.values(), *_leaving]


atexit.register(_shut_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
