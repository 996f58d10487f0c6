"""What the models did: cost, tokens, speed, errors. A call is one reply of the assistant, on any branch."""

from __future__ import annotations

from .of_tables import SPEED
from .statement import metric

_UNPRICED = "count(*) FILTER (cost_usd IS NULL)"
# Below zero is nothing that can be: clocks that were set, exports that are broken. It is counted, and told apart.
_QUANTILES = "quantile_cont({0}, 0.5) AS p50, quantile_cont({0}, 0.95) AS p95, quantile_cont({0}, 0.99) AS p99"
_BELOW_ZERO = "count(*) FILTER ({0} < 0) AS below_zero"


@metric("cost_usd DESC NULLS LAST, calls DESC, model")
def cost_by_model() -> str:
    """Return what each model cost: one row a model, with `cost_usd` of its priced calls and the `unpriced` ones.

    `below_zero` calls have a cost that takes away from the sum.
    """
    return f"""
    SELECT provider, model, count(*) AS calls, sum(cost_usd)::DOUBLE AS cost_usd, {_UNPRICED} AS unpriced,
           {_BELOW_ZERO.format("cost_usd")}
    FROM calls GROUP BY provider, model
    """


@metric("bin, model")
def cost_over_time() -> str:
    """Return cost over time: one row a bin and model; past the seven models with most calls it is "other"."""
    return """
    WITH binned AS (
        SELECT bin, unit, model, sum(messages) AS calls, sum(cost_usd) AS cost_usd, sum(unpriced) AS unpriced
        FROM cells JOIN clock USING (slot) WHERE is_current AND role = 'assistant' GROUP BY bin, unit, model
    ),
    places AS (
        SELECT *, dense_rank() OVER (ORDER BY in_all DESC, model) AS place
        FROM (SELECT *, sum(calls) OVER (PARTITION BY model) AS in_all FROM binned)
    )
    SELECT bin, unit, CASE WHEN place <= 7 THEN model::VARCHAR ELSE 'other' END AS model,
           sum(cost_usd)::DOUBLE AS cost_usd, sum(unpriced)::BIGINT AS unpriced
    FROM places GROUP BY bin, unit, CASE WHEN place <= 7 THEN model::VARCHAR ELSE 'other' END
    """


# Kinds that do not overlap, so that they add up; a part that is unknown counts with the whole.
_KINDS_OF_CALL = {
    "input": "input_tokens::HUGEINT - coalesce(cache_read_input_tokens, 0) - coalesce(cache_write_input_tokens, 0)",
    "cached input": "CASE WHEN input_tokens IS NOT NULL THEN cache_read_input_tokens END",
    "cache writes": "CASE WHEN input_tokens IS NOT NULL THEN cache_write_input_tokens END",
    "output": "output_tokens::HUGEINT - coalesce(reasoning_output_tokens, 0)",
    "reasoning": "CASE WHEN output_tokens IS NOT NULL THEN reasoning_output_tokens END",
}
_SUMS = ", ".join(
    f'sum({tokens}) AS "{kind}", count(*) FILTER ({tokens} < 0) AS "{kind} below"'
    for kind, tokens in _KINDS_OF_CALL.items()
)
_PAIRS = ", ".join(f'("{kind}", "{kind} below") AS "{kind}"' for kind in _KINDS_OF_CALL)
_KINDS = f"""
    SELECT {{keys}}, kind, TRY_CAST(tokens AS BIGINT) AS tokens, below_zero FROM (
        UNPIVOT (SELECT {{keys}}, {_SUMS} FROM {{rows}} GROUP BY {{keys}})
        ON {_PAIRS} INTO NAME kind VALUE tokens, below_zero
    ) WHERE tokens IS NOT NULL
"""


@metric("model, kind")
def tokens_by_model() -> str:
    """Return tokens by kind: one row a model and kind (input, cached input, cache writes, output, reasoning).

    Kinds do not overlap: they add up to input_tokens + output_tokens. A kind that nobody reported has no row.
    `below_zero` calls have a count of that kind that cannot be, as where more came from the cache than there was.
    """
    return _KINDS.format(keys="model", rows="calls")


@metric("bin, kind")
def tokens_over_time() -> str:
    """Return tokens over time: one row a bin and kind, the kinds of `tokens_by_model`."""
    return _KINDS.format(keys="bin, unit", rows="calls JOIN clock USING (slot)")


@metric("calls DESC, model")
def latency() -> str:
    """Return how long replies take: one row a model, with p50, p95 and p99 of its complete calls in seconds.

    `below_zero` of them have a duration that cannot be.
    """
    return f"""
    SELECT provider, model, count(*) AS calls, {_QUANTILES.format("timed_s")}, {_BELOW_ZERO.format("timed_s")}
    FROM calls WHERE timed_s IS NOT NULL GROUP BY provider, model
    """


