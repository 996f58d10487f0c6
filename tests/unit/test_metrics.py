"""Every number equals one that pandas or a hand-written query finds over the same rows."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from analytics_stores import START, store_of

from langswarm_nb import runtime
from langswarm_nb.analytics import frames, metrics
from langswarm_nb.analytics.demo import demo_store
from langswarm_nb.analytics.report import Report
from langswarm_nb.analytics.snapshot import Snapshot
from langswarm_nb.clock import new_id
from langswarm_nb.errors import ConfigurationError
from langswarm_nb.models import SessionMessage, Usage
from langswarm_nb.pricing import price

ALL = [value for value in vars(metrics).values() if isinstance(value, metrics.Metric)]


@pytest.fixture(scope="module")
def store():
    return demo_store(messages=4000, seed=3)


@pytest.fixture(scope="module")
def rows(store) -> pd.DataFrame:
    people = frames.sessions(store)[["session_id", "user_id", "model"]]
    messages = frames.messages(store)
    return messages.merge(people, on="session_id").assign(
        local=lambda df: df["created_at"].dt.tz_convert("Europe/Oslo")
    )


@pytest.fixture(scope="module")
def replies(rows) -> pd.DataFrame:
    return rows[rows["role"] == "assistant"]


def numbers(frame: pd.DataFrame, column: str = "value") -> dict[str, float]:
    return dict(zip(frame["name"], frame[column], strict=True))


@pytest.mark.parametrize("metric", ALL, ids=repr)
def test_its_sql_is_there_to_run(metric, store):
    asked = frames.sql(metric.sql, store, params=metric.params)
    assert list(asked.columns) == list(metric(store).columns)
    assert len(asked) == len(metric(store))
    assert metric.__doc__.startswith("Return")


def test_all_at_once_is_the_same_as_one_by_one(store):
    together = metrics.ask_all(ALL, store, tz="Europe/Oslo", provider="anthropic")
    for metric in ALL:
        pd.testing.assert_frame_equal(together[metric.name], metric(store, tz="Europe/Oslo", provider="anthropic"))


FILTERS = [
    {},
    {"tz": "Asia/Kathmandu", "bin": "week"},
    {"start": "2026-08-10", "end": "2026-09-09", "provider": "openai"},
    {"user_id": ["user-001", None], "status": ["error", "complete"]},
    {"model": ["gpt-5", None], "start": "2026-07-01"},
    {"model": "no such model"},
]


@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_a_snapshot_says_the_same_as_the_store(store, filters):
    found = Snapshot(store).ask_all(ALL, **filters)
    for metric in ALL:
        pd.testing.assert_frame_equal(found[metric.name], metric(store, **filters))


def test_a_name_that_a_reply_lacks_is_its_sessions():
    said = {"status": "complete", "cost_usd": Decimal("0.5"), "duration_s": 2.0, "output_tokens": 10}
    names = [
        ("openai", "a", "a-1"),
        ("openai", None, "a"),
        (None, "a", None),
        ("openai", None, None),
        (None, None, None),
    ]
    store = store_of(
        [
            {"session_id": session, "provider": provider, "request_model": asked, "response_model": answered, **said}
            for session in ("s1", "s2", "nobody's")
            for provider, asked, answered in names
        ]
        + [{"session_id": "s1", "role": "user"}],
        [
            {"session_id": "s1", "user_id": "ada", "provider": "openai", "model": "a"},
            {"session_id": "s2", "user_id": "ada", "provider": "openai", "model": "b"},
        ],
    )
    columns = ["provider", "model", "calls", "sessions", "users", "cost_usd", "median_latency_s"]
    for found in (
        metrics.model_comparison(store),
        Snapshot(store).ask_all([metrics.model_comparison])["model_comparison"],
    ):
        rows = [tuple(None if pd.isna(value) else value for value in row) for row in found[columns].to_numpy(object)]
        assert len(rows) == 5
        assert set(rows) == {
            (None, "a", 1, 0, 0, 0.5, 2.0),
            (None, None, 1, 0, 0, 0.5, 2.0),
            ("openai", "a", 10, 2, 1, 5.0, 2.0),
            ("openai", "b", 2, 1, 1, 1.0, 2.0),
            ("openai", None, 1, 0, 0, 0.5, 2.0),
        }
    costs = metrics.cost_over_time(store).groupby("model", dropna=False)["cost_usd"].sum()
    assert {None if pd.isna(model) else model: cost for model, cost in costs.items()} == {"a": 5.5, "b": 1.0, None: 1.0}


def test_a_snapshot_is_read_again_when_the_store_changed(tmp_path, monkeypatch):
    store = demo_store(tmp_path / "store.duckdb", messages=100)
    snapshot = Snapshot(store)
    read: list[str] = []
    query = store.query
    monkeypatch.setattr(store, "query", lambda sql, *given, **more: read.append(sql) or query(sql, *given, **more))

    def overview(**filters: str) -> float:
        read.clear()
        return numbers(snapshot.ask_all([metrics.overview], **filters)["overview"])["messages"]

    assert overview() == 100
    assert len(read) > 1
    overview(model="gpt-5")
    assert len(read) <= 1  # for whether anything changed; none while nobody else can have written
    overview(model="gpt-5")
    assert not read
    s = list(frames.sessions(store)["session_id"])
    runtime.run(store.add_message(s[0], SessionMessage(new_id(), s[0], "user", "once more", START)))
    assert overview() == 101
    runtime.run(store.delete_session(s[1]))
    left = overview()
    assert left < 101
    assert left == len(frames.messages(store))


def test_a_snapshot_is_read_again_when_another_process_wrote(tmp_path):
    store = demo_store(tmp_path / "store.duckdb", messages=100)
    snapshot = Snapshot(store)
    for _ in range(2):
        assert numbers(snapshot.ask_all([metrics.overview])["overview"])["messages"] == 100
    other = f"""
