"""Moving sessions over from LangSwarm's own SQLite stores, of its first and its second session layer.

The second one (0.1.0) has the tables `sessions`, `session_messages` and `session_metrics`; times are UTC without saying
so, and `created_at` is that of the last save. The first one has one table `sessions` with the columns `metadata` and
`history` in JSON; times are the writer's local ones. Neither is changed by reading it.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from ..clock import as_utc, now
from ..errors import ConfigurationError, StorageCorruptError
from ..interfaces import ISessionStorage
from ..models import ROLES, SessionConfig, SessionContext, SessionMessage
from ..redaction import without_secrets

SOURCE = "langswarm"
_MARK = "imported_from"
MARKED = {_MARK: SOURCE}
_ROLES = {"function": "tool"}
# What the first session layer called a session's state, in our words.
_STATUSES = {"inactive": "idle", "expired": "archived"}


@dataclass
class MigrationReport:
    """What moved and what could not; `skipped` and `notes` are (session id, what is the matter)."""

    path: str
    layout: str
    dry_run: bool = False
    sessions_moved: int = 0
    sessions_already_here: int = 0
    messages_moved: int = 0
    messages_already_here: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)

    def __str__(self) -> str:
        words = "would be moved" if self.dry_run else "moved"
        return (
            f"{self.path} ({self.layout}): {self.sessions_moved} sessions and {self.messages_moved} messages {words}, "
            f"{self.sessions_already_here} sessions and {self.messages_already_here} messages were here already, "
            f"{len(self.skipped)} could not be moved"
        )


@dataclass
class OldSession:
    """A session as one of the old stores had it; `lost` and `notes` tell what could not be read and what to know."""

    session_id: str
    user_id: str
    provider: str
    model: str
    created_at: datetime
    updated_at: datetime
    status: str = "active"
    tags: list[str] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    messages: list[SessionMessage] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


async def migrate_langswarm(
    path: str | Path,
    target: Any,
    *,
    session_id: str | None = None,
    user_id: str | None = None,
    dry_run: bool = False,
) -> MigrationReport:
    """Move every session (or one, or one user's) of the store at `path` into `target`, a manager or a storage.

    May be run again at any time: what is here already is left as it is. With `dry_run` nothing is written.
    """
    storage: ISessionStorage = getattr(target, "storage", target)
    layout, old_sessions = await asyncio.to_thread(read_store, Path(path), session_id, user_id)
    report = MigrationReport(str(path), layout, dry_run)
    for old in old_sessions:
        if isinstance(old, OldSession):
            report.skipped += [(old.session_id, reason) for reason in old.lost]
            report.notes += [(old.session_id, note) for note in old.notes]
            await _move(old, storage, report)
        else:
            report.skipped.append(old)
    return report


class LangSwarmBridge:
    """Finds sessions in an old store and moves each on its first use: `manager.add_bridge(LangSwarmBridge(path))`."""

    def __init__(self, path: str | Path) -> None:
        if not Path(path).is_file():
            raise ConfigurationError(f"There is no LangSwarm store at {path}. Check the path.")
        self._path = Path(path)
        self._users_done: set[str] = set()

    async def move_session(self, session_id: str, target: Any) -> bool:
        """Move the session if the old store has it; return whether it is here now."""
        report = await migrate_langswarm(self._path, target, session_id=session_id)
        return bool(report.sessions_moved or report.sessions_already_here)

    async def move_user(self, user_id: str, target: Any) -> int:
        """Move what the old store has of the user, once; return how many sessions that were."""
        if user_id in self._users_done:
            return 0
        report = await migrate_langswarm(self._path, target, user_id=user_id)
        self._users_done.add(user_id)
        return report.sessions_moved


async def _move(old: OldSession, storage: ISessionStorage, report: MigrationReport) -> None:
    record = await storage.get_session(old.session_id)
    known: set[str] = set()
    if record is not None:
        if (record.get("context") or {}).get("system_context", {}).get(_MARK) != SOURCE:
            report.skipped.append((old.session_id, "another session has this id here"))
            return
        known = {message.message_id for message in await storage.get_all_messages(old.session_id)}
    fresh = [message for message in old.messages if message.message_id not in known]
    if fresh and not known <= {message.message_id for message in old.messages}:
        report.notes.append((old.session_id, f"went on here; {len(fresh)} later messages of the old store stay there"))
        fresh = []
    report.messages_already_here += len(old.messages) - len(fresh)
    report.messages_moved += len(fresh)
    report.sessions_already_here += record is not None
    report.sessions_moved += record is None
    if report.dry_run:
        return
    if record is None:
        await _create(old, storage)
    if fresh:
        await storage.add_messages(old.session_id, fresh)
    if record is None:
        await storage.add_event("import", old.session_id, user_id=old.user_id, payload={"source": report.path})


async def _create(old: OldSession, storage: ISessionStorage) -> None:
    config = SessionConfig(tags=old.tags, metadata=old.metadata)
    context = SessionContext(old.session_id, system_context=dict(MARKED), user_id=old.user_id)
    await storage.create_session(old.session_id, old.user_id, old.provider, old.model, config, context)
    changes = {
        "status": old.status,
        "created_at": old.created_at,
        "updated_at": old.updated_at,
        "source": SOURCE,
        "source_id": old.session_id,
    }
    await storage.update_session(old.session_id, changes)


def read_store(
    path: Path, session_id: str | None, user_id: str | None
) -> tuple[str, list[OldSession | tuple[str, str]]]:
    """Return the layout's name and its sessions; in place of one that cannot be read, its id and why."""
    if not path.is_file():
        raise ConfigurationError(f"There is no file {path}. Give the path of a LangSwarm session store.")
    conditions, values = [], []
    for column, wanted in (("session_id", session_id), ("user_id", user_id)):
        if wanted is not None:
            conditions.append(f"{column} = ?")
            values.append(wanted)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as store:
            store.row_factory = sqlite3.Row
            columns = {row["name"] for row in store.execute("PRAGMA table_info(sessions)")}
            if "context_data" in columns:
                name, convert = "second session layer", _second
            elif "history" in columns:
                name, convert = "first session layer", _first
            else:
                raise StorageCorruptError(f"{path} is no LangSwarm session store: it has no such table of sessions.")
            rows = store.execute(f"SELECT * FROM sessions{where} ORDER BY rowid", values).fetchall()
            return name, [_converted(convert, store, row) for row in rows]
    except sqlite3.DatabaseError as error:
        raise StorageCorruptError(f"{path} cannot be read as a LangSwarm session store: {error}.") from error


def _converted(convert: Any, store: sqlite3.Connection, row: sqlite3.Row) -> OldSession | tuple[str, str]:
    try:
        return convert(store, row)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return str(row["session_id"]), f"the session cannot be understood: {error!r}"


def _second(store: sqlite3.Connection, row: sqlite3.Row) -> OldSession:
    old = OldSession(
        row["session_id"], row["user_id"], row["provider"], row["model"],
        _utc(row["created_at"]), _utc(row["updated_at"] or row["created_at"]),
    )  # fmt: skip
    kept = _json(row["context_data"])
    if kept is None:
        old.notes.append("its context was no JSON and is left out")
        kept = {}
    wanted = ("backend", "provider_session_id", "provider_context", "max_messages")
    old.metadata = {SOURCE: without_secrets({name: kept[name] for name in wanted if kept.get(name)})}
    rows = store.execute("SELECT * FROM session_messages WHERE session_id = ? ORDER BY id", [old.session_id]).fetchall()
    for position, message in enumerate(rows):
        _add(old, dict(message), position, _utc)
    if kept.get("max_messages") and len(rows) >= kept["max_messages"]:
        old.notes.append(f"the old store kept its last {kept['max_messages']} messages only")
    if old.messages:
        old.created_at = min(old.created_at, old.messages[0].timestamp)
    return old


def _first(store: sqlite3.Connection, row: sqlite3.Row) -> OldSession:
    about, history = _json(row["metadata"]), _json(row["history"])
    if not isinstance(about, Mapping) or not isinstance(history, Mapping):
        raise ValueError("its metadata or its history is no JSON")
    old = OldSession(
        row["session_id"], row["user_id"], row["provider"], row["model"],
        _local(row["created_at"]), _local(row["last_activity"] or row["updated_at"]),
        status=_STATUSES.get(row["status"]) or row["status"],
        tags=[str(tag) for tag in about.get("tags") or []],
    )  # fmt: skip
    wanted = ("session_control", "provider_thread_id", "provider_conversation_id", "provider_agent_id", "context_limit")
    kept = {name: about[name] for name in wanted if about.get(name)}
    kept.update({"custom": about["custom_metadata"]} if about.get("custom_metadata") else {})
    kept.update({"summary": history["summary"]} if history.get("summary") else {})
    old.metadata = {SOURCE: without_secrets(kept)}
    for position, message in enumerate(history.get("messages") or []):
        _add(old, {**message, "message_id": message["id"]}, position, _local)
    if history.get("truncated_at"):
        old.notes.append("the old store had shortened its history")
    return old


def _add(old: OldSession, described: Mapping[str, Any], position: int, as_moment: Any) -> None:
    """Put one message at the end of the session, or say why it cannot be."""
    role = _ROLES.get(described["role"], described["role"])
    if role not in ROLES:
        old.lost.append(f"message {described['message_id']}: nobody knows the role {role!r}")
        return
    before = old.messages[-1] if old.messages else None
    try:
        timestamp = as_moment(described["timestamp"])
    except (TypeError, ValueError):
        timestamp = before.timestamp if before else old.created_at
        old.notes.append(f"message {described['message_id']}: its time was unreadable")
    metadata = described.get("metadata")
    metadata = _json(metadata) if isinstance(metadata, str) else metadata
    # Its own id is eight digits long and need not be unique in the whole store.
    message_id = str(uuid5(NAMESPACE_URL, f"{SOURCE}:{old.session_id}:{position}:{described['message_id']}"))
    old.messages.append(
        SessionMessage(
            message_id,
            old.session_id,
            role,
            described["content"] or "",
            timestamp,
            metadata=without_secrets(metadata) if isinstance(metadata, Mapping) else {},
            provider_message_id=described.get("provider_message_id"),
            token_count=described.get("token_count"),
            parent_id=before.message_id if before else None,
            seq=len(old.messages) + 1,
            turn=(before.turn or 0 if before else 0) + (role == "user"),
            parts=list(_tool_calls(described.get("tool_calls"))),
            provider=old.provider if role == "assistant" else None,
            request_model=old.model if role == "assistant" else None,
            finish_reason=described.get("finish_reason"),
            tool_call_id=described.get("tool_call_id"),
            source=SOURCE,
            source_id=f"{old.session_id}/{described['message_id']}",
        )
    )


def _tool_calls(calls: Any) -> Iterator[dict[str, Any]]:
    for call in calls or ():
        function = call.get("function") or call
        arguments = function.get("arguments")
        found = _json(arguments) if isinstance(arguments, str) else arguments
        yield {"type": "tool_call", "id": call.get("id"), "name": function.get("name"), "arguments": found or {}}


def _json(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return None


def _utc(text: str | None) -> datetime:
    found = datetime.fromisoformat(text) if text else now()
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _local(text: str | None) -> datetime:
    return as_utc(datetime.fromisoformat(text)) if text else now()
