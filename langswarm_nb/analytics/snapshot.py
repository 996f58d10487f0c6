"""A store's numbers in this process' memory, in a small form: what a dashboard asks again and again.

Reading the columns that metrics name takes longer than what they compute of them. So a report reads them once, with
words as small numbers and without texts, ids and JSON (about 100 bytes a message), and asks the store on every look
only whether anything changed, and not even that while nobody else can have written.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

from .facts import LATER, read_facts
from .metrics.statement import Filters, Metric, apart, ask_all, together
from .source import Source, run_statement, state_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

# Of more messages than this a copy would take more than a gigabyte: then every question goes to the store.
MOST_MESSAGES = 10_000_000
# Words that statements compare with: they must be there whether a store has them or not.
_KNOWN = {
    "role": ("assistant", "system", "tool", "user"),
    "status": ("complete", "error", "interrupted", "streaming"),
}
_MOST_WORDS = 20_000
# What the Overview does without.
_LATER = (*LATER, "people")
# How often it is read anew because the store changed meanwhile.
_ATTEMPTS = 3
# What changes with a store: a message, a reply that ends, another branch, a session's name, a vote, an import. No sum
# of floats: it depends on the order of adding.
_VERSION = """
SELECT * FROM
    (SELECT count(*) AS a, max(created_at)::VARCHAR AS b, max(completed_at)::VARCHAR AS c, sum(cost_usd) AS d,
            sum(output_tokens) AS f, sum(seq) FILTER (NOT is_active_branch) AS g FROM messages),
    (SELECT count(*) AS h, max(session_id) AS i, max(updated_at)::VARCHAR AS j FROM sessions),
    (SELECT count(*) AS k, max(event_id) AS l FROM events)
"""


class Snapshot:
    """The numbers of `source` as they are now, read when they are first asked for and again when the store changed."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._reading = threading.Lock()
        self._state: Hashable | None = None
        self._version: list[Any] | None = None
        self._tables: _Tables | None = None

    def ask_all(self, metrics: Sequence[Metric], **filters: Any) -> dict[str, pd.DataFrame]:
        """Return the frame of each metric by name, as `metrics.ask_all` does."""
        tables = self._up_to_date(any(name in metric.body for metric in metrics for name in _LATER))
        if tables is None:
            return ask_all(metrics, self._source, **filters)
        sql, params = together(metrics, Filters.of(**filters), self._source, of_snapshot=True)
        return apart(metrics, tables.query(sql, params), str(params["tz"]))

    def query(self, over_rows: str, over_tables: str, params: dict[str, Any]) -> pa.Table:
        """Return what `over_rows` says of the snapshot, or `over_tables` of the store where that is too large."""
        tables = self._up_to_date(False)
        return self._source.query(over_tables, params) if tables is None else tables.query(over_rows, params)

    def _up_to_date(self, whole: bool) -> _Tables | None:
        with self._reading:
            state = state_of(self._source)
            is_same = state is not None and state == self._state
            version = self._version if is_same and self._version else _version_of(self._source)
            if version[0] > MOST_MESSAGES:
                self._tables = None
                return None
            if self._tables is None or version != self._version or (whole and not self._tables.whole):
                self._read(version, whole)
            # As it was before the version was asked for: what was written since shows as a change.
            self._state = state
            return self._tables

    def _read(self, version: list[Any], whole: bool) -> None:
        for _ in range(_ATTEMPTS):
            self._tables = None  # two of them at once would be too much
            self._tables = _Tables(self._source, whole)
            # What is written while it is read shows as a change at the next look.
            self._version, version = version, _version_of(self._source)
            if version == self._version:
                return


def _version_of(source: Source) -> list[Any]:
    return [column[0].as_py() for column in source.query(_VERSION).columns]


class _Tables:
    """`rows`, `kinds`, `people` and what belongs to them, in a database of their own."""

    def __init__(self, source: Source, whole: bool) -> None:
        from ..storage import connecting

        self.whole = whole
        self._connection = connecting.connect(config={"enable_external_access": "false"})
        # Small numbers are grouped by without looking them up, which is several times faster; past 17 bits of them,
        # going over what is empty takes longer than that. And joins are written in the order that is best.
        self._connection.execute(
            "SET GLOBAL TimeZone = 'UTC'; SET GLOBAL perfect_ht_threshold = 17;"
            "SET preserve_insertion_order = false; SET disabled_optimizers = 'join_order'"
        )
        facts = read_facts(source, whole)
        self._fill("rows", facts.rows)
        self._fill("codes", facts.codes)
        self._fill("moments", facts.moments)
        self._fill("seats", facts.seats)
        self._fill("kinds", facts.kinds)
        self._fill("persons", facts.persons)
        self._connection.execute(
            f"CREATE VIEW facts AS SELECT *, made IS NOT NULL AS is_reply, {self._is_asked()} AS is_asked FROM rows"
        )
        if facts.people is not None:
            self._fill("people", facts.people)
            self._connection.execute("CREATE VIEW sessions AS SELECT * FROM people")
        if whole:
            self._fill("events", source.query("SELECT * FROM events WHERE kind = 'feedback'"))

    def query(self, sql: str, params: dict[str, Any]) -> pa.Table:
        """Return the result of one statement."""
        with self._connection.cursor() as cursor:
            return run_statement(cursor, sql, params)

    def _is_asked(self) -> str:
        # A list of kinds would be joined in every time.
        asked = "SELECT kind FROM kinds WHERE role = 'user'"
        first, last, count = self._connection.execute(
            f"SELECT coalesce(min(kind), 0), coalesce(max(kind), -1), count(*) FROM ({asked})"
        ).fetchall()[0]
        return f"kind BETWEEN {first} AND {last}" if last - first + 1 == count else f"kind IN ({asked})"

    def _fill(self, name: str, rows: pa.Table) -> None:
        import pyarrow as pa

        connection = self._connection
        columns = [
            self._typed(rows, column)
            if name == "kinds" and pa.types.is_string(rows.schema.field(column).type)
            else f'"{column}"'
            for column in rows.column_names
        ]
        connection.register("incoming", rows)
        connection.execute(f"CREATE TABLE {name} AS SELECT {', '.join(columns)} FROM incoming")
        connection.unregister("incoming")

    def _typed(self, rows: pa.Table, column: str) -> str:
        """Return the SQL of a column of words as a small number, unless there are too many of them."""
        import pyarrow as pa

        found = rows.column(column).unique()
        if len(found) > _MOST_WORDS:
            return column
        words = [*found.drop_null().to_pylist(), *_KNOWN.get(column, ())]
        # A type cannot be spelled out with a null byte in one of its words.
        if not words or any("\0" in word for word in words):
            return column
        self._connection.register("words", pa.table({"word": pa.array(words, pa.string())}))
        # In alphabetical order, because it is the order of such a type.
        self._connection.execute(f"CREATE TYPE {column}_word AS ENUM (SELECT DISTINCT word FROM words ORDER BY word)")
        self._connection.unregister("words")
        return f"{column}::{column}_word AS {column}"