import asyncio
from langswarm_nb.clock import new_id, now
from langswarm_nb.models import SessionMessage
from langswarm_nb.storage import DuckDBSessionStorage

async def write():
    store = DuckDBSessionStorage({str(tmp_path / "store.duckdb")!r})
    (session, *_) = await store.list_sessions()
    await store.add_message(session["session_id"], SessionMessage(new_id(), session["session_id"], "user", "hi", now()))
    await store.close()

asyncio.run(write())
"""
    subprocess.run([sys.executable, "-c", other], check=True)
    assert numbers(snapshot.ask_all([metrics.overview])["overview"])["messages"] == 101


def test_a_snapshot_of_a_store_that_changes_while_it_is_read_is_read_again(tmp_path, monkeypatch):
    store = demo_store(tmp_path / "store.duckdb", messages=100)
    (session_id, *_) = frames.sessions(store)["session_id"]
    query, late = store.query, [SessionMessage(new_id(), session_id, "user", "meanwhile", START)]

    def slow(sql, *given, **more):
        found = query(sql, *given, **more)
        if "FROM messages x" in sql and late:
            runtime.run(store.add_message(session_id, late.pop()))
        return found

    monkeypatch.setattr(store, "query", slow)
    assert numbers(Snapshot(store).ask_all([metrics.overview])["overview"])["messages"] == 101


@pytest.mark.parametrize("many", [100, 300])
def test_a_snapshot_holds_many_different_words(many):
    columns = ("status", "provider", "request_model", "response_model", "finish_reason", "error_type")
    rows = [{"duration_s": 1.0} | {column: f"{column} {n}" for column in columns} for n in range(many)]
    many_words = store_of(rows + [{"role": f"role {n}"} for n in range(many)])
    found = Snapshot(many_words).ask_all(ALL)
    for metric in ALL:
        pd.testing.assert_frame_equal(found[metric.name], metric(many_words))


def test_too_much_for_a_snapshot_is_asked_of_the_store(store, monkeypatch):
    monkeypatch.setattr("langswarm_nb.analytics.snapshot.MOST_MESSAGES", 10)
    found = Snapshot(store).ask_all([metrics.volume])
    pd.testing.assert_frame_equal(found["volume"], metrics.volume(store))
    assert Report(store, model="gpt-5").catalogue == Report(store_of([])).catalogue | Report(store).catalogue


def test_overview(store, rows, replies):
    found = numbers(metrics.overview(store))
    complete = replies[replies["status"] == "complete"]
    assert found == pytest.approx(
        {
            "sessions": rows["session_id"].nunique(),
            "messages": len(rows),
            "active_users": rows["user_id"].nunique(),
            "cost_usd": replies["cost_usd"].sum(),
            "median_latency_s": complete["duration_s"].median(),
            "error_rate": (replies["status"] == "error").mean(),
        }
    )
    unpriced = numbers(metrics.overview(store), "unpriced")
    assert unpriced["cost_usd"] == replies["cost_usd"].isna().sum() > 0


def test_overview_against_the_period_before(store, rows):
    start, end = datetime(2026, 8, 10, tzinfo=UTC), datetime(2026, 9, 9, tzinfo=UTC)
    frame = metrics.overview(store, start=start, end=end)
    during = rows[(rows["created_at"] >= start) & (rows["created_at"] < end)]
    before = rows[(rows["created_at"] >= start - (end - start)) & (rows["created_at"] < start)]
    assert numbers(frame)["messages"] == len(during)
    assert numbers(frame, "previous")["messages"] == len(before)
    assert numbers(frame, "previous")["cost_usd"] == pytest.approx(before["cost_usd"].sum())
    assert numbers(frame, "change")["messages"] == pytest.approx(len(during) / len(before) - 1)


def test_nothing_to_compare_with_is_unknown_not_zero(store):
    assert numbers(metrics.overview(store), "previous").values() == pytest.approx([np.nan] * 6, nan_ok=True)
    first = metrics.overview(store, start="2020-01-01", end="2026-12-01")
    assert first["previous"].isna().all()


def test_volume_by_day_in_a_time_zone(store, rows):
    found = metrics.volume(store, tz="Europe/Oslo", bin="day")
    expected = rows.groupby([rows["local"].dt.normalize(), "role"], observed=True).size()
    assert found.set_index(["bin", "role"])["messages"].to_dict() == expected.to_dict()


def test_active_users(store, rows):
    found = metrics.active_users(store, bin="month").set_index("bin")
    by_month = rows.groupby(rows["created_at"].dt.strftime("%Y-%m"))
    assert list(found["users"]) == list(by_month["user_id"].nunique())
    assert list(found["sessions"]) == list(by_month["session_id"].nunique())


def test_activity_by_hour_and_weekday(store, rows):
    asked = rows[rows["role"] == "user"]
    expected = asked.groupby([asked["local"].dt.day_of_week + 1, asked["local"].dt.hour]).size()
    found = metrics.activity(store, tz="Europe/Oslo").set_index(["weekday", "hour"])["messages"]
    assert found.to_dict() == expected.to_dict()


def test_cost_and_what_is_unpriced(store, replies):
    found = metrics.cost_by_model(store).set_index("model")
    by_model = replies.groupby("request_model", observed=True)["cost_usd"]
    assert found["cost_usd"].dropna().to_dict() == pytest.approx(by_model.sum(min_count=1).dropna().to_dict())
    assert found["unpriced"].to_dict() == by_model.apply(lambda cost: cost.isna().sum()).to_dict()
    assert np.isnan(found.loc["llama3.3:70b", "cost_usd"])
    over_time = metrics.cost_over_time(store)
    assert over_time["cost_usd"].sum() == pytest.approx(replies["cost_usd"].sum())
    assert over_time["unpriced"].sum() == replies["cost_usd"].isna().sum()


def test_tokens_by_kind(store, replies):
    found = metrics.tokens_by_model(store).pivot_table(index="model", columns="kind", values="tokens")
    sums = replies.groupby("request_model", observed=True)[
        ["input_tokens", "cache_read_input_tokens", "output_tokens", "reasoning_output_tokens"]
    ].sum()
    assert found["reasoning"].dropna().to_dict() == sums["reasoning_output_tokens"].replace(0, pd.NA).dropna().to_dict()
    assert found["cached input"].dropna().sum() == sums["cache_read_input_tokens"].sum()
    assert found.sum(axis=1).to_dict() == (sums["input_tokens"] + sums["output_tokens"]).to_dict()


def test_latency(store, replies):
    complete = replies[replies["status"] == "complete"]
    found = metrics.latency(store).set_index("model")
    by_model = complete.groupby("request_model", observed=True)["duration_s"]
    for name, quantile in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        assert found[name].to_dict() == pytest.approx(by_model.quantile(quantile).to_dict())
    spread = metrics.latency_distribution(store)
    assert spread["calls"].sum() == len(complete)
    assert spread["p95"].unique() == pytest.approx([complete["duration_s"].quantile(0.95)])
    for row in spread.itertuples():
        inside = complete["duration_s"].between(row.from_s, row.to_s, inclusive="left").sum()
        assert row.calls == inside


def test_first_chunk_and_speed(store, replies):
    found = metrics.time_to_first_chunk(store).set_index("model")["p50"]
    expected = replies.groupby("request_model", observed=True)["time_to_first_chunk_s"].median()
    assert found.to_dict() == pytest.approx(expected.to_dict())
    complete = replies[replies["status"] == "complete"]
    speed = complete["output_tokens"].astype(float) / (complete["duration_s"] - complete["time_to_first_chunk_s"])
    expected = speed.groupby(complete["request_model"], observed=True).median()
    assert metrics.tokens_per_second(store).set_index("model")["p50"].to_dict() == pytest.approx(expected.to_dict())


def test_errors_and_endings(store, replies):
    over_time = metrics.error_rate(store)
    assert over_time["calls"].sum() == len(replies)
    assert over_time["errors"].sum() == (replies["status"] == "error").sum()
    assert over_time["interrupted"].sum() == (replies["status"] == "interrupted").sum()
    by_type = metrics.errors(store).groupby("error_type")["errors"].sum()
    failed = replies[replies["status"] == "error"]
    assert by_type.to_dict() == failed["error_type"].astype(str).value_counts().to_dict()
    endings = metrics.finish_reasons(store)
    expected = replies["finish_reason"].value_counts(dropna=False)
    assert endings["calls"].sum() == len(replies)
    assert endings.loc[endings["finish_reason"].isna(), "calls"].sum() == expected[expected.index.isna()].sum()


def test_cache_share(store, replies):
    known = replies.dropna(subset=["input_tokens", "cache_read_input_tokens"])
    found = metrics.cache_health(store)
    assert found["cache_read_tokens"].sum() == known["cache_read_input_tokens"].sum()
    assert found["input_tokens"].sum() == known["input_tokens"].sum()


def test_sessions_by_length_and_price(store, rows, replies):
    active = rows[rows["is_active_branch"]]
    turns = active[active["role"] == "user"].groupby("session_id").size()
    found = metrics.session_lengths(store).set_index("turns")["sessions"]
    assert found.to_dict() == turns.value_counts().to_dict()
    lasted = rows.groupby("session_id")["created_at"].agg(lambda at: (at.max() - at.min()).total_seconds())
    steps = metrics.session_durations(store)
    assert steps["p95"].unique() == pytest.approx([lasted.quantile(0.95)])
    for step in steps.itertuples():
        assert step.sessions == lasted.between(step.from_s, step.to_s, inclusive="left").sum() > 0
    assert steps["sessions"].sum() == rows["session_id"].nunique()
    longest = metrics.longest_sessions(store)
    assert list(longest["messages"]) == sorted(active.groupby("session_id").size(), reverse=True)[:20]
    dearest = metrics.dearest_sessions(store)
    costs = replies.groupby("session_id")["cost_usd"].sum(min_count=1).dropna().sort_values(ascending=False)
    assert list(dearest["cost_usd"]) == pytest.approx(list(costs)[:20])


def test_users(store, rows):
    found = metrics.users(store).set_index("user_id")["messages"]
    expected = rows["user_id"].astype(str).value_counts()
    assert found.to_dict() == {name: expected[name] for name in found.index}
    assert list(found) == sorted(expected, reverse=True)[: len(found)]


def test_retention(store, rows):
    asked = rows[rows["role"] == "user"].copy()
    asked["period"] = asked["created_at"].dt.tz_localize(None).dt.to_period("M")
    cohort = asked.groupby("user_id", observed=True)["period"].min()
    seen = asked[["user_id", "period"]].drop_duplicates().assign(cohort=lambda df: df["user_id"].map(cohort))
    seen["age"] = [(p - c).n for p, c in zip(seen["period"], seen["cohort"].astype("period[M]"), strict=True)]
    expected = seen.groupby(["cohort", "age"], observed=True).size()
    found = metrics.retention(store)
    assert set(found["unit"]) == {"month"}
    assert {(f"{c:%Y-%m}", a): n for c, a, n in zip(found["cohort"], found["age"], found["users"], strict=True)} == {
        (str(c), a): n for (c, a), n in expected.items()
    }
    assert (found.loc[found["age"] == 0, "share"] == 1).all()


def test_retention_knows_who_was_there_before_the_period(store, rows):
    start = datetime(2026, 7, 1, tzinfo=UTC)
    first = rows[rows["role"] == "user"].groupby("user_id", observed=True)["created_at"].min()
    found = metrics.retention(store, start=start)
    assert found.drop_duplicates("cohort")["size"].sum() == (first >= start).sum() < len(first)


def test_model_comparison(store, replies):
    found = metrics.model_comparison(store).set_index("model")
    by_model = replies.groupby("request_model", observed=True)
    assert found["calls"].to_dict() == by_model.size().to_dict()
    assert found["users"].to_dict() == by_model["user_id"].nunique().to_dict()
    assert found["error_rate"].to_dict() == pytest.approx(
        by_model["status"].apply(lambda status: (status == "error").mean()).to_dict()
    )
    dollars = by_model["cost_usd"].mean().dropna() * 1000
    assert found["cost_per_1000_calls"].dropna().to_dict() == pytest.approx(dollars.to_dict())


def test_diagnose_splits_the_change(store, replies):
    start, end = datetime(2026, 8, 10, tzinfo=UTC), datetime(2026, 9, 9, tzinfo=UTC)
    found = metrics.diagnose(store, start=start, end=end)
    during = replies[(replies["created_at"] >= start) & (replies["created_at"] < end)]
    before = replies[(replies["created_at"] >= start - (end - start)) & (replies["created_at"] < start)]
    for dimension in ("all", "model", "provider", "finish_reason"):
        part = found[found["dimension"] == dimension]
        assert part["calls"].sum() == len(during), dimension
        assert part["calls_before"].sum() == len(before), dimension
        assert part["cost_usd_before"].sum() == pytest.approx(before["cost_usd"].sum()), dimension
    models = found[found["dimension"] == "model"].set_index("name")
    assert models["calls"].to_dict() == during["model"].astype(str).value_counts().to_dict()
    gap = (models["calls"] - models["calls_before"]).abs()
    assert list(gap) == sorted(gap, reverse=True)


def test_what_it_would_cost_today_is_what_the_price_list_says_of_each_call(store, replies, monkeypatch):
    at = datetime(2026, 11, 20, 12, tzinfo=UTC)
    monkeypatch.setattr("langswarm_nb.analytics.metrics.prices.now", lambda: at.replace(hour=3))
    found = metrics.cost_today(store).set_index("model")
    columns = ["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_write_input_tokens"]
    names = ["provider", "request_model", "cost_usd", *columns]
    today: dict[str, Decimal] = {}
    gap: dict[str, float] = {}
    for provider, model, cost, *counts in replies[names].astype(object).itertuples(index=False):
        usage = Usage(**{name: None if pd.isna(n) else int(n) for name, n in zip(columns, counts, strict=True)})
        dollars, _ = price(usage, provider, model, at)
        if dollars is not None:
            today[model] = today.get(model, Decimal(0)) + dollars
            gap[model] = gap.get(model, 0.0) + float(dollars) - cost
    assert found["today_usd"].dropna().to_dict() == pytest.approx({m: float(d) for m, d in today.items()})
    assert found["change_usd"].dropna().to_dict() == pytest.approx(gap, abs=1e-9)
    assert found["cost_usd"].sum() == pytest.approx(replies["cost_usd"].sum())
    assert np.isnan(found.loc["llama3.3:70b", "today_usd"])


@pytest.mark.parametrize(
    ("counts", "is_priced"),
    [
        ({"input_tokens": 199_999, "output_tokens": 10}, True),
        ({"input_tokens": 200_000, "output_tokens": 10, "cache_read_input_tokens": 150_000}, True),
        ({"input_tokens": 200_001, "output_tokens": 10, "cache_write_input_tokens": 7}, True),
        ({"input_tokens": 0, "output_tokens": 0}, True),
        ({"input_tokens": None, "output_tokens": 3}, False),
        ({"input_tokens": 10, "output_tokens": None}, False),
        ({"input_tokens": -1, "output_tokens": 3}, False),
        ({"input_tokens": 10, "output_tokens": 3, "cache_read_input_tokens": 11}, False),
    ],
)
def test_prices_with_tiers_are_those_of_each_call(counts, is_priced):
    call = {"provider": "anthropic", "request_model": "claude-sonnet-4-5", **counts}
    answered = {**call, "request_model": "alias", "response_model": "claude-sonnet-4-5"}
    found = metrics.cost_today(store_of([call, answered])).sort_values("model")
    expected, _ = price(Usage(**counts), "anthropic", "claude-sonnet-4-5", datetime.now(UTC))
    assert (expected is not None) is is_priced
    for today in found["today_usd"]:
        assert today == pytest.approx(float(expected)) if is_priced else np.isnan(today)
    assert found["unpriced_today"].sum() == (0 if is_priced else 2)


def test_feedback_counts_the_last_thumb():
    at = [START + timedelta(minutes=minute) for minute in range(6)]
    votes = [
        ("m000000", at[0], '{"rating": "up"}'),
        ("m000000", at[1], '{"rating": "down", "note": "<b>no</b>"}'),
        ("m000001", at[2], '{"value": 1}'),
        ("m000002", at[3], '{"rating": "up"}'),
        ("m000002", at[4], '{"rating": ""}'),
        ("m000003", at[5], '{"unrelated": []}'),
    ]
    store = store_of(
        [{"request_model": "a"}] * 4,
        events=[{"message_id": m, "kind": "feedback", "at": t, "payload": p} for m, t, p in votes],
    )
    found = metrics.feedback(store)
    assert found[["model", "up", "down"]].to_dict("records") == [{"model": "a", "up": 1, "down": 1}]


def test_filters_narrow_and_widen(store, rows):
    assert numbers(metrics.overview(store, user_id="user-001"))["messages"] == (rows["user_id"] == "user-001").sum()
    two = ["gpt-5", "claude-sonnet-5"]
    assert numbers(metrics.overview(store, model=two))["messages"] == rows["model"].isin(two).sum()
    failed = numbers(metrics.overview(store, status="error", provider="openai"))
    expected = rows[(rows["status"] == "error") & (rows["provider"].astype(object) == "openai")]
    assert failed["messages"] == len(expected)
    day = metrics.overview(store, start=date(2026, 8, 3), end="2026-08-04", tz="Europe/Oslo")
    assert numbers(day)["messages"] == (rows["local"].dt.date == date(2026, 8, 3)).sum()


def test_unknown_can_be_asked_for():
    store = store_of([{"request_model": None}, {"request_model": "a"}, {"request_model": "b"}])
    assert list(metrics.latency_distribution(store, model=[None])["calls"]) == []
    assert numbers(metrics.overview(store, model=[None, "a"]))["messages"] == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"tz": "Mars/Olympus"},
        {"bin": "fortnight"},
        {"start": "yesterday"},
        {"start": "2026-02-02", "end": "2026-01-01"},
        {"modle": "gpt-5"},
    ],
)
def test_a_wrong_filter_says_what_is_right(store, wrong):
    with pytest.raises(ConfigurationError):
        metrics.volume(store, **wrong)


def test_values_are_bound_not_pasted(store):
    hostile = "'); DROP TABLE messages; --"
    for name in ("user_id", "provider", "model", "status"):
        sql, params = metrics.volume.statement(**{name: hostile})
        assert hostile not in sql
        assert params[name] == [hostile]
        assert metrics.volume(store, **{name: hostile}).empty
    assert numbers(metrics.overview(store))["messages"] == 4000


@pytest.mark.parametrize("metric", ALL, ids=repr)
def test_an_empty_store_has_no_rows_and_no_error(metric):
    found = metric(store_of([]))
    if metric.name == "diagnose":
        assert found["dimension"].tolist() in ([], ["all"])
    elif metric.name == "overview":
        assert list(found["value"][:3]) == [0, 0, 0]
        assert found["value"][3:].isna().all()
    else:
        assert found.empty


def test_bins_fit_the_time_that_is_shown():
    def unit(days: float) -> str:
        store = store_of([{"created_at": START}, {"created_at": START + timedelta(days=days)}])
        return metrics.volume(store)["unit"].iloc[0]

    assert [unit(days) for days in (0.1, 3, 30, 300, 3000, 30_000, 300_000)] == [
        "hour",
        "hour",
        "day",
        "week",
        "month",
        "year",
        "century",
    ]
