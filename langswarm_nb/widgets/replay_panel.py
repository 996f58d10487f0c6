"""The panel for somebody else's conversations: it reads and replays, needs no key and writes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigurationError, SessionNotFoundError, SessionStateError
from ..interfaces import ISessionStorage
from ..manager.manager import SessionManager
from ..models import SessionStatus
from ..session.session import Session
from .chat_panel import ChatPanel
from .live import LiveConversation
from .opening import Opener
from .recording import HINT, MISSING, Recording
from .session_browser_widget import manager_of

_READS = {
    "ready", "extras", "stop", "source", "earlier", "attachment", "piece", "sessions", "open", "replay",
}  # fmt: skip


class _Recordings(Opener):
    """Finds the sessions of a store, whoever they belong to, and makes none."""

    async def first(self, session: Session | str | None, reopen: bool) -> Session:
        if session is None:
            for record in await self._records(None):
                return await self.get(record["session_id"])
            raise SessionStateError("There is no conversation in this store to replay.")
        return await super().first(session, reopen)

    async def _records(self, text: str | None) -> list[dict[str, Any]]:
        found = await self._required().storage.list_sessions(text=text, limit=30)
        return [record for record in found if record.get("status") != SessionStatus.DELETED]


class ReplayPanel(ChatPanel):
    """A recorded conversation in a cell's output; `replay` makes it."""

    _opener_type = _Recordings

    def __init__(self, session: Session | str | None, manager: SessionManager, speed: float, **options: Any) -> None:
        self._speed = speed
        self._follows_link = session is None
        super().__init__(session, manager=manager, **options)

    async def _live_on(self, session: Session) -> LiveConversation:
        live = Recording(session, self._opener.manager)
        live.speed = self._speed
        await live.load()
        return live

    async def show_session(self, session: Session) -> None:
        self._live.stop()
        await super().show_session(session)

    async def _fulfil(self, kind: str, rid: str, content: Mapping[str, Any]) -> None:
        if kind in _READS:
            await super()._fulfil(kind, rid, content)
        else:
            self._tell_failure(rid, "This is a recording: it can be read and replayed. ls.chat() starts a chat.")

    async def _do_ready(self, request: Mapping[str, Any]) -> None:
        if self._follows_link and (wanted := request.get("link")):
            self._follows_link = False
            await self._follow(str(wanted))
        await super()._do_ready(request)

    async def _do_open(self, request: Mapping[str, Any]) -> None:
        self._follows_link = False
        await super()._do_open(request)

    async def _do_replay(self, _request: Mapping[str, Any]) -> None:
        live = self._live
        assert isinstance(live, Recording)
        live.hint = HINT
        await live.play()

    async def _follow(self, session_id: str) -> None:
        """Show the session that the address of the page names."""
        if session_id == self.session.session_id:
            return
        try:
            await self.show_session(await self._opener.get(session_id))
        except SessionNotFoundError:
            live = self._live
            assert isinstance(live, Recording)
            live.hint = MISSING
            live.show()


def replay(
    session: Session | str | None = None,
    source: SessionManager | ISessionStorage | str | os.PathLike[str] | None = None,
    *,
    speed: float = 4.0,
    height: int = 480,
) -> ReplayPanel:
    """Return a panel that shows a stored conversation, read-only, and plays it: the replies come as they came, faster.

    `session` is a session or its id; None shows the one that the page's address names (`?session=ID`, as in the links
    of `ls.binder_url(..., session=ID)`), else the one that was active last. Others are in the panel's menu. `source`: a
    manager, a storage, a path, or None for the default store. `speed` 1 takes the time that was recorded, 4 a quarter.
    No key is needed, no provider is asked and nothing is written. SessionNotFoundError for an id that is not there;
    SessionStateError where the store is empty.
    """
    if not speed > 0:
        raise ConfigurationError(f"speed is {speed}. Give a number above 0, such as 4: four times as fast.")
    if source is None and isinstance(session, Session):
        source = session.storage
    return ReplayPanel(session, manager_of(source), speed, height=height)
