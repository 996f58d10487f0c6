"""`logs.db` of the command-line tool `llm`: its first table, those of 2023 to 2026, and the message store.

Since 0.32 it writes `threads`, `turns` and `messages`, and leaves what it wrote to `responses` before in its place; a
row of the years in which it wrote both is read once.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from ..models import Usage
from ..storage.rows import number
from .blocks import arguments_of, provider_of
from .conversation import Conversation, Message, mapping, micros, name, reasoning, reference, tokens, tool_call, words
from .format import Format, attempt, one_by_one
from .inputs import Entry
from .report import ImportReport
from .sqlite_files import columns_of, opened, tables_of

SOURCE = "llm"


def _detects(entry: Entry) -> bool:
    tables = tables_of(entry)
    return (
        {"thread_id", "tip_message_hash"} <= tables.get("turns", set())
        or {"prompt", "response", "model"} <= tables.get("responses", set())
        or {"prompt", "response", "model"} <= tables.get("log", set())
    )


def _read(entry: Entry, report: ImportReport) -> Iterator[Conversation]:
    with opened(entry) as store:
        tables = columns_of(store)
        newer: set[str] = set()
        if "turns" in tables and "threads" in tables:
            newer = {row[0] for row in store.execute("SELECT id FROM turns")}
            for row in store.execute("SELECT * FROM threads ORDER BY rowid"):
                thread = dict(row)
                yield from attempt(lambda t=thread: _thread(store, t), report, str(thread.get("id")))
        if "responses" in tables:
            yield from _responses(store, tables, newer, report)
        if "log" in tables:
            yield from _first_log(store, report)


# --- before 0.32 ---


def _responses(
    store: sqlite3.Connection, tables: dict[str, set[str]], newer: set[str], report: ImportReport
) -> Iterator[Conversation]:
    names: dict[str, Any] = {}
    if "conversations" in tables:
        names = {row["id"]: row["name"] for row in store.execute("SELECT id, name FROM conversations")}
    order = "conversation_id" if "conversation_id" in tables["responses"] else "id"
    gathered: list[dict[str, Any]] = []
    for row in [*store.execute(f"SELECT id, {order} AS talk FROM responses ORDER BY talk, datetime_utc, rowid"), None]:
        if gathered and (row is None or row["talk"] != gathered[0]["talk"] or row["talk"] is None):
            found, gathered = gathered, []
            talk = gathered_id(found)
            yield from attempt(lambda f=found, t=talk: _talk(store, tables, f, t, names.get(t)), report, talk)
        if row is not None and row["id"] not in newer:
            gathered.append(dict(row))


def gathered_id(rows: list[dict[str, Any]]) -> str:
    """Return the conversation's id; a response without one is a conversation by itself."""
    return str(rows[0]["talk"] or rows[0]["id"])


def _talk(
    store: sqlite3.Connection, tables: dict[str, set[str]], rows: list[dict[str, Any]], talk: str, title: Any
) -> Conversation:
    found = Conversation(SOURCE, talk, title=name(title))
    system: str | None = None
    for row in rows:
        response = dict(store.execute("SELECT * FROM responses WHERE id = ?", [row["id"]]).fetchone())
        system = _response(store, tables, found, response, system)
    return found


def _response(
    store: sqlite3.Connection, tables: dict[str, set[str]], found: Conversation, row: dict[str, Any], system: str | None
) -> str | None:
    response_id, at = str(row["id"]), micros(row.get("datetime_utc"))
    told = words(row.get("system")) or _fragments(store, tables, "system_fragments", response_id)
    if told and told != system:
        _say(found, Message(f"{response_id}/system", "system", told, at))
        system = told
    for number_, result in enumerate(_rows(store, tables, "tool_results", response_id)):
        failed = bool(result.get("exception"))
        _say(
            found,
            Message(
                f"{response_id}/result/{number_}", "tool", words(result.get("output")), at,
                tool_name=name(result.get("name")), tool_call_id=name(result.get("tool_call_id")),
                status="error" if failed else "complete", error_message=name(result.get("exception")),
            ),
        )  # fmt: skip
    prompt = "\n".join(
        filter(None, (_fragments(store, tables, "prompt_fragments", response_id), words(row.get("prompt"))))
    )
    attachments = [*_attachments(store, tables, response_id)]
    if prompt or attachments:
        _say(found, Message(f"{response_id}/prompt", "user", prompt, at, parts=attachments))
    reply = Message(response_id, "assistant", words(row.get("response")), at)
    _as_reply(reply, row, at)
    if thought := words(row.get("reasoning")):
        reply.parts.append(reasoning(thought))
    for call in _rows(store, tables, "tool_calls", response_id):
        reply.parts.append(tool_call(call.get("tool_call_id"), call.get("name"), arguments_of(call.get("arguments"))))
    _say(found, reply)
    return system


