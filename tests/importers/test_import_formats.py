# ruff: noqa: E501 — lines of data
"""Each format, as its tool writes it, and the traps that are known of it."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import import_samples as samples
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from imported import load, one, reasons, rows

import langswarm_nb as ls

pytestmark = pytest.mark.filterwarnings("error")


def as_file(path: Path, value) -> Path:
    path.write_text(json.dumps(value))
    return path


# --- ChatGPT ---


def test_chatgpt_branches_hidden_messages_tools_and_reasoning(tmp_path, store):
    node = samples.node
    nodes = [
        node("root", None),
        node("sys", "root", "system", "", metadata={"is_visually_hidden_from_conversation": True}),
        node("ctx", "sys", "user", {"content_type": "user_editable_context", "user_profile": "secret"}),
        node("q", "ctx", "user", {"content_type": "multimodal_text", "parts": [
            {"content_type": "image_asset_pointer", "asset_pointer": "file-service://file-1", "size_bytes": 9}, "What is it?",
        ]}, create_time=None),
        node("old", "q", "assistant", "A dog", metadata={"model_slug": "gpt-4"}, create_time=samples.START + 2),
        node("think", "q", "assistant", {"content_type": "thoughts", "thoughts": [{"summary": "Look", "content": "ears"}]},
             create_time=samples.START + 3),
        node("call", "think", "assistant", {"content_type": "code", "language": "python", "text": "see()"},
             recipient="python", create_time=samples.START + 4),
        node("out", "call", "tool", {"content_type": "execution_output", "text": "cat"}, author={"role": "tool", "name": "python"},
             create_time=samples.START + 5),
        node("more", "out", "tool", {"content_type": "citable_code_output", "output_str": "whiskers"},
             create_time=samples.START + 5),
        node("new", "more", "assistant", "A cat", metadata={"model_slug": "gpt-5", "finish_details": {"type": "stop"}},
             create_time=samples.START + 6),
    ]  # fmt: skip
    report = load(as_file(tmp_path / "conversations.json", [samples.chatgpt("c1", nodes)]), store)
    assert (report.conversations_imported, report.messages_imported) == (1, 6)
    assert rows(store, "role, content, is_active_branch, turn") == [
        ("user", "What is it?", True, 1), ("assistant", "A dog", False, 1), ("assistant", "", True, 1),
        ("tool", "cat", True, 1), ("tool", "whiskers", True, 1), ("assistant", "A cat", True, 1),
    ]  # fmt: skip
    call = json.loads(rows(store, "parts", "source_id = 'c1-call'")[0][0])
    assert [part["type"] for part in call] == ["reasoning", "tool_call"]
    assert call[0]["text"] == "Look\nears"
    assert "file-service://file-1" in rows(store, "parts", "role = 'user'")[0][0]
    assert rows(store, "tool_name", "content = 'cat'") == [("python",)]
    assert rows(store, "response_model, finish_reason, provider, cost_usd, cost_source", "content = 'A cat'") == [
        ("gpt-5", "stop", "openai", None, "unpriced")
    ]
    assert sum(count for reason, count in reasons(report).items() if "hides" in reason) == 2
    # A message without a time has that of what came before it.
    assert rows(store, "created_at IS NOT NULL", "role = 'user'") == [(True,)]
    parents = dict(rows(store, "source_id, parent_id"))
    ids = dict(rows(store, "source_id, message_id"))
    assert parents["c1-new"] == ids["c1-more"]
    assert parents["c1-old"] == ids["c1-q"]
    assert one(store, "title") == "Talk c1"


def test_chatgpt_split_files_in_a_zip_and_again_as_files(tmp_path, store):
    archive = tmp_path / "export.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("conversations-000.json", json.dumps([samples.chatgpt("c1")]))
        packed.writestr("../../conversations-001.json", json.dumps([samples.chatgpt("c2")]))
        packed.writestr("user.json", "{}")
        packed.writestr("chat.html", "<script>alert(1)</script>")
    report = load(archive, store)
    assert (report.conversations_imported, report.messages_imported) == (2, 4)
    assert set(report.files) == {"export.zip/conversations-000.json", "export.zip/../../conversations-001.json"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["export.zip"]
    again = load(as_file(tmp_path / "conversations.json", [samples.chatgpt("c1"), samples.chatgpt("c2")]), store)
    assert (again.conversations_unchanged, again.messages_unchanged, again.messages_imported) == (2, 4, 0)


def test_chatgpt_cycles_and_missing_parents(tmp_path, store):
    node = samples.node
    nodes = [
        node("x", "y", "user", "one"), node("y", "x", "assistant", "two"), node("z", "z", "user", "self"),
        node("lost", "nowhere", "user", "orphan"),
    ]  # fmt: skip
    report = load(as_file(tmp_path / "c.json", [samples.chatgpt("c1", nodes, current="y")]), store)
    assert {content for _, content in rows(store)} == {"one", "two", "self", "orphan"}
    assert {skipped.what for skipped in report.skipped} == {"link"}


def test_a_newer_export_adds_what_is_new_and_moves_the_branch(tmp_path, store):
    old = samples.chatgpt("c1")
    load(as_file(tmp_path / "a.json", [old]), store)
    node = samples.node
    more = [
        node("root", None), node("q1", "root", "user", "Hello", create_time=samples.START + 1),
        node("a1", "q1", "assistant", "Hi", create_time=samples.START + 2, metadata={"model_slug": "gpt-4o"}),
        node("a2", "q1", "assistant", "Good day", create_time=samples.START + 3, metadata={"model_slug": "gpt-4o"}),
    ]  # fmt: skip
    new = load(as_file(tmp_path / "b.json", [samples.chatgpt("c1", more)]), store)
    assert (new.conversations_updated, new.messages_imported, new.messages_updated) == (1, 1, 1)
    assert rows(store, "content, is_active_branch") == [("Hello", True), ("Hi", False), ("Good day", True)]
    # The older export knows less: it takes nothing back.
    older = load(tmp_path / "a.json", store)
    assert (older.conversations_unchanged, older.messages_unchanged, older.messages_updated) == (1, 2, 0)
    assert rows(store, "content", "is_active_branch") == [("Hello",), ("Good day",)]


# --- Claude ---


@pytest.mark.parametrize("make", [lambda: ls.DuckDBSessionStorage(":memory:"), ls.InMemorySessionStorage])
def test_a_dry_run_tells_what_the_import_then_does_and_changes_nothing(tmp_path, make):
    from langswarm_nb import runtime

    store, node = make(), samples.node

    def talk(key: str, *more):
        nodes = [node("root", None), node("q", "root", "user", "One?"), node("a", "q", "assistant", "Yes"), *more]
        return samples.chatgpt(key, nodes)

    as_file(tmp_path / "conversations.json", [talk("c1")])
    load(tmp_path, store)
    # The same conversation in two files is one.
    as_file(tmp_path / "conversations.json", [talk("c1", node("r", "a", "user", "Two?")), talk("c2")])
    as_file(tmp_path / "conversations-001.json", [talk("c2")])

    def held() -> list[tuple]:
        records = runtime.run(store.list_sessions())
        return [(r["session_id"], len(runtime.run(store.get_all_messages(r["session_id"])))) for r in records]

    before = held()
    trial = load(tmp_path, store, dry_run=True)
    assert trial.dry_run
    assert held() == before
    done = load(tmp_path, store)
    counts = ("conversations_imported", "conversations_updated", "messages_imported", "messages_updated")
    assert [getattr(trial, name) for name in counts] == [getattr(done, name) for name in counts] == [1, 1, 3, 0]
    assert len(held()) == 2


def test_claude_tools_thinking_and_attachments(tmp_path, store):
    report = load(as_file(tmp_path / "conversations.json", [samples.claude()]), store)
    assert (report.conversations_imported, report.messages_imported) == (1, 4)
    assert rows(store) == [
        ("user", "Where to?"), ("assistant", "I look it up."), ("tool", "A city"), ("assistant", "Go to Oslo."),
    ]  # fmt: skip
    asked, said = (json.loads(parts) for (parts,) in rows(store, "parts")[:2])
    assert [(part["type"], part["name"]) for part in asked] == [("file", "list.txt"), ("attachment", "map.png")]
    assert asked[0]["text"] == "Oslo"
    assert said[1] == {"type": "tool_call", "id": "t1", "name": "web_search", "arguments": {"query": "Oslo"}}
    assert rows(store, "tool_name, tool_call_id", "role = 'tool'") == [("web_search", "t1")]


def test_claude_branches(tmp_path, store):
    talk = samples.claude()
    question, reply = talk["chat_messages"]
    question["parent_message_uuid"] = "00000000-0000-4000-8000-000000000000"
    reply["parent_message_uuid"] = "m1"
    talk["chat_messages"].append(
        {**reply, "uuid": "m3", "content": [{"type": "text", "text": "Bergen"}], "text": "Bergen"}
    )
    load(as_file(tmp_path / "conversations.json", [talk]), store)
    assert [content for (content,) in rows(store, "content", "is_active_branch")] == ["Where to?", "Bergen"]
    assert len(rows(store)) == 5


# --- Claude Code ---


def test_claude_code_lines_of_one_reply_are_one_message(tmp_path, store):
    report = load(samples.lines(tmp_path / "projects/-app/s1.jsonl", samples.claude_code()), store)
    assert [role for role, _ in rows(store)] == ["user", "assistant", "tool", "tool", "assistant"]
    assert rows(store, "input_tokens, output_tokens, cache_read_input_tokens, cache_write_input_tokens", "role='assistant'") == [
        (1110, 57, 1000, 100), (1110, 9, 1000, 100),
    ]  # fmt: skip
    parts = json.loads(rows(store, "parts", "provider_message_id = 'msg_1'")[0][0])
    assert [part["type"] for part in parts] == ["reasoning", "tool_call", "tool_call"]
    assert rows(store, "tool_name, status, is_active_branch", "role = 'tool'") == [
        ("Bash", "complete", True), ("Read", "error", True),
    ]  # fmt: skip
    assert all(active for (active,) in rows(store, "is_active_branch"))
    (cost,) = rows(store, "cost_usd", "provider_message_id = 'msg_1'")[0]
    assert float(cost) == pytest.approx((10 * 3 + 1000 * 0.3 + 100 * 3.75 + 57 * 15) / 1e6)
    assert one(store, "title") == "Listing files"
    assert reasons(report) == {"a note of Claude Code itself": 1}


def test_claude_code_forks_are_counted_once_with_the_greatest_usage(tmp_path, store):
    first = samples.claude_code("s1")
    copied = json.loads(json.dumps(samples.claude_code("s2")))
    copied[-1]["message"]["usage"]["output_tokens"] = 12
    extra = samples.claude_code_line("user", "u20", "u8", "More", 30, sessionId="s2")
    samples.lines(tmp_path / "s1.jsonl", first)
    samples.lines(tmp_path / "s2.jsonl", [*copied, extra])
    report = load(tmp_path, store)
    assert report.conversations_imported == 2
    assert sorted(rows(store, "provider_message_id, output_tokens", "role = 'assistant'")) == [
        ("msg_1", 57),
        ("msg_2", 12),
    ]
    assert rows(store, "content", "content = 'More'") == [("More",)]
    forked = store.query("SELECT forked_from_id, session_id FROM sessions ORDER BY source_id").to_pylist()
    assert forked[1]["forked_from_id"] == forked[0]["session_id"]
    assert load(tmp_path, store).messages_imported == 0


def test_claude_code_grows_while_it_is_read(tmp_path, store):
    lines = samples.claude_code()
    path = samples.lines(tmp_path / "s1.jsonl", lines[:5])
    load(path, store)
    samples.lines(path, lines)
    report = load(path, store)
    assert (report.messages_updated, report.messages_imported, report.messages_unchanged) == (1, 3, 1)
    assert rows(store, "output_tokens", "provider_message_id = 'msg_1'") == [(57,)]


# --- llm ---


def test_llm_before_the_message_store(tmp_path, store):
    load(samples.llm_logs(tmp_path / "logs.db"), store)
    assert rows(store, "role, content, output_tokens, cache_read_input_tokens") == [
        ("system", "Be short", None, None), ("user", "What is up?", None, None), ("assistant", "The sky", 5, 8),
        ("tool", "blue", None, None), ("assistant", "Blue", 2, None),
        ("user", "Alone", None, None), ("assistant", "Yes", 3, None),
    ]  # fmt: skip
    assert rows(
        store, "duration_s, temperature, request_model, response_model, cost_usd > 0", "content = 'The sky'"
    ) == [(1.5, 0.2, "gpt-4o-mini", "gpt-4o-mini-2024-07-18", True)]
    assert rows(store, "input_tokens, cost_usd", "content = 'Yes'") == [(None, None)]
    assert '"data":"iVBORw=="' in rows(store, "parts", "content = 'What is up?'")[0][0]


def test_llm_message_store(tmp_path, store):
    load(samples.llm_store(tmp_path / "logs.db"), store)
    assert rows(store, "role, content, output_tokens") == [
        ("user", "Read a long file", None), ("assistant", "", 3), ("tool", "seen", None), ("assistant", "I did", 4),
    ]  # fmt: skip
    assert len(store.query("SELECT * FROM sessions").to_pylist()) == 1


def test_llm_first_table(tmp_path, store):
    path = samples.sqlite(
        tmp_path / "log.db",
        "CREATE TABLE log (provider TEXT, system TEXT, prompt TEXT, chat_id INTEGER, response TEXT, model TEXT, timestamp TEXT)",
        {"log": [("openai", None, "a", None, "b", "gpt-4", "2023-04-01 10:00:00"), ("openai", None, "c", 1, "d", "gpt-4", None)]},
    )  # fmt: skip
    assert load(path, store).conversations_imported == 1
    assert [content for _, content in rows(store)] == ["a", "b", "c", "d"]


# --- the others ---


def test_agents_sessions(tmp_path, store):
    report = load(samples.agents(tmp_path / "agents.db"), store)
    assert [role for role, _ in rows(store)] == ["user", "assistant", "tool", "assistant"]
    assert reasons(report) == {"it is encrypted": 1}
    assert rows(store, "tool_name", "role = 'tool'") == [("weather",)]


def test_agents_advanced_sessions(tmp_path, store):
    load(samples.agents(tmp_path / "agents.db", advanced=True), store)
    active = [content for (content,) in rows(store, "content", "is_active_branch")]
    assert active == ["Weather?", "", "rain", "Rain.", "And in May?"]
    assert len(rows(store)) == 7
    assert rows(store, "input_tokens, output_tokens, cache_read_input_tokens, reasoning_output_tokens", "content = 'Rain.'") == [
        (300, 40, 100, 7)
    ]  # fmt: skip


def test_jupyter_chats(tmp_path, store):
    report = load(as_file(tmp_path / "plot.chat", samples.jupyter_chat()), store)
    assert rows(store) == [("user", "Plot it"), ("assistant", "Here")]
    assert "a.csv" in rows(store, "parts")[0][0]
    assert rows(store, "author_name")[0] == ("Ada L.",)
    assert reasons(report) == {"it was deleted": 1}
    shutil.move(tmp_path / "plot.chat", tmp_path / "renamed.chat")
    assert load(tmp_path / "renamed.chat", store).messages_imported == 0


def test_sharegpt(tmp_path, store):
    said = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}, {"from": "narrator", "value": "?"}]
    report = load(as_file(tmp_path / "sg.json", [{"id": "x", "conversations": said}]), store)
    assert rows(store, "role, content, created_at") == [("user", "Hi", None), ("assistant", "Hello", None)]
    assert reasons(report) == {"nobody knows its role": 1}


def test_lmsys_and_wildchat(tmp_path, store):
    said = [{"content": "Hi", "role": "user"}, {"content": "Hello", "role": "assistant"}]
    table = pa.table({"conversation_id": ["a"], "model": ["vicuna-13b"], "conversation": [said], "turn": [1],
                      "language": ["English"], "redacted": [False]})  # fmt: skip
    pq.write_table(table, tmp_path / "lmsys.parquet")
    wild = [{**one, "hashed_ip": "ip1", "toxic": False} for one in said]
    table = pa.table({"conversation_hash": ["b"], "model": ["gpt-4-0314"], "conversation": [wild],
                      "timestamp": pa.array([1_700_000_000], pa.timestamp("s", "UTC"))})  # fmt: skip
    pq.write_table(table, tmp_path / "wildchat.parquet")
    assert load(tmp_path, store).conversations_imported == 2
    assert len(rows(store)) == 4
    found = store.query("SELECT source, user_id, model, provider FROM sessions ORDER BY source").to_pylist()
    assert [tuple(row.values()) for row in found] == [
        ("lmsys", "lmsys", "vicuna-13b", "unknown"), ("wildchat", "ip1", "gpt-4-0314", "openai"),
    ]  # fmt: skip


# --- what somebody hostile writes into a file ---


EVIL = "=cmd|' /C calc'!A0<img src=x onerror=alert(1)>\ud800\x00\u202e{{7*7}}"


def test_a_store_given_as_a_format_is_told_where_it_belongs(tmp_path):
    with pytest.raises(ls.ConfigurationError, match="source=, not format="):
        ls.import_conversations(tmp_path, tmp_path / "store.duckdb")  # type: ignore[arg-type]
    with pytest.raises(ls.ConfigurationError, match=r"no format 'chat'\. Formats: own, chatgpt"):
        ls.import_conversations(tmp_path, "chat")


def test_hostile_files_are_read_as_text_and_shown_as_text(tmp_path, store):
    from langswarm_nb.analytics import metrics
    from langswarm_nb.analytics.dashboard import Dashboard, transcript
    from langswarm_nb.analytics.exports import to_csv
    from langswarm_nb.analytics.source import open_source

    nodes = [
        samples.node("root", None),
        samples.node("q", "root", "user", EVIL, create_time=-62_135_596_800.0),  # year 1
        samples.node("a", "q", "assistant", EVIL, metadata={"model_slug": EVIL}, create_time=253_402_300_799.0),
        samples.node("b", "a", "user", "x" * 10_000_000, create_time=1e300),
        samples.node("c", "b", "tool", EVIL, author={"role": "tool", "name": EVIL}, create_time="soon"),
    ]
    as_file(tmp_path / "conversations.json", [samples.chatgpt("c1", nodes) | {"title": EVIL, "is_archived": "yes"}])
    usage = {"input_tokens": -5, "output_tokens": 2**70, "cache_read_input_tokens": True}
    reply = {
        "id": EVIL,
        "role": "assistant",
        "model": EVIL,
        "content": [{"type": "text", "text": EVIL}],
        "usage": usage,
    }
    line = {
        "type": "assistant",
        "uuid": "u",
        "parentUuid": None,
        "sessionId": EVIL,
        "timestamp": "9999-12-31T23:59:59Z",
    }
    samples.lines(tmp_path / "s1.jsonl", [{**line, "message": reply}])

    report = load(tmp_path, store)
    assert report.messages_imported == 5
    assert "\ud800" not in report._repr_html_()
    assert "<img" not in report._repr_html_()
    assert sum(reason.startswith("it breaks off") for reason in reasons(report)) == 0
    assert set(rows(store, "input_tokens, output_tokens")) == {(None, None)}
    assert len(rows(store, "1", "content LIKE '%{{7*7}}%'")) == 4
    assert max(rows(store, "length(content)")) == (10_000_000,)

    page = Dashboard(store).to_html()
    assert "<" not in page.split('id="content">')[1].split("</script>")[0]
    for session_id in ls.sessions(store)["session_id"]:
        for message in transcript(open_source(store), session_id):
            assert "<img" not in message["html"]
            assert len(message["who"]) <= 200
    cells = [cell for line in to_csv(metrics.longest_sessions(store)).splitlines() for cell in line.split(",")]
    assert not [cell for cell in cells if cell.strip('"').startswith("=")]
