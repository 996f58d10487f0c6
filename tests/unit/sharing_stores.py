"""Stores with conversations of every shape, for the tests of exports."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from langswarm_nb.analytics.source import ArrowSource
from langswarm_nb.clock import new_id
from langswarm_nb.sharing.formats.tables import DuckDBWriter
from langswarm_nb.sharing.selection import Chunk
from langswarm_nb.storage.arrow import table_of_rows
from langswarm_nb.storage.rows import json_text
from langswarm_nb.storage.schema import TABLES

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
PIXEL = base64.b64encode(
    base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
).decode()

Row = dict[str, Any]


def session_row(session_id: str, **columns: Any) -> Row:
    base: Row = dict.fromkeys(TABLES["sessions"])
    base.update(
        session_id=session_id, user_id="u", provider="openai", model="gpt-5", status="active", tags=[],
        created_at=START, updated_at=START, config="{}", context="{}", metadata="{}",
    )  # fmt: skip
    return base | columns


def message_row(session_id: str, seq: int, role: str, content: str, **columns: Any) -> Row:
    base: Row = dict.fromkeys(TABLES["messages"])
    base.update(
        message_id=new_id(), session_id=session_id, seq=seq, turn=(seq + 1) // 2, is_active_branch=True, role=role,
        content=content, parts="[]", status="complete", created_at=START + timedelta(seconds=seq), metadata="{}",
        provider_metadata="{}",
    )  # fmt: skip
    return base | columns


def event_row(session_id: str, kind: str, **columns: Any) -> Row:
    base: Row = dict.fromkeys(TABLES["events"])
    base.update(event_id=new_id(), session_id=session_id, kind=kind, at=START, payload="{}")
    return base | columns


def chunk_of(sessions: Sequence[Row], messages: Sequence[Row], events: Sequence[Row] = ()) -> Chunk:
    rows = {"sessions": sessions, "messages": messages, "events": events}
    return Chunk({name: table_of_rows(name, found) for name, found in rows.items()})


def source_of(sessions: Sequence[Row], messages: Sequence[Row], events: Sequence[Row] = ()) -> ArrowSource:
    return ArrowSource(chunk_of(sessions, messages, events).tables)


def store_at(path: Path, sessions: Sequence[Row], messages: Sequence[Row], events: Sequence[Row] = ()) -> Path:
    """Write a store's file without a manager."""
    writer = DuckDBWriter(path, path, False)
    writer.write(chunk_of(sessions, messages, events))
    writer.close()
    return path


def rich_session(session_id: str = "s1") -> tuple[list[Row], list[Row], list[Row]]:
    """Return a conversation with branches, a tool call, reasoning, attachments, an error and an interrupted reply."""
    call = {"type": "tool_call", "id": "call_1", "name": "area", "arguments": {"width": 3, "height": 4}}
    first = message_row(session_id, 1, "user", "How large is *it*? <script>alert(1)</script>")
    files = [
        {"type": "image", "name": "dot.png", "media_type": "image/png", "data": PIXEL},
        {"type": "table", "name": "sales", "media_type": "text/csv", "text": "month,sold\nMay,12\n", "rows": 1},
        {"type": "file", "name": "x.bin", "media_type": "application/zip", "data": base64.b64encode(b"\0PK").decode()},
    ]
    first["parts"] = json_text(files)
    old = message_row(
        session_id, 2, "assistant", "An older answer.", parent_id=first["message_id"], is_active_branch=False
    )
    asked = message_row(
        session_id, 3, "assistant", "", parent_id=first["message_id"], request_model="gpt-5",
        finish_reason="tool_calls", parts=json_text([{"type": "reasoning", "text": "Width times height."}, call]),
    )  # fmt: skip
    result = message_row(
        session_id, 4, "tool", "12", parent_id=asked["message_id"], tool_name="area", tool_call_id="call_1"
    )
    reply = message_row(
        session_id, 5, "assistant", "It is:\n\n```python\nprint(3 * 4)\n```\n\nand in SQL\n\n```sql\nSELECT 12\n```\n",
        parent_id=result["message_id"], request_model="gpt-5", output_tokens=9, duration_s=1.25,
    )  # fmt: skip
    more = message_row(session_id, 6, "user", "Go on", parent_id=reply["message_id"])
    cut = message_row(
        session_id,
        7,
        "assistant",
        "Here it comes\n\n```python\nfor x in",
        parent_id=more["message_id"],
        status="interrupted",
    )
    session = session_row(
        session_id, title="Area <of> it", tags=["maths"], config=json_text({"system_prompt": "Be brief."})
    )
    messages = [first, old, asked, result, reply, more, cut]
    return (
        [session],
        messages,
        [event_row(session_id, "feedback", message_id=reply["message_id"], payload='{"value":1}')],
    )


