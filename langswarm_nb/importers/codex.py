"""Codex CLI's logs: `~/.codex/sessions/**/rollout-*.jsonl`, one file a session.

Token counts come as running totals that are written again and again: only a total that changed is a call. A forked
session's file begins with all that the one before had said and counted: that prefix is read once, in the first session.
Without that session's file the messages are kept, being the only copy, and their tokens are left out, being another
session's.

Where the prefix ends, later versions say: they number the lines (`ordinal`), a subagent's own begin at
`subagent_history_start_ordinal`, and a fork that only refers to what was before (`history_base`,
`forked_from_ordinal_exclusive`) copies nothing. A session that was taken back to an earlier point goes on in such a
file, too, under its old id. In the files of earlier versions only the times tell: the prefix is written in one go.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import PurePosixPath
from typing import Any

from ..models import Usage
from .blocks import arguments_of, as_text, said_in
from .conversation import Conversation, Message, mapping, micros, name, reasoning, sequence, tokens, tool_call, words
from .format import Format, attempt, guarded
from .inputs import Entry
from .json_values import json_values
from .report import ImportReport
from .rows import Ancestry

SOURCE = "codex"
_COUNTS = (
    "input_tokens", "output_tokens", "cached_input_tokens", "cache_write_input_tokens", "reasoning_output_tokens",
)  # fmt: skip
# What Codex itself puts before a person's first words.
_CONTEXT = ("<environment_context>", "<user_instructions>", "# AGENTS.md instructions", "<permissions instructions>",
            "<turn_aborted>", "<INSTRUCTIONS>")  # fmt: skip
_CALLS = ("function_call", "custom_tool_call", "local_shell_call", "web_search_call", "mcp_tool_call")

_NOTHING = "nothing was said in it, or all of it in the session that it was forked from"

Counts = tuple[int | None, ...]


@dataclass
class _Known:
    """What was read of a session: fingerprints of its items and its totals, to find them again in its forks."""

    items: array[int] = field(default_factory=lambda: array("q"))
    totals: array[int] = field(default_factory=lambda: array("q"))


def _detects(entry: Entry) -> bool:
    head = entry.head
    if entry.suffix != ".jsonl":
        return False
    is_first = b'"record_type"' in head or (
        PurePosixPath(entry.name).name.startswith("rollout-") and b'"instructions"' in head
    )
    has_items = b'"payload"' in head and (b'"response_item"' in head or b'"event_msg"' in head)
    return is_first or has_items or b'"session_meta"' in head


def _read(entries: Sequence[Entry], report: ImportReport) -> Iterator[Conversation]:
    known: dict[str, _Known] = {}
    ancestry = Ancestry()
    # A session's file bears the time of its beginning, and no fork begins before what it was forked from.
    for entry in sorted(entries, key=lambda entry: PurePosixPath(entry.name).name):
        for found in guarded(entry, report, _session(entry, known, report)):
            yield ancestry.placed(found)
        entry.finish()


def _session(entry: Entry, known: dict[str, _Known], report: ImportReport) -> Iterator[Conversation]:
    rollout = _Rollout(entry, known, report)
    with entry.open() as stream:
        for line in json_values(stream, lambda why: report.skip("line", why, entry.name)):
            if isinstance(line, dict):
                rollout.read(line)
            else:
                report.skip("line", "it is no object", entry.name)
    yield from attempt(rollout.finished, report, entry.name)


_NO_PARENT = "it is not in this import: what was copied from it counts as the fork's own; import both to count it once"
_NO_PARENT_TOKENS = "it is not in this import: what was copied from it is kept here, without its tokens"
# Longer than two lines of a copy are apart, and shorter than any model takes to answer.
_PAUSE_US = 250_000


class _Rollout:
    def __init__(self, entry: Entry, known: dict[str, _Known], report: ImportReport) -> None:
        self._found = Conversation(SOURCE, PurePosixPath(entry.name).stem, provider="openai")
        self._known = known
        self._mine = _Known()
        self._report = report
        self._before: _Known | None = None
        self._has_meta = False
        self._inherited_items = self._inherited_totals = True
        self._total: Counts | None = None
        self._written_at: int | None = None
        self._is_first_burst = True
        # From which line on all is this session's own; None: the file does not say.
        self._own_from: int | None = None
        self._is_copied = False
        self._stem = self._found.source_id
        self._copied_totals = 0
        self._model: str | None = None
        self._effort: str | None = None
        self._thoughts: list[dict[str, Any]] = []
        self._reply: Message | None = None
        self._tools: dict[str, str] = {}

    def read(self, line: dict[str, Any]) -> None:
        kind, payload, at = line.get("type"), line.get("payload"), micros(line.get("timestamp"))
        self._note_time(at)
        ordinal = line.get("ordinal")
        if self._own_from is not None:
            self._is_copied = isinstance(ordinal, int) and ordinal < self._own_from
        if not isinstance(payload, dict):
            # The first versions wrote the items themselves, and the session's facts as the first line.
            if kind is None and name(line.get("id")) and not self._has_meta:
                self._meta(line)
            elif kind is not None and line.get("record_type") is None:
                self._item(line, at)
            return
        if kind == "session_meta":
            self._meta(payload)
        elif kind == "turn_context":
            self._model = name(payload.get("model")) or self._model
            self._effort = name(payload.get("effort")) or self._effort
        elif kind == "response_item":
            self._item(payload, at)
        elif kind == "event_msg" and payload.get("type") == "token_count":
            self._count(mapping(payload.get("info")))
        elif kind == "event_msg" and payload.get("type") == "thread_name_updated":
            self._found.title = name(payload.get("thread_name")) or self._found.title
        elif kind == "event_msg" and payload.get("type") == "turn_aborted" and self._reply is not None:
            self._reply.status, self._reply.finish_reason = "interrupted", "cancelled"
        elif kind == "compacted":
            self._report.skip("line", "a summary that took the place of earlier messages for the model")

    def finished(self) -> Conversation | None:
        found = self._found
        self._known[found.source_id] = self._mine
        if not found.messages:
            self._report.skip("conversation", _NOTHING, found.source_id)
            return None
        if "forked_from" in found.metadata and self._before is None:
            why = _NO_PARENT_TOKENS if self._copied_totals else _NO_PARENT
            self._report.skip("fork's parent", why, found.source_id)
        if self._thoughts:
            last = found.messages[-1]
            self._say(Message(f"{found.source_id}/end", "assistant", created_at=last.created_at, provider="openai"))
        found.model = self._model
        first = next((m.content for m in found.messages if m.role == "user" and m.content), "")
        found.title = found.title or " ".join(first.split())[:80] or None
        return found

    def _meta(self, payload: dict[str, Any]) -> None:
        session_id = name(payload.get("id"))
        found = self._found
        if self._has_meta:
            # A second one is that of the session whose history follows.
            self._inherit(session_id)
            return
        self._has_meta = True
        found.source_id = session_id or found.source_id
        found.provider_session_id = session_id
        found.created_at = micros(payload.get("timestamp"))
        found.provider = name(payload.get("model_provider")) or "openai"
        wanted = ("cwd", "originator", "cli_version", "source")
        found.metadata = {key: payload[key] for key in wanted if name(payload.get(key))}
        git = mapping(payload.get("git"))
        found.metadata.update({key: git[key] for key in ("branch", "commit_hash") if name(git.get(key))})
        # A subagent's file may begin with what was said before it was started, too.
        spawn = mapping(mapping(mapping(payload.get("source")).get("subagent")).get("thread_spawn"))
        self._inherit(
            name(payload.get("forked_from_id"))
            or name(spawn.get("parent_thread_id"))
            or name(payload.get("parent_thread_id"))
        )
        base, own_from = mapping(payload.get("history_base")), payload.get("subagent_history_start_ordinal")
        if isinstance(own_from, int):
            self._own_from = own_from
        elif base or isinstance(payload.get("forked_from_ordinal_exclusive"), int):
            self._own_from = 0
        if base and "forked_from" not in found.metadata:
            # The same session, taken back to an earlier point: its file bears a second id, which is this part's.
            found.source_id = self._stem.rpartition("_")[2]
            self._inherit(name(base.get("thread_id")))

    def _inherit(self, parent: str | None) -> None:
        if parent and parent != self._found.source_id and self._before is None:
            self._found.metadata["forked_from"] = parent
            self._before = self._known.get(parent)

    def _note_time(self, at: int | None) -> None:
        if at is None:
            return
        before = self._written_at if self._written_at is not None else at
        # Times before the file's own are copied ones, too.
        self._is_first_burst &= at <= before + _PAUSE_US
        self._written_at = max(before, at)

    def _is_inherited_item(self, payload: dict[str, Any]) -> bool:
        place = len(self._mine.items)
        self._mine.items.append(_fingerprint(payload))
        if self._own_from is not None:
            return self._is_copied and self._before is not None
        before = self._before.items if self._before else ()
        self._inherited_items &= place < len(before) and before[place] == self._mine.items[place]
        return self._inherited_items

    def _item(self, payload: dict[str, Any], at: int | None) -> None:
        kind = payload.get("type")
        if kind == "ghost_snapshot":
            return
        number = len(self._mine.items)
        if self._is_inherited_item(payload):
            self._report.skip("message", "a copy of one in the session that this one was forked from")
            return
        source_id = f"{self._found.source_id}/{number}"
        if kind == "message":
            self._message(payload, source_id, at)
        elif kind == "reasoning":
            texts = [words(piece) for piece in sequence(payload.get("summary")) or sequence(payload.get("content"))]
            self._thoughts += [reasoning(text) for text in texts if text]
            if not texts and payload.get("encrypted_content"):
                self._report.skip("reasoning", "it is encrypted")
        elif kind in _CALLS:
            self._call(payload, source_id, at)
        elif isinstance(kind, str) and kind.endswith("_output"):
            call_id = name(payload.get("call_id"))
            output = payload.get("output")
            text = said_in(output)[0].text if isinstance(output, list) else as_text(output)
            self._say(
                Message(source_id, "tool", text, at, tool_call_id=call_id, tool_name=self._tools.get(call_id or ""))
            )
            self._reply = None
        else:
            self._report.skip("line", f"an item of the kind {str(kind)[:40]!r}")

    def _message(self, payload: dict[str, Any], source_id: str, at: int | None) -> None:
        role, said = words(payload.get("role")), said_in(payload.get("content"))[0]
        if role in ("developer", "system") or (role == "user" and said.text.lstrip().startswith(_CONTEXT)):
            self._report.skip("message", "context that Codex adds itself")
        elif said.text or said.parts:
            message = Message(source_id, role, said.text, at, parts=said.parts)
            message.provider_message_id = name(payload.get("id"))
            self._say(message)

    def _call(self, payload: dict[str, Any], source_id: str, at: int | None) -> None:
        call_id = name(payload.get("call_id")) or name(payload.get("id"))
        tool = name(payload.get("name")) or str(payload.get("type")).removesuffix("_call")
        arguments = payload.get("arguments", payload.get("input", payload.get("action")))
        self._tools[call_id or ""] = tool
        part = tool_call(call_id, tool, arguments_of(arguments))
        # What the model did without waiting for a result is one reply.
        if self._reply is not None and not self._thoughts:
            self._reply.parts.append(part)
        else:
            self._say(Message(source_id, "assistant", "", at, parts=[part]))

    def _say(self, message: Message) -> None:
        before = self._found.messages[-1] if self._found.messages else None
        message.parent = before.source_id if before else None
        if message.created_at is None:
            message.created_at = before.created_at if before else self._found.created_at
        if message.role == "assistant":
            message.provider, message.model, message.reasoning_level = self._found.provider, self._model, self._effort
            message.parts[:0], self._thoughts = self._thoughts, []
            self._reply = message
        else:
            self._reply = None
        self._found.messages.append(message)

    def _is_inherited_total(self, place: int) -> bool:
        if self._own_from is not None:
            self._copied_totals += self._is_copied
            return self._is_copied
        before = self._before.totals if self._before else ()
        self._inherited_totals &= place < len(before) and before[place] == self._mine.totals[place]
        if self._inherited_totals:
            return True
        is_copy = self._is_first_burst and self._before is None and "forked_from" in self._found.metadata
        self._copied_totals += is_copy
        return is_copy

    def _count(self, info: dict[str, Any]) -> None:
        total = _counts(info.get("total_token_usage"))
        if total is None:
            return
        place = len(self._mine.totals)
        if total == self._total:
            return
        self._mine.totals.append(_fingerprint({"total": total}))
        last, earlier, self._total = _counts(info.get("last_token_usage")), self._total, total
        if self._is_inherited_total(place):
            return
        if last is None and earlier is None and self._own_from is not None:
            self._report.skip("token count", "how much of it is another session's is not told")
            return
        spent = last or tuple(
            None if now is None else max(now - (then or 0), 0)
            for now, then in zip(total, earlier or (0,) * len(total), strict=True)
        )
        reply = next((m for m in reversed(self._found.messages) if m.role == "assistant"), None)
        if reply is None:
            self._report.skip("token count", "there is no reply that it could belong to")
            return
        put, got, read, written, thought = spent
        if reply.usage is not None:
            put, got, read, written, thought = _plus(reply.usage, spent)
        reply.usage = Usage(put, got, read, written, thought)


def _counts(told: Any) -> Counts | None:
    if not isinstance(told, dict):
        return None
    return tuple(tokens(told.get(count)) for count in _COUNTS)


def _plus(usage: Usage, spent: Counts) -> Counts:
    known = (
        usage.input_tokens, usage.output_tokens, usage.cache_read_input_tokens, usage.cache_write_input_tokens,
        usage.reasoning_output_tokens,
    )  # fmt: skip
    return tuple(a if b is None else b if a is None else a + b for a, b in zip(known, spent, strict=True))


def _fingerprint(payload: dict[str, Any]) -> int:
    """Return 64 bits of what an item says, without when."""
    plain = {key: value for key, value in payload.items() if key not in ("timestamp", "id")}
    text = json.dumps(plain, sort_keys=True, default=str)
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big", signed=True)


FORMAT = Format(SOURCE, "Codex CLI logs", _detects, _read)
