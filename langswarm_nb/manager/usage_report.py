"""How a program's sessions are used, in numbers from the store."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from ..clock import as_utc, now
from ..errors import ConfigurationError

# Who has more sessions than this is a power user.
POWER_USER_SESSIONS = 10

_PERIOD = """
WITH in_period AS (
    SELECT m.*, s.user_id FROM messages m JOIN sessions s USING (session_id)
    WHERE ($user_id IS NULL OR s.user_id = $user_id)
      AND ($start IS NULL OR m.created_at >= $start) AND ($end IS NULL OR m.created_at < $end)
), talk AS (SELECT * FROM in_period WHERE is_active_branch),
calls AS (SELECT * FROM in_period WHERE role = 'assistant'),
used AS (
    SELECT * FROM sessions s
    WHERE ($user_id IS NULL OR s.user_id = $user_id)
      AND (s.session_id IN (SELECT session_id FROM talk)
           OR (($start IS NULL OR s.created_at >= $start) AND ($end IS NULL OR s.created_at < $end)))
)
"""
_TOTALS = """
SELECT (SELECT count(*) FROM used) AS total_sessions,
       (SELECT count(*) FROM talk) AS total_messages,
       (SELECT count(DISTINCT user_id) FROM used) AS unique_users,
       (SELECT count(DISTINCT user_id) FROM talk) AS active_users,
       (SELECT count(*) FROM talk WHERE role = 'user') AS user_messages,
       (SELECT count(*) FROM talk WHERE role = 'assistant') AS assistant_messages,
       (SELECT avg(length(content)) FROM talk) AS avg_message_length,
       (SELECT avg(n) FROM (SELECT count(*) AS n FROM talk GROUP BY session_id)) AS avg_messages_per_session,
       (SELECT avg(minutes) FROM (SELECT date_diff('second', min(created_at), max(coalesce(completed_at, created_at)))
            / 60.0 AS minutes FROM talk GROUP BY session_id)) AS avg_session_minutes,
       (SELECT sum(input_tokens)::BIGINT FROM calls) AS input_tokens,
       (SELECT sum(output_tokens)::BIGINT FROM calls) AS output_tokens,
       (SELECT sum(cost_usd)::DOUBLE FROM calls) AS cost_usd,
       (SELECT count(*) FROM calls) AS provider_calls,
       (SELECT count(*) FROM calls WHERE cost_usd IS NULL) AS unpriced_calls,
       (SELECT count(*) FROM calls WHERE status = 'error') AS errors,
       (SELECT count(*) FROM calls WHERE status = 'interrupted') AS interrupted,
       (SELECT avg(duration_s) * 1000 FROM calls WHERE status = 'complete') AS avg_processing_time_ms,
       (SELECT max(duration_s) * 1000 FROM calls WHERE status = 'complete') AS max_processing_time_ms,
       (SELECT quantile_cont(duration_s, 0.5) * 1000 FROM calls WHERE status = 'complete') AS median_processing_time_ms,
       (SELECT quantile_cont(duration_s, 0.95) * 1000 FROM calls WHERE status = 'complete') AS p95_processing_time_ms,
       (SELECT avg(time_to_first_chunk_s) * 1000 FROM calls) AS avg_time_to_first_chunk_ms
"""
_BY = "SELECT {column} AS name, count(*) AS n FROM {table} GROUP BY 1 ORDER BY n DESC, name"
_USERS = """
SELECT u.user_id, u.sessions, coalesce(t.messages, 0) AS messages, c.tokens, c.cost_usd, t.first_seen, t.last_seen
FROM (SELECT user_id, count(*) AS sessions FROM used GROUP BY user_id) u
LEFT JOIN (SELECT user_id, count(*) AS messages, epoch_us(min(created_at)) AS first_seen,
                  epoch_us(max(created_at)) AS last_seen FROM talk GROUP BY user_id) t USING (user_id)
LEFT JOIN (SELECT user_id, sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0))::BIGINT AS tokens,
                  sum(cost_usd)::DOUBLE AS cost_usd FROM calls GROUP BY user_id) c USING (user_id)
