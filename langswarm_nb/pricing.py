"""What a call costs: usage to US dollars, offline, from genai-prices' bundled data.

Prices have tiers by the size of one request: price each message by itself, never a sum.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from .clock import as_utc
from .models import SessionMessage, Usage

# Where our name for a provider is not the price list's.
_LISTED_AS = {"gemini": "google", "bedrock": "aws", "xai": "x-ai", "grok": "x-ai", "claude-code": "anthropic"}

UNPRICED = "unpriced"
PRICE_LIST = "genai-prices"


def price(usage: Usage, provider: str, model: str, at: datetime) -> tuple[Decimal | None, str]:
    """Return the cost in US dollars by the prices of `at`, and its source: "genai-prices" or "unpriced".

    A model without a listed price, and a call whose tokens are not known, cost None: not known is not free.
    """
    if usage.input_tokens is None or usage.output_tokens is None or not provider or not model:
        return None, UNPRICED
    # Some prices depend on the hour of the day, none on less.
    cost = _cost(usage, provider, model, as_utc(at).replace(minute=0, second=0, microsecond=0))
    return (cost, PRICE_LIST) if cost is not None else (None, UNPRICED)


async def price_reply(reply: SessionMessage) -> None:
    """Set the reply's cost and where it comes from, unless the service has said what it was."""
    usage = reply.usage
    if usage.total_tokens is None or reply.cost_source == "provider":
        reply.cost_source = reply.cost_source or UNPRICED
        return
    asked = reply.request_model or ""
    for model in dict.fromkeys((reply.response_model or asked, asked)):
        reply.cost_usd, reply.cost_source = await _priced(usage, reply.provider or "", model, reply.timestamp)
        if reply.cost_usd is not None:
            return


async def _priced(usage: Usage, provider: str, model: str, at: datetime) -> tuple[Decimal | None, str]:
    try:
        return await asyncio.to_thread(price, usage, provider, model, at)
    except RuntimeError:  # the interpreter is ending and starts no more threads
        return price(usage, provider, model, at)


@lru_cache(maxsize=1024)
def context_window(provider: str, model: str) -> int | None:
    """Return how many tokens the model can read, or None where that is not known."""
    try:
        return _model(provider, model)[1].context_window
    except LookupError:
        return None


@lru_cache(maxsize=8192)
def _cost(usage: Usage, provider: str, model: str, hour: datetime) -> Decimal | None:
    import genai_prices

    try:
        listed_by, listed = _model(provider, model)
        counts = genai_prices.Usage(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cache_read_input_tokens,
            cache_write_tokens=usage.cache_write_input_tokens,
        )
        found = listed.calc_price(counts, listed_by, genai_request_timestamp=hour)
    except (LookupError, ValueError):
        # ValueError: counts that contradict each other, such as more cached tokens than tokens.
        return None
    return found.total_price


@dataclass(frozen=True)
class Rate:
    """Dollars of a call with more than `above` input tokens: `fixed` and so much a token.

    The parts of the input that went through a cache cost `input` and `cache_read` or `cache_write`, which are negative
    where the cache saves money.
    """

    above: int
    fixed: float
    input: float
    cache_read: float
    cache_write: float
    output: float


@lru_cache(maxsize=8192)
def rates(provider: str, model: str, at: datetime) -> tuple[Rate, ...] | None:
    """Return what the model charges by the prices of `at`, one rate a tier from the lowest; None: no price is listed.

    For a million calls in SQL; `price` asks the price list itself for one.
    """
    try:
        import genai_prices
    except ModuleNotFoundError:  # in a browser, where the price list has no wheel: unpriced
        return None
    from genai_prices.types import TieredPrices

    try:
        listed_by, listed = _model(provider, model)
        prices = vars(listed.get_prices(at)).values()
    except (LookupError, ValueError):
        return None
    starts = sorted({0, *(tier.start for p in prices if isinstance(p, TieredPrices) for tier in p.tiers)})

    def dollars(**counts: int) -> Decimal:
        usage = genai_prices.Usage(**{"output_tokens": 0, **counts})
        return listed.calc_price(usage, listed_by, genai_request_timestamp=at).total_price

    found = []
    for start in starts:
        # Prices are linear within a tier, so two calls tell a slope. No tier is narrower than this.
        base = start + 1000
        least, one = dollars(input_tokens=base), Decimal(1000)
        slope = (dollars(input_tokens=base + 1000) - least) / one
        read = (dollars(input_tokens=base, cache_read_tokens=1000) - least) / one
        write = (dollars(input_tokens=base, cache_write_tokens=1000) - least) / one
        output = (dollars(input_tokens=base, output_tokens=1000) - least) / one
        found.append(Rate(start, float(least - slope * base), *map(float, (slope, read, write, output))))
    return tuple(found)


def _model(provider: str, model: str) -> tuple[Any, Any]:
    from genai_prices.data_snapshot import get_snapshot

    return get_snapshot().find_provider_model(model, None, _LISTED_AS.get(provider, provider), None)
