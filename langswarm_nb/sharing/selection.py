"""Which conversations are shared, and reading them a few at a time."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from ..clock import as_utc
from ..errors import ConfigurationError, SessionNotFoundError
from ..models import SessionMessage
from ..storage.rows import json_value, row_to_message
from ..storage.schema import TABLES

if TYPE_CHECKING:
    import pyarrow as pa

    from ..analytics.source import Source

Row = dict[str, Any]

# What is held in memory at a time: so much text, unless one session alone has more.
_CHUNK_BYTES = 4 * 2**20
_CHUNK_SESSIONS = 200
_CONDITIONS = {
    "session_id": "s.session_id = $session_id",
    "user_id": "s.user_id = $user_id",
    "provider": "s.provider = $provider",
    "model": "s.model = $model",
    "status": "s.status = $status",
    "source": "s.source = $source",
    "title": "s.title = $title",
    "tags": "list_has_all(s.tags, $tags::VARCHAR[])",
    "text": "(contains(lower(s.title), lower($text)) OR EXISTS (SELECT 1 FROM messages t WHERE "
    "t.session_id = s.session_id AND contains(lower(t.content), lower($text))))",
    "since": "coalesce(m.last_at, s.updated_at, s.created_at) >= $since::TIMESTAMPTZ",
    "until": "s.created_at < $until::TIMESTAMPTZ",
}


@dataclass
class Conversation:
    """A session with all its messages, of every branch, and its events: rows over the columns of `storage.schema`."""

    session: Row
    messages: list[Row]
    events: list[Row]

    @property
    def session_id(self) -> str:
        return self.session["session_id"] or ""

    @cached_property
    def values(self) -> list[SessionMessage]:
        """The messages as values, in order, every branch."""
        return [row_to_message(row) for row in self.messages]

    @property
    def active(self) -> list[SessionMessage]:
        """The conversation as it reads today."""
        return [message for message in self.values if message.is_active_branch]

    @property
    def system_prompt(self) -> str | None:
        """What the model was told before all, or None."""
        prompt = json_value(self.session["config"], {}).get("system_prompt")
        return prompt if isinstance(prompt, str) and prompt.strip() else None

    @property
    def title(self) -> str:
        """The title, else the first words that were said."""
        first = next((row["content"] for row in self.messages if row["role"] == "user" and row["content"]), "")
        text = " ".join(str(self.session["title"] or first).split())
        return f"{text[:77]}…" if len(text) > 78 else text or "Conversation"


@dataclass
class Chunk:
    """A few whole conversations, as Arrow tables named as in `storage.schema`."""

    tables: dict[str, pa.Table]

    def conversations(self) -> Iterator[Conversation]:
        """Yield the conversations, in order."""
        parts = {name: _grouped(self.tables[name]) for name in ("messages", "events")}
        for session in self.tables["sessions"].to_pylist():
            key = session["session_id"]
            yield Conversation(session, parts["messages"].get(key, []), parts["events"].get(key, []))


def select(source: Source, which: Any = "all") -> list[str]:
    """Return the ids of the sessions that `which` means, oldest first.

    `which`: "all"; one session (its id, or the session itself); several of them; a frame with a column `session_id`; or
    a mapping of conditions: session_id, user_id, provider, model, status, source, title, tags, text, since, until. What
    is in the trash is left out unless its id or status is given. SessionNotFoundError for an id that there is not.
    """
    ids, condition, params = _understood(which)
    if ids is not None:
        condition, params = "s.session_id IN (SELECT unnest($ids::VARCHAR[]))", {"ids": ids}
    found = source.query(
        f"""SELECT s.session_id FROM sessions s
            LEFT JOIN (SELECT session_id, max(created_at) AS last_at FROM messages GROUP BY session_id) m
            USING (session_id) WHERE {condition} ORDER BY s.created_at, s.session_id""",
        params,
    )
    selected: list[str] = found["session_id"].to_pylist()
    if ids is not None and (missing := set(ids) - set(selected)):
        first = min(missing)
        raise SessionNotFoundError(f"There is no session {first!r} here. ls.sessions() lists them.", first)
    return selected


def chunks(source: Source, selected: Sequence[str]) -> Iterator[Chunk]:
    """Yield the selected conversations, a few at a time: about 4 MB of text, one conversation at least.

    Each chunk is read as the store is by then; a session that was deleted meanwhile is left out.
    """
    for first in range(0, len(selected), _CHUNK_SESSIONS):
        for batch in _batches(source, selected[first : first + _CHUNK_SESSIONS]):
            yield _read(source, batch)
            _give_back_memory(source)


def _batches(source: Source, selected: Sequence[str]) -> Iterator[list[str]]:
    sizes = _sizes(source, selected)
    batch: list[str] = []
    size = 0
    for session_id in selected:
        if batch and size + sizes.get(session_id, 0) > _CHUNK_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(session_id)
        size += sizes.get(session_id, 0)
    yield batch


def _sizes(source: Source, selected: Sequence[str]) -> dict[str, int]:
    """Return about how many bytes of text each of these sessions has."""
    found = source.query(
        """SELECT session_id, sum(400 + coalesce(strlen(content), 0) + coalesce(strlen(parts::VARCHAR), 0)
                  + coalesce(strlen(metadata::VARCHAR), 0) + coalesce(strlen(provider_metadata::VARCHAR), 0)
                  )::BIGINT AS size
           FROM messages WHERE session_id IN (SELECT unnest($ids::VARCHAR[])) GROUP BY session_id""",
        {"ids": list(selected)},
    )
    return {row["session_id"]: row["size"] for row in found.to_pylist()}


def _give_back_memory(source: Source) -> None:
    """Let the system have what is not needed again: a long export grew with all that it read.

    DuckDB keeps of a file what it read as long as there is room; glibc keeps what was freed, in pieces.
    """
    if spare := getattr(source, "spare_memory", None):
        spare()
    if trim := _trim():
        trim(0)


@cache
def _trim() -> Any:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library, another system
        return None


def _understood(which: Any) -> tuple[list[str] | None, str, Row]:
    if isinstance(which, str):
        return (None, *_filter({})) if which == "all" else ([which], "", {})
    if isinstance(which, Mapping):
        return None, *_filter(which)
    if isinstance(getattr(which, "session_id", None), str):
        return [which.session_id], "", {}
    if hasattr(which, "columns"):
        which = list(which["session_id"])
    if isinstance(which, Iterable) and not isinstance(which, (bytes, os.PathLike)):
        ids = [one if isinstance(one, str) else getattr(one, "session_id", None) for one in which]
        if all(isinstance(one, str) for one in ids):
            return list(dict.fromkeys(one for one in ids if one is not None)), "", {}
    raise ConfigurationError(
        "Say which conversations: 'all', a session's id, a list of ids, or a filter such as {'user_id': 'ada'}."
    )


def _filter(conditions: Mapping[str, Any]) -> tuple[str, Row]:
    if unknown := sorted(set(map(str, conditions)) - set(_CONDITIONS)):
        raise ConfigurationError(
            f"There is no filter {', '.join(map(repr, unknown))}. There are: {', '.join(_CONDITIONS)}."
        )
    wanted = {name: value for name, value in conditions.items() if value is not None}
    for name in ("since", "until"):
        if name in wanted:
            wanted[name] = _moment(name, wanted[name]).isoformat()
    if isinstance(wanted.get("tags"), str):
        wanted["tags"] = [wanted["tags"]]
    found = [_CONDITIONS[name] for name in wanted]
    if not wanted.keys() & {"session_id", "status"}:
        # What lies in the trash is given to nobody who does not ask for it.
        found.append("s.status <> 'deleted'")
    return " AND ".join(found), wanted


def _moment(name: str, value: Any) -> datetime:
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise ConfigurationError(f"{name} is no date: {value!r}. Write it as 2026-11-23.") from None
    return as_utc(found)


_ORDERS = {
    "sessions": "created_at, session_id",
    "messages": "session_id, seq NULLS LAST, created_at, message_id",
    "events": 'session_id, "at", event_id',
}


def _read(source: Source, ids: list[str]) -> Chunk:
    tables: dict[str, pa.Table] = {}
    for name, order in _ORDERS.items():
        columns = ", ".join(f'"{column}"' for column in TABLES[name])
        # A join, not a list to look through for each of a million rows.
        statement = (
            f"SELECT {columns} FROM {name} WHERE session_id IN (SELECT unnest($ids::VARCHAR[])) ORDER BY {order}"
        )
        tables[name] = plain(name, source.query(statement, {"ids": ids}))
    return Chunk(tables)


def plain(name: str, table: pa.Table) -> pa.Table:
    """Return `table` with exactly the types of the logical model, whatever engine it came from."""
    import pyarrow as pa

    from ..storage.arrow import arrow_schema

    columns = []
    for column, field in zip(table.columns, arrow_schema(name), strict=True):
        if isinstance(column.type, pa.ExtensionType):
            column = pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
        columns.append(column.cast(field.type))
    return pa.Table.from_arrays(columns, schema=arrow_schema(name))


def _grouped(table: pa.Table) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in table.to_pylist():
        groups.setdefault(row["session_id"], []).append(row)
    return groups
