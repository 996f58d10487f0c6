# ruff: noqa: E501 — lines of data
"""Small exports as the tools write them, made here; nobody's real words."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

START = 1_760_000_000.0


def lines(path: Path, values: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return path


def node(key: str, parent: str | None, role: str | None = None, content: Any = "", **more: Any) -> dict[str, Any]:
    """One node of ChatGPT's mapping; `more` overrides keys of its message."""
    if role is None:
        return {"id": key, "message": None, "parent": parent, "children": []}
    if not isinstance(content, dict):
        content = {"content_type": "text", "parts": [content]}
    message = {
        "id": key, "author": {"role": role, "name": None, "metadata": {}}, "create_time": START, "update_time": None,
        "content": content, "status": "finished_successfully", "end_turn": True, "weight": 1.0, "metadata": {},
        "recipient": "all", **more,
    }  # fmt: skip
    return {"id": key, "message": message, "parent": parent, "children": []}


def chatgpt(
    conversation_id: str = "c1", nodes: list[dict[str, Any]] | None = None, current: Any = None, **more: Any
) -> dict[str, Any]:
    nodes = nodes or [
        node("root", None),
        node("q1", "root", "user", "Hello", create_time=START + 1),
        node("a1", "q1", "assistant", "Hi", create_time=START + 2, metadata={"model_slug": "gpt-4o"}),
    ]
    prefix = f"{conversation_id}-"
    for one in nodes:
        one["id"] = prefix + one["id"]
        one["parent"] = one["parent"] and prefix + one["parent"]
        if one["message"]:
            one["message"]["id"] = prefix + one["message"]["id"]
    mapping = {one["id"]: one for one in nodes}
    for one in nodes:
        if one["parent"] in mapping:
            mapping[one["parent"]]["children"].append(one["id"])
    return {
        "title": f"Talk {conversation_id}", "create_time": START, "update_time": START + 9, "mapping": mapping,
        "current_node": prefix + (current or nodes[-1]["id"].removeprefix(prefix)), "conversation_id": conversation_id,
        "default_model_slug": "gpt-4o", "is_archived": False, **more,
    }  # fmt: skip


def claude(**more: Any) -> dict[str, Any]:
    def said(uuid: str, sender: str, content: list[Any], **rest: Any) -> dict[str, Any]:
        text = "".join(block.get("text", "") for block in content)
        at = "2025-10-09T08:53:21.000000Z"
        return {"uuid": uuid, "sender": sender, "text": text, "content": content, "created_at": at, "updated_at": at,
                "attachments": [], "files": [], **rest}  # fmt: skip

    return {
        "uuid": "conv-1", "name": "Trip", "summary": "", "created_at": "2025-10-09T08:53:20.000000Z",
        "updated_at": "2025-10-09T09:00:00.000000Z", "account": {"uuid": "acc-1"},
        "chat_messages": [
            said("m1", "human", [{"type": "text", "text": "Where to?"}],
                 attachments=[{"file_name": "list.txt", "file_size": 4, "file_type": "txt", "extracted_content": "Oslo"}],
                 files=[{"file_name": "map.png", "file_uuid": "f-1"}]),
            said("m2", "assistant", [
                {"type": "thinking", "thinking": "Let me look."},
                {"type": "text", "text": "I look it up."},
                {"type": "tool_use", "id": "t1", "name": "web_search", "input": {"query": "Oslo"}},
                {"type": "tool_result", "tool_use_id": "t1", "name": "web_search", "is_error": False,
                 "content": [{"type": "text", "text": "A city"}]},
                {"type": "text", "text": "Go to Oslo."},
            ]),
        ],
        **more,
    }  # fmt: skip


def claude_code_line(
    kind: str, uuid: str, parent: str | None, content: Any, second: int = 0, **more: Any
) -> dict[str, Any]:
    message = {"role": kind, "content": content, **more.pop("message", {})}
    return {
        "type": kind, "uuid": uuid, "parentUuid": parent, "sessionId": "s1", "cwd": "/home/ada/app", "version": "2.1.0",
        "timestamp": f"2026-03-01T10:00:{second:02d}.000Z", "isSidechain": False, "message": message, **more,
    }  # fmt: skip