def _as_reply(reply: Message, row: dict[str, Any], at: int | None) -> None:
    reply.request_model = name(row.get("model"))
    reply.model = name(row.get("resolved_model")) or reply.request_model
    reply.provider = provider_of(reply.model) or provider_of(reply.request_model)
    if (milliseconds := number(row.get("duration_ms"))) is not None and milliseconds >= 0:
        reply.duration_s = milliseconds / 1000
        reply.completed_at = None if at is None else micros((at + milliseconds * 1000) / 1e6)
    reply.usage = _usage(row)
    options = _json(row.get("options_json"))
    reply.temperature, reply.max_tokens = number(options.get("temperature")), tokens(options.get("max_tokens"))


def _usage(row: dict[str, Any]) -> Usage:
    put, got, details = (
        tokens(row.get("input_tokens")),
        tokens(row.get("output_tokens")),
        _json(row.get("token_details")),
    )
    inputs = mapping(details.get("prompt_tokens_details") or details.get("input_tokens_details"))
    outputs = mapping(details.get("completion_tokens_details") or details.get("output_tokens_details"))
    read, written = tokens(details.get("cache_read_input_tokens")), tokens(details.get("cache_creation_input_tokens"))
    if (read or written) and put is not None:
        put += (read or 0) + (written or 0)  # these are Anthropic's counts, which leave the cache out
    read = tokens(inputs.get("cached_tokens")) if read is None else read
    return Usage(put, got, read, written, tokens(outputs.get("reasoning_tokens")))


def _rows(store: sqlite3.Connection, tables: dict[str, set[str]], table: str, response_id: str) -> list[dict[str, Any]]:
    if "response_id" not in tables.get(table, set()):
        return []
    return [
        dict(row) for row in store.execute(f"SELECT * FROM {table} WHERE response_id = ? ORDER BY rowid", [response_id])
    ]


def _fragments(store: sqlite3.Connection, tables: dict[str, set[str]], table: str, response_id: str) -> str:
    if table not in tables or "fragments" not in tables:
        return ""
    rows = store.execute(
        f"SELECT f.content FROM {table} p JOIN fragments f ON f.id = p.fragment_id "
        'WHERE p.response_id = ? ORDER BY p."order"',
        [response_id],
    )
    return "\n".join(words(row[0]) for row in rows)


def _attachments(store: sqlite3.Connection, tables: dict[str, set[str]], response_id: str) -> Iterator[dict[str, Any]]:
    if "prompt_attachments" not in tables or "attachments" not in tables:
        return
    for row in store.execute(
        "SELECT a.* FROM prompt_attachments p JOIN attachments a ON a.id = p.attachment_id WHERE p.response_id = ?",
        [response_id],
    ):
        yield _attachment(dict(row))


def _attachment(row: dict[str, Any]) -> dict[str, Any]:
    import base64

    media_type, content = name(row.get("type")) or "application/octet-stream", row.get("content")
    title = (name(row.get("path")) or name(row.get("url")) or "attachment").rsplit("/", 1)[-1]
    if isinstance(content, bytes) and content:
        kind = "image" if media_type.startswith("image/") else "file"
        return {"type": kind, "name": title, "media_type": media_type, "data": base64.b64encode(content).decode()}
    return reference(title, media_type, place=row.get("url") or row.get("path"))


def _say(found: Conversation, message: Message) -> None:
    message.parent = found.messages[-1].source_id if found.messages else None
    found.messages.append(message)


# --- since 0.32 ---


def _thread(store: sqlite3.Connection, thread: dict[str, Any]) -> Conversation:
    found = Conversation(
        SOURCE, str(thread["id"]), title=name(thread.get("name")), created_at=micros(thread.get("datetime_utc"))
    )
    if forked := name(thread.get("forked_from")):
        found.metadata["forked_from"] = forked
    known: dict[str, Message] = {}
    for row in store.execute("SELECT * FROM turns WHERE thread_id = ? ORDER BY datetime_utc, rowid", [thread["id"]]):
        _turn(store, found, known, dict(row))
    tip = thread.get("tip_message_hash")
    if tip in known:
        active = set(_path(store, tip))
        for hash_, message in known.items():
            message.is_active = hash_ in active
    found.messages = list(known.values())
    return found


