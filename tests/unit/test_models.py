from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from langswarm_nb import ConfigurationError, SessionConfig, SessionContext, SessionMessage, SessionStatus, Usage
from langswarm_nb.models import SessionMetrics


def message(**fields) -> SessionMessage:
    values = {"message_id": "m1", "session_id": "s1", "role": "user", "content": "hi", "timestamp": datetime.now()}
    return SessionMessage(**{**values, **fields})


def test_times_become_utc():
    naive = datetime(2026, 5, 4, 12)
    assert message(timestamp=naive).timestamp == naive.astimezone(UTC)
    assert message(timestamp=naive).timestamp.tzinfo is UTC


def test_a_message_survives_the_way_through_json():
    original = message(
        role="assistant",
        content="**hé**\u0000",
        metadata={"a": [1, {"b": None}]},
        usage=Usage(input_tokens=3, output_tokens=4, reasoning_output_tokens=1),
        cost_usd=Decimal("0.000000123"),
        duration_s=1.5,
        completed_at=datetime.now(UTC),
        parts=[{"type": "reasoning", "text": "hm"}],
    )
    again = SessionMessage.from_dict(json.loads(json.dumps(original.to_dict())))
    assert again == original
    assert again.token_count == 4
    assert again.processing_time_ms == 1500
    assert again.reasoning == "hm"


def test_from_dict_ignores_what_a_newer_version_wrote():
    assert SessionMessage.from_dict({**message().to_dict(), "from_the_future": 1}).content == "hi"


def test_unknown_usage_is_none_not_zero():
    assert Usage().total_tokens is None
    assert Usage().to_dict() == {}
    assert Usage(input_tokens=2).merged(Usage(output_tokens=3)) == Usage(input_tokens=2, output_tokens=3)
    assert Usage(input_tokens=2).merged(Usage(input_tokens=5)).input_tokens == 5


def test_in_a_notebook_a_message_shows_as_sanitized_markdown():
    html = message(content="**bold** <script>alert(1)</script>")._repr_html_()
    assert "<strong>bold</strong>" in html
    assert "<script" not in html


def test_context_takes_dotted_keys():
    context = SessionContext("s1")
    context.set("profile.name", "Ada")
    context.set("system_context.limits.tokens", 5)
    assert context.user_context == {"profile": {"name": "Ada"}}
    assert context.get("profile.name") == "Ada"
    assert context.get("system_context.limits.tokens") == 5
    assert context.get("profile.age", 3) == 3
    assert context.get("profile.name.first", "no") == "no"
    with pytest.raises(ConfigurationError, match="plain value"):
        context.set("profile.name.first", "A")
    with pytest.raises(ConfigurationError, match="whole section"):
        context.set("user_context", {})


def test_config_and_context_are_json_ready_as_they_stand():
    # Custom storages do exactly this.
    json.dumps(SessionConfig.of({"name": "n", "auto_archive_after": timedelta(days=1), "tags": ("a",)}).__dict__)
    json.dumps(SessionContext("s1", {"a": 1}).__dict__)


def test_config_names_what_is_wrong():
    with pytest.raises(ConfigurationError, match="max_mesages"):
        SessionConfig.of({"max_mesages": 3})
    with pytest.raises(ConfigurationError, match="max_messages must be above 0"):
        SessionConfig.of({"max_messages": 0})
    with pytest.raises(ConfigurationError, match="JSON"):
        SessionConfig.of({"metadata": {"x": object()}})


def test_merging_configs_keeps_what_the_other_did_not_set():
    mine = SessionConfig(name="a", max_messages=3)
    assert mine.merge_with(SessionConfig(description="d")) == SessionConfig("a", "d", max_messages=3)
    assert mine.merge_with({"max_messages": None}).max_messages is None
    assert mine.max_messages == 3


def test_status():
    assert SessionStatus.from_string(" Active ") is SessionStatus.ACTIVE
    with pytest.raises(ConfigurationError, match="archived"):
        SessionStatus.from_string("gone")
    assert SessionStatus.ARCHIVED.can_transition_to(SessionStatus.ACTIVE)
    assert not SessionStatus.DELETED.can_transition_to(SessionStatus.ACTIVE)
    assert not SessionStatus.ARCHIVED.is_active


def test_metrics_count_known_values_only():
    start = datetime(2026, 1, 1, tzinfo=UTC)
    messages = [
        message(timestamp=start),
        message(role="assistant", timestamp=start + timedelta(seconds=1), duration_s=2.0, cost_usd=Decimal("0.5"),
                completed_at=start + timedelta(seconds=3), usage=Usage(10, 5)),
        message(role="assistant", timestamp=start + timedelta(seconds=4), status="error"),
    ]  # fmt: skip
    metrics = SessionMetrics.of(messages)
    assert (metrics.total_messages, metrics.user_messages, metrics.assistant_messages) == (3, 1, 2)
    assert (metrics.input_tokens, metrics.output_tokens, metrics.total_tokens) == (10, 5, 15)
    assert metrics.session_duration == timedelta(seconds=4)
    assert metrics.avg_response_time_ms == 2000
    assert metrics.estimated_cost == Decimal("0.5")
    assert metrics.provider_errors == 1
    assert SessionMetrics.of([]).estimated_cost is None
