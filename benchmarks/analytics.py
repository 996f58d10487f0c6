"""How long the analytics take, as ratios to what a data person would do by hand.

    python benchmarks/analytics.py [--messages 1000000] [--skip-pandas] [--processor]

Makes synthetic stores in a temporary directory. Every figure is the median of five runs.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from langswarm_nb import runtime
from langswarm_nb.analytics import frames, metrics
from langswarm_nb.analytics.demo import demo_store
from langswarm_nb.analytics.report import TABS, Report
from langswarm_nb.analytics.snapshot import Snapshot
from langswarm_nb.analytics.source import Source

RAW = """SELECT date_trunc('hour', created_at) AS hour, role, count(*) AS n,
                quantile_cont(duration_s, [0.5, 0.95, 0.99])
         FROM messages GROUP BY ALL"""
# Decimals as Python objects would be slower still; this is the fast way by hand.
BARE = "SELECT * REPLACE (cost_usd::DOUBLE AS cost_usd) FROM messages"
COLUMNS = [
    "message_id", "session_id", "role", "created_at", "provider", "request_model", "status", "cost_usd", "duration_s",
    "time_to_first_chunk_s", "output_tokens",
]  # fmt: skip
# What changed is asked only where there is a period before.
OVERVIEW = ("overview", *(name for name in TABS["Overview"] if name != "diagnose"))


clock = time.perf_counter


def median_s(work: Callable[[], Any], runs: int = 5) -> float:
    """Return the median seconds of `runs` runs of `work`."""
    times = []
    for _ in range(runs):
        began = clock()
        work()
        times.append(clock() - began)
    return statistics.median(times)


def overview_with_pandas(sessions: pd.DataFrame, messages: pd.DataFrame) -> dict[str, Any]:
    """Return the numbers and charts' data of the Overview, from loaded frames, the way pandas is meant to be used.

    The same outputs as ours: `check_the_same` compares them.
    """
    # Only the columns that are asked for, and of the join only what it adds: else pandas copies every text.
    m = messages[COLUMNS].copy()
    owner = sessions.set_index("session_id")["user_id"]
    m["user_id"] = owner.array.take(owner.index.get_indexer(m["session_id"]), allow_fill=True)
    m["week"] = m["created_at"].dt.tz_localize(None).dt.to_period("W").dt.start_time
    replies, asked = m[m["role"] == "assistant"], m[m["role"] == "user"]
    replies = replies.assign(
        timed_s=replies["duration_s"].where(replies["status"] == "complete"),
        is_error=replies["status"] == "error",
        is_unpriced=replies["cost_usd"].isna(),
    )
    speaking = replies["timed_s"] - replies["time_to_first_chunk_s"].fillna(0)
    replies["speed"] = replies["output_tokens"].astype("float64") / speaking.where(speaking > 0)
    timed = replies["timed_s"].dropna()
    # Each person's months once, and only then what is computed of them.
    month = asked["created_at"].dt.tz_localize(None).dt.to_period("M").dt.start_time
    seen = pd.DataFrame({"month": month, "user_id": asked["user_id"]}).drop_duplicates()
    seen["cohort"] = seen.groupby("user_id", observed=True)["month"].transform("min")
    seen["age"] = (
        (seen["month"].dt.year - seen["cohort"].dt.year) * 12 + seen["month"].dt.month - seen["cohort"].dt.month
    )
    cohorts = seen.groupby(["cohort", "age"], as_index=False).agg(users=("user_id", "size"))
    cohorts["size"] = cohorts.groupby("cohort")["users"].transform("first")
    cohorts["share"] = cohorts["users"] / cohorts["size"]
    by_model = replies.groupby(["provider", "request_model"], observed=True)
    return {
        "overview": {
            "sessions": m["session_id"].nunique(),
            "messages": len(m),
            "active_users": m["user_id"].nunique(),
            "cost_usd": replies["cost_usd"].sum(),
            "median_latency_s": timed.median(),
            "error_rate": replies["is_error"].mean(),
            "unpriced": replies["is_unpriced"].sum(),
        },
        "volume": m.groupby(["week", "role"], observed=True).size(),
        "cost_over_time": replies.groupby(["week", "request_model"], observed=True).agg(
            cost_usd=("cost_usd", "sum"), unpriced=("is_unpriced", "sum")
        ),
        "latency_distribution": (
            np.floor(np.log10(timed.clip(0.001, 999_999)) * 10 + 1e-9).value_counts().sort_index(),
            timed.quantile([0.5, 0.95, 0.99]),
        ),
        "activity": asked.groupby([asked["created_at"].dt.day_of_week + 1, asked["created_at"].dt.hour]).size(),
        "retention": cohorts,
        "model_comparison": by_model.agg(
            calls=("message_id", "size"),
            sessions=("session_id", "nunique"),
            users=("user_id", "nunique"),
            cost_usd=("cost_usd", "sum"),
            unpriced=("is_unpriced", "sum"),
            mean_cost=("cost_usd", "mean"),
            median_latency_s=("timed_s", "median"),
            median_first_chunk_s=("time_to_first_chunk_s", "median"),
            median_tokens_per_s=("speed", "median"),
            mean_output_tokens=("output_tokens", "mean"),
            error_rate=("is_error", "mean"),
        ).assign(p95_latency_s=by_model["timed_s"].quantile(0.95)),
    }


def check_the_same(source: Source, sessions: pd.DataFrame, messages: pd.DataFrame) -> None:
    """Raise an AssertionError unless pandas finds the numbers that the metrics find."""
    theirs = overview_with_pandas(sessions, messages)
    ours = Snapshot(source).ask_all([getattr(metrics, name) for name in OVERVIEW])
    numbers = dict(zip(ours["overview"]["name"], ours["overview"]["value"], strict=True))
    for name, value in numbers.items():
        assert np.isclose(value, theirs["overview"][name]), name
    assert sorted(ours["volume"]["messages"]) == sorted(theirs["volume"])
    costs = ours["cost_over_time"]
    assert np.isclose(costs["cost_usd"].sum(), theirs["cost_over_time"]["cost_usd"].sum())
    assert sorted(costs["unpriced"]) == sorted(theirs["cost_over_time"]["unpriced"])
    buckets, marks = theirs["latency_distribution"]
    assert list(ours["latency_distribution"]["calls"]) == list(buckets)
    assert np.allclose(ours["latency_distribution"][["p50", "p95", "p99"]].iloc[0].astype(float), marks)
    assert list(ours["activity"]["messages"]) == list(theirs["activity"])
    for name in ("users", "size", "share"):
        assert np.allclose(ours["retention"][name].astype(float), theirs["retention"][name]), name
    models = ours["model_comparison"].sort_values("model")
    columns = [
        "calls",
        "sessions",
        "users",
        "cost_usd",
        "unpriced",
        "median_latency_s",
        "p95_latency_s",
        "median_first_chunk_s",
    ]
    columns += ["median_tokens_per_s", "mean_output_tokens", "error_rate"]
    found = theirs["model_comparison"].reset_index()
    found = found.sort_values("request_model", key=lambda names: names.astype(str))
    for name in columns:
        # The models that nobody knows the price of cost NULL here and 0 there.
        assert np.allclose(models[name].astype(float).fillna(0), found[name].astype(float).fillna(0)), name
    each = models["cost_per_1000_calls"].astype(float) / 1000
    assert np.allclose(each, found["mean_cost"].astype(float), equal_nan=True)


def measure(source: Source, with_pandas: bool) -> dict[str, float]:
    """Return seconds by what was done."""
    source.query(RAW)
    report, snapshot = Report(source), Snapshot(source)
    asked = [getattr(metrics, name) for name in OVERVIEW]
    newest = report.catalogue["newest"]
    month = {"start": newest - pd.Timedelta(days=30), "end": newest}
    times = {
        "raw GROUP BY hour, role with quantiles": median_s(lambda: source.query(RAW)),
        "Overview: numbers, from the file": median_s(lambda: metrics.ask_all(asked, source)),
        "Overview: numbers, from what was read before": median_s(lambda: snapshot.ask_all(asked)),
        "Overview: cold, with figures and JSON": median_s(lambda: [(r := Report(source)).frame(), r.view("Overview")]),
        "filter change (30 days), redrawn": median_s(lambda: report.narrowed(month).view("Overview")),
        "filter change (one model), redrawn": median_s(lambda: report.narrowed({"model": "gpt-5"}).view("Overview")),
        "bare Arrow to pandas": median_s(lambda: source.query(BARE).to_pandas(), 3),
        "ls.messages()": median_s(lambda: frames.messages(source), 3),
    }
    if with_pandas:
        sessions, messages = frames.sessions(source), frames.messages(source)
        check_the_same(source, sessions, messages)
        times["pandas: Overview on loaded frames"] = median_s(lambda: overview_with_pandas(sessions, messages), 3)
        times["pandas: reading the frames first"] = times["pandas: Overview on loaded frames"] + median_s(
            lambda: (frames.sessions(source), frames.messages(source)), 3
        )
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--skip-pandas", action="store_true")
    parser.add_argument("--processor", action="store_true", help="processor time: for a machine with other work")
    asked = parser.parse_args()
    if asked.processor:
        global clock
        clock = time.process_time
    with tempfile.TemporaryDirectory() as folder:
        tenth = demo_store(Path(folder) / "tenth.duckdb", messages=asked.messages // 10)
        whole = demo_store(Path(folder) / "whole.duckdb", messages=asked.messages)
        small, large = measure(tenth, False), measure(whole, not asked.skip_pandas)
        size = len(str(Report(whole).view("Overview")))
        print(f"DuckDB {duckdb.__version__}, {asked.messages:,} messages\n")
        for name, seconds in large.items():
            print(f"{name:44} {seconds:8.3f} s")
        raw = large["raw GROUP BY hour, role with quantiles"]
        cold_numbers, numbers = (
            large[f"Overview: numbers, from {place}"] for place in ("the file", "what was read before")
        )
        cold = large["Overview: cold, with figures and JSON"]
        ratios = {
            "Overview, cold / raw GROUP BY (at most 12)": cold / raw,
            "10 x the rows, Overview (at most 12)": cold / small["Overview: cold, with figures and JSON"],
            "ls.messages() / bare Arrow to pandas (at most 1.3)": large["ls.messages()"]
            / large["bare Arrow to pandas"],
        }
        if not asked.skip_pandas:
            ratios["pandas on loaded frames / Overview read before"] = (
                large["pandas: Overview on loaded frames"] / numbers
            )
            ratios["pandas, frames read first / Overview from the file"] = (
                large["pandas: reading the frames first"] / cold_numbers
            )
        print()
        for name, ratio in ratios.items():
            print(f"{name:52} {ratio:8.2f} x")
        print(f"{'figures of the Overview as JSON (below 1 MB)':52} {size / 1e6:8.3f} MB")
        runtime.close()


if __name__ == "__main__":
    main()
