"""Rows without secrets and personal data.

Every text is searched: contents, titles, tags, prompts, paths, arguments of tools, attachments that are text, metadata
at any depth, names of keys included. Users become pseudonyms that stay the same within one export and cannot be turned
back: they are keyed with a random secret that is forgotten. What cannot be searched (pictures, PDF and other binary
attachments) is taken out.
"""

from __future__ import annotations

import base64
import hmac
import os
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ..redaction import Names, find, home_names, is_secret_name, random_tokens
from ..storage.rows import json_text, json_value
from ..storage.schema import TABLES
from .selection import Chunk, Conversation, chunks

if TYPE_CHECKING:
    from ..analytics.source import Source

Row = dict[str, Any]
# Told of each thing that is found: its place, its kind, and the text around it, redacted.
Listener = Callable[[str, str, str], None]

KINDS = ("secret", "private_key", "api_key", "password", "email", "iban", "card", "ssn", "phone", "user", "attachment")

_PEOPLE = {"user_id", "author_name"}
_IDS = {
    "session_id", "message_id", "event_id", "parent_id", "parent_session_id", "forked_from_id", "source_id",
    "provider_session_id", "provider_message_id", "tool_call_id",
}  # fmt: skip
# Under these, parts and metadata refer to one another and to the columns above.
_ID_KEYS = _IDS | {"id", "call_id", "item_id", "response_id", "tool_use_id"}
_WORDS_OF_OURS = {"status", "role", "kind", "finish_reason", "cost_source", "source"}
_PERSON_KEY = re.compile(r"(?:user|author|owner|login|account|actor|sender|member|participant)[_\-]?(?:id|name)?", re.I)
_PHONE_KEY = re.compile(r"phone|mobile|telefon|\btel\b|fax", re.I)
_DATA_URL = re.compile(r"data:[\w.+\-]+/[\w.+\-]+(?:;[\w=\-]+)*;base64,[A-Za-z0-9+/=_\-\s]{16,}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_AROUND = 32
REMOVED = "[removed: its content cannot be searched]"


class Redactor:
    """Takes secrets and personal data out of rows; the same name becomes the same pseudonym.

    `names` are users' names, hidden wherever they stand as words; `words` are further texts to hide, whatever they are.
    `counts` says how many of each kind were found so far.
    """

    def __init__(self, names: Iterable[str] = (), words: Iterable[str] = (), listener: Listener | None = None) -> None:
        self._key = secrets.token_bytes(32)
        self._pseudonyms: dict[str, str] = {}
        self._aliases: dict[str, str] = {}
        self._names = Names(self._with_parts(names))
        literals = sorted({*words, *_secrets_of_this_process()}, key=len, reverse=True)
        self._literals = re.compile("|".join(map(re.escape, literals)), re.I) if literals else None
        self._listener = listener
        self._place = ""
        self.counts: Counter[str] = Counter()

    def chunk(self, chunk: Chunk) -> Chunk:
        """Return the chunk redacted."""
        from ..storage.arrow import table_of_rows

        rows: dict[str, list[Row]] = {name: [] for name in TABLES}
        for conversation in map(self.conversation, chunk.conversations()):
            rows["sessions"].append(conversation.session)
            rows["messages"] += conversation.messages
            rows["events"] += conversation.events
        return Chunk({name: table_of_rows(name, found) for name, found in rows.items()})

    def conversation(self, conversation: Conversation) -> Conversation:
        """Return the conversation redacted."""
        return Conversation(
            self.row("sessions", conversation.session, ""),
            [self.row("messages", row, f"message {row['seq']} · ") for row in conversation.messages],
            [self.row("events", row, f"event {row['kind']} · ") for row in conversation.events],
        )

    def row(self, table: str, row: Mapping[str, Any], place: str) -> Row:
        """Return a row of `table` redacted; `place` is how its place begins when the listener is told."""
        done: Row = {}
        for column, kind in TABLES[table].items():
            value = row[column]
            self._place = f"{place}{column}"
            if value is None or kind not in ("VARCHAR", "VARCHAR[]", "JSON") or column in _WORDS_OF_OURS:
                done[column] = value
            elif column in _PEOPLE:
                done[column] = self.person(value)
            elif column in _IDS:
                done[column] = self._id(value)
            elif kind == "VARCHAR[]":
                done[column] = [self.text(item) for item in value if item is not None]
            elif kind == "JSON":
                done[column] = self._json(value)
            else:
                done[column] = self.text(value)
        return done

    def person(self, name: str) -> str:
        """Return the pseudonym of `name`."""
        if not name.strip():
            return name
        self._tell("user", "[user]")
        return self._pseudonym(name)

    def text(self, text: str) -> str:
        """Return `text` with everything in it replaced that must not be shared."""
        found = sorted(self._found(text))
        if not found:
            return text
        pieces: list[str] = []
        told: list[tuple[str, int, int]] = []
        position = length = 0
        for start, end, kind, instead in found:
            if start < position:
                continue
            pieces += [text[position:start], instead]
            length += start - position
            told.append((kind, length, length + len(instead)))
            length += len(instead)
            position = end
        done = "".join([*pieces, text[position:]])
        for kind, start, end in told:
            self._tell(kind, done[max(0, start - _AROUND) : end + _AROUND])
        return done

    def value(self, value: Any, key: str = "") -> Any:
        """Return `value`, of lists, mappings, texts and numbers at any depth, redacted."""
        if isinstance(value, str):
            return self._id(value) if key in _ID_KEYS else self._under(key, value)
        if isinstance(value, Mapping):
            if value.get("type") in ("image", "file", "table") and isinstance(value.get("data"), str):
                value = self._attachment(value)
            # All that stands under `headers` or `credentials` is secret, whatever its own name is.
            below = key if key and is_secret_name(key) else ""
            return {self.text(str(name)): self.value(inner, below or str(name)) for name, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(inner, key) for inner in value]
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**8:
            if _PHONE_KEY.search(key):
                self._tell("phone", f"{key}: [phone]")
                return "[phone]"
            # A card's number, as a tool takes it.
            done = self.text(f"{key}: {value}" if key else str(value))
            return value if str(value) in done else done.removeprefix(f"{key}: ")
        return value

    def _under(self, key: str, text: str) -> str:
        if key and text.strip() and is_secret_name(key) and not text.isdigit():
            self._tell("password", f"{key}: [password]")
            return "[password]"
        if key and _PERSON_KEY.fullmatch(key) and " " not in text.strip() and len(text) < 80:
            folded = text.strip().casefold()
            if folded and folded not in ("user", "assistant", "system", "tool", "none", "null"):
                return self.person(text)
        return self.text(text)

    def _json(self, text: str) -> str:
        parsed = json_value(text, None)
        return self.text(text) if parsed is None else json_text(self.value(parsed))

    def _attachment(self, part: Mapping[str, Any]) -> Row:
        rest = {name: inner for name, inner in part.items() if name != "data"}
        try:
            text = base64.b64decode(part["data"], validate=True).decode("utf-8")
            readable = "\0" not in text and part["type"] != "image"
        except ValueError:
            text, readable = "", False
        if readable:
            return {**rest, "text": self.text(text)}
        self._tell("attachment", f"{part.get('media_type', part['type'])}: {REMOVED}")
        return {**rest, "type": "file", "media_type": "text/plain", "text": REMOVED}

    def _id(self, text: str) -> str:
        """Return an id as it is where nothing in it must be hidden, else another one, the same each time."""
        if _UUID.fullmatch(text) or not any(True for _ in self._found(text)):
            return text
        self._tell("user", "[id]")
        return f"id-{self._digest(text)}"

    def _found(self, text: str) -> Iterator[tuple[int, int, str, str]]:
        """Yield (start, end, kind, what stands there instead) of what is found; of two that overlap, the first wins."""
        claimed = bytearray(len(text))

        def free(start: int, end: int) -> bool:
            if start == end or any(claimed[start:end]):
                return False
            claimed[start:end] = b"\1" * (end - start)
            return True

        for match in self._literals.finditer(text) if self._literals else ():
            if free(*match.span()):
                yield *match.span(), "secret", "[removed]"
        if "base64," in text:
            for match in _DATA_URL.finditer(text):
                if free(*match.span()):
                    yield *match.span(), "attachment", REMOVED
        for one in find(text):
            if free(one.start, one.end):
                yield one.start, one.end, one.kind, f"[{one.kind}]"
        for start, end in random_tokens(text):
            if free(start, end):
                yield start, end, "api_key", "[api_key]"
        for start, end in home_names(text):
            if free(start, end):
                yield start, end, "user", self._pseudonym(text[start:end])
        for start, end, name in self._names.find(text):
            if free(start, end):
                yield start, end, "user", self._pseudonym(name)

    def _with_parts(self, names: Iterable[str]) -> Iterator[str]:
        """Yield names, and the parts of full ones, which mean the same person."""
        for name in names:
            yield name
            local = name.split("@")[0] if "@" in name else name
            parts = [local] if local != name else []
            if " " in name.strip():
                parts += name.split()
            for part in parts:
                if len(part) >= 3:
                    self._aliases.setdefault(part.casefold(), name.strip().casefold())
                    yield part

    def _pseudonym(self, name: str) -> str:
        folded = name.strip().casefold()
        folded = self._aliases.get(folded, folded)
        if folded not in self._pseudonyms:
            self._pseudonyms[folded] = f"user-{self._digest(folded)}"
        return self._pseudonyms[folded]

    def _digest(self, text: str) -> str:
        digest = hmac.new(self._key, text.encode("utf-8", "replace"), sha256).digest()
        return base64.b32encode(digest[:5]).decode().lower()

    def _tell(self, kind: str, excerpt: str) -> None:
        self.counts[kind] += 1
        if self._listener is not None:
            self._listener(self._place, kind, excerpt)


def redactor_for(
    source: Source, selected: list[str], redact: bool | str | Iterable[str], listener: Listener | None = None
) -> Redactor:
    """Return a redactor that knows the names of everybody in these conversations.

    `redact` is True, or texts that are to be hidden as well.
    """
    words = [redact] if isinstance(redact, str) else [] if isinstance(redact, bool) else [str(word) for word in redact]
    return Redactor(_people(source, selected), [word for word in words if word.strip()], listener)


def _people(source: Source, selected: list[str]) -> set[str]:
    """Return the names of users and authors in the selected sessions, of participants too, and of who shares."""
    from ..notebook.sessions import current_user

    ids = {"ids": selected}
    chosen = "session_id IN (SELECT unnest($ids::VARCHAR[]))"
    found = source.query(
        f"""SELECT user_id AS name FROM sessions WHERE {chosen}
            UNION SELECT author_name FROM messages WHERE {chosen}
            UNION SELECT user_id FROM events WHERE {chosen}
            UNION SELECT unnest(json_keys(context::JSON, '$.system_context.collaboration.permissions')) FROM sessions
                  WHERE {chosen} AND json_valid(context::VARCHAR)""",
        ids,
    ).to_pylist()
    return {row["name"] for row in found if row["name"]} | {current_user()}


def _secrets_of_this_process() -> set[str]:
    """Return the values of the environment that are named as secrets: nobody means to share those."""
    return {
        value.strip()
        for name, value in os.environ.items()
        if is_secret_name(name) and len(value.strip()) >= 12 and not value.strip().startswith(("/", "http"))
    }


def redacted_chunks(source: Source, selected: list[str], redactor: Redactor | None) -> Iterator[Chunk]:
    """Yield `chunks`, redacted where there is a redactor."""
    for chunk in chunks(source, selected):
        yield chunk if redactor is None else redactor.chunk(chunk)
