"""The queries behind the storage's reading methods; each takes a connection of its own thread."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import duckdb

from ...clock import as_utc
from ...models import SessionMessage
from ..rows import row_to_event, row_to_message, row_to_session, text
from ..schema import EVENTS, MESSAGES, SESSIONS

Connection = duckdb.DuckDBPyConnection

# Times come as microseconds: DuckDB makes aware datetimes only where pytz is installed.
_MESSAGE = ", ".join(f"epoch_us({name})" if kind == "TIMESTAMPTZ" else name for name, kind in MESSAGES.items())
_SESSION = ", ".join(f"epoch_us(s.{name})" if kind == "TIMESTAMPTZ" else f"s.{name}" for name, kind in SESSIONS.items())
_RECORD = (*SESSIONS, "message_count", "last_activity")
_LAST_ACTIVITY = "greatest(s.updated_at, m.last_message_at)"
_SUMMARY = (
    "SELECT session_id, count(*) FILTER (WHERE is_active_branch) AS message_count, "
    "max(coalesce(completed_at, created_at)) AS last_message_at FROM messages"
)


def session(connection: Connection, session_id: str) -> dict[str, Any] | None:
    """Return the session's record, or None."""
    found = connection.execute(
        f"SELECT {_SESSION}, coalesce(m.message_count, 0), epoch_us({_LAST_ACTIVITY}) FROM sessions s "
        f"LEFT JOIN ({_SUMMARY} WHERE session_id = $1 GROUP BY session_id) m USING (session_id) "
        "WHERE s.session_id = $1",
        [text(session_id)],
    ).fetchall()
    return row_to_session(dict(zip(_RECORD, found[0], strict=True))) if found else None


def sessions(
    connection: Connection,
    *,
    user_id: str | None,
    provider: str | None,
    status: str | None,
    tags: Sequence[str] | None,
    words: str | None,
    since: datetime | None,
    limit: int | None,
) -> list[dict[str, Any]]:
    """Return the records that meet every condition that is given, most recently active first."""
    conditions, values = ["true"], list[Any]()
    for column, wanted in (("user_id", user_id), ("provider", provider), ("status", status)):
        if wanted is not None:
            conditions.append(f"s.{column} = ?")
            values.append(text(wanted))
    if tags:
        conditions.append("list_has_all(s.tags, ?::VARCHAR[])")
        values.append([text(tag) for tag in tags])
    if words:
        conditions.append(
            "(contains(lower(s.title), lower(?)) OR contains(lower(s.description), lower(?)) OR s.session_id IN "
            "(SELECT session_id FROM messages WHERE contains(lower(content), lower(?))))"
        )
        values += [text(words)] * 3
    if since is not None:
        conditions.append(f"{_LAST_ACTIVITY} >= ?")
        values.append(as_utc(since))
    if limit is not None:
        values.append(max(limit, 0))
    found = connection.execute(
        f"SELECT {_SESSION}, coalesce(m.message_count, 0), epoch_us({_LAST_ACTIVITY}) AS last_activity "
        f"FROM sessions s LEFT JOIN ({_SUMMARY} GROUP BY session_id) m USING (session_id) "
        f"WHERE {' AND '.join(conditions)} ORDER BY last_activity DESC, s.session_id DESC"
        + (" LIMIT ?" if limit is not None else ""),
        values,
    ).fetchall()
    return [row_to_session(dict(zip(_RECORD, row, strict=True))) for row in found]


def messages(
    connection: Connection,
    session_id: str,
    *,
    limit: int | None = None,
    role: str | None = None,
    since: datetime | None = None,
    every_branch: bool = False,
) -> list[SessionMessage]:
    """Return the session's messages, oldest first; `limit` keeps the newest."""
    conditions, values = ["session_id = ?"], list[Any]([text(session_id)])
    if not every_branch:
        conditions.append("is_active_branch")
    if role is not None:
        conditions.append("role = ?")
        values.append(text(role))
    if since is not None:
        conditions.append("created_at >= ?")
        values.append(as_utc(since))
    order = "seq, message_id"
    if limit is not None:
        order = "seq DESC, message_id DESC LIMIT ?"
        values.append(max(limit, 0))
    found = connection.execute(
        f"SELECT {_MESSAGE} FROM messages WHERE {' AND '.join(conditions)} ORDER BY {order}", values
    ).fetchall()
    if limit is not None:
        found.reverse()
    return [row_to_message(dict(zip(MESSAGES, row, strict=True))) for row in found]


def events(
    connection: Connection,
    *,
    after: str | None,
    session_id: str | None,
    kinds: Sequence[str] | None,
    user_id: str | None,
    limit: int | None,
) -> list[dict[str, Any]]:
    """Return the events that meet every condition that is given, oldest first; `limit` keeps the newest."""
    conditions, values = ["true"], list[Any]()
    for condition, wanted in (("event_id > ?", after), ("session_id = ?", session_id), ("user_id = ?", user_id)):
        if wanted is not None:
            conditions.append(condition)
            values.append(text(wanted))
    if kinds is not None:
        conditions.append("list_contains(?::VARCHAR[], kind)")
        values.append([text(kind) for kind in kinds])
    columns = ", ".join(
        f'epoch_us("{name}")' if kind == "TIMESTAMPTZ" else f'"{name}"' for name, kind in EVENTS.items()
    )
    order = "event_id" if limit is None else "event_id DESC LIMIT ?"
    if limit is not None:
        values.append(max(limit, 0))
    found = connection.execute(
        f"SELECT {columns} FROM events WHERE {' AND '.join(conditions)} ORDER BY {order}", values
    ).fetchall()
    if limit is not None:
        found.reverse()
    return [row_to_event(dict(zip(EVENTS, row, strict=True))) for row in found]


def counts(connection: Connection) -> dict[str, Any]:
    """Return how much the store holds."""
    found = connection.execute(
        "SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM messages), (SELECT count(*) FROM events), "
        "(SELECT count(*) FROM checkpoints), (SELECT count(DISTINCT user_id) FROM sessions), "
        "(SELECT max(name) FROM schema_migrations), version()"
    ).fetchall()[0]
    names = ("sessions", "messages", "events", "checkpoints", "users", "schema_version", "duckdb_version")
    return dict(zip(names, found, strict=True))


def holds_much(connection: Connection) -> bool:
    """Return whether DuckDB holds more than 32 MB in memory."""
    ((held,),) = connection.execute("SELECT coalesce(sum(memory_usage_bytes), 0) FROM duckdb_memory()").fetchall()
    return held > 32 * 2**20
