"""Forgetting a user: what they own goes, and what they said elsewhere."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..interfaces import ISessionStorage
from ..models import SessionMessage
from ..session.session import Session
from ..users.collaboration import Collaboration

logger = logging.getLogger(__name__)

GONE = "[deleted]"


@dataclass
class ErasureReport:
    """What was forgotten: sessions by id, how many messages in other people's sessions, and backups gone through."""

    user_id: str
    sessions: list[str] = field(default_factory=list)
    messages_elsewhere: int = 0
    backups: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


async def forget_user(
    user_id: str,
    storage: ISessionStorage,
    open_session: Callable[[str], Awaitable[Session]],
    collaboration: Collaboration,
) -> ErasureReport:
    """Delete the user's sessions, empty what they wrote in others' and take them out of those; return what was done."""
    report = ErasureReport(user_id)
    for record in await storage.list_sessions(user_id=user_id):
        session_id = record["session_id"]
        await (await open_session(session_id)).delete()
        report.sessions.append(session_id)
    for record in await collaboration.sessions_of(user_id):
        session = await open_session(record["session_id"])
        report.messages_elsewhere += await _empty_messages(storage, session, user_id)
        await collaboration.remove(session.session_id, user_id, by=None)
    await storage.delete_events(user_id=user_id)
    return report


async def _empty_messages(storage: ISessionStorage, session: Session, user_id: str) -> int:
    async with session.paused():
        before = await storage.get_all_messages(session.session_id)
        after = [_without(message, user_id) for message in before]
        changed = sum(new is not old for new, old in zip(after, before, strict=True))
        if changed:
            await storage.replace_messages(session.session_id, after)
    return changed


def _without(message: SessionMessage, user_id: str) -> SessionMessage:
    if user_id not in (message.author_name, message.metadata.get("participant")):
        return message
    return replace(message, content=GONE, parts=[], metadata={}, provider_metadata={}, author_name=None)


async def forget_in_backups(storage: ISessionStorage, report: ErasureReport) -> None:
    """Delete the report's sessions from the backups that the store knows of, where they are still there."""
    rows = await storage.list_events(kinds=["backup"])
    paths = dict.fromkeys(row["payload"].get("path") for row in rows if row["payload"].get("path"))
    for path in paths:
        if await asyncio.to_thread(Path(path).exists):
            await _delete_from(path, storage, report)


async def leave_no_bytes(storage: ISessionStorage) -> None:
    """Rid the storage's files of what deleted rows leave in their free space, as far as it knows how to."""
    rewrite = getattr(storage, "rewrite_database", None) or getattr(storage, "optimize_database", None)
    if rewrite is not None:
        await rewrite()


def _opened_copy(storage: ISessionStorage, path: str) -> ISessionStorage:
    open_backup = getattr(storage, "open_backup", None)
    return open_backup(path) if open_backup is not None else type(storage)(db_path=path)  # pyright: ignore[reportCallIssue]


async def _delete_from(path: str, storage: ISessionStorage, report: ErasureReport) -> None:
    try:
        copy = _opened_copy(storage, path)
        try:
            for session_id in report.sessions:
                await copy.delete_session(session_id)
            if report.user_id:
                await copy.delete_events(user_id=report.user_id)
            await leave_no_bytes(copy)
        finally:
            await copy.close()
    except Exception as error:
        logger.warning("could not delete from the backup %s", path, exc_info=True)
        report.failed[path] = str(error)
    else:
        report.backups.append(path)
