"""The sessions in use: one object a session for as long as anybody holds it, and the last used for longer."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict

from ..models import SessionStatus
from ..session.session import Session


class HotSessions:
    """Holds the `limit` most recently used sessions; others live as long as somebody else holds them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: weakref.WeakValueDictionary[str, Session] = weakref.WeakValueDictionary()
        self._held: OrderedDict[str, Session] = OrderedDict()
        self._guard = threading.Lock()

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self):
        return iter(list(self._known.values()))

    def get(self, session_id: str) -> Session | None:
        """Return the session if it is here."""
        session = self._known.get(session_id)
        if session is None or session.status is SessionStatus.DELETED:
            return None
        self._hold(session)
        return session

    def put(self, session: Session) -> Session:
        """Take the session in, and return the one that is here under this id."""
        with self._guard:
            known = self._known.get(session.session_id)
            if known is None or known.status is SessionStatus.DELETED:
                self._known[session.session_id] = known = session
        self._hold(known)
        return known

    def discard(self, session_id: str) -> None:
        """Forget the session."""
        with self._guard:
            self._known.pop(session_id, None)
            self._held.pop(session_id, None)

    def clear(self) -> None:
        """Hold nothing any longer."""
        with self._guard:
            self._held.clear()

    def _hold(self, session: Session) -> None:
        with self._guard:
            self._held[session.session_id] = session
            self._held.move_to_end(session.session_id)
            while len(self._held) > self._limit:
                self._held.popitem(last=False)
