"""What metrics are made of, from a snapshot: the same common table expressions as `of_tables`, of small numbers.

`rows` has one row a message and `kinds` the words of each kind. Quantiles are exact, and found without sorting: how
many values each code has says in which codes they lie, and only those few values are put in order.
"""

from __future__ import annotations

from .of_tables import CELL, IS_ONE_OF

# What filters let through is kept, because it is little.
HISTORY = """
history AS NOT MATERIALIZED (
    SELECT x.*, {slot} AS slot, {step} AS step, {marks} FROM facts x WHERE {condition}
),
marked AS {materialized} (SELECT * FROM history WHERE is_current OR is_previous),
replies AS NOT MATERIALIZED (SELECT * FROM marked JOIN kinds USING (kind) WHERE is_reply)"""
# Of what, by which code, for which shares.
_MEASURES = (
    ("r.timed_s", "wait_code", "0.5, 0.95"),
    ("r.time_to_first_chunk_s", "first_code", "0.5"),
    ("r.output_tokens / (r.timed_s - coalesce(r.time_to_first_chunk_s, 0))", "speed_code", "0.5"),
)
_COUNTED = """SELECT {n} AS measure, {{is_current}}, {code} AS code, count(*) AS n
        FROM marked WHERE {code} IS NOT NULL GROUP BY {{by}}{code}"""
_NEAR = """SELECT t.*, {value} AS value
        FROM marked r JOIN (SELECT * FROM near WHERE measure = {n}) t ON t.code = r.{code}{{same}}"""
_UNION = "\n        UNION ALL "
_COUNTED_ALL = _UNION.join(_COUNTED.format(n=n, code=code) for n, (_, code, _) in enumerate(_MEASURES))
_ALL_NEAR = _UNION.join(_NEAR.format(n=n, value=value, code=code) for n, (value, code, _) in enumerate(_MEASURES))
_SHARES = ", ".join(f"[{shares}]" for _, _, shares in _MEASURES)
SUMS = f"""
cells AS MATERIALIZED (
    SELECT is_current, {{slot}} AS slot, role, provider, model, status, messages, cost_usd, unpriced, output_tokens,
           counted
    FROM (SELECT {{is_current}}, {{cell}}, {CELL} FROM marked GROUP BY {{by}}{{cell}}) {{moments}}
    JOIN kinds USING (kind)
),
present AS MATERIALIZED (
    SELECT is_current, sessions, users
    FROM (SELECT is_current, count(session_no) AS sessions
          FROM (SELECT {{is_current}}, session_no, count(*) AS n FROM marked GROUP BY {{by}}session_no)
          GROUP BY is_current)
    LEFT JOIN (SELECT is_current, count(*) AS users
               FROM (SELECT {{is_current}}, person, count(*) AS n FROM marked WHERE person > 0 GROUP BY {{by}}person)
               GROUP BY is_current)
    USING (is_current)
),
makes AS MATERIALIZED (SELECT DISTINCT made, provider, model FROM kinds),
reach AS MATERIALIZED (
    SELECT provider, model, sessions, coalesce(users, 0) AS users
    FROM (SELECT made, count(*) FILTER (is_session) AS sessions
          FROM (SELECT seat, count(*) AS n FROM marked WHERE is_current AND is_reply GROUP BY seat)
          JOIN seats USING (seat) GROUP BY made)
    LEFT JOIN (SELECT made, count(*) AS users
               FROM (SELECT made, person, count(*) AS n FROM marked WHERE is_current AND is_reply AND person > 0
                     GROUP BY made, person) GROUP BY made) USING (made)
    JOIN makes USING (made)
),
tallies AS MATERIALIZED ({_COUNTED_ALL}),
buckets AS MATERIALIZED (
    SELECT bucket, sum(n)::BIGINT AS calls FROM tallies JOIN codes USING (measure, code)
    WHERE is_current AND measure = 0 GROUP BY bucket
),
-- `made` is a model; none of them, -1, stands for all.
counted AS MATERIALIZED (
    SELECT measure, is_current, made, height, n,
           sum(n) OVER (PARTITION BY measure, is_current, made ORDER BY height) AS upto,
           sum(n) OVER (PARTITION BY measure, is_current, made) AS total
    FROM (
        SELECT measure, is_current, coalesce(made, -1) AS made, height, sum(n)::BIGINT AS n
        FROM tallies JOIN codes USING (measure, code)
        GROUP BY GROUPING SETS ((measure, is_current, made, height), (measure, is_current, height))
        HAVING made IS NOT NULL OR measure = 0
    )
),
places AS MATERIALIZED (
    SELECT *, (total - 1) * share AS place
    FROM (SELECT measure, is_current, made, total, unnest(CASE WHEN made = -1 THEN [0.5, 0.95, 0.99]
              ELSE [{_SHARES}][measure + 1] END)::DOUBLE AS share
          FROM (SELECT DISTINCT measure, is_current, made, total FROM counted))
),
near AS MATERIALIZED (
    SELECT DISTINCT measure, is_current, made, height, code, (upto - n)::BIGINT AS before
    FROM counted JOIN places USING (measure, is_current, made)
    JOIN (SELECT measure, code, made, height FROM codes UNION ALL SELECT measure, code, -1, height FROM codes)
    USING (measure, made, height)
    WHERE upto > floor(place) AND upto - n <= ceil(place)
),
sorted AS MATERIALIZED (
    SELECT measure, is_current, made, before, list_sort(list(value)) AS found
    FROM ({_ALL_NEAR}) GROUP BY measure, is_current, made, height, before
),
marks AS MATERIALIZED (
    SELECT measure, is_current, made, share,
           sum(CASE WHEN low >= before THEN coalesce(found[low - before + 1] * (1 - (place - low)), 0) ELSE 0 END
               + CASE WHEN high >= before THEN coalesce(found[high - before + 1] * (place - low), 0) ELSE 0 END) AS mark
    FROM (SELECT *, floor(place)::BIGINT AS low, ceil(place)::BIGINT AS high FROM places)
    JOIN sorted USING (measure, is_current, made)
    GROUP BY measure, is_current, made, share
),
waits AS MATERIALIZED (
    SELECT is_current, list(mark ORDER BY share) AS marks FROM marks WHERE measure = 0 AND made = -1 GROUP BY is_current
),
spread AS MATERIALIZED (
    SELECT provider, model, waits, first_chunk_s, speed
    FROM (SELECT made, list(mark ORDER BY share) FILTER (measure = 0) AS waits,
                 max(mark) FILTER (measure = 1) AS first_chunk_s, max(mark) FILTER (measure = 2) AS speed
          FROM marks WHERE is_current GROUP BY made)
    JOIN makes USING (made)
),
hours AS MATERIALIZED (
    SELECT person, is_current, when_asked * {{scale}} AS slot
    FROM (SELECT {{is_current}}, person, {{visit}} AS when_asked, count(*) AS n FROM history
          WHERE is_asked AND person > 0 GROUP BY {{by}}person, {{visit}})
    WHERE when_asked IS NOT NULL
)"""
_OF_KIND = "x.kind IN (SELECT kind FROM kinds WHERE {condition})"
CONDITIONS = {
    name: _OF_KIND.format(condition=IS_ONE_OF.format(name=name, column=name))
    for name in ("provider", "model", "status")
} | {
    "user_id": f"""(x.person IN (SELECT person FROM persons WHERE {IS_ONE_OF.format(name="user_id", column="user_id")})
                    OR x.person = 0 AND list_contains($user_id::VARCHAR[], ''))"""
}
