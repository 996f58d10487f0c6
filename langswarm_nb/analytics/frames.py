"""The store as pandas DataFrames, through Arrow.

Every function takes a source: a session manager, a storage, a path or location, or None for the default store.

Types: times are UTC and timezone-aware; counts and tokens are Int64, so that an unknown one is <NA> and never 0;
durations are float seconds; `cost_usd` is float dollars (the store keeps nine decimals exactly: sum in SQL where cents
must agree to the last digit); words that repeat (role, status, provider, models, ...) are categories; JSON columns are
text.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, overload

from ..errors import ConfigurationError
from ..storage.schema import MESSAGES
from .as_stored import rows_as_stored
from .source import Params, opened

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

# Few words, many rows: there a category is smaller, and faster to group by, than text.
_CATEGORIES = frozenset(
    {
        "cost_source",
        "error_type",
        "finish_reason",
        "kind",
        "model",
        "provider",
        "reasoning_level",
        "request_model",
        "response_model",
        "role",
        "source",
        "status",
        "tool_name",
        "user_id",
    }
)


def sessions(source: Any = None) -> pd.DataFrame:
    """Return one row a session, oldest first.

    `session_id`; `user_id`, `provider`, `model`, `status` (active, idle, archived, error; deleted: in the trash) as
    categories; `title`, `description`, `tags` (a list); `created_at`, `updated_at`; `provider_session_id` (the
    provider's own id); `parent_session_id`, `forked_from_id`; `notebook_path`; `source`, `source_id` (where an import
    came from); `config`, `context`, `metadata` (JSON text).

    Computed: `message_count` and `turn_count` of the active branch; `input_tokens`, `output_tokens` and `cost_usd` of
    all branches, <NA> where nothing is known; `unpriced_count` (replies without a known cost); `error_count`;
    `first_message_at`, `last_message_at`, `last_activity`; `duration_s` from first to last message.
    """
    text = "SELECT * REPLACE (cost_usd::DOUBLE AS cost_usd) FROM session_summary ORDER BY created_at, session_id"
    with opened(source) as opened_source:
        return to_frame(opened_source.query(text))


@overload
def messages(source: Any = None, session_id: str | None = None, batches: None = None) -> pd.DataFrame: ...
@overload
def messages(source: Any = None, session_id: str | None = None, *, batches: int) -> Iterator[pd.DataFrame]: ...
def messages(
    source: Any = None, session_id: str | None = None, batches: int | None = None
) -> pd.DataFrame | Iterator[pd.DataFrame]:
    """Return one row a message, of one session (in its order) or all (as they were stored); of every branch.

    With `batches=n` yield frames of n rows instead.
    Batches hold the memory of one batch only and come in order of `message_id`, which is order of time for what was
    written here. `df[df.is_active_branch]` keeps the conversations as they read today.

    - identity: `message_id`, `session_id`, `parent_id`, `seq` (place in the session), `turn`, `is_active_branch`,
      `role` (system, user, assistant, tool), `author_name`
    - content: `content` (text), `parts` (JSON text: images, files, tool calls, reasoning)
    - call, on replies: `provider`, `request_model` (asked for), `response_model` (answered), `provider_message_id`,
      `finish_reason`, `status` (complete, streaming, interrupted, error), `error_type`, `error_message`
    - tools: `tool_name`, `tool_call_id`
    - usage, on replies: `input_tokens` (with cached ones), `output_tokens` (with reasoning),
      `cache_read_input_tokens`, `cache_write_input_tokens`, `reasoning_output_tokens`, `cost_usd` (<NA>: unpriced),
      `cost_source` (provider, genai-prices, unpriced)
    - timing: `created_at`, `completed_at`, `duration_s`, `time_to_first_chunk_s`
    - request: `temperature`, `max_tokens`, `reasoning_level`
    - provenance: `source`, `source_id`, `metadata`, `provider_metadata` (JSON text)
    """
    if batches is not None:
        if batches < 1:
            raise ConfigurationError(f"batches must be at least 1; it is {batches!r}.")
        return _in_batches(source, session_id, batches)
    where, params = _of_session(session_id)
    with opened(source) as opened_source:
        if session_id is None:
            return to_frame(rows_as_stored(opened_source, _MESSAGES))
        order = "ORDER BY seq NULLS LAST, created_at, message_id"
        return to_frame(opened_source.query(f"{_MESSAGES} {where} {order}", params))


_REPLACED = {
    "cost_usd": "cost_usd::DOUBLE AS cost_usd",
    "is_active_branch": "coalesce(is_active_branch, true) AS is_active_branch",
}
_MESSAGES = f"SELECT {', '.join(_REPLACED.get(column, column) for column in MESSAGES)} FROM messages"


def _of_session(session_id: str | None) -> tuple[str, dict[str, Any]]:
    return ("", {}) if session_id is None else ("WHERE session_id = $session_id", {"session_id": session_id})


def _in_batches(source: Any, session_id: str | None, size: int) -> Iterator[pd.DataFrame]:
    where, params = _of_session(session_id)
    with opened(source) as opened_source:
        last_ids = opened_source.query(
            f"""SELECT message_id FROM (SELECT message_id, row_number() OVER (ORDER BY message_id) AS place
                                        FROM messages {where}) WHERE place % {size:d} = 0 ORDER BY message_id""",
            params,
        ).column(0)
        bounds = [None, *last_ids.to_pylist(), None]
        for low, high in pairwise(bounds):
            limits = {"low": low, "high": high}
            within = " AND ".join(
                [where.removeprefix("WHERE ") or "true"]
                + ["message_id > $low"] * (low is not None)
                + ["message_id <= $high"] * (high is not None)
            )
            bound = params | {name: value for name, value in limits.items() if value is not None}
            batch = opened_source.query(f"{_MESSAGES} WHERE {within} ORDER BY message_id", bound)
            if batch.num_rows:
                yield to_frame(batch)


def turns(source: Any = None) -> pd.DataFrame:
    """Return one row a turn of the active branch: what the user asked and all that answered it, oldest first.

    `session_id`, `turn`, `user_id`, `provider`, `model`; `prompt`, `reply` (the last one); `started_at`,
    `completed_at`, `duration_s` (of the replies), `time_to_first_chunk_s` (of the first); `replies`, `tool_results`;
    `input_tokens`, `output_tokens`, `cost_usd` (<NA> where nothing is known), `unpriced_count`; `status` and
    `finish_reason` of the last reply. A turn is counted from each user message; what comes before the first is turn 0
    and left out.
    """
    with opened(source) as opened_source:
        return to_frame(opened_source.query(_TURNS))


_TURNS = """
WITH numbered AS (
    SELECT *, count(*) FILTER (role = 'user') OVER (
        PARTITION BY session_id ORDER BY seq NULLS LAST, created_at, message_id ROWS UNBOUNDED PRECEDING) AS number
    FROM messages WHERE coalesce(is_active_branch, true)
)
SELECT n.session_id, n.number AS turn, any_value(s.user_id) AS user_id,
       coalesce(max(n.provider), any_value(s.provider)) AS provider,
       coalesce(arg_max(coalesce(n.request_model, n.response_model), n.seq), any_value(s.model)) AS model,
       max(content) FILTER (role = 'user') AS prompt,
       arg_max(content, n.seq) FILTER (role = 'assistant') AS reply,
       min(n.created_at) AS started_at, max(coalesce(n.completed_at, n.created_at)) AS completed_at,
       sum(n.duration_s) FILTER (role = 'assistant') AS duration_s,
       arg_min(n.time_to_first_chunk_s, n.seq) FILTER (role = 'assistant') AS time_to_first_chunk_s,
       count(*) FILTER (role = 'assistant') AS replies, count(*) FILTER (role = 'tool') AS tool_results,
       TRY_CAST(sum(n.input_tokens) AS BIGINT) AS input_tokens,
       TRY_CAST(sum(n.output_tokens) AS BIGINT) AS output_tokens,
       sum(n.cost_usd)::DOUBLE AS cost_usd,
       count(*) FILTER (role = 'assistant' AND n.cost_usd IS NULL) AS unpriced_count,
       arg_max(n.status, n.seq) FILTER (role = 'assistant') AS status,
       arg_max(n.finish_reason, n.seq) FILTER (role = 'assistant') AS finish_reason
