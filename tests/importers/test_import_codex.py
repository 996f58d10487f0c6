# ruff: noqa: E501 — lines of data
"""Codex CLI's logs: totals that repeat, forks, subagents, and sessions that were taken back."""

from __future__ import annotations

import json
from typing import Any

import import_samples as samples
import pytest
from imported import load, one, reasons, rows

pytestmark = pytest.mark.filterwarnings("error")


def test_codex_repeated_totals_are_counted_once(tmp_path, store):
    name = "rollout-2026-05-01T10-00-00-p.jsonl"
    report = load(samples.lines(tmp_path / name, samples.codex()), store)
    assert [role for role, _ in rows(store)] == ["user", "assistant", "tool", "assistant"]
    assert rows(store, "input_tokens, output_tokens, cache_read_input_tokens, response_model", "role = 'assistant'") == [
        (1000, 50, 500, "gpt-5-codex"), (1200, 30, 600, "gpt-5-codex"),
    ]  # fmt: skip
    parts = json.loads(rows(store, "parts", "role = 'assistant'")[0][0])
    assert parts[1]["arguments"] == {"command": ["ls"]}
    assert reasons(report) == {"context that Codex adds itself": 1}
    assert one(store, "title") == "Fix the test"


SPAWNED = {"source": {"subagent": {"thread_spawn": {"parent_thread_id": "p", "depth": 1}}}}


@pytest.mark.parametrize(("told", "copied_from"), [({"forked_from_id": "p"}, 0), ({}, 0), (SPAWNED, 1)])
def test_codex_forks_inherit_nothing_twice(tmp_path, store, told, copied_from):
    samples.lines(tmp_path / "rollout-2026-05-01T10-00-00-p.jsonl", samples.codex("p"))
    own = {**samples.codex("child")[0]["payload"], **told}
    replayed = [{**line, "timestamp": "2026-05-02T10:00:00.000Z"} for line in samples.codex("p")[copied_from:]]
    fork = [
        samples.codex_line("session_meta", own), *replayed,
        samples.codex_said("user", "Another way", 20), samples.codex_said("assistant", "So.", 21),
        samples.codex_total(22, 3000, 90, (800, 10)),
        samples.codex_line("event_msg", {"type": "thread_name_updated", "thread_name": "Both ways"}, 23),
    ]  # fmt: skip
    samples.lines(tmp_path / "rollout-2026-05-02T10-00-00-child.jsonl", fork)
    report = load(tmp_path, store)
    assert report.messages_imported == 6
    totals = store.query("SELECT sum(input_tokens), sum(output_tokens) FROM messages").to_pylist()[0]
    assert [int(value) for value in totals.values()] == [3000, 90]
    assert store.query("SELECT title FROM sessions ORDER BY title").column(0).to_pylist() == [
        "Both ways",
        "Fix the test",
    ]
    forked = store.query("SELECT forked_from_id, session_id FROM sessions ORDER BY created_at").to_pylist()
    assert {row["forked_from_id"] for row in forked} == {
        None,
        *(r["session_id"] for r in forked if not r["forked_from_id"]),
    }


def test_a_codex_fork_without_its_parent_says_so(tmp_path, store):
    fork = samples.codex("child")
    fork[0]["payload"]["forked_from_id"] = "p"
    report = load(samples.lines(tmp_path / "rollout-2026-05-02T10-00-00-child.jsonl", fork), store)
    (told,) = [skipped for skipped in report.skipped if skipped.what == "fork's parent"]
    assert "counts as the fork's own" in told.reason
    assert told.examples == ["child"]


@pytest.mark.parametrize("told", [{"forked_from_id": "p"}, SPAWNED])
def test_a_codex_fork_without_its_parent_leaves_out_the_tokens_of_the_copy(tmp_path, store, told):
    def at(line: dict[str, Any], time: str) -> dict[str, Any]:
        return {**line, "timestamp": f"2026-05-02T10:00:{time}Z"}

    own = at(samples.codex_line("session_meta", {**samples.codex("child")[0]["payload"], **told}), "00.000")
    # Written anew in one go, as Codex does it; then the fork's own turn.
    copied = [at(line, f"00.{number:03}") for number, line in enumerate(samples.codex("p"))]
    later = [
        at(samples.codex_said("user", "Another way", 0), "00.020"),
        at(samples.codex_said("assistant", "So.", 0), "02.500"), at(samples.codex_total(0, 3000, 90), "02.600"),
        at(samples.codex_said("user", "And so on", 0), "02.610"),
        at(samples.codex_said("assistant", "On.", 0), "02.620"), at(samples.codex_total(0, 3100, 95), "02.630"),
    ]  # fmt: skip
    report = load(samples.lines(tmp_path / "rollout-2026-05-02T10-00-00-child.jsonl", [own, *copied, *later]), store)
    assert [content for _, content in rows(store)][-4:] == ["Another way", "So.", "And so on", "On."]
    assert rows(store, "content, input_tokens, output_tokens", "role = 'assistant'") == [
        ("", None, None), ("Done.", None, None), ("So.", 800, 10), ("On.", 100, 5),
    ]  # fmt: skip
    assert [skipped.reason for skipped in report.skipped if skipped.what == "fork's parent"] == [
        "it is not in this import: what was copied from it is kept here, without its tokens"
    ]