def _turn(store: sqlite3.Connection, found: Conversation, known: dict[str, Message], turn: dict[str, Any]) -> None:
    at = micros(turn.get("datetime_utc"))
    above: str | None = None
    reply: Message | None = None
    for hash_ in _path(store, turn.get("tip_message_hash")):
        if hash_ not in known:
            row = store.execute("SELECT * FROM messages WHERE hash = ?", [hash_]).fetchone()
            message = _message(store, f"{found.source_id}/{hash_}", dict(row))
            message.parent = known[above].source_id if above in known else None
            message.created_at = at
            known[hash_] = message
            if message.role == "assistant":
                reply = message
                message.request_model = name(turn.get("model"))
                message.model = name(turn.get("resolved_model")) or message.request_model
                message.provider = provider_of(message.model) or provider_of(message.request_model)
        above = hash_
    if reply is not None:
        _as_reply(reply, turn, at)


def _path(store: sqlite3.Connection, tip: Any) -> list[str]:
    path: dict[str, None] = {}
    while isinstance(tip, str) and tip not in path:
        row = store.execute("SELECT parent_hash FROM messages WHERE hash = ?", [tip]).fetchone()
        if row is None:
            break
        path[tip] = None
        tip = row[0]
    return [*path][::-1]


def _message(store: sqlite3.Connection, source_id: str, row: dict[str, Any]) -> Message:
    message = Message(source_id, words(row.get("role")))
    texts: list[str] = []
    for part in store.execute("SELECT * FROM parts WHERE message_hash = ? ORDER BY position", [row["hash"]]):
        payload, kind = _json(part["payload"]), part["type"]
        text = words(part["text"]) or "".join(_pieces(store, payload.get("text_ref"))) or words(payload.get("text"))
        if kind == "text":
            texts.append(text)
        elif kind == "reasoning" and text:
            message.parts.append(reasoning(text))
        elif kind == "tool_call":
            message.parts.append(tool_call(payload.get("tool_call_id"), part["tool_name"], payload.get("arguments")))
        elif kind == "tool_result":
            texts.append(words(payload.get("output")))
            message.role, message.tool_name = "tool", name(part["tool_name"])
            message.tool_call_id = name(payload.get("tool_call_id"))
            if payload.get("exception"):
                message.status, message.error_message = "error", name(payload["exception"])
        elif kind == "attachment":
            wanted = mapping(payload.get("attachment")).get("id")
            found = store.execute("SELECT * FROM attachments WHERE id = ?", [wanted]).fetchone()
            message.parts.append(_attachment(dict(found)) if found else reference("attachment", place=wanted))
    message.content = "\n".join(texts)
    return message


def _pieces(store: sqlite3.Connection, pieces: Any) -> Iterator[str]:
    for piece in pieces if isinstance(pieces, list) else []:
        if isinstance(piece, dict) and "literal" in piece:
            yield words(piece["literal"])
        elif isinstance(piece, dict):
            row = store.execute("SELECT content FROM fragments WHERE id = ?", [piece.get("fragment")]).fetchone()
            yield words(row[0]) if row else ""


# --- the first months ---


def _first_log(store: sqlite3.Connection, report: ImportReport) -> Iterator[Conversation]:
    talks: dict[str, list[int]] = defaultdict(list)
    columns = {row[1] for row in store.execute("PRAGMA table_info(log)")}
    key = "coalesce(chat_id, rowid)" if "chat_id" in columns else "rowid"
    for row in store.execute(f"SELECT rowid AS place, {key} AS talk FROM log ORDER BY rowid"):
        talks[str(row["talk"])].append(row["place"])
    for talk, places in talks.items():
        yield from attempt(lambda t=talk, p=places: _first_talk(store, t, p), report, talk)


def _first_talk(store: sqlite3.Connection, talk: str, places: list[int]) -> Conversation:
    found = Conversation(SOURCE, f"log/{talk}")
    for place in places:
        row = dict(store.execute("SELECT * FROM log WHERE rowid = ?", [place]).fetchone())
        at = micros(row.get("timestamp"))
        if (system := words(row.get("system"))) and not found.messages:
            _say(found, Message(f"log/{place}/system", "system", system, at))
        _say(found, Message(f"log/{place}/prompt", "user", words(row.get("prompt")), at))
        reply = Message(f"log/{place}", "assistant", words(row.get("response")), at)
        _as_reply(reply, row, at)
        _say(found, reply)
    return found


def _json(text: Any) -> dict[str, Any]:
    try:
        return mapping(json.loads(text)) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        return {}


FORMAT = Format(SOURCE, "llm logs.db", _detects, one_by_one(_read))
