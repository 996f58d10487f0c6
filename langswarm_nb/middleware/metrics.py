"""Measuring what passes: for Prometheus as a page, for OpenTelemetry through its API."""

from __future__ import annotations

import time
from typing import Any

from ..errors import ConfigurationError
from ..instruments import SECONDS, TOKENS, Counter, Histogram, prometheus_text
from ..interfaces import ISessionMiddleware
from ..models import SessionContext, SessionMessage
from ..version import __version__

# What OpenTelemetry's conventions call the providers, where that differs from our names.
_PROVIDER_NAMES = {
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
}


class MetricsMiddleware(ISessionMiddleware):
    """Counts messages, tokens, cost and errors, and how long replies take; never what they say or who sends them.

    `prometheus()` returns the page to scrape. `opentelemetry=True` also records the GenAI conventions' metrics
    (`gen_ai.client.token.usage`, `gen_ai.client.operation.duration`, `gen_ai.client.operation.time_to_first_chunk`)
    with the program's meter provider, or with `meter_provider`.
    """

    def __init__(self, opentelemetry: bool = False, meter_provider: Any = None) -> None:
        self.messages = Counter("langswarm_messages_total", "Messages that passed, by role and status.")
        self.errors = Counter("langswarm_turn_errors_total", "Turns that failed or were stopped, by error type.")
        self.tokens = Counter("langswarm_tokens_total", "Tokens of replies, by model and token type.")
        self.cost = Counter("langswarm_cost_usd_total", "Cost of priced replies in US dollars, by model.")
        self.durations = Histogram("langswarm_reply_duration_seconds", "Whole replies, by model.", SECONDS)
        self.first_chunks = Histogram(
            "langswarm_time_to_first_chunk_seconds", "From the request to the first text, by model.", SECONDS
        )
        self._asked_at: dict[str, float] = {}
        self._export = _GenAiExport(meter_provider) if opentelemetry or meter_provider is not None else None

    async def process_message(
        self, session_id: str, message: SessionMessage, context: SessionContext
    ) -> SessionMessage | None:
        self.messages.add(role=message.role, status=message.status)
        if message.role == "user":
            self._note_question(session_id)
        elif message.role == "assistant":
            self._take_reply(message)
            if message.status == "complete":
                self._asked_at.pop(session_id, None)
        return None

    async def on_error(self, session_id: str, error: Exception, context: SessionContext) -> None:
        began = self._asked_at.pop(session_id, None)
        self.errors.add(error_type=type(error).__name__, provider=getattr(error, "provider", None))
        if self._export is not None and began is not None:
            self._export.record_failure(error, time.perf_counter() - began)

    def prometheus(self) -> str:
        """Return everything in Prometheus' text format."""
        return prometheus_text([self.messages, self.errors, self.tokens, self.cost, self.durations, self.first_chunks])

    def get_metrics(self) -> dict[str, Any]:
        """Return the sums; None where nothing was measured yet."""
        return {
            "messages_processed": int(self.messages.total()),
            "messages_by_role": {role: int(count) for role, count in self.messages.by("role").items()},
            "errors": int(self.errors.total()),
            "errors_by_type": {name: int(count) for name, count in self.errors.by("error_type").items()},
            "input_tokens": int(self.tokens.total(type="input")),
            "output_tokens": int(self.tokens.total(type="output")),
            "cost_usd": self.cost.total(),
            "avg_reply_duration_s": self.durations.mean,
            "avg_time_to_first_chunk_s": self.first_chunks.mean,
        }

    def _note_question(self, session_id: str) -> None:
        # A message that nobody answers stays noted: only so many, the oldest go first.
        while len(self._asked_at) >= 10_000:
            self._asked_at.pop(next(iter(self._asked_at)), None)
        self._asked_at[session_id] = time.perf_counter()

    def _take_reply(self, reply: SessionMessage) -> None:
        labels = {"provider": reply.provider, "model": reply.response_model or reply.request_model}
        for kind, count in (("input", reply.usage.input_tokens), ("output", reply.usage.output_tokens)):
            if count is not None:
                self.tokens.add(count, type=kind, **labels)
        if reply.cost_usd is not None:
            self.cost.add(float(reply.cost_usd), **labels)
        if reply.duration_s is not None and reply.status == "complete":
            self.durations.observe(reply.duration_s, **labels)
        if reply.time_to_first_chunk_s is not None:
            self.first_chunks.observe(reply.time_to_first_chunk_s, **labels)
        if self._export is not None:
            self._export.record_reply(reply)


class _GenAiExport:
    """OpenTelemetry's GenAI metrics (semantic conventions, development status)."""

    def __init__(self, meter_provider: Any = None) -> None:
        if meter_provider is None:
            try:
                from opentelemetry import metrics
            except ImportError as error:
                raise ConfigurationError(
                    "OpenTelemetry is not installed. Install it: pip install 'langswarm-nb[otel]'."
                ) from error
            meter_provider = metrics.get_meter_provider()
        meter = meter_provider.get_meter("langswarm_nb", __version__)
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=list(TOKENS),
        )
        self._durations = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="GenAI operation duration.",
            explicit_bucket_boundaries_advisory=list(SECONDS),
        )
        self._first_chunks = meter.create_histogram(
            "gen_ai.client.operation.time_to_first_chunk",
            unit="s",
            description="Time from the request to the first chunk of the response.",
            explicit_bucket_boundaries_advisory=list(SECONDS),
        )

    def record_reply(self, reply: SessionMessage) -> None:
        attributes = _attributes(reply.provider)
        for name, value in (("request", reply.request_model), ("response", reply.response_model)):
            if value:
                attributes[f"gen_ai.{name}.model"] = value
        for kind, count in (("input", reply.usage.input_tokens), ("output", reply.usage.output_tokens)):
            if count is not None:
                self._tokens.record(count, {**attributes, "gen_ai.token.type": kind})
        if reply.time_to_first_chunk_s is not None:
            self._first_chunks.record(reply.time_to_first_chunk_s, attributes)
        if reply.duration_s is not None and reply.status == "complete":
            self._durations.record(reply.duration_s, attributes)

    def record_failure(self, error: Exception, duration_s: float) -> None:
        attributes = {**_attributes(getattr(error, "provider", None)), "error.type": type(error).__name__}
        self._durations.record(duration_s, attributes)


def _attributes(provider: str | None) -> dict[str, str]:
    name = provider or "_OTHER"
    return {"gen_ai.operation.name": "chat", "gen_ai.provider.name": _PROVIDER_NAMES.get(name, name)}