def numbered(lines: list[dict[str, Any]], begin: int = 0) -> list[dict[str, Any]]:
    return [{**line, "ordinal": begin + number} for number, line in enumerate(lines)]


SUBAGENT = {**SPAWNED, "parent_thread_id": "p", "history_mode": "paginated", "subagent_history_start_ordinal": 5}


@pytest.mark.parametrize("with_parent", [False, True])
def test_a_codex_subagent_says_from_which_line_on_it_speaks_for_itself(tmp_path, store, with_parent):
    if with_parent:
        samples.lines(tmp_path / "rollout-2026-05-01T10-00-00-p.jsonl", numbered(samples.codex("p")))
    own = samples.codex_line("session_meta", {**samples.codex("child")[0]["payload"], **SUBAGENT})
    # What it got along is a part of what was said, and its own first reply comes as fast as a copy.
    copied = [
        samples.codex("p")[0], samples.codex_said("user", "Fix the test", 2),
        samples.codex_said("assistant", "Done.", 7), samples.codex_total(8, 2200, 80, (1200, 30)),
    ]  # fmt: skip
    later = [
        samples.codex_said("user", "Look at b.py", 8), samples.codex_said("assistant", "Fine.", 8),
        samples.codex_total(8, 2300, 85, (100, 5)),
    ]  # fmt: skip
    path = samples.lines(tmp_path / "rollout-2026-05-02T10-00-00-child.jsonl", numbered([own, *copied, *later]))
    report = load(tmp_path if with_parent else path, store)
    said = rows(store, "content, input_tokens, output_tokens", "content IN ('Look at b.py', 'Done.', 'Fine.')")
    assert said.count(("Fine.", 100, 5)) == 1
    assert len(said) == 3  # what the parent said is there once
    totals = store.query("SELECT sum(input_tokens), sum(output_tokens) FROM messages").to_pylist()[0]
    assert [int(value) for value in totals.values()] == ([2300, 85] if with_parent else [100, 5])
    missing = [skipped.reason for skipped in report.skipped if skipped.what == "fork's parent"]
    assert missing == ([] if with_parent else [_WITHOUT_TOKENS])


_WITHOUT_TOKENS = "it is not in this import: what was copied from it is kept here, without its tokens"


def test_a_codex_fork_that_refers_to_its_parent_has_copied_nothing(tmp_path, store):
    told = {"forked_from_id": "p", "forked_from_ordinal_exclusive": 12, "history_mode": "paginated"}
    base = {"thread_id": "p", "end_ordinal_exclusive": 12, "end_byte_offset": 900}
    own = samples.codex_line(
        "session_meta", {**samples.codex("child")[0]["payload"], **told, "history_base": base}
    )  # fmt: skip
    # All at once, as a copy would come; the running total goes on from the parent's.
    lines = [
        samples.codex_said("user", "Another way", 0), samples.codex_said("assistant", "So.", 0),
        samples.codex_total(0, 3000, 90, (800, 10)), samples.codex_said("assistant", "On.", 0),
        samples.codex_total(0, 3100, 95),
    ]  # fmt: skip
    path = samples.lines(tmp_path / "rollout-2026-05-02T10-00-00-child.jsonl", numbered([own, *lines], 13))
    load(path, store)
    assert rows(store, "content, input_tokens, output_tokens") == [
        ("Another way", None, None), ("So.", 800, 10), ("On.", 100, 5),
    ]  # fmt: skip


def test_a_codex_session_that_was_taken_back_goes_on_beside_what_was_said_before(tmp_path, store):
    samples.lines(tmp_path / "rollout-2026-05-01T10-00-00-p.jsonl", numbered(samples.codex("p")))
    base = {"thread_id": "p", "end_ordinal_exclusive": 4, "end_byte_offset": 900}
    own = samples.codex_line(
        "session_meta", {**samples.codex("p")[0]["payload"], "history_mode": "paginated", "history_base": base}
    )  # fmt: skip
    again = [own, samples.codex_said("user", "Otherwise", 20), samples.codex_said("assistant", "Well.", 21)]
    samples.lines(
        tmp_path / "rollout-2026-05-01T11-00-00-p_p2.jsonl", numbered([*again, samples.codex_total(22, 5, 5)], 4)
    )
    report = load(tmp_path, store)
    assert [content for _, content in rows(store)] == ["Fix the test", "", "test.py", "Done.", "Otherwise", "Well."]
    sessions = store.query("SELECT source_id, forked_from_id, session_id FROM sessions ORDER BY source_id").to_pylist()
    assert [row["source_id"] for row in sessions] == ["p", "p2"]
    assert sessions[1]["forked_from_id"] == sessions[0]["session_id"]
    # Without the last call's own count its total cannot be told from what was before.
    assert "how much of it is another session's is not told" in reasons(report)
    assert load(tmp_path, store).messages_imported == 0
