"""What holds for every store: totals add up over any split, and nothing that people store is fatal."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pandas as pd
import pytest
from analytics_stores import message_rows, store_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from langswarm_nb.analytics import figures, frames, metrics, text
from langswarm_nb.analytics.dashboard import transcript
from langswarm_nb.analytics.exports import to_csv, to_parquet
from langswarm_nb.analytics.report import TABS, Report
from langswarm_nb.analytics.snapshot import Snapshot

ALL = [value for value in vars(metrics).values() if isinstance(value, metrics.Metric)]
slow = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@slow
@given(message_rows, st.sampled_from(["UTC", "Europe/Oslo", "Asia/Kathmandu"]), st.sampled_from([None, *metrics.BINS]))
def test_totals_add_up_over_any_split(rows, tz, unit):
    store = store_of(rows)
    found = Snapshot(store).ask_all(ALL, tz=tz, bin=unit)
    overview = dict(zip(found["overview"]["name"], found["overview"]["value"], strict=True))
    replies = [row for row in rows if row["role"] == "assistant"]
    costs = [row["cost_usd"] for row in replies if row.get("cost_usd") is not None]

    assert found["volume"]["messages"].sum() == overview["messages"] == len(rows)
    assert found["activity"]["messages"].sum() == sum(row["role"] == "user" for row in rows)
    assert found["users"]["messages"].sum() == len(rows)
    for name in ("cost_by_model", "cost_today", "finish_reasons", "model_comparison", "error_rate"):
        assert found[name]["calls"].sum() == len(replies), name
    for name in ("cost_by_model", "cost_over_time", "cost_today", "users", "model_comparison"):
        assert found[name]["cost_usd"].sum() == pytest.approx(float(sum(costs, Decimal(0)))), name
        assert found[name]["unpriced"].sum() == len(replies) - len(costs), name
    whole = sum((row["input_tokens"] or 0) + (row["output_tokens"] or 0) for row in replies)
    assert found["tokens_by_model"]["tokens"].sum() == whole
    assert found["tokens_over_time"]["tokens"].sum() == whole
    assert found["session_durations"]["sessions"].sum() == overview["sessions"]
    assert found["session_lengths"]["sessions"].sum() == len({r["session_id"] for r in rows if r["role"] == "user"})
    timed = [r for r in replies if r["status"] in ("complete", None) and r["duration_s"] is not None]
    for name in ("latency", "latency_over_time", "latency_distribution"):
        assert found[name]["calls"].sum() == len(timed), name


@slow
@given(message_rows)
def test_models_and_periods_split_the_whole(rows):
    store = store_of(rows)

    def messages(**filters: object) -> float:
        return float(metrics.overview(store, **filters)["value"][1])

    assert sum(messages(model=[model]) for model in ("a", "b", "c", None)) == len(rows)
    cut = "2026-09-01"
    assert messages(end=cut) + messages(start=cut, end="2030-01-01") == len(rows)


@settings(slow, max_examples=6)
@given(message_rows)
def test_all_of_it_can_be_drawn(rows):
    report = Report(store_of(rows))
    for tab in TABS:
        view = report.view(tab)
        assert len(view["numbers"]) == 6
        assert [item["name"] for item in view["items"]] == [name for name in TABS[tab] if name != "diagnose"]


HOSTILE_TEXT = "<img src=x onerror=alert(1)><b>=cmd|' /C calc'!A0</b> $\\alpha$ \x00\x07 \u202e %{x} " + "x" * 5000
HOSTILE = [
    {
        "created_at": datetime(year, month, day, hour, tzinfo=UTC),
        "request_model": HOSTILE_TEXT,
        "provider": "=1+1",
        "status": status,
        "finish_reason": HOSTILE_TEXT,
        "error_type": "<script>alert(1)</script>",
        "content": HOSTILE_TEXT,
        "input_tokens": tokens,
        "output_tokens": tokens,
        "cache_read_input_tokens": -5,
        "cost_usd": Decimal(cost),
        "duration_s": duration,
        "time_to_first_chunk_s": -duration,
    }
    for (year, month, day, hour), status, tokens, cost, duration in [
        ((1, 1, 1, 0), "error", -7, "-1.5", -3.0),
        ((9999, 12, 31, 23), "complete", 2**63 - 1, "999999999.999999999", 1e300),
        ((2026, 3, 29, 1), "complete", 2**63 - 1, "0.000000001", float("inf")),
        ((2026, 10, 25, 1), "complete", -(2**63), "0", float("nan")),
        ((1890, 6, 1, 12), "no such status", 0, "0", 5e-324),
    ]
]
HOSTILE_SESSIONS = [{"session_id": "s1", "user_id": HOSTILE_TEXT, "title": "=HYPERLINK(1)", "created_at": None}]


@pytest.fixture(scope="module")
def hostile():
    return store_of([*HOSTILE, {"role": "user", "content": "\0"}, {"role": None, "created_at": None}], HOSTILE_SESSIONS)


@pytest.mark.parametrize("tz", ["UTC", "Europe/Oslo", "Pacific/Apia", "America/St_Johns"])
def test_hostile_rows_are_never_fatal(hostile, tz):
    found = metrics.ask_all(ALL, hostile, tz=tz)
    copied = Snapshot(hostile).ask_all(ALL, tz=tz)
    for name, frame in copied.items():
        pd.testing.assert_frame_equal(frame, found[name])
    assert found["overview"]["value"][1] == 7
    for name, frame in found.items():
        if hasattr(figures, name):
            getattr(figures, name)(frame).to_json()
        to_csv(frame)
        to_parquet(frame)


def test_what_cannot_be_is_counted_and_told_apart():
    at = datetime(2026, 5, 1, tzinfo=UTC)
    waits = [-2.0, -0.5, 0.0, 0.2, 30.0, 2e6]
    replies = [
        {"created_at": at, "request_model": "a", "duration_s": wait, "time_to_first_chunk_s": wait, "cost_usd": -1}
        for wait in waits
    ]
    found = Snapshot(store_of(replies)).ask_all(ALL)
    spread = found["latency_distribution"]
    assert spread["calls"].sum() == len(waits)
    assert spread.loc[spread["from_s"].isna(), "calls"].tolist() == [2]
    charts = {name: getattr(figures, name)(found[name]) for name in found}
    for name in ("latency_distribution", "latency", "latency_over_time", "time_to_first_chunk"):
        assert "2 not plausible (below zero)" in charts[name].layout.meta["note"], name
    # Of those that can be, all are drawn, however short or long; none is beyond the axis.
    (bars,) = charts["latency_distribution"].data
    assert sum(bars.y) == len(waits) - 2
    assert (bars.customdata[0], bars.customdata[-1]) == ("less than 1 ms", "9.2 days or longer")
    for name in ("latency", "time_to_first_chunk"):
        low, high = charts[name].layout.xaxis.range
        assert low <= min(charts[name].data[0].x) <= max(charts[name].data[0].x) <= high
    # Bars below zero are below, not over one another.
    assert charts["cost_over_time"].layout.barmode == "relative"
    assert min(charts["cost_by_model"].data[0].x) >= charts["cost_by_model"].layout.xaxis.range[0]


def test_a_conversation_without_times_is_counted_and_has_no_duration():
    frame = metrics.session_durations(store_of([{"created_at": None}, {"session_id": "s2"}]))
    assert frame["sessions"].tolist() == [1, 1]
    assert frame["from_s"].isna().tolist() == [False, True]
    note = figures.session_durations(frame).layout.meta["note"]
    assert note == "half of 1 session took 0 ms or less · p95 0 ms · 1 without a time"
    none = figures.session_durations(metrics.session_durations(store_of([{"created_at": None}])))
    assert none.layout.meta["empty"] == "None of 1 session has a time."


def test_hostile_texts_reach_plotly_as_text_only(hostile):
    charts = Report(hostile).figures()
    for name, chart in charts.items():
        shown = chart.to_plotly_json()
        for trace in shown["data"]:
            trace.pop("customdata", None)  # never drawn: it comes back with a click
        text = str(shown)
        assert "<img" not in text, name
        assert "<script" not in text, name
        assert "$\\alpha" not in text, name


def test_a_spreadsheet_runs_none_of_it(hostile):
    for name in ("longest_sessions", "cost_by_model", "users"):
        csv = to_csv(getattr(metrics, name)(hostile))
        cells = [cell.strip('"') for line in csv.splitlines()[1:] for cell in line.split(",")]
        assert not [cell for cell in cells if cell[:1] in "=+@" and cell]


def test_frames_take_it_too(hostile):
    assert len(frames.messages(hostile)) == 7
    assert len(frames.sessions(store_of(HOSTILE[:2], HOSTILE_SESSIONS))) == 1
    assert sum(len(batch) for batch in frames.messages(hostile, batches=2)) == 7
    frames.turns(hostile)


def test_search_and_topics_take_it_too(hostile):
    found = text.search("alert", hostile)
    assert len(found) == 5
    assert found["snippet"].str.len().max() <= 240
    assert text.topics(hostile)["sessions"].sum() <= 1
    assert text.similar("s1", hostile).empty
    report = Report(hostile)
    assert "\0" not in str(report.found("alert"))
    to_parquet(found)
    assert not [cell for line in to_csv(found).splitlines() for cell in line.split(",") if cell[:1] in ("=", "@")]


def test_ten_megabytes_in_one_message_are_only_a_long_message():
    long = "<b>needle</b> " + "hay " * 2_500_000
    store = store_of([{"content": long, "role": "user", "seq": 0}, {"content": "?", "seq": 1}])
    view = Report(store).view("Conversations")
    assert len(str(view)) < 50_000
    assert text.search("needle", store)["snippet"].str.len().tolist() == [240]
    (message, other) = transcript(store, "s1")
    assert len(message["html"]) < 500_000
    assert "needle" in message["html"]
    assert other["html"].strip() == "<p>?</p>"
    assert len(frames.messages(store)["content"].iloc[0]) == len(long)
