"""The built-in middleware, in sessions with the mock provider."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time

import pytest

import langswarm_nb as ls
from langswarm_nb.clock import now
from langswarm_nb.interfaces import ISessionMiddleware, SessionContext, SessionMessage
from langswarm_nb.middleware import (
    LoggingMiddleware,
    MetricsMiddleware,
    MiddlewareChain,
    RateLimitMiddleware,
    SecurityMiddleware,
)


async def new_session(*middleware, user_id="ada", **kwargs):
    manager = ls.create_session_manager(storage="memory", providers={"mock": None}, middleware=middleware)
    return await manager.create_session(user_id, "mock", "mock-model", **kwargs)


class Tag(ISessionMiddleware):
    def __init__(self, mark, priority=0):
        self.mark, self.priority = mark, priority

    async def process_message(self, session_id, message, context):
        message.content += self.mark
        return message


def message(role="user", content="hello", session_id="s"):
    return SessionMessage("m", session_id, role, content, now())


def test_order_priority_and_conditions():
    async def main():
        chain = MiddlewareChain([Tag("a"), Tag("b"), Tag("first", priority=5)])
        chain.add(Tag("-never"), when=lambda m, c: c.get("tier") == "gold")
        chain.add(Tag("-replies"), roles=("assistant",), priority=-5)
        context = SessionContext("s")
        assert (await chain.process(message(content=""), context)).content == "firstab"
        assert (await chain.process(message("assistant", ""), context, reply=True)).content == "-repliesbafirst"
        context.set("tier", "gold")
        assert (await chain.process(message(content=""), context)).content == "firstab-never"

    asyncio.run(main())


def test_a_middleware_may_say_itself_what_it_applies_to():
    class OnlyQuestions(Tag):
        def applies_to(self, message, context):
            return message.content.endswith("?")

    async def main():
        session = await new_session(OnlyQuestions("!"))
        assert (await session.send_message("why?")).content == "Mock response to: why?!"
        assert (await session.send_message("so")).content == "Mock response to: so"

    asyncio.run(main())


def test_a_condition_that_fails_stops_the_message():
    async def main():
        manager = ls.create_session_manager(storage="memory", providers={"mock": None})
        manager.add_middleware(Tag("x"), when=lambda m, c: 1 / 0)
        session = await manager.create_session("ada", "mock", "mock-model")
        with pytest.raises(ls.MiddlewareError, match="Tag stopped"):
            await session.send_message("hello")
        assert await session.get_messages() == []

    asyncio.run(main())


def test_redaction_both_ways_and_before_the_provider():
    async def main():
        security = SecurityMiddleware()
        session = await new_session(security)
        reply = await session.send_message("I am ada@x.org")
        assert reply.content == "Mock response to: I am [email]"
        session.provider_session.set_response_pattern("Call 555-010-9999 with 4111 1111 1111 1111")
        assert (await session.send_message("how?")).content == "Call [phone] with [card]"
        assert "ada@x.org" not in json.dumps(await session.export_conversation())
        assert session.provider_session.history[0] == ("user", "I am [email]")
        assert security.get_metrics() == {"email": 1, "phone": 1, "card": 1}

    asyncio.run(main())


def test_what_is_still_streaming_is_redacted_too():
    class Remembering(ls.InMemorySessionStorage):
        kept: list[str] = []  # noqa: RUF012

        async def checkpoint(self, message):
            self.kept.append(message.content)

    async def main():
        storage = Remembering()
        manager = ls.create_session_manager(storage, providers={"mock": None}, middleware=[SecurityMiddleware()])
        session = await manager.create_session("ada", "mock", "mock-model")
        session.provider_session.set_response_pattern("Write to bob@x.org " + "and wait " * 20)
        session.provider_session.set_response_delay(2500)
        await session.send_message("hello")
        assert storage.kept
        assert all("bob@x.org" not in text for text in storage.kept)
        assert "[email]" in storage.kept[-1]

    asyncio.run(main())


def test_refusing_instead_of_redacting():
    async def main():
        session = await new_session(SecurityMiddleware(["card"], on_find="refuse"))
        with pytest.raises(ls.MiddlewareError, match="card") as caught:
            await session.send_message("4111 1111 1111 1111")
        assert caught.value.error_code == "personal_data"
        assert "4111" not in str(caught.value)
        await session.send_message("ada@x.org")
        session.provider_session.set_response_pattern("4111 1111 1111 1111")
        with pytest.raises(ls.MiddlewareError):
            await session.send_message("give me a card")
        last = (await session.get_messages())[-1]
        assert (last.content, last.status, last.error_type) == ("", "error", "MiddlewareError")

    asyncio.run(main())
    with pytest.raises(ls.ConfigurationError, match="passport"):
        SecurityMiddleware(["passport"])


class Clock:
    time = 0.0

    def __call__(self):
        return self.time


def test_a_rate_limit_refuses_each_user_by_their_own_measure():
    async def main():
        clock = Clock()
        limit = RateLimitMiddleware(rate=2, per_seconds=60, on_limit="refuse", clock=clock)
        manager = ls.create_session_manager(storage="memory", providers={"mock": None}, middleware=[limit])
        ada = await manager.create_session("ada", "mock", "m")
        second = await manager.create_session("ada", "mock", "m")
        bob = await manager.create_session("bob", "mock", "m")
        await ada.send_message("1")
        await second.send_message("2")
        with pytest.raises(ls.MiddlewareError, match="too many") as caught:
            await ada.send_message("3")
        assert caught.value.error_code == "rate_limited"
        assert 29 < caught.value.context["retry_after"] <= 30
        await bob.send_message("1")
        clock.time = 31
        await ada.send_message("3")
        with pytest.raises(ls.MiddlewareError):
            await ada.send_message("4")
        assert ada.message_count == 4
        assert limit.get_metrics() == {"passed": 4, "waited": 0, "refused": 2}

    asyncio.run(main())


def test_a_rate_limit_that_waits_spreads_messages_out():
    async def main():
        session = await new_session(RateLimitMiddleware(rate=20, per_seconds=1, burst=1))
        begin = time.monotonic()
        for n in range(5):
            await session.send_message(str(n))
        assert 0.19 < time.monotonic() - begin < 2

    asyncio.run(main())


def test_stopping_while_a_rate_limit_waits():
    async def main():
        session = await new_session(RateLimitMiddleware(rate=1, per_seconds=60, burst=1))
        await session.send_message("1")
        waiting = asyncio.create_task(session.send_message("2"))
        await asyncio.sleep(0.1)
        begin = time.monotonic()
        await session.cancel()
        with pytest.raises(ls.TurnInterruptedError):
            await waiting
        assert time.monotonic() - begin < 1
        assert session.message_count == 2
        assert not session.is_busy

    asyncio.run(main())


def test_too_long_a_wait_is_a_refusal():
    async def main():
        session = await new_session(RateLimitMiddleware(rate=1, per_seconds=3600, burst=1, max_wait_s=5))
        await session.send_message("1")
        with pytest.raises(ls.MiddlewareError, match="too many"):
            await session.send_message("2")

    asyncio.run(main())


@pytest.mark.parametrize("options", [{"rate": 0}, {"scope": "planet"}, {"on_limit": "shout"}, {"burst": 0}])
def test_a_rate_limit_that_makes_no_sense(options):
    with pytest.raises(ls.ConfigurationError):
        RateLimitMiddleware(**options)


def test_logs_are_structured_and_say_nothing_that_was_said(caplog):
    async def main():
        session = await new_session(LoggingMiddleware())
        await session.send_message("the secret plan")
        session.provider_session.set_error_rate(1)
        with pytest.raises(ls.ProviderError):
            await session.send_message("again")

    with caplog.at_level(logging.INFO, "langswarm_nb.messages"):
        asyncio.run(main())
    entries = [json.loads(record.message) for record in caplog.records if record.name == "langswarm_nb.messages"]
    assert [entry.get("role") for entry in entries] == ["user", "assistant", "user", None]
    assert entries[0]["user_id"] == "ada"
    assert entries[0]["characters"] == 15
    assert entries[1]["output_tokens"] == 6
    assert entries[1]["status"] == "complete"
    assert entries[3]["error_type"] == "ProviderUnavailableError"
    assert "secret plan" not in caplog.text
    assert caplog.records[0].langswarm == entries[0]


def test_logged_content_is_redacted(caplog):
    async def main():
        session = await new_session(LoggingMiddleware(content=True, max_characters=12))
        await session.send_message("ada@x.org said a long thing")

    with caplog.at_level(logging.INFO, "langswarm_nb.messages"):
        asyncio.run(main())
    assert json.loads(caplog.records[0].message)["content"] == "[email] said"


def test_metrics_as_a_mapping_and_as_a_page():
    async def main():
        metrics = MetricsMiddleware()
        session = await new_session(metrics)
        await session.send_message("one two")
        session.provider_session.set_error_rate(1)
        with pytest.raises(ls.ProviderError):
            await session.send_message("three")
        numbers = metrics.get_metrics()
        assert numbers["messages_by_role"] == {"user": 2, "assistant": 1}
        assert numbers["errors_by_type"] == {"ProviderUnavailableError": 1}
        assert (numbers["input_tokens"], numbers["output_tokens"]) == (2, 5)
        assert numbers["avg_reply_duration_s"] > 0
        return metrics.prometheus()

    page = asyncio.run(main())
    lines = page.splitlines()
    assert 'langswarm_messages_total{role="user",status="complete"} 2' in lines
    assert 'langswarm_tokens_total{model="mock-model",provider="mock",type="output"} 5' in lines
    assert "# TYPE langswarm_reply_duration_seconds histogram" in lines
    assert 'langswarm_reply_duration_seconds_count{model="mock-model",provider="mock"} 1' in lines
    assert 'langswarm_reply_duration_seconds_bucket{model="mock-model",provider="mock",le="+Inf"} 1' in lines
    assert page.endswith("\n")


def test_a_page_escapes_its_labels():
    metrics = MetricsMiddleware()
    metrics.messages.add(role='a"b\\c\nd', status=None)
    assert 'langswarm_messages_total{role="a\\"b\\\\c\\nd"} 1' in metrics.prometheus()


class RecordingMeter:
    """Stands for a program's meter provider: keeps what is recorded."""

    def __init__(self):
        self.recorded = []

    def get_meter(self, name, version):
        return self

    def create_histogram(self, name, unit, description, explicit_bucket_boundaries_advisory):
        meter = self

        class Histogram:
            def record(self, value, attributes):
                meter.recorded.append((name, unit, value, attributes))

        return Histogram()


def test_opentelemetry_gets_the_conventions_metrics():
    async def main():
        meter = RecordingMeter()
        session = await new_session(MetricsMiddleware(meter_provider=meter))
        await session.send_message("one two")
        session.provider_session.set_error_rate(1)
        with pytest.raises(ls.ProviderError):
            await session.send_message("three")
        return meter.recorded

    recorded = asyncio.run(main())
    base = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "mock"}
    call = {**base, "gen_ai.request.model": "mock-model", "gen_ai.response.model": "mock-model"}
    assert ("gen_ai.client.token.usage", "{token}", 2, {**call, "gen_ai.token.type": "input"}) in recorded
    assert ("gen_ai.client.token.usage", "{token}", 5, {**call, "gen_ai.token.type": "output"}) in recorded
    durations = [attributes for name, unit, _, attributes in recorded if name == "gen_ai.client.operation.duration"]
    assert durations == [call, {**base, "error.type": "ProviderUnavailableError"}]
    assert any(name == "gen_ai.client.operation.time_to_first_chunk" for name, *_ in recorded)


def test_without_opentelemetry_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ls.ConfigurationError, match=r"langswarm-nb\[otel\]"):
        MetricsMiddleware(opentelemetry=True)
