"""What the session browser finds in a store. Everything is read by threads; nothing here waits on a page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from ..analytics.source import ArrowSource, Source, open_source
from ..clock import as_utc
from ..errors import ConfigurationError
from ..interfaces import ISessionStorage
from ..models import SessionStatus
from ..session.state import INDEX_TAG
from ..storage.text_search import marked, sessions_that_say, words_of

T = TypeVar("T")
Row = dict[str, Any]

PAGE = 50
TRASH = str(SessionStatus.DELETED)
SORTS = {
    "activity": "last_said_at DESC",
    "created": "created_at DESC",
    "messages": "message_count DESC",
    "cost": "cost_usd DESC NULLS LAST",
    "title": "lower(title) NULLS LAST",
}
FACETS = ("provider", "model", "status", "user")
_COLUMNS = {"user": "user_id"}
# How much of a message is fetched around what is looked for.
_AROUND = 400
_LONGEST_TITLE = 300
# How many of the newest sessions are looked at, where a store cannot be asked for its state in one query.
_WATCHED = 50


@dataclass(frozen=True)
class Query:
    """What a reader looks for. `filters` maps a facet, or `tag`, to the values that are wanted.

    Any of a facet's values will do, but every tag must be there. The trash shows only where `status` asks for it.
    """

    text: str = ""
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    sort: str = "activity"
    offset: int = 0
    limit: int = PAGE

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> Query:
        """Return the query that a page sent; ConfigurationError for one that makes no sense."""
        filters = request.get("filters") or {}
        wanted = {name: [str(value) for value in filters.get(name) or ()] for name in (*FACETS, "tag")}
        sort = request.get("sort") or "activity"
        if sort not in SORTS:
            raise ConfigurationError(f"Sessions cannot be sorted by {sort!r}, only by {', '.join(SORTS)}.")
        return cls(
            text=str(request.get("text") or ""),
            filters={name: values for name, values in wanted.items() if values},
            since=_moment(filters.get("since")),
            until=_moment(filters.get("until")),
            sort=sort,
            offset=max(int(request.get("offset") or 0), 0),
            limit=min(max(int(request.get("limit") or PAGE), 1), 1000),
        )


class SessionIndex:
    """Searches a storage's sessions, those of `user_id` only where one is given.

    A storage without SQL is read once as a whole and asked again after `changed`.
    """

    def __init__(self, storage: ISessionStorage, user_id: str | None) -> None:
        self._storage = storage
        self._user = user_id
        self._copy: ArrowSource | None = None
        self._guard = asyncio.Lock()

    async def search(self, query: Query) -> tuple[list[Row], int]:
        """Return a page of rows and how many there are in all.

        `name` and `said` are pieces, as `marked` makes them.
        """
        return await self._ask(lambda source: self._search(source, query))

    async def ids(self, query: Query) -> list[str]:
        """Return the ids of all that match."""
        sql, values = self._matching(query)
        found = await self._ask(
            lambda source: source.query(f"SELECT session_id FROM session_summary WHERE {sql}", values).to_pylist()
        )
        return [row["session_id"] for row in found]

    async def facets(self) -> dict[str, list[list[Any]]]:
        """Return what there is to filter by: [value, number of sessions], the most frequent first."""
        return await self._ask(self._facets)

    async def records(self, session_ids: Sequence[str]) -> dict[str, Row]:
        """Return title, tags and status by session id, of those that are there and may be seen."""
        sql, values = self._scope()
        found = await self._ask(
            lambda source: source.query(
                "SELECT session_id, title, tags, status FROM sessions "
                f"WHERE list_contains(?::VARCHAR[], session_id) AND {sql}",
                [list(session_ids), *values],
            ).to_pylist()
        )
        return {row["session_id"]: row for row in found}

    async def state(self) -> Any:
        """Return a value that is another one as soon as a session changes, in whichever process."""
        if not isinstance(self._storage, Source):
            records = await self._storage.list_sessions(user_id=self._user, limit=_WATCHED)
            names = ("session_id", "status", "title", "tags", "updated_at", "last_activity", "message_count")
            return repr([[record.get(name) for name in names] for record in records])
        sql = (
            "SELECT count(*) AS n, epoch_us(max(updated_at)) AS at, "
            "(SELECT count(*) FROM messages) AS messages, "
            "(SELECT epoch_us(max(coalesce(completed_at, created_at))) FROM messages) AS said FROM sessions"
        )
        return repr(await self._ask(lambda source: source.query(sql).to_pylist()))

    def changed(self) -> None:
        """Forget what was read, where it was copied."""
        self._copy = None

    async def _ask(self, question: Callable[[Source], T]) -> T:
        # One at a time: whoever types fast would else have as many searches running as letters.
        async with self._guard:
            return await asyncio.to_thread(lambda: question(self._source()))

    def _source(self) -> Source:
        if isinstance(self._storage, Source):
            return self._storage
        copy = self._copy
        if copy is None:
            opened = open_source(self._storage)
            assert isinstance(opened, ArrowSource)
            self._copy = copy = opened
        return copy

    def _scope(self) -> tuple[str, list[Any]]:
        return ("user_id = ?", [self._user]) if self._user is not None else ("true", [])

    def _matching(self, query: Query) -> tuple[str, list[Any]]:
        scope, values = self._scope()
        conditions = [scope]
        for name in FACETS:
            if wanted := query.filters.get(name):
                conditions.append(f"list_contains(?::VARCHAR[], {_COLUMNS.get(name, name)})")
                values.append(list(wanted))
        if "status" not in query.filters:
            conditions.append("status IS DISTINCT FROM ?")
            values.append(TRASH)
        if tags := query.filters.get("tag"):
            conditions.append("list_has_all(tags, ?::VARCHAR[])")
            values.append(list(tags))
        for moment, comparison in ((query.since, ">="), (query.until, "<")):
            if moment is not None:
                conditions.append(f"coalesce(last_message_at, created_at) {comparison} ?")
                values.append(moment)
        if words := words_of(query.text):
            said, params = sessions_that_say(words)
            conditions.append(f"session_id IN ({said})")
            values += params
        return " AND ".join(conditions), values

    def _search(self, source: Source, query: Query) -> tuple[list[Row], int]:
        sql, values = self._matching(query)
        rows = source.query(
            "SELECT session_id, title, user_id, provider, model, status, tags, epoch_ms(created_at) AS created_at, "
            "epoch_ms(coalesce(last_message_at, s.created_at)) AS last_said_at, message_count, cost_usd, "
            f"count(*) OVER () AS total FROM session_summary s WHERE {sql} "
            f"ORDER BY {SORTS[query.sort]}, last_said_at DESC, session_id DESC LIMIT ? OFFSET ?",
            [*values, query.limit, query.offset],
        ).to_pylist()
        words = words_of(query.text)
        said = _said(source, [row["session_id"] for row in rows], words) if words and rows else {}
        total = rows[0]["total"] if rows else self._count(source, sql, values) if query.offset else 0
        for row in rows:
            row["said"] = said.get(row["session_id"], [])
            row["name"] = (
                marked(row["title"] or "", words, _LONGEST_TITLE, _LONGEST_TITLE)
                if words
                else [(row["title"] or "", False)]
            )
        return rows, total

    def _count(self, source: Source, sql: str, values: list[Any]) -> int:
        return source.query(f"SELECT count(*) AS n FROM session_summary WHERE {sql}", values).to_pylist()[0]["n"]

    def _facets(self, source: Source) -> dict[str, list[list[Any]]]:
        sql, values = self._scope()
        found: dict[str, list[list[Any]]] = {}
        for name in FACETS:
            column = _COLUMNS.get(name, name)
            live = "true" if name == "status" else f"status IS DISTINCT FROM '{TRASH}'"
            found[name] = _counts(source, f"SELECT {column} AS value FROM sessions WHERE {sql} AND {live}", values)
        tags = f"SELECT unnest(tags) AS value FROM sessions WHERE {sql} AND status IS DISTINCT FROM '{TRASH}'"
        found["tag"] = [pair for pair in _counts(source, tags, values) if not pair[0].startswith(INDEX_TAG)]
        return found


def cost_of(row: Row) -> Decimal | None:
    """Return what a row's session cost, as far as that is known."""
    return None if row["cost_usd"] is None else Decimal(row["cost_usd"])


