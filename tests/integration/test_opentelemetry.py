"""The metrics' export through OpenTelemetry's own SDK (the extra `otel`)."""

from __future__ import annotations

import asyncio
import importlib.util
import os

import pytest

import langswarm_nb as ls
from langswarm_nb.middleware import MetricsMiddleware

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("opentelemetry") is None
    or (importlib.util.find_spec("opentelemetry.sdk") is None and os.environ.get("CI") != "true"),
    reason="the extra otel is not installed",
)


def test_a_reader_sees_tokens_durations_and_errors():
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])

    async def main():
        manager = ls.create_session_manager(
            storage="memory", providers={"mock": None}, middleware=[MetricsMiddleware(meter_provider=provider)]
        )
        session = await manager.create_session("ada", "mock", "mock-model")
        await session.send_message("one two")

    asyncio.run(main())
    data = reader.get_metrics_data()
    found = {
        metric.name: list(metric.data.data_points)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    provider.shutdown()
    tokens = {point.attributes["gen_ai.token.type"]: point.sum for point in found["gen_ai.client.token.usage"]}
    assert tokens == {"input": 2, "output": 5}
    (duration,) = found["gen_ai.client.operation.duration"]
    assert duration.attributes["gen_ai.provider.name"] == "mock"
    assert duration.explicit_bounds[0] == 0.01
