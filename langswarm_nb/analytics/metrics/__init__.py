"""Questions with their SQL: call one like a function and a tidy DataFrame comes back.

    metrics.cost_by_model()                                  # over the default store
    metrics.latency("team.duckdb", start="2026-10-01", model=["gpt-5", "claude-sonnet-5"])
    print(metrics.latency.sql)

Each takes a source (a manager, a storage, a path, None for the default store) and the filters of `Filters`: start,
end, user_id, provider, model, status, tz, bin. All rows of `messages` count, on every branch, unless a metric says
otherwise. Unknown is NULL, never 0.
"""

from .calls import (
    cache_health,
    cost_by_model,
    cost_over_time,
    diagnose,
    error_rate,
    errors,
    feedback,
    finish_reasons,
    latency,
    latency_distribution,
    latency_over_time,
    model_comparison,
    time_to_first_chunk,
    tokens_by_model,
    tokens_over_time,
    tokens_per_second,
)
from .prices import cost_today
from .statement import BINS, Filters, Metric, ask_all
from .usage import (
    active_users,
    activity,
    dearest_sessions,
    longest_sessions,
    overview,
    retention,
    session_durations,
    session_lengths,
    users,
    volume,
)

__all__ = [
    "BINS",
    "Filters",
    "Metric",
    "active_users",
    "activity",
    "ask_all",
    "cache_health",
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
    "session_durations",
    "session_lengths",
    "time_to_first_chunk",
    "tokens_by_model",
    "tokens_over_time",
    "tokens_per_second",
    "users",
    "volume",
]
