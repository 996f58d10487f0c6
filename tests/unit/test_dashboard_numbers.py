"""What the dashboard shows equals SQL written by hand over the same rows, chart by chart and under its filters."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from analytics_stores import message_rows, store_of
from hypothesis import HealthCheck, given, settings

from langswarm_nb.analytics import figures, frames
from langswarm_nb.analytics.demo import demo_store
from langswarm_nb.analytics.report import Report
from langswarm_nb.analytics.source import Source

TZ = "Europe/Oslo"
# Messages and replies under the filters; nothing of the package's own statements is used.
ROWS = """
WITH every AS (
    SELECT m.*, s.user_id, coalesce(m.request_model, m.response_model, s.model) AS model,
           coalesce(m.provider, s.provider) AS service, coalesce(m.is_active_branch, true) AS is_read,
           m.created_at AT TIME ZONE 'Europe/Oslo' AS wall
    FROM messages m LEFT JOIN sessions s ON s.session_id = m.session_id
),
x AS (SELECT * FROM every WHERE created_at >= $start AND created_at < $end {more}),
r AS (SELECT * FROM x WHERE role = 'assistant'),
t AS (SELECT * FROM r WHERE coalesce(status, 'complete') = 'complete' AND duration_s IS NOT NULL)
"""
DAY = "date_trunc('day', wall) AS day"
BY_HAND = {
    "volume": (f"SELECT {DAY}, role, count(*) AS messages FROM x GROUP BY ALL", "bin role messages"),
    "activity": (
        "SELECT isodow(wall), hour(wall), count(*) FROM x WHERE role = 'user' GROUP BY ALL",
        "weekday hour messages",
    ),
    "active_users": (
        f"SELECT {DAY}, count(DISTINCT user_id), count(DISTINCT session_id) FROM x GROUP BY ALL",
        "bin users sessions",
    ),
    "session_lengths": (
        """SELECT turns, count(*) FROM (SELECT session_id, count(*) AS turns FROM x WHERE role = 'user' AND is_read
           GROUP BY session_id) GROUP BY turns""",
        "turns sessions",
    ),
    "session_durations": (
        """SELECT [0, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18000, 43200, 86400, 604800, 2592000, 31536000][step],
           count(*), any_value(half) FROM (
               SELECT CASE WHEN s < 60 THEN 1 WHEN s < 120 THEN 2 WHEN s < 300 THEN 3 WHEN s < 600 THEN 4
                           WHEN s < 1200 THEN 5 WHEN s < 1800 THEN 6 WHEN s < 3600 THEN 7 WHEN s < 7200 THEN 8
                           WHEN s < 18000 THEN 9 WHEN s < 43200 THEN 10 WHEN s < 86400 THEN 11 WHEN s < 604800 THEN 12
                           WHEN s < 2592000 THEN 13 WHEN s < 31536000 THEN 14 WHEN s IS NOT NULL THEN 15 END AS step,
                      median(s) OVER () AS half
               FROM (SELECT epoch(max(created_at) - min(created_at)) AS s FROM x GROUP BY session_id)
           ) GROUP BY step""",
        "from_s sessions p50",
    ),
    "users": (
        """SELECT user_id, count(DISTINCT session_id), count(*), sum(cost_usd)::DOUBLE, max(created_at)
           FROM x GROUP BY user_id ORDER BY count(*) DESC, user_id LIMIT 50""",
        "user_id sessions messages cost_usd last_at",
    ),
    "cost_by_model": (
        """SELECT service, model, count(*), sum(cost_usd)::DOUBLE, count(*) FILTER (cost_usd IS NULL),
           count(*) FILTER (cost_usd < 0) FROM r GROUP BY ALL""",
        "provider model calls cost_usd unpriced below_zero",
    ),
    "cost_over_time": (
        f"SELECT {DAY}, model, sum(cost_usd)::DOUBLE, count(*) FILTER (cost_usd IS NULL) FROM r GROUP BY ALL",
        "bin model cost_usd unpriced",
    ),
    "latency": (
        """SELECT service, model, count(*), quantile_cont(duration_s, 0.5), quantile_cont(duration_s, 0.95),
           quantile_cont(duration_s, 0.99), count(*) FILTER (duration_s < 0) FROM t GROUP BY ALL""",
        "provider model calls p50 p95 p99 below_zero",
    ),
    "latency_over_time": (
        f"""SELECT {DAY}, count(*), quantile_cont(duration_s, 0.5), quantile_cont(duration_s, 0.95),
            quantile_cont(duration_s, 0.99), count(*) FILTER (duration_s < 0) FROM t GROUP BY ALL""",
        "bin calls p50 p95 p99 below_zero",
    ),
    "time_to_first_chunk": (
        """SELECT service, model, count(*), quantile_cont(time_to_first_chunk_s, 0.5),
           quantile_cont(time_to_first_chunk_s, 0.99), count(*) FILTER (time_to_first_chunk_s < 0)
           FROM r WHERE time_to_first_chunk_s IS NOT NULL GROUP BY ALL""",
        "provider model calls p50 p99 below_zero",
    ),
    "error_rate": (
        f"""SELECT {DAY}, count(*), count(*) FILTER (status = 'error'), avg((coalesce(status, '') = 'error')::INT)
            FROM r GROUP BY ALL""",
        "bin calls errors error_rate",
    ),
    "errors": (
        "SELECT error_type, service, model, count(*), max(created_at) FROM r WHERE status = 'error' GROUP BY ALL",
        "error_type provider model errors last_at",
    ),
    "finish_reasons": (
        "SELECT finish_reason, service, model, count(*) FROM r GROUP BY ALL",
        "finish_reason provider model calls",
    ),
    "cache_health": (
        f"""SELECT {DAY}, count(*), sum(input_tokens), sum(cache_read_input_tokens) FROM r
            WHERE input_tokens IS NOT NULL AND cache_read_input_tokens IS NOT NULL GROUP BY ALL""",
        "bin calls input_tokens cache_read_tokens",
    ),
    "model_comparison": (
        """SELECT service, model, count(*), count(DISTINCT session_id), count(DISTINCT user_id), sum(cost_usd)::DOUBLE,
           avg((coalesce(status, '') = 'error')::INT), avg(output_tokens) FROM r GROUP BY ALL""",
        "provider model calls sessions users cost_usd error_rate mean_output_tokens",
    ),
    "longest_sessions": (
        """SELECT session_id, count(*) FILTER (is_read) AS n, sum(cost_usd)::DOUBLE, min(created_at)
           FROM x GROUP BY ALL ORDER BY n DESC, session_id LIMIT 20""",
        "session_id messages cost_usd started_at",
    ),
    "dearest_sessions": (
        """SELECT session_id, count(*) FILTER (is_read), sum(cost_usd)::DOUBLE AS c, min(created_at)
           FROM x GROUP BY ALL HAVING c IS NOT NULL ORDER BY c DESC, session_id LIMIT 20""",
        "session_id messages cost_usd started_at",
    ),
}
OVERVIEW = """
SELECT count(DISTINCT session_id), count(*), count(DISTINCT user_id), (SELECT sum(cost_usd)::DOUBLE FROM r),
       (SELECT median(duration_s) FROM t), (SELECT avg((coalesce(status, '') = 'error')::INT) FROM r) FROM x
