"""Stores that the software itself wrote; samples/make_samples.py tells how."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

import langswarm_nb as ls

SAMPLES = Path(__file__).parent / "samples"
WEATHER = [
    ("user", "Weather in Oslo?", None),
    ("assistant", "", 21),
    ("tool", "rain in Oslo", None),
    ("assistant", "It says: rain in Oslo", 21),
]


def load(name: str, folder: Path) -> tuple[ls.DuckDBSessionStorage, list[tuple], dict[str, int]]:
    """Return a store with the sample, its messages (role, content, input tokens, active), and what was skipped."""
    path = folder / "sample.db"
    with sqlite3.connect(path) as written:
        written.executescript((SAMPLES / name).read_text())
    written.close()
    store = ls.DuckDBSessionStorage(":memory:")
    report = ls.import_conversations(path, source=store, progress=False)
    again = ls.import_conversations(path, source=store, progress=False)
    assert (again.messages_imported, again.messages_updated) == (0, 0)
    found = store.query(
        "SELECT role, content, input_tokens, is_active_branch FROM messages JOIN sessions USING (session_id) "
        "ORDER BY sessions.created_at, session_id, seq"
    )
    rows = [tuple(row.values()) for row in found.to_pylist()]
    return store, rows, {skipped.reason: skipped.count for skipped in report.skipped}


@pytest.mark.parametrize("version", ["0.27.1", "0.36"])
def test_llm_before_and_since_the_message_store(tmp_path, version):
    store, rows, skipped = load(f"llm-{version}.sql", tmp_path)
    assert rows[:5] == [("system", "Be short", None, True), *((*row, True) for row in WEATHER)]
    assert [row[:2] for row in rows[5:]] == [
        ("user", "What is this?"),
        ("assistant", "You said: What is this?"),
        ("user", "Thanks"),
        ("assistant", "You said: Thanks"),
        ("user", "a long file\nRead this"),
        ("assistant", "You said: a long file\nRead this"),
    ]
    assert skipped == {}
    calls = store.query("SELECT parts FROM messages WHERE json_array_length(parts) > 0 ORDER BY created_at, seq")
    call, picture = calls.column(0).to_pylist()
    assert '"arguments":{"city":"Oslo"}' in call
    assert '"media_type":"image/png"' in picture
    totals = "SELECT sum(input_tokens), sum(output_tokens), sum(cache_read_input_tokens) FROM messages"
    assert [*store.query(totals).to_pylist()[0].values()] == [105, 20, 40]
    titles = store.query("SELECT title FROM sessions ORDER BY created_at, session_id").column(0).to_pylist()
    assert titles == ["Weather in Oslo?", "What is this?", "a long file Read this"]


def test_openai_agents_plain(tmp_path):
    store, rows, skipped = load("openai-agents-0.24.0-plain.sql", tmp_path)
    assert [row[:2] for row in rows] == [
        ("user", "How is the weather?"),
        ("assistant", ""),
        ("tool", "rain in Oslo"),
        ("assistant", "It says: rain in Oslo"),
        ("user", "Thanks"),
        ("assistant", "It says: Thanks"),
    ]
    assert skipped == {}
    parts = store.query("SELECT parts FROM messages WHERE seq = 1").column(0).to_pylist()[0]
    assert parts.index('"I should look."') < parts.index('"name":"weather"')


def test_openai_agents_advanced_has_branches_and_usage(tmp_path):
    _, rows, skipped = load("openai-agents-0.24.0-advanced.sql", tmp_path)
    assert rows[3:] == [
        ("assistant", "It says: rain in Oslo", 209, True),
        ("user", "And tomorrow?", None, False),
        ("assistant", "It says: And tomorrow?", 106, False),
        ("user", "And in May?", None, True),
        ("assistant", "It says: And in May?", 107, True),
    ]
    assert skipped == {}


def test_openai_agents_encrypted_is_counted_and_not_read(tmp_path):
    _, rows, skipped = load("openai-agents-0.24.0-encrypted.sql", tmp_path)
    assert rows == []
    assert skipped == {"it is encrypted": 2, "it has no messages": 1}
