"""Sessions of openai-agents in SQLite: SQLiteSession and AdvancedSQLiteSession, whatever their tables are called.

Items are those of OpenAI's Responses API. Encrypted ones are counted, not read. The advanced one knows branches, and
the usage of a turn, which is put on the turn's last reply. Neither names the model.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from ..models import Usage
from .blocks import arguments_of, as_text, said_in
from .conversation import Conversation, Message, mapping, micros, name, reasoning, sequence, tokens, tool_call, words
from .format import Format, attempt, one_by_one
from .inputs import Entry
from .report import ImportReport
from .sqlite_files import columns_of, opened, quoted, tables_of

SOURCE = "openai-agents"


def _detects(entry: Entry) -> bool:
    return bool(_pairs(tables_of(entry)))


def _pairs(tables: dict[str, set[str]]) -> list[str]:
    """Return the tables that hold messages."""
    return [table for table, columns in tables.items() if {"id", "session_id", "message_data", "created_at"} <= columns]


def _read(entry: Entry, report: ImportReport) -> Iterator[Conversation]:
    with opened(entry) as store:
        tables = columns_of(store)
        for table in _pairs(tables):
            for row in store.execute(f"SELECT DISTINCT session_id FROM {quoted(table)} ORDER BY session_id").fetchall():
                yield from attempt(
                    lambda t=table, s=row[0]: _session(store, tables, t, s, entry, report), report, str(row[0])
                )


def _session(
    store: sqlite3.Connection,
    tables: dict[str, set[str]],
    table: str,
    session_id: Any,
    entry: Entry,
    report: ImportReport,
) -> Conversation:
    # Its ids are a person's own words, such as "user-1", and may be those of another file's sessions too.
    found = Conversation(SOURCE, f"{PurePosixPath(entry.name).name}:{table}:{session_id}", provider="openai")
    found.title = name(session_id)
    branches: dict[int, list[tuple[str, int]]] = {}
    if {"message_id", "branch_id", "sequence_number"} <= tables.get("message_structure", set()):
        for row in store.execute(
            "SELECT message_id, branch_id, user_turn_number FROM message_structure WHERE session_id = ? "
            "ORDER BY sequence_number, id",
            [session_id],
        ):
            branches.setdefault(row[0], []).append((str(row[1]), row[2] or 0))
    reader = _Items(found, branches, report)
    for row in store.execute(f"SELECT * FROM {quoted(table)} WHERE session_id = ? ORDER BY id", [session_id]):
        reader.read(dict(row))
    reader.finish()
    if {"branch_id", "user_turn_number", "input_tokens"} <= tables.get("turn_usage", set()):
        for row in store.execute("SELECT * FROM turn_usage WHERE session_id = ? ORDER BY id", [session_id]):
            reader.count(dict(row))
    return found


class _Items:
    def __init__(self, found: Conversation, branches: dict[int, list[tuple[str, int]]], report: ImportReport) -> None:
        self._found = found
        self._branches = branches
        self._report = report
        self._ends: dict[str, str] = {}
        self._replies: dict[tuple[str, int], Message] = {}
        self._thoughts: list[dict[str, Any]] = []
        self._tools: dict[str, str] = {}
        self._reply: Message | None = None
        self._newest = "main"

    def read(self, row: dict[str, Any]) -> None:
        try:
            item = json.loads(row["message_data"])
        except (TypeError, ValueError, RecursionError):
            self._report.skip("message", "it is no JSON", self._found.source_id)
            return
        if not isinstance(item, dict):
            self._report.skip("message", "it is no message", self._found.source_id)
        elif item.get("__enc__") == 1:
            self._report.skip("message", "it is encrypted")
        else:
            at = micros(row.get("created_at"))
            places = self._branches.get(row["id"], [("main", 0)])
            self._item(item, f"{self._found.source_id}/{row['id']}", at, places)

    def _item(self, item: dict[str, Any], source_id: str, at: int | None, places: list[tuple[str, int]]) -> None:
        kind = item.get("type")
        if kind == "reasoning":
            texts = [words(piece) for piece in sequence(item.get("summary")) or sequence(item.get("content"))]
            self._thoughts += [reasoning(text) for text in texts if text]
        elif item.get("role") is not None:
            said = said_in(item.get("content"))[0]
            message = Message(source_id, words(item["role"]), said.text, at, parts=said.parts)
            message.provider_message_id = name(item.get("id"))
            for call in sequence(item.get("tool_calls")):
                function = mapping(mapping(call).get("function"))
                part = tool_call(mapping(call).get("id"), function.get("name"), arguments_of(function.get("arguments")))
                message.parts.append(part)
            self._say(message, places)
        elif isinstance(kind, str) and kind.endswith("_output"):
            call_id = name(item.get("call_id"))
            output = item.get("output")
            text = said_in(output)[0].text if isinstance(output, list) else as_text(output)
            self._say(
                Message(source_id, "tool", text, at, tool_call_id=call_id, tool_name=self._tools.get(call_id or "")),
                places,
            )
        elif isinstance(kind, str) and kind.endswith("_call"):
            call_id, tool = (
                name(item.get("call_id") or item.get("id")),
                name(item.get("name")) or kind.removesuffix("_call"),
            )
            self._tools[call_id or ""] = tool
            part = tool_call(call_id, tool, arguments_of(item.get("arguments", item.get("action"))))
            if self._reply is not None and not self._thoughts:
                self._reply.parts.append(part)
            else:
                self._say(Message(source_id, "assistant", "", at, parts=[part]), places)
        else:
            self._report.skip("message", f"an item of the kind {str(kind)[:40]!r}", self._found.source_id)

    def _say(self, message: Message, places: list[tuple[str, int]]) -> None:
        branch = places[-1][0]
        # What branches share stands in each of them.
        message.parent = self._ends.get(branch)
        if message.role == "assistant":
            message.provider = "openai"
            message.parts[:0], self._thoughts = self._thoughts, []
            self._reply = message
            for place in places:
                self._replies[place] = message
        else:
            self._reply = None
        for shared, _ in places:
            self._ends[shared] = message.source_id
        self._newest = branch
        self._found.messages.append(message)

    def finish(self) -> None:
        """Make the branch that was written to last the active one."""
        self._found.show_branch_to(self._ends.get(self._newest))

    def count(self, row: dict[str, Any]) -> None:
        """Put a turn's usage on its last reply."""
        reply = self._replies.get((str(row["branch_id"]), row["user_turn_number"] or 0))
        if reply is None:
            self._report.skip("token count", "there is no reply that it could belong to", self._found.source_id)
            return
        inputs, outputs = _json(row.get("input_tokens_details")), _json(row.get("output_tokens_details"))
        reply.usage = Usage(
            tokens(row.get("input_tokens")),
            tokens(row.get("output_tokens")),
            tokens(inputs.get("cached_tokens")),
            tokens(inputs.get("cache_write_tokens")),
            tokens(outputs.get("reasoning_tokens")),
        )


def _json(text: Any) -> dict[str, Any]:
    try:
        return mapping(json.loads(text)) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        return {}


FORMAT = Format(SOURCE, "openai-agents sessions", _detects, one_by_one(_read))