"""
WRONG = """
SELECT count(*) FILTER (input_tokens - coalesce(cache_read_input_tokens, 0)
                        - coalesce(cache_write_input_tokens, 0) < 0),
       count(*) FILTER (output_tokens - coalesce(reasoning_output_tokens, 0) < 0) FROM r
"""
TOKENS = "SELECT model, sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) FROM r GROUP BY model"


def asked(store: Source, query: str, filters: dict[str, Any]) -> list[tuple]:
    """Return the rows of a query of this module."""
    more = "AND list_contains($model::VARCHAR[], coalesce(model, ''))" if "model" in filters else ""
    bound = {name: value for name, value in filters.items() if name in ("start", "end", "model")}
    frame = frames.sql(ROWS.format(more=more) + query, store, bound)
    return sorted((tuple(plain(value) for value in row) for row in frame.itertuples(index=False)), key=repr)


def plain(value: Any) -> Any:
    """Return a value that compares: times on the wall, numbers rounded, unknown as None."""
    if isinstance(value, pd.Timestamp):
        return (value.tz_convert("UTC") if value.tz else value).tz_localize(None)
    if value is None or value is pd.NA or value != value:
        return None
    return value if isinstance(value, str) else round(float(value), 6)


def shown(frame: pd.DataFrame, columns: str) -> list[tuple]:
    """Return the frame's rows as `asked` does; a bin is the wall clock of its zone."""
    kept = frame[columns.split()].copy()
    if "bin" in kept:
        kept["bin"] = kept["bin"].dt.tz_localize(None)
    return sorted((tuple(plain(value) for value in row) for row in kept.itertuples(index=False)), key=repr)


