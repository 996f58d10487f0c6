"""Charts: the tidy frame of a metric in, a `go.Figure` out, under the same name.

    figures.cost_over_time(metrics.cost_over_time("team.duckdb")).show(config=figures.CONFIG)

Each takes `theme`, "light" or "dark"; those with models take `colors`, a colour for each (`colors_of`). A frame
without rows gives a figure that says so. Texts that people wrote are shown as they are, never as markup.
"""

from .changes import cost_today, diagnose, topics
from .conversations import (
    dearest_sessions,
    longest_sessions,
    search,
    session_durations,
    session_lengths,
    similar,
)
from .cost import cache_health, cost_by_model, cost_over_time, tokens_by_model, tokens_over_time
from .outcome import error_rate, errors, feedback, finish_reasons, model_comparison
from .speed import latency, latency_distribution, latency_over_time, time_to_first_chunk, tokens_per_second
from .style import CONFIG, PALETTE, colors_of, template
from .tiles import overview
from .usage import active_users, activity, retention, users, volume

__all__ = [
    "CONFIG",
    "PALETTE",
    "active_users",
    "activity",
    "cache_health",
    "colors_of",
    "cost_by_model",
    "cost_over_time",
    "cost_today",
    "dearest_sessions",
    "diagnose",
    "error_rate",
    "errors",
    "feedback",
    "finish_reasons",
    "latency",
    "latency_distribution",
    "latency_over_time",
    "longest_sessions",
    "model_comparison",
    "overview",
    "retention",
    "search",
    "session_durations",
    "session_lengths",
    "similar",
    "template",
    "time_to_first_chunk",
    "tokens_by_model",
    "tokens_over_time",
    "tokens_per_second",
    "topics",
    "users",
    "volume",
]
