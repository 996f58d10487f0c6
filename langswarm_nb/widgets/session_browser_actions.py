"""What a reader does to sessions, one or many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from ..errors import SessionError, SessionNotFoundError, SessionStateError
from ..manager.manager import SessionManager
from ..models import SessionStatus
from ..session.session import Session
from . import exporting
from .live import show_again
from .session_browser_index import Row, SessionIndex

LONGEST_TITLE = 200
LONGEST_TAG = 60
AT_ONCE = 20

Act = Callable[[Session, Row], Awaitable[None]]
Progress = Callable[[int, int], None]


class SessionActions:
    """Changes the sessions that `index` lets be seen; others are as if they were not there."""

    def __init__(self, manager: SessionManager, index: SessionIndex) -> None:
        self._manager = manager
        self._index = index

    async def session(self, session_id: str) -> Session:
        """Return one session; SessionNotFoundError where it cannot be seen."""
        if session_id not in await self._index.records([session_id]):
            raise SessionNotFoundError("This session is gone.", session_id)
        return await self._manager.get_session(session_id)

    async def rename(self, session_ids: Sequence[str], title: str, progress: Progress) -> dict[str, Any]:
        """Give the sessions this title; an empty one takes it away."""
        name = " ".join(title.split())[:LONGEST_TITLE] or None

        async def act(session: Session, row: Row) -> None:
            await session.update_config({"name": name, "tags": list(row["tags"] or ())})

        return await self._each(session_ids, act, progress)

    async def tag(
        self, session_ids: Sequence[str], add: Iterable[str], remove: Iterable[str], progress: Progress
    ) -> dict[str, Any]:
        """Add tags and take tags away."""
        wanted = [tag for tag in (" ".join(tag.split())[:LONGEST_TAG] for tag in add) if tag]
        unwanted = set(remove)

        async def act(session: Session, row: Row) -> None:
            # Imported sessions may have title and tags in their row only.
            tags = [tag for tag in dict.fromkeys([*(row["tags"] or ()), *wanted]) if tag not in unwanted]
            await session.update_config({"tags": tags, "name": row["title"]})

        return await self._each(session_ids, act, progress)

    async def archive(self, session_ids: Sequence[str], progress: Progress) -> dict[str, Any]:
        """Make the sessions read-only."""

        async def act(session: Session, _: Row) -> None:
            _require_idle(session)
            await session.archive()

        return await self._each(session_ids, act, progress)

    async def unarchive(self, session_ids: Sequence[str], progress: Progress) -> dict[str, Any]:
        """Let the sessions go on."""

        async def act(session: Session, _: Row) -> None:
            if session.status is SessionStatus.ARCHIVED:
                await session.unarchive()

        return await self._each(session_ids, act, progress)

    async def trash(self, session_ids: Sequence[str], progress: Progress) -> dict[str, Any]:
        """Set the sessions aside; `restore` brings them back."""
        return await self._each(session_ids, lambda session, _: session.move_to_trash(), progress)

    async def restore(self, session_ids: Sequence[str], progress: Progress) -> dict[str, Any]:
        """Bring sessions back from the trash."""
        return await self._each(session_ids, lambda session, _: session.take_from_trash(), progress)

    async def purge(self, session_ids: Sequence[str], progress: Progress) -> dict[str, Any]:
        """Remove sessions that are in the trash, for good."""

        async def act(session: Session, row: Row) -> None:
            if row["status"] != SessionStatus.DELETED:
                raise SessionStateError("Only what is in the trash can be deleted for good.", session.session_id)
            await self._manager.delete_session(session.session_id)

        return await self._each(session_ids, act, progress)

    async def export(self, session_ids: Sequence[str], format: str, redact: bool) -> tuple[bytes, dict[str, Any]]:
        """Return a file for the page to save, and what the page should know of it."""
        rows = await self._index.records(session_ids)
        known = [session_id for session_id in session_ids if session_id in rows]
        if not known:
            raise SessionNotFoundError("These sessions are gone.")
        title = rows[known[0]]["title"] if len(known) == 1 else "sessions"
        return await asyncio.to_thread(exporting.for_page, known, title, format, redact, self._manager)

    async def _each(self, session_ids: Sequence[str], act: Act, progress: Progress) -> dict[str, Any]:
        """Return which sessions it was `done` to, and what the `problems` with the others are."""
        rows = await self._index.records(session_ids)
        done: list[str] = []
        problems = ["It is gone."] if len(rows) < len(set(session_ids)) else []
        ids = list(rows)

        async def one(session_id: str) -> None:
            try:
                await act(await self._manager.get_session(session_id), rows[session_id])
            except SessionError as error:
                problems.append(error.message)
            else:
                done.append(session_id)
                show_again(session_id)

        for start in range(0, len(ids), AT_ONCE):
            if start:
                progress(start, len(ids))
            await asyncio.gather(*(one(session_id) for session_id in ids[start : start + AT_ONCE]))
        self._index.changed()
        return {
            "done": done,
            "problems": list(dict.fromkeys(problems))[:3],
            "failed": len(set(session_ids)) - len(done),
        }


def _require_idle(session: Session) -> None:
    if session.is_busy:
        raise SessionStateError("A reply is still coming. Wait for it or stop it.", session.session_id)
