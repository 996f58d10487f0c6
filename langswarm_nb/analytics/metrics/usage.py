"""How much, by whom, and when."""

from __future__ import annotations

from .statement import local_bin, metric


@metric("position", with_history=True)
def overview() -> str:
    """Return the six numbers: sessions, messages, active_users, cost_usd, median_latency_s, error_rate.

    One row a number: `value`, `previous` (the period of the same length before `start`; NULL without a start),
    `change` (as a share of previous), and `unpriced`, the replies without a known cost. Sessions and users are those
    with a message in the period, latency is that of complete replies, the error rate is over all replies.
    """
    names = ("sessions", "messages", "active_users", "cost_usd", "median_latency_s", "error_rate")
    numbers = ", ".join(
        f"{{position: {position}, name: '{name}', value: now.{name}, previous: before.{name},"
        f" unpriced: {'now.unpriced' if name == 'cost_usd' else 'NULL::BIGINT'}}}"
        for position, name in enumerate(names)
    )
    return f"""
    WITH sums AS (
        SELECT NOT is_current AS is_previous, sum(messages)::DOUBLE AS messages, sum(cost_usd)::DOUBLE AS cost_usd,
               coalesce(sum(messages) FILTER (role = 'assistant' AND status = 'error'), 0)
                   / nullif(sum(messages) FILTER (role = 'assistant'), 0) AS error_rate,
               (sum(unpriced) FILTER (role = 'assistant'))::BIGINT AS unpriced
        FROM cells GROUP BY is_current
    ),
    every AS (
        SELECT sums.*, sessions::DOUBLE AS sessions, coalesce(users, 0)::DOUBLE AS active_users,
               marks[1] AS median_latency_s
        FROM sums LEFT JOIN present ON sums.is_previous = NOT present.is_current
        LEFT JOIN waits ON sums.is_previous = NOT waits.is_current
    ),
    now AS (
        SELECT coalesce(sessions, 0) AS sessions, coalesce(messages, 0) AS messages,
               coalesce(active_users, 0) AS active_users, cost_usd, median_latency_s, error_rate,
               coalesce(unpriced, 0) AS unpriced
        FROM (SELECT 1) LEFT JOIN every ON NOT is_previous
    )
    SELECT position, name, value, previous,
           CASE WHEN previous > 0 THEN (value - previous) / previous END AS change, unpriced
    FROM (SELECT unnest([{numbers}], recursive := true) FROM now LEFT JOIN every before ON before.is_previous)
    """


@metric("bin, role")
def volume() -> str:
    """Return messages over time: one row a bin and role, with its `messages`."""
    return """
    SELECT bin, unit, role, sum(messages)::BIGINT AS messages
    FROM cells JOIN clock USING (slot) WHERE is_current GROUP BY bin, unit, role
    """


@metric("bin")
def active_users() -> str:
    """Return who was there over time: one row a bin, with distinct `users` and `sessions`. Bins do not add up."""
    return """
    SELECT bin, unit, count(DISTINCT person) FILTER (person > 0) AS users, count(DISTINCT session_no) AS sessions
    FROM (SELECT DISTINCT slot, person, session_no FROM m) JOIN clock USING (slot)
    GROUP BY ALL
    """


@metric("weekday, hour")
def activity() -> str:
    """Return when people ask: one row a weekday (1 is Monday) and hour of local time, with its user `messages`."""
    return """
    SELECT isodow(local_time)::BIGINT AS weekday, hour(local_time)::BIGINT AS hour, sum(messages)::BIGINT AS messages,
           $tz AS time_zone
    FROM cells JOIN clock USING (slot) WHERE is_current AND role = 'user' GROUP BY ALL
    """


@metric("turns")
def session_lengths() -> str:
    """Return how deep conversations go: one row a number of turns (on the active branch), with its `sessions`."""
    return """
    SELECT turns, count(*) AS sessions
    FROM (SELECT session_no, count(*) AS turns FROM m
          WHERE is_asked AND is_active_branch AND session_no IS NOT NULL GROUP BY session_no)
    GROUP BY turns
    """


# Seconds that people tell apart: a minute, an hour, a day, a week, a month, a year, and what lies between.
_LENGTHS = "[0, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18000, 43200, 86400, 604800, 2592000, 31536000]"