def compare(store: Source, **filters: Any) -> dict[str, pd.DataFrame]:
    """Compare every frame of the dashboard under the filters, and return them."""
    data = Report(store, tz=TZ, bin="day", **filters).data()
    for name, (query, columns) in BY_HAND.items():
        # Steps between others are there without any session in them, too.
        frame = data[name] if name != "session_durations" else data[name].query("sessions > 0")
        assert shown(frame, columns) == asked(store, query, filters), name
    (six,) = asked(store, OVERVIEW, filters)
    assert [plain(value) for value in data["overview"]["value"]] == list(six)
    whole = data["tokens_by_model"].groupby("model", dropna=False)["tokens"].sum()
    by_hand = {model: tokens for model, tokens in asked(store, TOKENS, filters) if tokens}
    wrong = data["tokens_by_model"].groupby("kind")["below_zero"].sum().reindex(["input", "output"], fill_value=0)
    assert tuple(wrong) == asked(store, WRONG, filters)[0]
    below = data["latency_distribution"].query("from_s.isna()")["calls"].sum()
    assert [(below,)] == asked(store, "SELECT count(*) FILTER (duration_s < 0) FROM t", filters)
    assert {plain(model): plain(tokens) for model, tokens in whole.items() if tokens} == by_hand
    return data


@pytest.fixture(scope="module")
def store():
    return demo_store(messages=4000, seed=5)


DURING = {"start": datetime(2026, 6, 1, tzinfo=UTC), "end": datetime(2026, 10, 1, tzinfo=UTC)}


@pytest.mark.parametrize("more", [{}, {"model": ["gpt-5", "llama3.3:70b"]}])
def test_every_number_is_that_of_a_query_by_hand(store, more):
    data = compare(store, **DURING, **more)
    assert [name for name in BY_HAND if data[name].empty] == []
    # And what is drawn is what was counted.
    sums = {"volume": "messages", "active_users": "users", "error_rate": "error_rate", "tokens_over_time": "tokens"}
    for name, column in sums.items():
        traces = getattr(figures, name)(data[name]).data
        drawn = sum(sum(trace.y) for trace in (traces[:1] if name == "active_users" else traces))
        assert drawn == pytest.approx(float(data[name][column].sum())), name
    drawn = sum(value for trace in figures.cost_over_time(data["cost_over_time"]).data for value in trace.y if value)
    assert drawn == pytest.approx(data["cost_over_time"]["cost_usd"].sum())


def test_the_tiles_say_what_the_query_says(store):
    tiles = {tile["label"]: tile for tile in Report(store, **DURING).view()["numbers"]}
    ((sessions, messages, users, cost, _, errors),) = asked(store, OVERVIEW, DURING)
    assert tiles["Sessions"]["value"] == f"{sessions:,.0f}"
    assert tiles["Messages"]["value"] == f"{messages:,.0f}"
    assert tiles["Active users"]["value"] == f"{users:,.0f}"
    assert tiles["Cost"]["value"] == f"${cost:,.2f}"
    assert tiles["Error rate"]["value"] == f"{errors:.1%}"
    unpriced = asked(store, "SELECT count(*) FILTER (cost_usd IS NULL) FROM r", DURING)[0][0]
    assert f"unpriced {unpriced:.0f}" in tiles["Cost"]["note"]


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(message_rows)
def test_so_it_is_for_any_rows(rows):
    compare(store_of(rows), start=datetime(2020, 1, 1, tzinfo=UTC), end=datetime(2030, 1, 1, tzinfo=UTC))
