"""How a metric becomes one SQL statement, and how several become one.

Every metric is a `SELECT` over a few common table expressions:

- `m`: one row a message that the filters let through; `calls`: those of the assistant (`is_reply`; `is_asked` are
  those of the user); `timed_s` is the duration of complete ones
- `history`: like `m`, but from the beginning of time; `is_previous` marks the period of the same length before;
  `marked` has the rows of both periods, `replies` those of the assistant among them; a store's own tables have
  `chosen` before it, without the sessions
- `cells`: `marked`, in sums by slot, role, status, and of replies by provider and model
- `waits`: quantiles of `timed_s`; `spread`: those of each model; `buckets`: how many durations are how long
- `present`: sessions and users; `reach`: those of each model; `visits`: when each person was there; `persons`: who
- `people`: one row a session, with small numbers in place of long ids
- `clock`: each `slot` that occurs in `m` (a quarter of an hour; in UTC an hour), as local time, with its bin

What no metric names is not read. Several metrics asked together share these and so one snapshot of the data. They are
made of a store's tables, or of a `Snapshot`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, available_timezones

from ...clock import as_utc, now
from ...errors import ConfigurationError
from ..source import opened
from . import of_rows, of_tables

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from ..source import Source

    Bind = Callable[[Source | None], dict[str, Any]]

# They are files: listing them takes as long as a metric.
_zones = cache(available_timezones)
BINS = ("hour", "day", "week", "month", "year", "century")
# Microseconds in a quarter of an hour, the step of every modern time zone; and what makes every date since the
# year 1 positive, because DuckDB's integer division rounds towards zero.
SLOT = 900_000_000
SHIFT = 70_080_000 * SLOT

_PRELUDE = """
WITH {rows},
m AS NOT MATERIALIZED (SELECT * FROM marked WHERE is_current),
calls AS NOT MATERIALIZED (SELECT * FROM replies WHERE is_current),
{sums},
slots AS MATERIALIZED (
    SELECT slot, {local_time} AS local_time
    FROM (SELECT DISTINCT slot FROM cells WHERE is_current AND slot IS NOT NULL)
),
clock AS MATERIALIZED (
    SELECT slot, local_time, unit, {bin} AS bin
    FROM slots, (
        SELECT coalesce($bin::VARCHAR, CASE
                   WHEN days <= 4 THEN 'hour' WHEN days <= 200 THEN 'day' WHEN days <= 1400 THEN 'week'
                   WHEN days <= 10000 THEN 'month' WHEN days <= 110000 THEN 'year' ELSE 'century' END) AS unit
        FROM (SELECT date_diff('day', min(local_time), max(local_time)) AS days FROM slots)
    )
),
visits AS MATERIALIZED (
    SELECT person, is_current, local_time
    FROM hours JOIN (SELECT slot, {local_time} AS local_time FROM (SELECT DISTINCT slot FROM hours)) USING (slot)
)"""


# Only read where a metric names it.
MORE_COLUMNS = {
    "created_at": "x.created_at",
    "finish_reason": "x.finish_reason",
    "time_to_first_chunk_s": "x.time_to_first_chunk_s",
    "message_id": "x.message_id",
    "error_type": "x.error_type",
    "request_model": "x.request_model",
    "response_model": "x.response_model",
    "input_tokens": "x.input_tokens",
    **{f"{kind}_tokens": f"x.{kind}_tokens" for kind in ("cache_read_input", "cache_write_input", "reasoning_output")},
    "is_active_branch": "coalesce(x.is_active_branch, true)",
}


@dataclass(frozen=True)
class Filters:
    """What to look at. Values of one filter widen, several filters narrow.

    `start` is inclusive, `end` exclusive; a date or a datetime without a zone is in `tz`. `user_id`, `provider`,
    `model` and `status` (of the message) take one value or several; None among several means unknown. `tz` names the
    zone of bins, hours and weekdays; `bin` is one of hour, day, week, month, year, century, or None: as it fits.
    """

    start: datetime | None = None
    end: datetime | None = None
    user_id: tuple[str, ...] = ()
    provider: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    tz: str = "UTC"
    bin: str | None = None

    @classmethod
    def of(cls, **given: Any) -> Filters:
        """Return validated filters; ConfigurationError names what is wrong."""
        unknown = sorted(set(given) - set(cls.__dataclass_fields__))
        if unknown:
            known = ", ".join(cls.__dataclass_fields__)
            raise ConfigurationError(f"There is no filter {', '.join(map(repr, unknown))}. There are: {known}.")
        tz = str(given.get("tz") or "UTC")
        if tz not in _zones():
            raise ConfigurationError(f"{tz!r} is no time zone. Use a name such as 'UTC' or 'Europe/Oslo'.")
        if given.get("bin") not in (None, *BINS):
            raise ConfigurationError(f"bin cannot be {given['bin']!r}. Use one of: {', '.join(BINS)}, or None.")
        filters = cls(
            start=_moment(given.get("start"), tz),
            end=_moment(given.get("end"), tz),
            **{name: _several(given.get(name)) for name in ("user_id", "provider", "model", "status")},
            tz=tz,
            bin=given.get("bin"),
        )
        if filters.start and filters.end and filters.start >= filters.end:
            raise ConfigurationError("start must be before end.")
        return filters

    def previous_start(self) -> datetime | None:
        """Return where the period of the same length before `start` begins; None without a start."""
        if self.start is None:
            return None
        try:
            return self.start - ((self.end or max(now(), self.start)) - self.start)
        except OverflowError:
            return self.start

    def without_period(self) -> Filters:
        """Return the same filters over all time."""
        return replace(self, start=None, end=None)


def _several(value: Any) -> tuple[str, ...]:
    # Unknown travels as the empty text, which no provider, model, user or status has.
    if value is None:
        return ()
    values = [value] if isinstance(value, str) else list(value)
    return tuple("" if item is None else str(item) for item in values)


def _moment(value: Any, tz: str) -> datetime | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ConfigurationError(f"{value!r} is no date. Write it as 2026-11-30 or 2026-11-30T12:00.") from None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if value.tzinfo is None:
        value = value.replace(tzinfo=ZoneInfo(tz))
    try:
        return as_utc(value)
    except OverflowError:  # the first and the last day that Python knows, in a zone beyond them
        return value.replace(tzinfo=ZoneInfo("UTC"))


def local_bin(unit: str, local_time: str) -> str:
    """Return the SQL of the start of a bin, kept a few days inside what Python's dates can hold in any time zone."""
    latest, first = "TIMESTAMP '9999-12-28'", "TIMESTAMP '0001-01-03'"
    return f"greatest(date_trunc({unit}, least({local_time}, {latest})), {first})"


