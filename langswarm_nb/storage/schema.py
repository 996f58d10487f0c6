"""The logical model: every table and column, with DuckDB's type, once for all storages.

Times are UTC; `_s` columns are seconds; tokens are counts; money is US dollars. NULL means unknown.
Only what DuckLake has may be used: no keys, no constraints, no sequences.
"""

from __future__ import annotations

SESSIONS: dict[str, str] = {
    "session_id": "VARCHAR",
    "user_id": "VARCHAR",
    "provider": "VARCHAR",
    "model": "VARCHAR",
    "status": "VARCHAR",
    "title": "VARCHAR",
    "description": "VARCHAR",
    "tags": "VARCHAR[]",
    "created_at": "TIMESTAMPTZ",
    "updated_at": "TIMESTAMPTZ",
    "provider_session_id": "VARCHAR",
    "parent_session_id": "VARCHAR",
    "forked_from_id": "VARCHAR",
    "notebook_path": "VARCHAR",
    "source": "VARCHAR",
    "source_id": "VARCHAR",
    "config": "JSON",
    "context": "JSON",
    "metadata": "JSON",
}

MESSAGES: dict[str, str] = {
    "message_id": "VARCHAR",
    "session_id": "VARCHAR",
    "parent_id": "VARCHAR",
    "seq": "BIGINT",
    "turn": "BIGINT",
    "is_active_branch": "BOOLEAN",
    "role": "VARCHAR",
    "author_name": "VARCHAR",
    "content": "VARCHAR",
    "parts": "JSON",
    "provider": "VARCHAR",
    "request_model": "VARCHAR",
    "response_model": "VARCHAR",
    "provider_message_id": "VARCHAR",
    "finish_reason": "VARCHAR",
    "status": "VARCHAR",
    "error_type": "VARCHAR",
    "error_message": "VARCHAR",
    "tool_name": "VARCHAR",
    "tool_call_id": "VARCHAR",
    "input_tokens": "BIGINT",
    "output_tokens": "BIGINT",
    "cache_read_input_tokens": "BIGINT",
    "cache_write_input_tokens": "BIGINT",
    "reasoning_output_tokens": "BIGINT",
    "cost_usd": "DECIMAL(18,9)",
    "cost_source": "VARCHAR",
    "created_at": "TIMESTAMPTZ",
    "completed_at": "TIMESTAMPTZ",
    "duration_s": "DOUBLE",
    "time_to_first_chunk_s": "DOUBLE",
    "temperature": "DOUBLE",
    "max_tokens": "BIGINT",
    "reasoning_level": "VARCHAR",
    "source": "VARCHAR",
    "source_id": "VARCHAR",
    "metadata": "JSON",
    "provider_metadata": "JSON",
}

EVENTS: dict[str, str] = {
    "event_id": "VARCHAR",
    "session_id": "VARCHAR",
    "message_id": "VARCHAR",
    "kind": "VARCHAR",
    "user_id": "VARCHAR",
    "at": "TIMESTAMPTZ",
    "payload": "JSON",
}

TABLES: dict[str, dict[str, str]] = {"sessions": SESSIONS, "messages": MESSAGES, "events": EVENTS}

# The column that tells a table's rows apart.
IDS: dict[str, str] = {"sessions": "session_id", "messages": "message_id", "events": "event_id"}

# One row a session; counts only the active branch, except for cost, which was paid on every branch.
SESSION_SUMMARY = """
SELECT s.*,
       coalesce(m.message_count, 0) AS message_count,
       coalesce(m.turn_count, 0) AS turn_count,
       m.input_tokens, m.output_tokens, m.cost_usd,
       coalesce(m.unpriced_count, 0) AS unpriced_count,
       coalesce(m.error_count, 0) AS error_count,
       m.first_message_at, m.last_message_at,
       greatest(s.updated_at, m.last_message_at) AS last_activity,
       date_diff('millisecond', m.first_message_at, m.last_message_at) / 1000.0 AS duration_s
FROM sessions s
LEFT JOIN (
    SELECT session_id,
           count(*) FILTER (WHERE is_active_branch) AS message_count,
           count(*) FILTER (WHERE is_active_branch AND role = 'user') AS turn_count,
           TRY_CAST(sum(input_tokens) AS BIGINT) AS input_tokens,
           TRY_CAST(sum(output_tokens) AS BIGINT) AS output_tokens,
           sum(cost_usd) AS cost_usd,
           count(*) FILTER (WHERE role = 'assistant' AND cost_usd IS NULL) AS unpriced_count,
           count(*) FILTER (WHERE status = 'error') AS error_count,
           min(created_at) AS first_message_at,
           max(coalesce(completed_at, created_at)) AS last_message_at
    FROM messages GROUP BY session_id
) m USING (session_id)
"""


def create_table(name: str, columns: dict[str, str]) -> str:
    """Return the DuckDB statement that makes the table."""
    # Quoted: `at` is a keyword.
    described = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
    return f"CREATE TABLE {name} ({described})"