FROM numbered n LEFT JOIN sessions s USING (session_id)
WHERE n.number > 0
GROUP BY n.session_id, n.number
ORDER BY started_at, n.session_id, n.number
"""


def events(source: Any = None) -> pd.DataFrame:
    """Return the audit trail, one row an event, oldest first.

    `event_id`, `session_id`, `message_id`, `kind` (feedback, retry, error, archive, permission change, import, ...),
    `user_id`, `at`, `payload` (JSON text).
    """
    with opened(source) as opened_source:
        return to_frame(opened_source.query('SELECT * FROM events ORDER BY "at", event_id'))


def sql(query: str, source: Any = None, params: Params | None = None) -> pd.DataFrame:
    """Return the result of one SELECT over `sessions`, `messages`, `events` and `session_summary`.

    `params` are bound: a list for `?`, a dict for `$name`. The statement can neither write nor reach files or the
    network. Times come in UTC.
    """
    with opened(source) as opened_source:
        return to_frame(opened_source.query(query, params, untrusted=True), frozenset())


def to_frame(table: pa.Table, categories: frozenset[str] = _CATEGORIES) -> pd.DataFrame:
    """Return the table with the types promised above; text columns named in `categories` become categories."""
    import pandas as pd
    import pyarrow as pa

    columns = [
        _typed(column, name in categories) for name, column in zip(table.column_names, table.columns, strict=True)
    ]
    whole = {kind: pd.Int64Dtype() for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64())}
    return pa.Table.from_arrays(columns, names=table.column_names).to_pandas(types_mapper=whole.get)


def _typed(column: pa.ChunkedArray, is_category: bool) -> pa.ChunkedArray:
    import pyarrow as pa

    kind = column.type
    if is_category and pa.types.is_string(kind):
        return column.dictionary_encode()
    if pa.types.is_timestamp(kind) and kind.tz not in (None, "UTC"):
        return column.cast(pa.timestamp(kind.unit, tz="UTC"))
    if pa.types.is_decimal(kind):
        if kind.scale == 0:  # how a sum of whole numbers comes; past 64 bits it is better rounded than refused
            try:
                return column.cast(pa.int64())
            except pa.ArrowInvalid:
                pass
        return column.cast(pa.float64())
    return column
