"""Small stores for the analytics' tests: rows in, a source out."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from langswarm_nb.analytics.source import ArrowSource
from langswarm_nb.storage.schema import TABLES

START = datetime(2026, 3, 1, tzinfo=UTC)
_ARROW = {
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMPTZ": pa.timestamp("us", tz="UTC"),
    "DECIMAL(18,9)": pa.decimal128(18, 9),
    "VARCHAR[]": pa.list_(pa.string()),
}


def store_of(
    messages: list[dict[str, Any]],
    sessions: list[dict[str, Any]] | None = None,
    events: list[dict[str, Any]] | None = None,
) -> ArrowSource:
    """Return a source with these rows; a session that only messages name is made up for them."""
    numbers = itertools.count()
    messages = [
        {"message_id": f"m{next(numbers):06d}", "session_id": "s1", "role": "assistant", "created_at": START, **row}
        for row in messages
    ]
    if sessions is None:
        names = dict.fromkeys(row["session_id"] for row in messages)
        sessions = [{"session_id": name, "user_id": f"user of {name}", "created_at": START} for name in names]
    rows = {"sessions": sessions, "messages": messages, "events": events or []}
    return ArrowSource(
        {
            name: pa.table(
                {
                    column: pa.array([row.get(column) for row in rows[name]], _ARROW.get(kind, pa.string()))
                    for column, kind in columns.items()
                }
            )
            for name, columns in TABLES.items()
        }
    )


def _message(at: datetime, role: str, rest: dict[str, Any]) -> dict[str, Any]:
    return {"created_at": at, "role": role, **(rest if role == "assistant" else {})}


# Some of it cannot be: below zero.
tokens = st.none() | st.integers(-50, 10_000)
replies = st.fixed_dictionaries(
    {
        "provider": st.sampled_from(["openai", "anthropic", None]),
        "request_model": st.sampled_from(["a", "b", "c", None]),
        "status": st.sampled_from(["complete", "complete", "error", "interrupted", None]),
        "finish_reason": st.sampled_from(["stop", "length", None]),
        "error_type": st.sampled_from(["timeout", "limit", None]),
        "input_tokens": tokens,
        "output_tokens": tokens,
        "cache_read_input_tokens": st.none() | st.integers(-5, 50),
        "reasoning_output_tokens": st.none() | st.integers(0, 50),
        "cost_usd": st.none() | st.integers(-(10**8), 10**9).map(lambda nanos: Decimal(nanos) / 10**9),
        "duration_s": st.none() | st.floats(-10, 1e5),
        "time_to_first_chunk_s": st.none() | st.floats(-10, 1e3),
        "is_active_branch": st.booleans(),
    }
)
message_rows = st.lists(
    st.builds(
        lambda session, seconds, role, rest: {
            "session_id": session,
            **_message(START + timedelta(seconds=seconds), role, rest),
        },
        st.sampled_from(["s1", "s2", "s3", "s4"]),
        st.integers(0, 400 * 86_400),
        st.sampled_from(["user", "assistant", "tool", "system"]),
        replies,
    ),
    max_size=40,
)