def _counts(source: Source, values_sql: str, values: list[Any]) -> list[list[Any]]:
    rows = source.query(
        f"SELECT value, count(*) AS n FROM ({values_sql}) WHERE value IS NOT NULL "
        "GROUP BY value ORDER BY n DESC, value LIMIT 200",
        values,
    ).to_pylist()
    return [[row["value"], row["n"]] for row in rows]


def _said(source: Source, session_ids: Sequence[str], words: Sequence[str]) -> dict[str, list[tuple[str, bool]]]:
    """Return, by session id, pieces of the first of the messages in which most of `words` occur."""
    places = ", ".join("nullif(instr(low, lower(?)), 0)" for _ in words)
    hits = " + ".join("contains(low, lower(?))::INT" for _ in words)
    rows = source.query(
        "SELECT session_id, arg_min(substr(content, greatest(place - 200, 1), ?), (-hits, seq, message_id)) AS around "
        "FROM ("
        f"SELECT session_id, content, seq, message_id, least({places}) AS place, {hits} AS hits FROM "
        "(SELECT *, lower(content) AS low FROM messages WHERE list_contains(?::VARCHAR[], session_id))"
        ") WHERE place IS NOT NULL GROUP BY session_id",
        [2 * _AROUND, *words, *words, list(session_ids)],
    ).to_pylist()
    return {row["session_id"]: marked(row["around"] or "", words) for row in rows}


def _moment(value: Any) -> datetime | None:
    if not value:
        return None
    try:
        return as_utc(datetime.fromisoformat(str(value)))
    except ValueError:
        raise ConfigurationError(f"{value!r} is no date.") from None