def claude_code(session: str = "s1") -> list[dict[str, Any]]:
    def reply(uuid: str, parent: str, block: dict[str, Any], second: int, out: int, **more: Any) -> dict[str, Any]:
        usage = {
            "input_tokens": 10,
            "cache_creation_input_tokens": 100,
            "cache_read_input_tokens": 1000,
            "output_tokens": out,
        }
        message = {
            "id": more.pop("id", "msg_1"),
            "model": "claude-sonnet-4-5-20250929",
            "usage": usage,
            "stop_reason": None,
        }
        return claude_code_line(
            "assistant", uuid, parent, [block], second, message={**message, **more}, sessionId=session
        )

    call = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}}
    other = {"type": "tool_use", "id": "toolu_2", "name": "Read", "input": {"file_path": "a.py"}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "a.py", "is_error": False}
    failed = {"type": "tool_result", "tool_use_id": "toolu_2", "content": "no such file", "is_error": True}
    return [
        {"type": "summary", "summary": "Listing files", "leafUuid": "u9"},
        claude_code_line("user", "u0", None, "<local-command-caveat>", isMeta=True, sessionId=session),
        claude_code_line("user", "u1", "u0", "List my files", 1, sessionId=session),
        reply("u2", "u1", {"type": "thinking", "thinking": "Use ls."}, 2, 1),
        reply("u3", "u2", {"type": "text", "text": "I list them."}, 3, 20),
        reply("u4", "u3", call, 4, 57),
        reply("u5", "u4", other, 4, 57, stop_reason="tool_use"),
        claude_code_line("user", "u6", "u4", [result], 5, sessionId=session),
        claude_code_line("user", "u7", "u5", [failed], 5, sessionId=session),
        reply("u8", "u7", {"type": "text", "text": "One file."}, 6, 9, id="msg_2", stop_reason="end_turn"),
    ]


def codex_line(kind: str, payload: dict[str, Any], second: int = 0) -> dict[str, Any]:
    return {"timestamp": f"2026-05-01T10:00:{second:02d}.000Z", "type": kind, "payload": payload}


def codex_total(second: int, put: int, got: int, last: tuple[int, int] | None = None) -> dict[str, Any]:
    def counts(put: int, got: int) -> dict[str, int]:
        return {"input_tokens": put, "cached_input_tokens": put // 2, "output_tokens": got, "reasoning_output_tokens": 1,
                "total_tokens": put + got}  # fmt: skip

    info = {"total_token_usage": counts(put, got), "model_context_window": 200_000}
    if last:
        info["last_token_usage"] = counts(*last)
    return codex_line("event_msg", {"type": "token_count", "info": info, "rate_limits": None}, second)


def codex_said(role: str, text: str, second: int) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    return codex_line(
        "response_item", {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}, second
    )


def codex(session_id: str = "p") -> list[dict[str, Any]]:
    return [
        codex_line("session_meta", {"id": session_id, "timestamp": "2026-05-01T10:00:00.000Z", "cwd": "/app",
                                    "originator": "codex_cli_rs", "cli_version": "0.131.0", "model_provider": "openai"}),
        codex_said("user", "<environment_context>\n<cwd>/app</cwd>\n</environment_context>", 1),
        codex_line("turn_context", {"cwd": "/app", "model": "gpt-5-codex", "effort": "high"}, 1),
        codex_said("user", "Fix the test", 2),
        codex_line("response_item", {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Look first"}],
                                     "encrypted_content": "gAAA"}, 3),
        codex_line("response_item", {"type": "function_call", "name": "shell", "call_id": "call_1",
                                     "arguments": "{\"command\": [\"ls\"]}"}, 4),
        codex_total(4, 1000, 50, (1000, 50)),
        codex_total(5, 1000, 50, (1000, 50)),
        codex_line("response_item", {"type": "function_call_output", "call_id": "call_1", "output": "test.py"}, 6),
        codex_said("assistant", "Done.", 7),
        codex_total(8, 2200, 80, (1200, 30)),
        codex_total(9, 2200, 80, (1200, 30)),
    ]  # fmt: skip


def sqlite(path: Path, script: str, rows: dict[str, list[tuple[Any, ...]]]) -> Path:
    store = sqlite3.connect(path)
    store.executescript(script)
    for table, values in rows.items():
        for row in values:
            store.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
    store.commit()
    store.close()
    return path