@metric("bin")
def latency_over_time() -> str:
    """Return how long replies took over time: one row a bin, with p50, p95 and p99 of complete calls in seconds.

    `below_zero` of them have a duration that cannot be.
    """
    return f"""
    SELECT bin, unit, count(*) AS calls, {_QUANTILES.format("timed_s")}, {_BELOW_ZERO.format("timed_s")}
    FROM calls JOIN clock USING (slot) WHERE timed_s IS NOT NULL GROUP BY ALL
    """


@metric("from_s")
def latency_distribution() -> str:
    """Return how replies' durations spread: one row a bucket `from_s <= duration < to_s`, ten buckets a decade.

    Complete calls; those below a millisecond or beyond eleven days are in the first and the last bucket. Durations
    below zero, which cannot be, have a row of their own, where `from_s` and `to_s` are NULL. `p50`, `p95` and `p99`
    are those of all of them, the same in every row.
    """
    return """
    WITH below AS (SELECT count(*) AS n FROM calls WHERE timed_s < 0),
    found AS (
        -- Those below zero were put into the first bucket.
        SELECT power(10, bucket / 10) AS from_s, power(10, (bucket + 1) / 10) AS to_s,
               calls - CASE WHEN bucket = -30 THEN n ELSE 0 END AS calls
        FROM buckets, below
        UNION ALL SELECT NULL, NULL, n FROM below
    )
    SELECT from_s, to_s, calls, marks[1] AS p50, marks[2] AS p95, marks[3] AS p99
    FROM found, (SELECT marks FROM waits WHERE is_current) WHERE calls > 0
    """


@metric("calls DESC, model")
def time_to_first_chunk() -> str:
    """Return how long until a reply begins: one row a model, p50, p95 and p99 in seconds of calls where it is known.

    `below_zero` of them have a time that cannot be.
    """
    return f"""
    SELECT provider, model, count(*) AS calls, {_QUANTILES.format("time_to_first_chunk_s")},
           {_BELOW_ZERO.format("time_to_first_chunk_s")}
    FROM calls WHERE isfinite(time_to_first_chunk_s) GROUP BY provider, model
    """


@metric("calls DESC, model")
def tokens_per_second() -> str:
    """Return how fast text comes once it has begun: one row a model, p5, p50 and p95 of output tokens a second.

    Complete calls with known duration and output tokens; where no first chunk was timed, over the whole duration.
    """
    return f"""
    SELECT provider, model, count(*) AS calls, quantile_cont(speed, 0.05) AS p5, quantile_cont(speed, 0.5) AS p50,
           quantile_cont(speed, 0.95) AS p95
    FROM (SELECT provider, model, {SPEED} AS speed FROM calls)
    WHERE isfinite(speed) GROUP BY provider, model
    """


@metric("bin")
def error_rate() -> str:
    """Return what went wrong over time: one row a bin: calls, errors, interrupted, error_rate = errors / calls."""
    return """
    SELECT bin, unit, calls, coalesce(errors, 0) AS errors, coalesce(interrupted, 0) AS interrupted,
           coalesce(errors, 0) / calls AS error_rate
    FROM (SELECT bin, unit, sum(messages)::BIGINT AS calls,
                 (sum(messages) FILTER (status = 'error'))::BIGINT AS errors,
                 (sum(messages) FILTER (status = 'interrupted'))::BIGINT AS interrupted
          FROM cells JOIN clock USING (slot) WHERE is_current AND role = 'assistant' GROUP BY bin, unit)
    """


@metric("errors DESC, error_type, model")
def errors() -> str:
    """Return what went wrong: one row an error type and model, with its `errors` and when it was last seen."""
    return """
    SELECT error_type, provider, model, count(*) AS errors, max(created_at) AS last_at
    FROM calls WHERE status = 'error' GROUP BY ALL ORDER BY errors DESC, error_type, model LIMIT 200
    """


@metric("calls DESC, finish_reason, model")
def finish_reasons() -> str:
    """Return why replies ended: one row a finish reason and model, with its `calls`; NULL where nobody said."""
    return "SELECT finish_reason, provider, model, count(*) AS calls FROM calls GROUP BY ALL"


@metric("bin")
def cache_health() -> str:
    """Return how much input came from the provider's cache: one row a bin, over calls that report it.

    `share` is cache_read_tokens of input_tokens.
    """
    return """
    SELECT bin, unit, count(*) AS calls, TRY_CAST(sum(input_tokens) AS BIGINT) AS input_tokens,
           TRY_CAST(sum(cache_read_input_tokens) AS BIGINT) AS cache_read_tokens,
           sum(cache_read_input_tokens) / nullif(sum(input_tokens), 0) AS share
    FROM calls JOIN clock USING (slot)
    WHERE input_tokens IS NOT NULL AND cache_read_input_tokens IS NOT NULL GROUP BY bin, unit
    """