def local_time(slot: str) -> str:
    """Return the SQL of a slot's wall clock time."""
    return f"make_timestamptz({slot}::BIGINT * {SLOT} - {SHIFT}) AT TIME ZONE $tz"


def slot_of(created_at: str, coarse: bool = False) -> str:
    """Return the SQL of the quarter of an hour, counted from the year 1, in which a time is; `coarse`: of the hour."""
    step = 4 if coarse else 1
    return f"(epoch_us({created_at}) + {SHIFT}) // {step * SLOT} * {step}"


_MARKS = """coalesce(x.created_at >= $start, false) AS is_current,
           coalesce(x.created_at >= $before AND x.created_at < $start, false) AS is_previous"""


def where(
    filters: Filters, with_start: bool = True, conditions: dict[str, str] = of_tables.CONDITIONS
) -> tuple[str, dict[str, Any]]:
    """Return the condition over messages `x` and their session `p`, and the values to bind."""
    params: dict[str, Any] = {}
    chosen: list[str] = []
    if filters.end is not None:
        params["end"] = filters.end
        chosen.append("x.created_at < $end")
    if filters.start is not None and with_start:
        params["start"] = filters.start
        chosen.append("x.created_at >= $start")
    for name, condition in conditions.items():
        if wanted := getattr(filters, name):
            params[name] = list(wanted)
            chosen.append(condition)
    return " AND ".join(chosen) or "true", params