def llm_logs(path: Path) -> Path:
    return sqlite(
        path,
        """
        CREATE TABLE conversations (id TEXT PRIMARY KEY, name TEXT, model TEXT);
        CREATE TABLE responses (id TEXT PRIMARY KEY, model TEXT, prompt TEXT, system TEXT, prompt_json TEXT,
            options_json TEXT, response TEXT, response_json TEXT, conversation_id TEXT, duration_ms INTEGER,
            datetime_utc TEXT, input_tokens INTEGER, output_tokens INTEGER, token_details TEXT, schema_id TEXT,
            resolved_model TEXT);
        CREATE TABLE attachments (id TEXT PRIMARY KEY, type TEXT, path TEXT, url TEXT, content BLOB);
        CREATE TABLE prompt_attachments (response_id TEXT, attachment_id TEXT, "order" INTEGER);
        CREATE TABLE tool_calls (id INTEGER PRIMARY KEY, response_id TEXT, tool_id INTEGER, name TEXT, arguments TEXT,
            tool_call_id TEXT);
        CREATE TABLE tool_results (id INTEGER PRIMARY KEY, response_id TEXT, tool_id INTEGER, name TEXT, output TEXT,
            tool_call_id TEXT, instance_id INTEGER, exception TEXT);
        """,
        {
            "conversations": [("k1", "What is up", "gpt-4o-mini")],
            "responses": [
                ("r1", "gpt-4o-mini", "What is up?", "Be short", None, '{"temperature": 0.2}', "The sky", None, "k1",
                 1500, "2025-05-01T10:00:00.000000", 20, 5, '{"prompt_tokens_details": {"cached_tokens": 8}}', None,
                 "gpt-4o-mini-2024-07-18"),
                ("r2", "gpt-4o-mini", "", "Be short", None, "{}", "Blue", None, "k1", 900,
                 "2025-05-01T10:01:00+00:00", 30, 2, None, None, None),
                ("r3", "claude-3-haiku", "Alone", None, None, "{}", "Yes", None, None, None, "2025-05-02T10:00:00",
                 -4, 3, None, None, None),
            ],
            "attachments": [("at1", "image/png", None, None, b"\x89PNG")],
            "prompt_attachments": [("r1", "at1", 0)],
            "tool_calls": [(1, "r1", 1, "look", '{"at": "sky"}', "tc1")],
            "tool_results": [(1, "r2", 1, "look", "blue", "tc1", None, None)],
        },
    )  # fmt: skip


def llm_store(path: Path) -> Path:
    """The tables since 0.32: two turns and a fork that shares the first one's messages."""
    return sqlite(
        path,
        """
        CREATE TABLE messages (hash TEXT PRIMARY KEY, parent_hash TEXT, role TEXT, provider_metadata TEXT);
        CREATE TABLE parts (id INTEGER PRIMARY KEY, message_hash TEXT, position INTEGER, type TEXT, tool_name TEXT,
            text TEXT, payload TEXT);
        CREATE TABLE fragments (id INTEGER PRIMARY KEY, hash TEXT, content TEXT, datetime_utc TEXT, source TEXT);
        CREATE TABLE attachments (id TEXT PRIMARY KEY, type TEXT, path TEXT, url TEXT, content BLOB);
        CREATE TABLE threads (id TEXT PRIMARY KEY, name TEXT, tip_message_hash TEXT, forked_from TEXT, datetime_utc TEXT);
        CREATE TABLE turns (id TEXT PRIMARY KEY, thread_id TEXT, parent_message_hash TEXT, tip_message_hash TEXT,
            model TEXT, resolved_model TEXT, options_json TEXT, schema_id TEXT, input_tokens INTEGER,
            output_tokens INTEGER, token_details TEXT, duration_ms INTEGER, datetime_utc TEXT, response_json TEXT);
        CREATE TABLE responses (id TEXT PRIMARY KEY, model TEXT, prompt TEXT, response TEXT, conversation_id TEXT,
            datetime_utc TEXT);
        """,
        {
            "fragments": [(7, "h", "a long file", "2026-08-01", None)],
            "messages": [("h1", None, "user", None), ("h2", "h1", "assistant", None), ("h3", "h2", "tool", None),
                         ("h4", "h3", "assistant", None)],
            "parts": [
                (1, "h1", 0, "text", None, None, '{"text_ref": [{"literal": "Read "}, {"fragment": 7}]}'),
                (2, "h2", 0, "reasoning", None, "Hm", None),
                (3, "h2", 1, "tool_call", "look", None, '{"name": "look", "arguments": {}, "tool_call_id": "c"}'),
                (4, "h3", 0, "tool_result", "look", None, '{"name": "look", "output": "seen", "tool_call_id": "c"}'),
                (5, "h4", 0, "text", None, "I did", None),
            ],
            "threads": [("th1", "Read", "h4", None, "2026-08-01T10:00:00+00:00")],
            "turns": [
                ("tu1", "th1", "h1", "h2", "gpt-4o", None, None, None, 11, 3, None, 700, "2026-08-01T10:00:01+00:00", None),
                ("tu2", "th1", "h3", "h4", "gpt-4o", None, None, None, 21, 4, None, 800, "2026-08-01T10:00:09+00:00", None),
            ],
            "responses": [("tu1", "gpt-4o", "Read", "twice", "th1", "2026-08-01T10:00:01+00:00")],
        },
    )  # fmt: skip