@metric("model")
def feedback() -> str:
    """Return what people thought of replies: one row a model, with thumbs `up` and `down`, the last of each reply."""
    return """
    WITH votes AS (
        SELECT message_id, arg_max(vote, "at") AS vote FROM (
            SELECT message_id, "at", coalesce(
                CASE payload->>'$.rating' WHEN 'up' THEN 1 WHEN 'down' THEN -1 END,
                sign(TRY_CAST(payload->>'$.value' AS DOUBLE))::INTEGER, 0) AS vote
            FROM events WHERE kind = 'feedback' AND json_valid(payload::VARCHAR))
        GROUP BY message_id
    )
    SELECT provider, model, count(*) FILTER (vote > 0) AS up, count(*) FILTER (vote < 0) AS down
    FROM calls JOIN votes USING (message_id) WHERE vote != 0 GROUP BY provider, model
    """


@metric("calls DESC, model")
def model_comparison() -> str:
    """Return the models side by side: one row a model, with calls, users, cost, speed, errors.

    `cost_per_1000_calls` is over its priced calls only; latency and speed as in `latency` and `tokens_per_second`.
    """
    return """
    SELECT sums.provider, sums.model, calls, sessions, users, cost_usd, unpriced, cost_per_1000_calls,
           waits[1] AS median_latency_s, waits[2] AS p95_latency_s, first_chunk_s AS median_first_chunk_s,
           speed AS median_tokens_per_s, output_tokens / nullif(counted, 0) AS mean_output_tokens,
           coalesce(errors, 0) / calls AS error_rate
    FROM (
        SELECT provider, model, sum(messages)::BIGINT AS calls, sum(cost_usd)::DOUBLE AS cost_usd,
               sum(unpriced)::BIGINT AS unpriced,
               1000 * sum(cost_usd)::DOUBLE / nullif(sum(messages - unpriced), 0) AS cost_per_1000_calls,
               sum(output_tokens)::DOUBLE AS output_tokens, sum(counted) AS counted,
               sum(messages) FILTER (status = 'error') AS errors
        FROM cells WHERE is_current AND role = 'assistant' GROUP BY provider, model
    ) sums
    JOIN reach ON sums.provider IS NOT DISTINCT FROM reach.provider AND sums.model IS NOT DISTINCT FROM reach.model
    LEFT JOIN spread ON sums.provider IS NOT DISTINCT FROM spread.provider
                    AND sums.model IS NOT DISTINCT FROM spread.model
    """


@metric("dimension, changed DESC, name", with_history=True)
def diagnose() -> str:
    """Return what changed against the period before `start`: one row a dimension and its value, biggest change first.

    Dimensions are all, model, provider, user_id and finish_reason. For each value: `changed` (by how many calls),
    `calls`, `cost_usd`, `errors` and `median_latency_s` of both periods (`_before`); NULL cost and latency are
    unknown. Without a `start` there is no period before, and every `_before` is 0 or NULL.
    """
    sums = """count(*) FILTER ({which}) AS calls{suffix}, (sum(cost_usd) FILTER ({which}))::DOUBLE AS cost_usd{suffix},
              count(*) FILTER ({which} AND status = 'error') AS errors{suffix},
              median(CASE WHEN {which} THEN timed_s END) AS median_latency_s{suffix}"""
    return f"""
    SELECT dimension, name, abs(calls - calls_before) AS changed, calls, calls_before, cost_usd, cost_usd_before,
           errors, errors_before, median_latency_s, median_latency_s_before
    FROM (
        SELECT CASE whose WHEN 7 THEN 'model' WHEN 11 THEN 'provider' WHEN 13 THEN 'user_id'
                    WHEN 14 THEN 'finish_reason' ELSE 'all' END AS dimension,
               coalesce(model::VARCHAR, provider::VARCHAR, finish_reason::VARCHAR, u.user_id) AS name, found.*
        FROM (
            SELECT grouping(model, provider, person, finish_reason) AS whose, model, provider, person, finish_reason,
                   {sums.format(which="is_current", suffix="")},
                   {sums.format(which="is_previous", suffix="_before")}
            FROM replies GROUP BY GROUPING SETS ((), (model), (provider), (person), (finish_reason))
        ) found
        LEFT JOIN persons u USING (person)
    )
    QUALIFY row_number() OVER (PARTITION BY dimension ORDER BY abs(calls - calls_before) DESC, name) <= 50
    """
