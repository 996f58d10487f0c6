"""What the same calls would cost by another day's prices."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ...clock import now
from .statement import metric

if TYPE_CHECKING:
    from ..source import Source

_ASKED = """
SELECT DISTINCT coalesce(x.provider, p.provider) AS provider, x.response_model, x.request_model
FROM messages x LEFT JOIN sessions p USING (session_id) WHERE x.role = 'assistant'
"""


def todays_prices(source: Source | None) -> dict[str, Any]:
    """Return today's prices (those of noon, UTC) of the models in `source`, as JSON that the statement reads."""
    rows = source.query(_ASKED).to_pylist() if source is not None else []
    return {"prices": json.dumps(price_list(rows, now().replace(hour=12, minute=0, second=0, microsecond=0)))}


def price_list(asked: list[dict[str, Any]], at: datetime) -> list[dict[str, Any]]:
    """Return one entry a tier of each priced model; a model that answered comes before the one that was asked for."""
    from ...pricing import rates

    listed = []
    for row in asked:
        models = [model for model in (row["response_model"], row["request_model"]) if model and row["provider"]]
        found = next(filter(None, (rates(row["provider"], model, at) for model in models)), ())
        listed += [{**row, **asdict(rate)} for rate in found]
    return listed


@metric("today_usd DESC NULLS LAST, calls DESC, model", bind=todays_prices)
def cost_today() -> str:
    """Return what these calls would cost today: one row a model, by then-prices and by today's.

    `cost_usd` is what they cost then (`unpriced`: how many are not known), `today_usd` by today's list prices
    (`unpriced_today`); `change_usd` is today's less then's over the calls that have both. Each call is priced by
    itself, because prices have tiers; where they depend on the hour, at noon UTC.
    """
    return """
    WITH listed AS (
        SELECT unnest(from_json($prices, '[{"provider": "VARCHAR", "response_model": "VARCHAR",
               "request_model": "VARCHAR", "above": "BIGINT", "fixed": "DOUBLE", "input": "DOUBLE",
               "cache_read": "DOUBLE", "cache_write": "DOUBLE", "output": "DOUBLE"}]'), recursive := true)
    ),
    tiers AS (
        SELECT provider, coalesce(response_model, '') AS response_model, coalesce(request_model, '') AS request_model,
               list(l ORDER BY l.above DESC) AS tiers
        FROM listed l GROUP BY 1, 2, 3
    ),
    counted AS (
        SELECT c.provider, c.model, c.cost_usd,
               -- Counts that contradict each other have no price.
               CASE WHEN input_tokens >= 0 AND output_tokens >= 0 AND cached >= 0 AND written >= 0
                          AND cached + written <= input_tokens
                    THEN list_filter(tiers, lambda t: input_tokens > t.above OR t.above = 0)[1] END AS rate,
               input_tokens, output_tokens, cached, written
        FROM (SELECT *, coalesce(cache_read_input_tokens, 0)::HUGEINT AS cached,
                     coalesce(cache_write_input_tokens, 0)::HUGEINT AS written FROM calls) c
        LEFT JOIN tiers t ON t.provider = c.provider AND t.response_model = coalesce(c.response_model, '')
                          AND t.request_model = coalesce(c.request_model, '')
    ),
    priced AS (
        SELECT provider, model, cost_usd::DOUBLE AS cost_usd,
               rate.fixed + rate.input * input_tokens + rate.cache_read * cached + rate.cache_write * written
               + rate.output * output_tokens AS today_usd
        FROM counted
    )
    SELECT provider, model, count(*) AS calls, sum(cost_usd) AS cost_usd, sum(today_usd) AS today_usd,
           sum(today_usd - cost_usd) AS change_usd, count(*) FILTER (cost_usd IS NULL) AS unpriced,
           count(*) FILTER (today_usd IS NULL) AS unpriced_today
    FROM priced GROUP BY provider, model
    """
