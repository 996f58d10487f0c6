"""Whether what a session keeps in memory still says what the store says."""

from __future__ import annotations

import threading
import weakref
from functools import partial
from typing import Any

from ..interfaces import ISessionStorage

_Key = tuple[Any, str]

# Reentrant: a copy can be collected, and forgotten, at any moment of any thread.
_guard = threading.RLock()
_copies: dict[_Key, tuple[weakref.ref[Freshness], ...]] = {}


class Freshness:
    """One copy's knowledge of a session. Every copy of the same session in this process hears of the others' writes.

    Other processes are ruled out as long as the storage says that nobody but this one can have written
    (`ISessionStorage.exclusive_period`); where it cannot say so, nothing is current for longer than one look.
    """

    def __init__(self, session_id: str, storage: ISessionStorage, *, new: bool) -> None:
        self._storage = storage
        self._key = (getattr(storage, "location", None) or id(storage), session_id)
        self._period = storage.exclusive_period()
        self._outdated = not new
        with _guard:
            _copies[self._key] = (*_copies.get(self._key, ()), weakref.ref(self, partial(_forget, self._key)))

    def is_current(self) -> bool:
        """Return whether nobody else can have written since the last look."""
        period = self._storage.exclusive_period()
        return not self._outdated and period is not None and period == self._period

    def begin_look(self) -> Any:
        """Return what `end_look` needs: whatever is written from now on counts as unseen."""
        self._outdated = False
        return self._storage.exclusive_period()

    def end_look(self, period: Any) -> None:
        """Note that the store was read after `begin_look` returned `period`."""
        # The reading itself may have opened a store that was closed before.
        self._period = period if period is not None else self._storage.exclusive_period()

    def wrote(self) -> None:
        """Tell the other copies in this process that this one has written."""
        with _guard:
            known = _copies.get(self._key, ())
        for reference in known:
            copy = reference()
            if copy is not None and copy is not self:
                copy._outdated = True


def _forget(key: _Key, _gone: weakref.ref[Freshness]) -> None:
    with _guard:
        left = tuple(reference for reference in _copies.get(key, ()) if reference() is not None)
        if left:
            _copies[key] = left
        else:
            _copies.pop(key, None)