def agents(path: Path, *, advanced: bool = False) -> Path:
    def item(**value: Any) -> str:
        return json.dumps(value)

    rows: dict[str, list[tuple[Any, ...]]] = {
        "agent_sessions": [("user-1", "2026-02-01 09:00:00", "2026-02-01 09:05:00")],
        "agent_messages": [
            (1, "user-1", item(role="user", content="Weather?"), "2026-02-01 09:00:00"),
            (2, "user-1", item(type="function_call", call_id="c1", name="weather", arguments='{"at": "Oslo"}'), "2026-02-01 09:00:01"),
            (3, "user-1", item(type="function_call_output", call_id="c1", output="rain"), "2026-02-01 09:00:02"),
            (4, "user-1", item(type="message", id="msg_9", role="assistant", content=[{"type": "output_text", "text": "Rain."}]), "2026-02-01 09:00:03"),
            (5, "user-1", json.dumps({"__enc__": 1, "v": 1, "kid": "hkdf-v1", "payload": "gAAAA"}), "2026-02-01 09:00:04"),
        ],
    }  # fmt: skip
    script = """
        CREATE TABLE agent_sessions (session_id TEXT PRIMARY KEY, created_at TIMESTAMP, updated_at TIMESTAMP);
        CREATE TABLE agent_messages (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT, message_data TEXT,
            created_at TIMESTAMP);
    """
    if advanced:
        script += """
            CREATE TABLE message_structure (id INTEGER PRIMARY KEY, session_id TEXT, message_id INTEGER, branch_id TEXT,
                message_type TEXT, sequence_number INTEGER, user_turn_number INTEGER, branch_turn_number INTEGER,
                tool_name TEXT, created_at TIMESTAMP);
            CREATE TABLE turn_usage (id INTEGER PRIMARY KEY, session_id TEXT, branch_id TEXT, user_turn_number INTEGER,
                requests INTEGER, input_tokens INTEGER, output_tokens INTEGER, total_tokens INTEGER,
                input_tokens_details JSON, output_tokens_details JSON, created_at TIMESTAMP);
        """
        second = [{"type": "output_text", "text": "Snow."}]
        rows["agent_messages"] += [
            (6, "user-1", item(role="user", content="And tomorrow?"), "2026-02-01 09:01:00"),
            (7, "user-1", item(role="assistant", content=second), "2026-02-01 09:01:02"),
            (8, "user-1", item(role="user", content="And in May?"), "2026-02-01 09:02:00"),
        ]
        places = [(n, n, "main", 1 if n < 6 else 2) for n in (1, 2, 3, 4, 6, 7)]
        places += [(10 + n, n, "spring", 1) for n in (1, 2, 3, 4)] + [(18, 8, "spring", 2)]
        rows["message_structure"] = [
            (key, "user-1", message, branch, "x", key, turn, turn, None, None) for key, message, branch, turn in places
        ]
        rows["turn_usage"] = [
            (1, "user-1", "main", 1, 2, 300, 40, 340, '{"cached_tokens": 100}', '{"reasoning_tokens": 7}', None)
        ]
    return sqlite(path, script, rows)


def jupyter_chat() -> dict[str, Any]:
    return {
        "messages": [
            {"type": "msg", "body": "Plot it", "id": "j1", "time": START, "sender": "ada", "attachments": ["f1"], "raw_time": False},
            {"type": "msg", "body": "Here", "id": "j2", "time": START + 2, "sender": "jupyter-ai-personas::core::Jupyternaut"},
            {"type": "msg", "body": "", "id": "j3", "time": START + 3, "sender": "ada", "deleted": True},
        ],
        "users": {
            "ada": {"username": "ada", "name": "Ada", "display_name": "Ada L."},
            "jupyter-ai-personas::core::Jupyternaut": {"username": "x", "name": "Jupyternaut", "bot": True},
        },
        "attachments": {"f1": {"type": "file", "value": "data/a.csv", "mimetype": "text/csv"}},
        "metadata": {"id": "chat-1"},
    }  # fmt: skip
