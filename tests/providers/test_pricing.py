"""What calls cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from langswarm_nb.models import Usage
from langswarm_nb.pricing import context_window, price
from langswarm_nb.providers import ProviderSessionFactory

THEN = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("provider", "model", "usage", "expected"),
    [
        ("openai", "gpt-4o", Usage(1_000_000, 0), "2.5"),
        ("openai", "gpt-4o", Usage(0, 1_000_000), "10"),
        ("openai", "gpt-4o", Usage(1_000_000, 0, cache_read_input_tokens=1_000_000), "1.25"),
        # Reasoning is part of the output and costs as such.
        ("openai", "gpt-4o", Usage(0, 1_000_000, reasoning_output_tokens=900_000), "10"),
        # Half read from the cache at 0.2, a quarter written at 2.5, a quarter fresh at 2.
        ("anthropic", "claude-sonnet-5", Usage(1_000_000, 0, 500_000, 250_000), "1.225"),
    ],
)
def test_tokens_cost_what_the_list_says(provider, model, usage, expected):
    assert price(usage, provider, model, THEN) == (Decimal(expected), "genai-prices")


@pytest.mark.parametrize(
    ("provider", "model", "usage"),
    [
        ("mock", "mock-model", Usage(10, 10)),
        ("ollama", "llama3.2", Usage(10, 10)),
        ("openai", "no-such-model", Usage(10, 10)),
        ("nobody", "gpt-4o", Usage(10, 10)),
        ("openai", "gpt-4o", Usage()),
        ("openai", "gpt-4o", Usage(10, None)),
        ("openai", "gpt-4o", Usage(10, 10, cache_read_input_tokens=99)),
        ("", "", Usage(10, 10)),
    ],
)
def test_what_is_not_known_is_not_free(provider, model, usage):
    assert price(usage, provider, model, THEN) == (None, "unpriced")


def test_the_time_zone_of_a_message_does_not_matter():
    there = THEN.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert price(Usage(1000, 10), "openai", "gpt-4o", there) == price(Usage(1000, 10), "openai", "gpt-4o", THEN)


def test_windows():
    assert context_window("openai", "gpt-4o") == 128_000
    assert context_window("anthropic", "claude-sonnet-4-5") == 200_000
    assert context_window("mock", "mock-model") is None


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_the_default_models_have_a_price_and_a_window(provider):
    model = ProviderSessionFactory.get_provider_info(provider)["default_model"]
    cost, source = price(Usage(1000, 1000), provider, model, THEN)
    assert cost > 0
    assert source == "genai-prices"
    assert context_window(provider, model) > 100_000
