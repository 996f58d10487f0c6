"""What metrics are made of, from a store's own tables: common table expressions, and conditions over them."""

from __future__ import annotations

# A reply that broke off says nothing about how long a reply takes.
_IS_TIMED = "(x.status IS NULL OR x.status = 'complete') AND isfinite(x.duration_s)"
TIMED_S = f"CASE WHEN x.role = 'assistant' AND {_IS_TIMED} THEN x.duration_s END"
CELL = """count(*) AS messages, sum(cost_usd) AS cost_usd, count(*) - count(cost_usd) AS unpriced,
           sum(output_tokens) AS output_tokens, count(output_tokens) AS counted"""
SPEED = """CASE WHEN timed_s - coalesce(time_to_first_chunk_s, 0) > 0
     THEN output_tokens / (timed_s - coalesce(time_to_first_chunk_s, 0)) END"""

# Ten a decade, from a millisecond to eleven days; a power of ten is the first of its decade however it is rounded.
BUCKET = "floor(log10(least(greatest({0}, 0.001), 999999)) * 10 + 1e-9)::SMALLINT"
PEOPLE_JOIN = "LEFT JOIN people p USING (session_id)"
# Words are grouped by as they are stored, which is several times faster than after a join or a copy. So sums are made
# of `chosen`, and then look up their sessions; what needs the session of every message is made of `history`.
HISTORY = """
people AS MATERIALIZED (
    SELECT session_id, row_number() OVER () AS session_no, coalesce(person, 0) AS person, user_id, provider, model
    FROM sessions LEFT JOIN (
        SELECT user_id, row_number() OVER () AS person
        FROM (SELECT DISTINCT user_id FROM sessions WHERE user_id IS NOT NULL)
    ) USING (user_id)
),
persons AS NOT MATERIALIZED (SELECT person, any_value(user_id) AS user_id FROM people GROUP BY person),
chosen AS {materialized} (
    SELECT x.session_id, x.role, x.role = 'assistant' AS is_reply, x.role = 'user' AS is_asked, x.status, x.cost_usd,
           x.output_tokens, x.duration_s, {timed_s} AS timed_s, x.provider, x.request_model AS asked_model,
           coalesce(x.request_model, x.response_model) AS model,{more}
           {slot} AS slot, {marks}
    FROM messages x {people}
    WHERE {condition}
),
history AS MATERIALIZED (
    SELECT c.* EXCLUDE (asked_model, duration_s)
           REPLACE (coalesce(c.provider, p.provider) AS provider, coalesce(c.model, p.model) AS model),
           p.session_no, coalesce(p.person, 0) AS person
    FROM chosen c LEFT JOIN people p USING (session_id)
),
marked AS NOT MATERIALIZED (SELECT * FROM history WHERE is_current OR is_previous),
replies AS NOT MATERIALIZED (SELECT * FROM marked WHERE is_reply)"""
SUMS = f"""
picked AS NOT MATERIALIZED (SELECT * FROM chosen WHERE is_current OR is_previous),
-- Most replies say themselves which model they are of. The others are looked up apart, and found in two steps, because
-- DuckDB goes past pages by one column at a time.
lacking AS MATERIALIZED (
    SELECT * FROM picked WHERE is_reply AND provider IS NULL
    UNION ALL SELECT * FROM picked WHERE is_reply AND provider IS NOT NULL AND asked_model IS NULL
),
-- Without any of them no session is looked at; DuckDB would prepare them all before it sees that.
unnamed AS MATERIALIZED (
    SELECT c.* REPLACE (coalesce(c.provider, p.provider) AS provider, coalesce(c.model, p.model) AS model)
    FROM lacking c
    LEFT JOIN (SELECT * FROM people WHERE (SELECT count(*) > 0 FROM lacking)) p USING (session_id)
),
cells AS MATERIALIZED (
    SELECT {{is_current}}, slot, role, provider, asked_model AS model, status, {CELL}
    FROM picked GROUP BY {{by}}slot, role, provider, asked_model, status
    -- No group is empty: with a count in it, this is asked of each group, not of each row.
    HAVING role IS DISTINCT FROM 'assistant' OR (provider IS NOT NULL AND asked_model IS NOT NULL) OR count(*) = 0
    UNION ALL
    SELECT is_current, slot, role, provider, model, status, {CELL}
    FROM unnamed GROUP BY is_current, slot, role, provider, model, status
),
present AS MATERIALIZED (
    SELECT is_current, count(session_no) AS sessions, count(DISTINCT person) FILTER (person > 0) AS users
    FROM (SELECT {{is_current}}, session_id FROM picked GROUP BY {{by}}session_id)
    LEFT JOIN people USING (session_id) GROUP BY is_current
),
calls_named AS NOT MATERIALIZED (
    SELECT * REPLACE (asked_model AS model) FROM picked
    WHERE is_current AND is_reply AND provider IS NOT NULL AND asked_model IS NOT NULL
    UNION ALL SELECT * FROM unnamed WHERE is_current
),
reach AS MATERIALIZED (
    SELECT provider, model, sum(sessions)::BIGINT AS sessions, count(*) FILTER (person > 0) AS users
    FROM (SELECT c.provider, c.model, coalesce(person, 0) AS person, count(session_no) AS sessions
          FROM (SELECT DISTINCT provider, model, session_id FROM calls_named) c
          LEFT JOIN people USING (session_id) GROUP BY c.provider, c.model, coalesce(person, 0))
    GROUP BY provider, model
),
timed AS MATERIALIZED (
    SELECT x.is_current, x.duration_s AS timed_s FROM picked x WHERE x.is_reply AND {_IS_TIMED}
),
waits AS MATERIALIZED (
    SELECT is_current, quantile_cont(timed_s, [0.5, 0.95, 0.99]) AS marks FROM timed GROUP BY is_current
),
spread AS MATERIALIZED (
    SELECT provider, model, quantile_cont(timed_s, [0.5, 0.95]) AS waits,
           median(CASE WHEN isfinite(time_to_first_chunk_s) THEN time_to_first_chunk_s END) AS first_chunk_s,
           median(CASE WHEN isfinite(speed) THEN speed END) AS speed
    FROM (SELECT *, {SPEED} AS speed FROM calls_named) GROUP BY provider, model
),
buckets AS MATERIALIZED (
    SELECT {BUCKET.format("timed_s")} AS bucket, count(*) AS calls FROM timed WHERE is_current GROUP BY bucket
),
hours AS MATERIALIZED (
    SELECT DISTINCT person, is_current, when_asked * {{scale}} AS slot
    FROM (SELECT {{is_current}}, session_id, {{visit}} AS when_asked FROM chosen
          WHERE is_asked GROUP BY {{by}}session_id, {{visit}})
    JOIN people USING (session_id) WHERE person > 0 AND when_asked IS NOT NULL
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