def prelude(filters: Filters, metrics: Sequence[Metric], of_snapshot: bool = False) -> tuple[str, dict[str, Any]]:
    """Return the common table expressions that `metrics` need under `filters`, and the values to bind.

    Rows before `filters.start` are only read for a metric with history.
    """
    with_history = any(metric.with_history for metric in metrics)
    params: dict[str, Any] = {"tz": filters.tz, "bin": filters.bin}
    # Where there is nothing to tell apart, constants: DuckDB then leaves out whole branches of a statement.
    marks = "true AS is_current, false AS is_previous"
    is_marked = filters.start is not None and with_history
    if is_marked:
        params |= {"start": filters.start, "before": filters.previous_start()}
        marks = _MARKS
    # Where local hours are whole ones, fewer slots tell as much.
    is_utc = filters.tz == "UTC"
    condition, values = where(filters, not with_history, of_rows.CONDITIONS if of_snapshot else of_tables.CONDITIONS)
    params |= values
    named = " ".join(metric.body for metric in metrics)
    if "spread" in named:
        named += of_tables.SUMS
    words = [name for name in of_tables.CONDITIONS if getattr(filters, name)]
    # What leaves few rows is kept; of a store's own tables a period alone is not, because a copy costs more than it.
    is_kept = bool(is_marked or values) if of_snapshot else bool(words)
    rows = (of_rows.HISTORY if of_snapshot else of_tables.HISTORY).format(
        slot="x.hour * 4" if of_snapshot and is_utc else slot_of("x.created_at", is_utc),
        step="NULL" if is_utc else slot_of("x.created_at"),
        timed_s=of_tables.TIMED_S,
        more="".join(f" {expression} AS {name}," for name, expression in MORE_COLUMNS.items() if name in named),
        marks=marks,
        people=of_tables.PEOPLE_JOIN if words else "",
        condition=condition,
        materialized="MATERIALIZED" if is_kept else "NOT MATERIALIZED",
    )
    sums = (of_rows.SUMS if of_snapshot else of_tables.SUMS).format(
        slot="hour * 4" if is_utc else "step",
        cell="cell" if is_utc else "step, kind",
        moments="JOIN moments USING (cell)" if is_utc else "",
        visit=("day" if of_snapshot else "slot // 96") if is_utc else "slot // 4",
        scale=96 if is_utc else 4,
        # A constant among what is grouped by keeps DuckDB from grouping by small numbers.
        is_current="is_current" if is_marked else "true AS is_current",
        by="is_current, " if is_marked else "",
        same=" AND t.is_current = r.is_current" if is_marked else "",
    )
    text = _PRELUDE.format(
        rows=rows.strip(),
        sums=sums.strip(),
        local_time=local_time("slot"),
        bin=local_bin("unit", "local_time"),
    )
    return text.strip(), params


class Metric:
    """A question with its SQL. Called like a function, it returns a tidy DataFrame.

    `metric(source=None, **filters)` takes every filter of `Filters`. `metric.sql` is the statement without filters,
    ready for `ls.sql(metric.sql, params=metric.params)`; `metric.statement(**filters)` returns it with them.
    """

    def __init__(self, function: Callable[..., str], order: str, with_history: bool, bind: Bind | None = None) -> None:
        self.__name__ = self.name = function.__name__
        self.__doc__ = function.__doc__
        self.__module__ = function.__module__
        self.order = order
        self.with_history = with_history
        self.bind = bind or (lambda source: {})
        self.body = function().strip()

    def __repr__(self) -> str:
        return f"<metric {self.name}>"

    @property
    def sql(self) -> str:
        """The statement over everything."""
        return self.statement()[0]

    @property
    def params(self) -> dict[str, Any]:
        """What `sql` needs bound."""
        return self.statement()[1]

    def statement(self, **filters: Any) -> tuple[str, dict[str, Any]]:
        """Return the statement under `filters`, and the values to bind."""
        head, params = prelude(Filters.of(**filters), [self])
        return f"{head}\nSELECT * FROM (\n{self.body}\n)\nORDER BY {self.order}", params | self.bind(None)

    def __call__(self, source: Any = None, **filters: Any) -> pd.DataFrame:
        sql, params = self.statement(**filters)
        with opened(source) as opened_source:
            return tidy(opened_source.query(sql, params | self.bind(opened_source)), str(params["tz"]))