# --- any session at all ---

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
_maybe = st.none() | words
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
_mapping = st.dictionaries(words, _json, max_size=3).map(json_text)
_times = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))
_counts = st.none() | st.integers(0, 2**40)
_durations = st.none() | st.floats(0, 1e6, allow_nan=False)
_money = st.none() | st.decimals(0, 10**6, allow_nan=False, allow_infinity=False, places=9)
_parts = st.lists(
    st.builds(lambda text: {"type": "reasoning", "text": text}, words)
    | st.builds(
        lambda i, n, a: {"type": "tool_call", "id": i, "name": n, "arguments": a}, words, words, st.just({"a": 1})
    )
    | st.just({"type": "image", "name": "dot.png", "media_type": "image/png", "data": PIXEL}),
    max_size=3,
).map(json_text)


@st.composite
def any_rows(draw: Any) -> tuple[list[Row], list[Row], list[Row]]:
    """Sessions, messages and events as the store holds them."""
    sessions, messages, events = [], [], []
    for number in range(draw(st.integers(1, 3))):
        session_id = f"{number}-{draw(words)}"
        names = (
            "title",
            "description",
            "provider_session_id",
            "parent_session_id",
            "notebook_path",
            "source",
            "source_id",
        )
        sessions.append(
            session_row(
                session_id,
                **{name: draw(_maybe) for name in names},
                user_id=draw(words),
                model=draw(words),
                tags=draw(st.lists(words, max_size=2)),
                created_at=draw(_times),
                updated_at=draw(_times),
                status=draw(st.sampled_from(["active", "archived", "idle"])),
                config=draw(_mapping),
                context=draw(_mapping),
                metadata=draw(_mapping),
            )
        )
        parent = None
        for seq in range(1, draw(st.integers(0, 4)) + 1):
            role = draw(st.sampled_from(["user", "assistant", "tool", "system"]))
            row = message_row(
                session_id, seq, role, draw(words), parent_id=parent, is_active_branch=draw(st.booleans()),
                author_name=draw(_maybe), parts=draw(_parts), created_at=draw(_times), metadata=draw(_mapping),
                provider_metadata=draw(_mapping), tool_name=draw(_maybe), tool_call_id=draw(_maybe),
                status=draw(st.sampled_from(["complete", "interrupted", "error"])), error_message=draw(_maybe),
                source=draw(_maybe), source_id=draw(_maybe), temperature=draw(_durations), max_tokens=draw(_counts),
            )  # fmt: skip
            if role == "assistant":
                row |= {
                    "input_tokens": draw(_counts), "output_tokens": draw(_counts), "cost_usd": draw(_money),
                    "duration_s": draw(_durations), "completed_at": draw(st.none() | _times),
                    "request_model": draw(_maybe), "cost_source": draw(st.sampled_from([None, "unpriced"])),
                }  # fmt: skip
            messages.append(row)
            parent = row["message_id"]
        events.extend(
            event_row(session_id, draw(words), payload=draw(_mapping), at=draw(_times), user_id=draw(_maybe))
            for _ in range(draw(st.integers(0, 2)))
        )
    return sessions, messages, events
