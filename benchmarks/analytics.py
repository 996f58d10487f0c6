"""How long the analytics take, as ratios to what a data person would do by hand.

    python benchmarks/analytics.py [--messages 1000000] [--skip-pandas]

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
import pandas as pd

from langswarm_nb import runtime
from langswarm_nb.analytics import frames, metrics
from langswarm_nb.analytics.demo import demo_store
from langswarm_nb.analytics.report import TABS, Report
from langswarm_nb.analytics.source import Source

RAW = """SELECT date_trunc('hour', created_at) AS hour, role, count(*) AS n,
                quantile_cont(duration_s, [0.5, 0.95, 0.99])
         FROM messages GROUP BY ALL"""
# Decimals as Python objects would be slower still; this is the fast way by hand.
BARE = "SELECT * REPLACE (cost_usd::DOUBLE AS cost_usd) FROM messages"
OVERVIEW = ("overview", *TABS["Overview"])


def median_s(work: Callable[[], Any], runs: int = 5) -> float:
    """Return the median seconds of `runs` runs of `work`."""
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def overview_with_pandas(sessions: pd.DataFrame, messages: pd.DataFrame) -> list[Any]:
    """Return what the Overview shows, computed the way a notebook would from loaded frames."""
    m = messages.merge(sessions[["session_id", "user_id", "model"]], on="session_id", how="left")
    replies, asked = m[m["role"] == "assistant"], m[m["role"] == "user"]
    complete = replies[replies["status"] == "complete"]
    week = m["created_at"].dt.tz_localize(None).dt.to_period("W")
    month = asked["created_at"].dt.tz_localize(None).dt.to_period("M")
    first = month.groupby(asked["user_id"], observed=True).transform("min")
    return [
        m["session_id"].nunique(),
        len(m),
        m["user_id"].nunique(),
        replies["cost_usd"].sum(),
        complete["duration_s"].median(),
        (replies["status"] == "error").mean(),
        m.groupby([week, "role"], observed=True).size(),
        replies.groupby([week[replies.index], "request_model"], observed=True)["cost_usd"].sum(),
        complete["duration_s"].quantile([0.5, 0.95, 0.99]),
        pd.cut(complete["duration_s"], 40).value_counts(),
        asked.groupby([asked["created_at"].dt.day_of_week, asked["created_at"].dt.hour]).size(),
        asked["user_id"].groupby([first, month], observed=True).nunique(),
        replies.groupby("request_model", observed=True).agg(
            calls=("message_id", "size"),
            users=("user_id", "nunique"),
            cost=("cost_usd", "sum"),
            p50=("duration_s", "median"),
            tokens=("output_tokens", "mean"),
        ),
    ]


def measure(source: Source, with_pandas: bool) -> dict[str, float]:
    """Return seconds by what was done."""
    source.query(RAW)
    report = Report(source)
    newest = report.catalogue["newest"]
    month = {"start": newest - pd.Timedelta(days=30), "end": newest}
    times = {
        "raw GROUP BY hour, role with quantiles": median_s(lambda: source.query(RAW)),
        "Overview: numbers": median_s(lambda: metrics.ask_all([getattr(metrics, n) for n in OVERVIEW], source)),
        "Overview: cold, with figures and JSON": median_s(lambda: [(r := Report(source)).frame(), r.view("Overview")]),
        "filter change (30 days), redrawn": median_s(lambda: report.narrowed(month).view("Overview")),
        "filter change (one model), redrawn": median_s(lambda: report.narrowed({"model": "gpt-5"}).view("Overview")),
        "bare Arrow to pandas": median_s(lambda: source.query(BARE).to_pandas(), 3),
        "ls.messages()": median_s(lambda: frames.messages(source), 3),
    }
    if with_pandas:
        sessions, messages = frames.sessions(source), frames.messages(source)
        times["pandas: Overview on loaded frames"] = median_s(lambda: overview_with_pandas(sessions, messages), 3)
        times["pandas: reading the frames first"] = times["pandas: Overview on loaded frames"] + median_s(
            lambda: (frames.sessions(source), frames.messages(source)), 3
        )
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--skip-pandas", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tenth = demo_store(Path(folder) / "tenth.duckdb", messages=asked.messages // 10)
        whole = demo_store(Path(folder) / "whole.duckdb", messages=asked.messages)
        small, large = measure(tenth, False), measure(whole, not asked.skip_pandas)
        size = len(str(Report(whole).view("Overview")))
        print(f"DuckDB {duckdb.__version__}, {asked.messages:,} messages\n")
        for name, seconds in large.items():
            print(f"{name:42} {seconds:8.3f} s")
        raw, numbers = large["raw GROUP BY hour, role with quantiles"], large["Overview: numbers"]
        cold = large["Overview: cold, with figures and JSON"]
        ratios = {
            "Overview, cold / raw GROUP BY (at most 12)": cold / raw,
            "10 x the rows, Overview (at most 12)": cold / small["Overview: cold, with figures and JSON"],
            "ls.messages() / bare Arrow to pandas (at most 1.3)": large["ls.messages()"]
            / large["bare Arrow to pandas"],
        }
        if not asked.skip_pandas:
            ratios["pandas on loaded frames / Overview"] = large["pandas: Overview on loaded frames"] / numbers
            ratios["pandas with reading / Overview"] = large["pandas: reading the frames first"] / numbers
        print()
        for name, ratio in ratios.items():
            print(f"{name:52} {ratio:8.2f} x")
        print(f"{'figures of the Overview as JSON (below 1 MB)':52} {size / 1e6:8.3f} MB")
        runtime.close()


if __name__ == "__main__":
    main()
