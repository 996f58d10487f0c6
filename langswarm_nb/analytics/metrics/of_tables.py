"""What metrics are made of, from a store's own tables: common table expressions, and conditions over them."""

from __future__ import annotations

# A reply that broke off says nothing about how long a reply takes.
TIMED_S = """CASE WHEN x.role = 'assistant' AND (x.status IS NULL OR x.status = 'complete') AND isfinite(x.duration_s)
                THEN x.duration_s END"""
CELL = """count(*) AS messages, sum(cost_usd) AS cost_usd, count(*) - count(cost_usd) AS unpriced,
           sum(output_tokens) AS output_tokens, count(output_tokens) AS counted"""
SPEED = """CASE WHEN timed_s - coalesce(time_to_first_chunk_s, 0) > 0
     THEN output_tokens / (timed_s - coalesce(time_to_first_chunk_s, 0)) END"""

# From a store's own tables: what the metrics name, once, because several of them look at it.
# Ten a decade, from a millisecond to eleven days; a power of ten is the first of its decade however it is rounded.
BUCKET = "floor(log10(least(greatest({0}, 0.001), 999999)) * 10 + 1e-9)::SMALLINT"
HISTORY = """
people AS MATERIALIZED (
    SELECT session_id, row_number() OVER () AS session_no, coalesce(person, 0) AS person, user_id, provider, model
    FROM sessions LEFT JOIN (
        SELECT user_id, row_number() OVER () AS person
        FROM (SELECT DISTINCT user_id FROM sessions WHERE user_id IS NOT NULL)
    ) USING (user_id)
),
persons AS NOT MATERIALIZED (SELECT person, any_value(user_id) AS user_id FROM people GROUP BY person),
history AS MATERIALIZED (
    SELECT x.role, x.role = 'assistant' AS is_reply, x.role = 'user' AS is_asked, x.status, x.cost_usd,
           x.output_tokens, {timed_s} AS timed_s,
           p.session_no, coalesce(p.person, 0) AS person,
           coalesce(x.provider, p.provider) AS provider,
           coalesce(x.request_model, x.response_model, p.model) AS model,{more}
           {slot} AS slot, {marks}
    FROM messages x LEFT JOIN people p USING (session_id)
    WHERE {condition}
),
marked AS NOT MATERIALIZED (SELECT * FROM history WHERE is_current OR is_previous),
replies AS NOT MATERIALIZED (SELECT * FROM marked WHERE is_reply)"""
SUMS = f"""
cells AS MATERIALIZED (
    SELECT is_current, slot, role, provider, model, status, {CELL}
    FROM marked GROUP BY is_current, slot, role, provider, model, status
),
present AS MATERIALIZED (
    SELECT is_current, count(session_no) AS sessions, count(DISTINCT person) FILTER (person > 0) AS users
    -- Listed first: counting what is distinct among a million rows takes longer than everything else.
    FROM (SELECT DISTINCT is_current, session_no, person FROM marked) GROUP BY is_current
),
reach AS MATERIALIZED (
    SELECT provider, model, sum(sessions)::BIGINT AS sessions, count(*) FILTER (person > 0) AS users
    FROM (SELECT provider, model, person, count(session_no) AS sessions
          FROM (SELECT DISTINCT provider, model, session_no, person FROM calls) GROUP BY provider, model, person)
    GROUP BY provider, model
),
waits AS MATERIALIZED (
    SELECT is_current, quantile_cont(timed_s, [0.5, 0.95, 0.99]) AS marks
    FROM replies WHERE timed_s IS NOT NULL GROUP BY is_current
),
spread AS MATERIALIZED (
    SELECT provider, model, quantile_cont(timed_s, [0.5, 0.95]) AS waits,
           median(CASE WHEN isfinite(time_to_first_chunk_s) THEN time_to_first_chunk_s END) AS first_chunk_s,
           median(CASE WHEN isfinite(speed) THEN speed END) AS speed
    FROM (SELECT *, {SPEED} AS speed FROM calls) GROUP BY provider, model
),
buckets AS MATERIALIZED (
    SELECT {BUCKET.format("timed_s")} AS bucket, count(*) AS calls FROM calls WHERE timed_s IS NOT NULL GROUP BY bucket
)"""
IS_ONE_OF = "list_contains(${name}::VARCHAR[], coalesce({column}::VARCHAR, ''))"
CONDITIONS = {
    name: IS_ONE_OF.format(name=name, column=column)
    for name, column in {
        "user_id": "p.user_id",
        "provider": "coalesce(x.provider, p.provider)",
        "model": "coalesce(x.request_model, x.response_model, p.model)",
        "status": "x.status",
    }.items()
}
