"""Claude Code's transcripts: `~/.claude/projects/**/*.jsonl`, one file a session, subagents in files of their own.

One reply stands on several lines, one a block, with usage that grows: they are one message here, with the greatest
counts. Sessions that were resumed or forked repeat the lines of the one before, in another file: those are read once,
in the session that began first. `input_tokens` in these files leaves out what came from or went to the cache.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from ..models import Usage
from .blocks import Said, said_in
from .conversation import Conversation, Message, mapping, micros, name, tokens, words
from .format import Format, attempt, guarded
from .inputs import Entry
from .json_values import json_values
from .report import ImportReport
from .rows import Ancestry

SOURCE = "claude-code"
_COUNTS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
_FINISH = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "tool_use": "tool_calls"}
_TITLES = {"summary": "summary", "custom-title": "customTitle", "ai-title": "aiTitle"}
_SYNTHETIC = "<synthetic>"

_NOTHING = "nothing was said in it, or all of it in the session that it was forked from"

Counts = tuple[int | None, ...]


def _detects(entry: Entry) -> bool:
    head = entry.head
    return entry.suffix == ".jsonl" and (
        (b'"sessionId"' in head and (b'"parentUuid"' in head or b'"uuid"' in head))
        or (b'"type":"summary"' in head and b'"leafUuid"' in head)
        or (b'"type":"file-history-snapshot"' in head)
    )


def _read(entries: Sequence[Entry], report: ImportReport) -> Iterator[Conversation]:
    ordered = sorted(entries, key=lambda entry: (_first_time(entry), entry.name))
    usage: dict[str, Counts] = {}
    if len(ordered) > 1:
        for entry in ordered:
            _note_usage(entry, usage)
    owners: dict[str, str] = {}
    ancestry = Ancestry()
    for entry in ordered:
        for found in guarded(entry, report, _session(entry, usage, owners, report)):
            yield ancestry.placed(found)
        entry.finish()


def _first_time(entry: Entry) -> str:
    for line in entry.head.splitlines():
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and isinstance(value.get("timestamp"), str):
            return value["timestamp"]
    return "~"


def _note_usage(entry: Entry, usage: dict[str, Counts]) -> None:
    """Keep the greatest counts of each reply over all files: a fork may know more of it than the session it left."""
    with entry.open() as stream:
        for line in stream:
            if b'"usage"' not in line:
                continue
            try:
                message = mapping(mapping(json.loads(line)).get("message"))
            except (ValueError, RecursionError):
                continue
            if key := name(message.get("id")):
                usage[key] = _greatest(usage.get(key), _counts(message))
    entry.advance(-entry.size)


def _counts(message: dict[str, Any]) -> Counts:
    told = mapping(message.get("usage"))
    return tuple(tokens(told.get(count)) for count in _COUNTS)


def _greatest(one: Counts | None, other: Counts) -> Counts:
    if one is None:
        return other
    return tuple(max((c for c in pair if c is not None), default=None) for pair in zip(one, other, strict=True))


def _session(
    entry: Entry, usage: dict[str, Counts], owners: dict[str, str], report: ImportReport
) -> Iterator[Conversation]:
    session = _Session(entry, usage, owners, report)
    with entry.open() as stream:
        for line in json_values(stream, lambda why: report.skip("line", why, entry.name)):
            if isinstance(line, dict):
                session.read(line)
            else:
                report.skip("line", "it is no object", entry.name)
    yield from attempt(session.finished, report, entry.name)


class _Session:
    def __init__(self, entry: Entry, usage: dict[str, Counts], owners: dict[str, str], report: ImportReport) -> None:
        stem = PurePosixPath(entry.name).stem
        # A subagent's lines bear its session's id; the file's name is its own.
        self._found = Conversation(SOURCE, stem, provider="anthropic")
        self._usage = usage
        self._owners = owners
        self._report = report
        self._messages: dict[str, Message] = {}
        # For each line: the last message at or above it. Lines that say nothing pass their parent's on.
        self._ends: dict[str, str | None] = {}
        # The results of one reply's calls stand side by side in the file; here each follows the one before.
        self._last_result: dict[str, str] = {}
        self._asked_by: dict[str, str] = {}
        self._tools: dict[str, str] = {}
        self._last: str | None = None

    def read(self, line: dict[str, Any]) -> None:
        kind = line.get("type")
        if kind in _TITLES:
            self._found.title = name(line.get(_TITLES[str(kind)])) or self._found.title
            return
        self._note_session(line)
        uuid = name(line.get("uuid"))
        above = line.get("parentUuid") or line.get("logicalParentUuid")
        parent = self._ends.get(above) if isinstance(above, str) else None
        end = parent
        if kind in ("user", "assistant"):
            message = mapping(line.get("message"))
            at = micros(line.get("timestamp"))
            if kind == "assistant":
                end = self._reply(line, message, uuid, parent, at)
            else:
                end = self._question(line, message, uuid, parent, at)
        elif kind == "system" and words(line.get("content")):
            self._report.skip("line", "a note of Claude Code itself")
        if uuid is not None:
            self._ends[uuid] = end

    def finished(self) -> Conversation | None:
        found = self._found
        found.messages = list(self._messages.values())
        if not found.messages:
            self._report.skip("conversation", _NOTHING, found.source_id)
            return None
        found.show_branch_to(self._last)
        if found.title is None:
            first = next((m.content for m in found.messages if m.role == "user" and m.content), "")
            found.title = " ".join(first.split())[:80] or None
        return found

    def _note_session(self, line: dict[str, Any]) -> None:
        found = self._found
        for key in ("cwd", "gitBranch", "version", "agentId"):
            if key not in found.metadata and name(line.get(key)):
                found.metadata[key] = line[key]
        session_id = name(line.get("sessionId"))
        if session_id and session_id != found.source_id:
            if line.get("isSidechain") is True or found.source_id.startswith("agent-"):
                found.metadata.setdefault("parent_session", session_id)
            found.provider_session_id = session_id
        if forked := name(mapping(line.get("forkedFrom")).get("sessionId")):
            found.metadata.setdefault("forked_from", forked)

    def _is_elsewhere(self, key: str) -> bool:
        """Return whether the message stands in a session that was read before."""
        owner = self._owners.setdefault(key, self._found.source_id)
        if owner == self._found.source_id:
            return False
        self._found.metadata.setdefault("forked_from", owner)
        self._report.skip("message", "a copy of one in the session that this one was forked from")
        return True

    def _reply(
        self, line: dict[str, Any], message: dict[str, Any], uuid: str | None, parent: str | None, at: int | None
    ) -> str | None:
        key = name(message.get("id")) or uuid
        model = name(message.get("model"))
        if key is None:
            self._report.skip("message", "it has no id")
            return parent
        known = self._messages.get(key)
        if known is None:
            if self._is_elsewhere(key):
                return parent
            known = Message(key, "assistant", created_at=at, parent=self._behind(parent), provider="anthropic")
            known.provider_message_id = name(message.get("id"))
            known.model = None if model == _SYNTHETIC else model
            self._messages[key] = known
        self._add_blocks(known, message.get("content"))
        known.completed_at = max(filter(None, (known.completed_at, at)), default=None)
        if finish := name(message.get("stop_reason")):
            known.finish_reason = _FINISH.get(finish, finish)
        if line.get("isApiErrorMessage") is True or model == _SYNTHETIC:
            known.status, known.error_message = "error", known.content[:500] or None
        elif message.get("usage") is not None:
            # Without an id in `message` there is nothing that other lines could be matched by.
            counts = self._usage[key] = _greatest(self._usage.get(key), _counts(message))
            known.usage = _as_usage(counts)
        self._last = key
        return key

    def _add_blocks(self, known: Message, content: Any) -> None:
        for piece in said_in(content):
            if piece.text and piece.text not in (known.content, ""):
                known.content = f"{known.content}\n\n{piece.text}" if known.content else piece.text
            for part in piece.parts:
                if part not in known.parts:
                    known.parts.append(part)
                    if part["type"] == "tool_call" and part["id"]:
                        self._asked_by[part["id"]] = known.source_id
                        self._tools[part["id"]] = part["name"] or ""

    def _question(
        self, line: dict[str, Any], message: dict[str, Any], uuid: str | None, parent: str | None, at: int | None
    ) -> str | None:
        if line.get("isMeta") is True:
            self._report.skip("line", "a note of Claude Code itself")
            return parent
        uuid = name(mapping(line.get("forkedFrom")).get("messageUuid")) or uuid
        if uuid is None:
            self._report.skip("message", "it has no id")
            return parent
        end, count = parent, 0
        for piece in said_in(message.get("content")):
            for result in piece.results:
                key = f"{uuid}#{count}" if count else uuid
                count += 1
                if key in self._messages or self._is_elsewhere(key):
                    continue
                asked = self._asked_by.get(result.call_id or "") or parent
                before = self._last_result.get(asked, asked) if asked else parent
                tool = self._tools.get(result.call_id or "") or result.tool
                status = "error" if result.is_error else "complete"
                self._messages[key] = Message(
                    key, "tool", result.text, at, before, result.parts,
                    tool_name=tool, tool_call_id=result.call_id, status=status,
                )  # fmt: skip
                if asked:
                    self._last_result[asked] = key
                end = self._last = key
            if piece.text or piece.parts:
                end = self._asked(line, piece, f"{uuid}#{count}" if count else uuid, end, at)
                count += 1
        return end

    def _asked(self, line: dict[str, Any], piece: Said, key: str, parent: str | None, at: int | None) -> str | None:
        if key in self._messages:
            return key
        if self._is_elsewhere(key):
            return parent
        about = {name_: True for name_ in ("isCompactSummary", "isVisibleInTranscriptOnly") if line.get(name_) is True}
        role = "system" if about else "user"
        self._messages[key] = Message(key, role, piece.text, at, self._behind(parent), piece.parts, metadata=about)
        self._last = key
        return key

    def _behind(self, parent: str | None) -> str | None:
        """Return the last result of the calls whose result `parent` is."""
        message = self._messages.get(parent) if parent else None
        if message is not None and message.role == "tool":
            asked = self._asked_by.get(message.tool_call_id or "")
            return self._last_result.get(asked, parent) if asked else parent
        return parent


def _as_usage(counts: Counts) -> Usage:
    plain, read, written, answered = counts
    known = [count for count in (plain, read, written) if count is not None]
    return Usage(sum(known) if plain is not None else None, answered, read, written)


FORMAT = Format(SOURCE, "Claude Code transcripts", _detects, _read)