def metric(
    order: str, *, with_history: bool = False, bind: Bind | None = None
) -> Callable[[Callable[..., str]], Metric]:
    """Make a Metric of a function that returns its SELECT; `order` is what its rows are sorted by.

    `bind` returns further values to bind, which depend on what is in the source (None: nothing is).
    """
    return lambda function: Metric(function, order, with_history, bind)


def ask_all(metrics: Iterable[Metric], source: Any = None, **filters: Any) -> dict[str, pd.DataFrame]:
    """Return the frame of each metric by name, all from one statement: one pass, one snapshot."""
    metrics = list(metrics)
    with opened(source) as opened_source:
        sql, params = together(metrics, Filters.of(**filters), opened_source)
        return apart(metrics, opened_source.query(sql, params), str(params["tz"]))


def together(
    metrics: Sequence[Metric], filters: Filters, source: Source, of_snapshot: bool = False
) -> tuple[str, dict[str, Any]]:
    """Return one statement for all metrics, each a column with a list of rows, and the values to bind."""
    head, params = prelude(filters, metrics, of_snapshot)
    lists = ",\n".join(
        f"(SELECT list(r ORDER BY {', '.join(f'r.{key.strip()}' for key in m.order.split(','))}) FROM (\n{m.body}\n) r)"
        f" AS {m.name}"
        for m in metrics
    )
    for m in metrics:
        params |= m.bind(source)
    return f"{head}\nSELECT\n{lists}", params


def apart(metrics: Iterable[Metric], answer: pa.Table, tz: str) -> dict[str, pd.DataFrame]:
    """Return each metric's frame of what the statement for all of them answered."""
    return {m.name: tidy(_unnest(answer.column(m.name)), tz) for m in metrics}


def _unnest(column: pa.ChunkedArray) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_struct_array(column.combine_chunks().flatten())


def tidy(table: pa.Table, tz: str) -> pd.DataFrame:
    """Return the metric's frame: whole numbers as Int64, money as float dollars, bins at the start of local time."""
    import pandas as pd
    import pyarrow as pa

    fields = []
    for field in table.schema:
        kind = field.type
        if pa.types.is_decimal(kind):
            kind = pa.int64() if kind.scale == 0 else pa.float64()
        elif pa.types.is_integer(kind):
            kind = pa.int64()
        elif pa.types.is_dictionary(kind):
            kind = pa.string()
        elif pa.types.is_timestamp(kind) and kind.tz:
            kind = pa.timestamp(kind.unit, "UTC")
        fields.append(pa.field(field.name, kind))
    frame = table.cast(pa.schema(fields), safe=False).to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    for name in ("bin", "cohort"):
        if name in frame:
            # Where clocks are put forward, a bin's local start may not exist: it begins an hour later.
            frame[name] = frame[name].dt.tz_localize(tz, ambiguous=True, nonexistent="shift_forward")
    return frame


def last_days(days: float, newest: datetime | None) -> tuple[datetime, datetime]:
    """Return the period of `days` that ends with the newest message, or now where there is none."""
    end = min(newest, now()) + timedelta(seconds=1) if newest else now()
    return end - timedelta(days=days), end
