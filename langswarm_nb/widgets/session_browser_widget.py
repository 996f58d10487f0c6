"""The session browser: every conversation of a store, to find, open, and keep in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Mapping
from contextlib import aclosing
from contextvars import copy_context
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import traitlets as t
from IPython.display import display

from .. import runtime
from ..analytics.source import open_source
from ..errors import ConfigurationError, SessionError
from ..interfaces import ISessionStorage
from ..manager.manager import SessionManager
from ..session.state import INDEX_TAG
from . import formats
from .assets import bundle, sheet, style
from .exporting import OFFERED
from .page_widget import PageWidget
from .session_browser_actions import SessionActions
from .session_browser_index import Query, Row, SessionIndex, cost_of
from .transfers import Downloads

if TYPE_CHECKING:
    from .chat_panel import ChatPanel

logger = logging.getLogger(__name__)

# How often the store is asked whether another process changed it, while somebody looks.
POLL_S = 2.0
# Changes come in swarms: a turn is several.
SETTLE_S = 0.3
# A page that has said nothing for this long has been closed without a word.
ALIVE_S = 150.0

WITHOUT_KERNEL = "A session browser. Run this cell to search, open, rename, tag, archive, delete and export chats."


class SessionBrowser(PageWidget):
    """All sessions of a store in a cell's output: search, filters, and what one does with sessions.

    `source` is a manager, a storage, a path or location, or None for the default store. With `user_id` only that
    user's sessions are there. `height` is in pixels.
    """

    _esm = bundle(
        *("chat/dom.js", "chat/talk.js"),
        *(f"session_browser/{part}.js" for part in ("words", "list", "filters", "actions", "browser")),
    )
    _css = style() + sheet("session_browser/session_browser.css")
    height = t.Int(600).tag(sync=True)
    # The session that is shown beside the list, and the model of its panel; empty while none is.
    opened = t.Dict().tag(sync=True)

    def __init__(
        self,
        source: SessionManager | ISessionStorage | str | os.PathLike[str] | None = None,
        user_id: str | None = None,
        *,
        height: int = 600,
    ) -> None:
        self._manager = manager_of(source)
        self._index = SessionIndex(self._manager.storage, user_id)
        self._actions = SessionActions(self._manager, self._index)
        self._user = user_id
        self._downloads = Downloads()
        self._panel: ChatPanel | None = None
        self._watching: asyncio.Task[None] | None = None
        self._alive_at = 0.0
        self._total: int | None = None
        super().__init__(height=height, model_id=uuid4().hex)

    def __repr__(self) -> str:
        known = "" if self._total is None else f": {self._total:,} session{'' if self._total == 1 else 's'}"
        return f"Session browser{known}. Run this cell to browse."

    def _ipython_display_(self) -> None:
        data, metadata = self._repr_mimebundle_() or ({}, {})
        display({**data, "text/plain": WITHOUT_KERNEL}, metadata=metadata, raw=True)

    def _released(self) -> None:
        self._page_left()
        if self._panel is not None:
            self._panel.close()

    # --- what happens elsewhere ---

    def _page_left(self) -> None:
        runtime.background_loop().call_soon_threadsafe(self._stop_watching)

    def _stop_watching(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None

    def _acknowledged(self, request: Mapping[str, Any]) -> None:
        self._alive_at = time.monotonic()
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        """Tell the pages when something changed, here or in another process."""
        bell = asyncio.Event()
        listening = asyncio.create_task(self._listen(bell))
        known: Any = None
        try:
            while time.monotonic() - self._alive_at < ALIVE_S:
                with contextlib.suppress(SessionError):
                    state = await self._index.state()
                    if known is not None and (bell.is_set() or state != known):
                        self._index.changed()
                        self._publish({"kind": "changed"})
                    known = state
                bell.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S):
                        await bell.wait()
                    await asyncio.sleep(SETTLE_S)
        finally:
            listening.cancel()
            await asyncio.wait([listening])

    async def _listen(self, bell: asyncio.Event) -> None:
        try:
            # What this process does is heard at once; of others the store's state tells sooner than their events.
            async with aclosing(self._manager.session_events(3600.0)) as events:
                async for _ in events:
                    bell.set()
        except SessionError as error:
            logger.info("the session browser hears of no events: %s", error)

    # --- requests ---

    async def _do_ready(self, request: Mapping[str, Any]) -> None:
        self._acknowledged(request)

    async def _do_search(self, request: Mapping[str, Any]) -> dict[str, Any]:
        rows, total = await self._index.search(Query.of(request))
        self._total = total
        answer: dict[str, Any] = {"rows": [_shown(row) for row in rows], "total": total}
        if request.get("facets"):
            facets = await self._index.facets()
            answer["facets"] = facets if self._user is None else {**facets, "user": []}
        return answer

    async def _do_ids(self, request: Mapping[str, Any]) -> list[str]:
        return await self._index.ids(Query.of(request))

    async def _do_open(self, request: Mapping[str, Any]) -> None:
        session = await self._actions.session(request["session"])
        if self._panel is None:
            context = self._context.copy() if self._context is not None else copy_context()
            self._panel = await asyncio.to_thread(context.run, self._new_panel, session.session_id)
        else:
            await self._panel.show_session(session)
        self.opened = {"session": session.session_id, "panel": self._panel.model_id}

    async def _do_shut(self, _request: Mapping[str, Any]) -> None:
        self.opened = {}

    async def _do_rename(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return await self._actions.rename(request["sessions"], str(request["title"]), self._progress_of(request))

    async def _do_tag(self, request: Mapping[str, Any]) -> dict[str, Any]:
        add, remove = request.get("add", ()), request.get("remove", ())
        return await self._actions.tag(request["sessions"], add, remove, self._progress_of(request))

    async def _do_archive(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return await self._actions.archive(request["sessions"], self._progress_of(request))

    async def _do_unarchive(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return await self._actions.unarchive(request["sessions"], self._progress_of(request))

    async def _do_trash(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self._close_if_among(request["sessions"])
        return await self._actions.trash(request["sessions"], self._progress_of(request))

    async def _do_restore(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return await self._actions.restore(request["sessions"], self._progress_of(request))

    async def _do_purge(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self._close_if_among(request["sessions"])
        return await self._actions.purge(request["sessions"], self._progress_of(request))

    async def _do_formats(self, _request: Mapping[str, Any]) -> Any:
        return OFFERED

    async def _do_export(self, request: Mapping[str, Any]) -> dict[str, Any]:
        redact = request.get("redact") is True
        data, about = await self._actions.export(request["sessions"], request["format"], redact)
        return {**about, "token": self._downloads.offer(data), "bytes": len(data)}

    async def _do_piece(self, request: Mapping[str, Any]) -> bytes:
        return self._downloads.piece(request["token"], request["at"])

    def _progress_of(self, request: Mapping[str, Any]) -> Any:
        return lambda done, total: self._publish(
            {"kind": "progress", "rid": request["rid"], "done": done, "total": total}
        )

    def _close_if_among(self, session_ids: list[str]) -> None:
        if self.opened.get("session") in session_ids:
            self.opened = {}

    def _new_panel(self, session_id: str) -> ChatPanel:
        from .chat_panel import ChatPanel

        panel = ChatPanel(session_id, manager=self._manager, user_id=self._user)
        # By this the panel finds the cell that it stands in.
        panel.panel_id = self.model_id
        return panel


def session_browser(
    source: SessionManager | ISessionStorage | str | os.PathLike[str] | None = None,
    user_id: str | None = None,
    **options: Any,
) -> SessionBrowser:
    """Return a browser of all sessions of `source`, or of `user_id`'s only; `options` are those of SessionBrowser.

    `source` is a manager, a storage, a path or location, or None for the default store.
    """
    return SessionBrowser(source, user_id, **options)


def manager_of(source: Any) -> SessionManager:
    """Return the manager that looks after the sessions of `source`."""
    if source is None:
        return runtime.default_manager()
    if isinstance(source, SessionManager):
        return source
    if isinstance(source, (str, os.PathLike)):
        # Says so where there is no such store, instead of making one.
        open_source(source)
        return runtime.default_manager(os.fspath(source))
    if isinstance(source, ISessionStorage):
        return SessionManager(source)
    raise ConfigurationError(
        f"{type(source).__name__} has no sessions to browse. Give a session manager, a storage, a path, or nothing."
    )


def _shown(row: Row) -> dict[str, Any]:
    """Return a row as the page shows it: `name` and `said` in pieces, [text, whether it was looked for]."""
    return {
        "id": row["session_id"],
        "title": row["title"] or "",
        "name": row["name"],
        "said": row["said"],
        "model": f"{row['provider']}/{row['model']}",
        "user": row["user_id"] or "",
        "status": row["status"],
        "tags": [tag for tag in row["tags"] or () if not tag.startswith(INDEX_TAG)],
        "count": row["message_count"],
        "cost": formats.dollars(cost_of(row)),
        "at": row["last_said_at"],
        "created": row["created_at"],
    }