@metric("from_s")
def session_durations() -> str:
    """Return how long conversations last: one row a step `from_s <= duration < to_s`, with its `sessions`, also none.

    From the first to the last message, in seconds, all pauses included. The last step has no `to_s`. Sessions without
    any time have a row of their own, where both are NULL; `p50` and `p95`, the same in every row, are of the others.
    """
    return f"""
    WITH lasting AS (
        SELECT (epoch_us(max(created_at) FILTER (isfinite(created_at)))
                - epoch_us(min(created_at) FILTER (isfinite(created_at)))) / 1e6 AS duration_s
        FROM m WHERE session_no IS NOT NULL GROUP BY session_no
    ),
    steps AS (SELECT from_s, lead(from_s) OVER (ORDER BY from_s) AS to_s FROM (SELECT unnest({_LENGTHS}) AS from_s)),
    counted AS (
        SELECT from_s, to_s, count(*) AS sessions
        FROM lasting LEFT JOIN steps ON duration_s >= from_s AND (duration_s < to_s OR to_s IS NULL)
        GROUP BY from_s, to_s
        UNION ALL SELECT from_s, to_s, 0 FROM steps
    )
    SELECT from_s::DOUBLE AS from_s, to_s::DOUBLE AS to_s, sum(sessions)::BIGINT AS sessions,
           first(marks[1]) AS p50, first(marks[2]) AS p95
    FROM counted, (SELECT quantile_cont(duration_s, [0.5, 0.95]) AS marks, min(duration_s) AS least,
                          max(duration_s) AS most FROM lasting)
    WHERE from_s IS NULL OR (from_s <= most AND (to_s > least OR to_s IS NULL))
    GROUP BY from_s, to_s
    """


_RANKED = """
    SELECT s.session_id, s.title, s.user_id, s.provider, s.model, r.turns, r.messages, r.cost_usd::DOUBLE AS cost_usd,
           r.unpriced, r.started_at, r.duration_s
    FROM (SELECT session_no, count(*) FILTER (is_asked AND is_active_branch) AS turns,
                 count(*) FILTER (is_active_branch) AS messages, sum(cost_usd) AS cost_usd,
                 count(*) FILTER (is_reply AND cost_usd IS NULL) AS unpriced,
                 min(created_at) AS started_at,
                 date_diff('millisecond', min(created_at), max(created_at)) / 1000 AS duration_s
          FROM m WHERE session_no IS NOT NULL GROUP BY session_no
          ORDER BY {order} LIMIT 20) r
    JOIN people p USING (session_no) JOIN sessions s USING (session_id)
"""


@metric("messages DESC, session_id")
def longest_sessions() -> str:
    """Return the 20 sessions with the most messages, one a row, with title, user, turns, cost and duration."""
    return _RANKED.format(order="messages DESC, session_no")


@metric("cost_usd DESC, session_id")
def dearest_sessions() -> str:
    """Return the 20 sessions that cost most, one a row; sessions without any known cost are left out."""
    return _RANKED.format(order="cost_usd DESC NULLS LAST, session_no") + "WHERE r.cost_usd IS NOT NULL"


@metric("messages DESC, user_id")
def users() -> str:
    """Return the 50 busiest users, one a row: sessions, messages, cost and when they were last there."""
    return """
    SELECT any_value(p.user_id) AS user_id, sum(r.sessions)::BIGINT AS sessions, sum(r.messages)::BIGINT AS messages,
           sum(r.cost_usd)::DOUBLE AS cost_usd, sum(r.unpriced)::BIGINT AS unpriced, max(r.last_at) AS last_at
    FROM (SELECT person, session_no, 1 AS sessions, count(*) AS messages, sum(cost_usd) AS cost_usd,
                 count(*) FILTER (is_reply AND cost_usd IS NULL) AS unpriced, max(created_at) AS last_at
          FROM m WHERE session_no IS NOT NULL GROUP BY person, session_no) r
    JOIN people p USING (session_no)
    GROUP BY p.person ORDER BY messages DESC, user_id LIMIT 50
    """


@metric("cohort, age", with_history=True)
def retention() -> str:
    """Return whether people come back: one row a cohort (first week or month ever) and `age` in weeks or months.

    `users` of the `size` people of that cohort wrote in that week or month; `share` is their quotient. `unit` is week
    when the first messages span up to half a year, else month. Cohorts that began before `start` are left out.
    """
    cohort, later = local_bin("unit", "first_time"), local_bin("unit", "local_time")
    return f"""
    WITH born AS (
        SELECT person, min(local_time) AS first_time, bool_and(is_current) AS is_new FROM visits GROUP BY person
    ),
    units AS (SELECT CASE WHEN date_diff('day', min(first_time), max(first_time)) <= 190 THEN 'week' ELSE 'month' END
                      AS unit FROM born WHERE is_new),
    periods AS (SELECT local_time, {later} AS period FROM (SELECT DISTINCT local_time FROM visits), units),
    seen AS (
        SELECT person, unit, cohort, date_diff(unit, cohort, period) AS age
        FROM (SELECT DISTINCT person, period FROM visits JOIN periods USING (local_time))
        JOIN (SELECT person, unit, {cohort} AS cohort FROM born, units WHERE is_new) USING (person)
    )
    SELECT cohort, unit, age, count(*) AS users, first(size) AS size, count(*) / first(size) AS share
    FROM seen JOIN (SELECT cohort, count(DISTINCT person) AS size FROM seen GROUP BY cohort) USING (cohort)
    WHERE age <= 52
    GROUP BY cohort, unit, age
    """
