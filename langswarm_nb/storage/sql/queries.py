"""What is read from a store; each function works on a connection of its own thread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, exists, func, or_, select

from ...clock import as_utc
from ...models import SessionMessage
from ..rows import Row, row_to_event, row_to_message, row_to_session
from .tables import Codec, Tables

_TEXTS_AT_ONCE = 100


@dataclass(frozen=True)
class SessionFilter:
    """The conditions of `list_sessions`."""

    user_id: str | None = None
    provider: str | None = None
    status: str | None = None
    tags: Sequence[str] = ()
    text: str | None = None
    since: datetime | None = None
    limit: int | None = None


@dataclass(frozen=True)
class EventFilter:
    """The conditions of `list_events`."""

    after: str | None = None
    session_id: str | None = None
    kinds: Sequence[str] | None = None
    user_id: str | None = None
    limit: int | None = None


def get_session(connection: Connection, codec: Codec, session_id: str) -> Row | None:
    """Return the session's record, or None."""
    records = _with_activity(codec)
    found = connection.execute(records.where(codec.dialect.tables["sessions"].c.session_id == session_id))
    stored = found.mappings().first()
    return _record(codec, stored) if stored else None


def list_sessions(connection: Connection, codec: Codec, wanted: SessionFilter) -> list[Row]:
    """Return the records that meet every condition, most recently active first."""
    limit = None if wanted.limit is None else max(wanted.limit, 0)
    found = _matching(codec, wanted)
    # ASCII letters mean the same in every engine and collation; of others only Python knows the other case.
    in_engine = wanted.text is not None and wanted.text.isascii() and not codec.cipher
    if in_engine and wanted.text:
        found = found.where(_mentions(codec, wanted.text))
    if wanted.text is None or in_engine:
        return [_record(codec, row) for row in connection.execute(found.limit(limit)).mappings()]
    records = [_record(codec, row) for row in connection.execute(found).mappings()]
    return _mentioning(connection, codec, records, wanted.text, limit)


def get_messages(
    connection: Connection,
    codec: Codec,
    session_id: str,
    *,
    limit: int | None = None,
    role: str | None = None,
    since: datetime | None = None,
    every_branch: bool = False,
) -> list[SessionMessage]:
    """Return a session's messages, oldest first; `limit` keeps the newest."""
    messages = codec.dialect.tables["messages"]
    order = (messages.c.seq, messages.c.message_id)
    found = select(messages).where(messages.c.session_id == session_id)
    if not every_branch:
        found = found.where(messages.c.is_active_branch)
    if role is not None:
        found = found.where(messages.c.role == role)
    if since is not None:
        found = found.where(messages.c.created_at >= codec.moment(as_utc(since)))
    if limit is None:
        rows = connection.execute(found.order_by(*order)).mappings().all()
    else:
        newest = found.order_by(*(column.desc() for column in order)).limit(max(limit, 0))
        rows = connection.execute(newest).mappings().all()[::-1]
    return [row_to_message(codec.decode("messages", row)) for row in rows]


def list_events(connection: Connection, codec: Codec, wanted: EventFilter) -> list[Row]:
    """Return the events that meet every condition, oldest first; `limit` keeps the newest."""
    events = codec.dialect.tables["events"]
    found = select(events)
    for column in ("session_id", "user_id"):
        value = getattr(wanted, column)
        if value is not None:
            found = found.where(events.c[column] == value)
    if wanted.after is not None:
        found = found.where(events.c.event_id > wanted.after)
    if wanted.kinds is not None:
        found = found.where(events.c.kind.in_(wanted.kinds))
    if wanted.limit is None:
        rows = connection.execute(found.order_by(events.c.event_id)).mappings().all()
    else:
        newest = found.order_by(events.c.event_id.desc()).limit(max(wanted.limit, 0))
        rows = connection.execute(newest).mappings().all()[::-1]
    return [row_to_event(codec.decode("events", row)) for row in rows]


def count_rows(connection: Connection, tables: Tables) -> dict[str, int]:
    """Return how many sessions, messages and events there are."""
    return {
        name: connection.execute(select(func.count()).select_from(tables[name])).scalar_one()
        for name in ("sessions", "messages", "events")
    }


def read_meta(connection: Connection, tables: Tables) -> dict[str, str]:
    """Return what the store says of itself."""
    return {row.name: row.value for row in connection.execute(select(tables["meta"]))}


def all_rows(connection: Connection, codec: Codec, table: str, at_once: int) -> Iterator[list[Row]]:
    """Yield every row of a table, some at a time."""
    stream = connection.execution_options(stream_results=True, max_row_buffer=at_once)
    with stream.execute(select(codec.dialect.tables[table])) as found:
        for some in found.mappings().partitions(at_once):
            yield [codec.decode(table, row) for row in some]


def _with_activity(codec: Codec) -> Select[Any]:
    sessions, messages = codec.dialect.tables["sessions"], codec.dialect.tables["messages"]
    here = messages.c.session_id == sessions.c.session_id
    count = select(func.count()).where(here, messages.c.is_active_branch).scalar_subquery()
    return select(sessions, count.label("message_count"), _last_activity(codec).label("last_activity"))


def _last_activity(codec: Codec) -> ColumnElement[Any]:
    sessions, messages = codec.dialect.tables["sessions"], codec.dialect.tables["messages"]
    last = func.max(func.coalesce(messages.c.completed_at, messages.c.created_at))
    last_message = select(last).where(messages.c.session_id == sessions.c.session_id).scalar_subquery()
    return codec.dialect.latest(sessions.c.updated_at, last_message)


def _matching(codec: Codec, wanted: SessionFilter) -> Select[Any]:
    sessions = codec.dialect.tables["sessions"]
    found = _with_activity(codec)
    for column in ("user_id", "provider", "status"):
        value = getattr(wanted, column)
        if value is not None:
            found = found.where(sessions.c[column] == value)
    if wanted.tags:
        found = found.where(codec.dialect.has_tags(wanted.tags))
    if wanted.since is not None:
        found = found.where(_last_activity(codec) >= codec.moment(as_utc(wanted.since)))
    return found.order_by(_last_activity(codec).desc(), sessions.c.session_id.desc())


def _mentions(codec: Codec, text: str) -> ColumnElement[bool]:
    sessions, messages = codec.dialect.tables["sessions"], codec.dialect.tables["messages"]
    contains = codec.dialect.contains
    said = exists().where(messages.c.session_id == sessions.c.session_id, contains(messages.c.content, text))
    return or_(contains(sessions.c.title, text), contains(sessions.c.description, text), said)


def _mentioning(connection: Connection, codec: Codec, records: list[Row], text: str, limit: int | None) -> list[Row]:
    needle = text.casefold()
    messages = codec.dialect.tables["messages"]
    columns = (messages.c.session_id, messages.c.message_id, messages.c.content)
    kept: list[Row] = []
    for start in range(0, len(records), _TEXTS_AT_ONCE):
        some = records[start : start + _TEXTS_AT_ONCE]
        ids = [record["session_id"] for record in some]
        hits = {r["session_id"] for r in some if needle in f"{r['title'] or ''}\n{r['description'] or ''}".casefold()}
        for row in connection.execute(select(*columns).where(messages.c.session_id.in_(ids))).mappings():
            if row["session_id"] not in hits and needle in (codec.decode("messages", row)["content"] or "").casefold():
                hits.add(row["session_id"])
        kept += [record for record in some if record["session_id"] in hits]
        if limit is not None and len(kept) >= limit:
            return kept[:limit]
    return kept


def _record(codec: Codec, stored: Any) -> Row:
    return row_to_session(codec.decode("sessions", stored))