ORDER BY messages DESC, sessions DESC, u.user_id
"""


class UsageReport(dict[Any, Any]):
    """A mapping whose keys also read as attributes, at every level."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the report has no {name!r}; it has: {', '.join(map(str, self))}") from None


async def usage_report(
    source: Any,
    start: datetime | date | str | None = None,
    end: datetime | date | str | None = None,
    user_id: str | None = None,
) -> UsageReport:
    """Return what `SessionManager.get_analytics` describes, computed where the data is, in a thread."""
    period = {"start": _moment(start, "start_date"), "end": _moment(end, "end_date"), "user_id": user_id}
    return await asyncio.to_thread(_computed, source, period)


def _computed(source: Any, period: Mapping[str, Any]) -> UsageReport:
    from ..analytics.source import opened

    with opened(source) as store:

        def ask(sql: str) -> list[dict[str, Any]]:
            typed = _PERIOD.replace("$start", "$start::TIMESTAMPTZ").replace("$end", "$end::TIMESTAMPTZ")
            typed = typed.replace("$user_id", "$user_id::VARCHAR")
            return store.query(typed + sql, dict(period)).to_pylist()

        totals = ask(_TOTALS)[0]
        providers = _distribution(ask(_BY.format(column="provider", table="used")))
        models = _distribution(ask(_BY.format(column="model", table="used")))
        statuses = _distribution(ask(_BY.format(column="status", table="used")))
        hours = _distribution(ask(_BY.format(column="hour(created_at)", table="talk")))
        users = [UsageReport(row) for row in ask(_USERS)]
    return _report(totals, providers, models, statuses, hours, users, period)


def _report(
    totals: dict[str, Any],
    providers: UsageReport,
    models: UsageReport,
    statuses: UsageReport,
    hours: UsageReport,
    users: list[UsageReport],
    period: Mapping[str, Any],
) -> UsageReport:
    for user in users:
        for name in ("first_seen", "last_seen"):
            user[name] = _from_micros(user[name])
    power_users = [user for user in users if user.sessions > POWER_USER_SESSIONS]
    hourly = UsageReport({hour: hours.get(hour, 0) for hour in range(24)})
    peak_hour = max(hourly, key=lambda hour: hourly[hour]) if totals["total_messages"] else None
    tokens = [count for count in (totals["input_tokens"], totals["output_tokens"]) if count is not None]
    error_rate = totals["errors"] / totals["provider_calls"] if totals["provider_calls"] else None
    performance = {
        name: totals[name]
        for name in (
            "avg_processing_time_ms",
            "median_processing_time_ms",
            "p95_processing_time_ms",
            "max_processing_time_ms",
            "avg_time_to_first_chunk_ms",
            "avg_message_length",
        )
    }
    overview = ("total_sessions", "total_messages", "unique_users", "avg_messages_per_session", "avg_session_minutes")
    return UsageReport(
        generated_at=now(),
        period=UsageReport(start=period["start"], end=period["end"], time_zone="UTC"),
        **totals,
        total_tokens=sum(tokens) if tokens else None,
        error_rate=error_rate,
        overview=UsageReport({name: totals[name] for name in overview}),
        provider_distribution=providers,
        model_distribution=models,
        status_distribution=statuses,
        performance=UsageReport(performance, error_rate=error_rate),
        hourly_activity=hourly,
        peak_hour=peak_hour,
        activity_patterns=UsageReport(hourly_distribution=hourly, peak_hour=peak_hour),
        power_users=power_users,
        top_users=users[:10],
        user_behavior=UsageReport(active_users=totals["active_users"], power_users=len(power_users)),
    )


def _distribution(rows: list[dict[str, Any]]) -> UsageReport:
    return UsageReport({row["name"]: row["n"] for row in rows})


def _from_micros(value: int | None) -> datetime | None:
    return None if value is None else datetime.fromtimestamp(value / 1_000_000, tz=now().tzinfo)


def _moment(value: datetime | date | str | None, name: str) -> datetime | None:
    """Return the moment in UTC; a date means its first second, a time without a zone is local."""
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise ConfigurationError(f"{name} is no date: {value!r}. Write it as 2026-11-23 or 2026-11-23T10:00.") from None
    if not isinstance(found, datetime):
        found = datetime.combine(found, time())
    return as_utc(found)
