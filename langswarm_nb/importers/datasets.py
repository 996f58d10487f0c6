"""Conversations that were published as data sets: ShareGPT's JSON, LMSYS-Chat-1M and WildChat as Parquet.

ShareGPT and LMSYS-Chat-1M tell no times, so neither do their rows here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

from ..storage.rows import json_text, number
from .blocks import provider_of
from .conversation import Conversation, Message, mapping, micros, name, sequence, words
from .format import Format, attempt, one_by_one
from .inputs import Entry
from .json_values import json_values
from .parquet_files import columns_of, rows_of
from .report import ImportReport

_FROM = re.compile(rb'"from"\s*:')


def _is_parquet(entry: Entry, needed: set[str]) -> bool:
    return entry.path is not None and entry.head[:4] == b"PAR1" and needed <= columns_of(entry)


def _is_sharegpt(entry: Entry) -> bool:
    if entry.suffix not in (".json", ".jsonl", ".ndjson"):
        return False
    return b'"conversations"' in entry.head and _FROM.search(entry.head) is not None and b'"value"' in entry.head


def _read_sharegpt(entry: Entry, report: ImportReport) -> Iterator[Conversation]:
    with entry.open() as stream:
        for value in json_values(stream, lambda why: report.skip("conversation", why, entry.name)):
            where = name(mapping(value).get("id")) or entry.name
            yield from attempt(lambda value=value: _sharegpt(value, report), report, where)


def _sharegpt(value: Any, report: ImportReport) -> Conversation | None:
    if not isinstance(value, dict):
        raise TypeError("it is no object")
    said = [
        {**item, "role": item.get("from", item.get("role")), "content": item.get("value", item.get("content"))}
        for item in sequence(value.get("conversations"))
        if isinstance(item, dict)
    ]
    if lost := len(sequence(value.get("conversations"))) - len(said):
        report.skip("message", "it is no message", name(value.get("id")) or "", lost)
    source_id = name(value.get("id")) or _digest(value)
    found = Conversation("sharegpt", source_id, title=name(value.get("title")), model=name(value.get("model")))
    if system := words(value.get("system")):
        said.insert(0, {"role": "system", "content": system})
    return _filled(found, said, None)


def _lmsys(value: dict[str, Any], report: ImportReport) -> Conversation | None:
    found = Conversation("lmsys", _required(value, "conversation_id"), model=name(value.get("model")))
    found.metadata = {key: value[key] for key in ("language", "redacted") if value.get(key) is not None}
    found.user_id = name(value.get("judge")) or "lmsys"
    return _filled(found, sequence(value.get("conversation")), micros(value.get("tstamp")))


def _wildchat(value: dict[str, Any], report: ImportReport) -> Conversation | None:
    found = Conversation("wildchat", _required(value, "conversation_hash"), model=name(value.get("model")))
    wanted = ("language", "country", "state", "toxic", "redacted")
    found.metadata = {key: value[key] for key in wanted if value.get(key) is not None}
    said = sequence(value.get("conversation"))
    first = next((name(mapping(one).get("hashed_ip")) for one in said), None)
    found.user_id = name(value.get("hashed_ip")) or first or "wildchat"
    return _filled(found, said, micros(value.get("timestamp")))


def _filled(found: Conversation, said: list[Any], at: int | None) -> Conversation:
    found.provider = provider_of(found.model)
    found.created_at = at
    for place, one in enumerate(said):
        if not isinstance(one, dict):
            continue
        message = Message(
            f"{found.source_id}/{place}",
            words(one.get("role")),
            words(one.get("content")),
            micros(one.get("timestamp")) or micros(one.get("created")) or at,
            found.messages[-1].source_id if found.messages else None,
        )
        if message.role.lower() not in ("user", "human", "system"):
            message.model, message.provider = found.model, found.provider
            message.temperature = number(one.get("temperature"))
        found.messages.append(message)
    first = next((m.content for m in found.messages if m.role.lower() in ("user", "human")), "")
    found.title = found.title or " ".join(first.split())[:80] or None
    return found


def _required(value: dict[str, Any], key: str) -> str:
    found = name(value.get(key))
    if found is None:
        raise ValueError(f"it has no {key}")
    return found


def _digest(value: Any) -> str:
    return blake2b(json_text(value).encode("utf-8", "replace"), digest_size=12).hexdigest()


def _reader(convert: Any) -> Any:
    def read(entry: Entry, report: ImportReport) -> Iterator[Conversation]:
        for row in rows_of(entry):
            yield from attempt(lambda row=row: convert(row, report), report, entry.name)

    return one_by_one(read)


SHAREGPT = Format("sharegpt", "ShareGPT", _is_sharegpt, one_by_one(_read_sharegpt))
WILDCHAT = Format(
    "wildchat", "WildChat", lambda entry: _is_parquet(entry, {"conversation_hash", "conversation"}), _reader(_wildchat)
)
LMSYS = Format(
    "lmsys", "LMSYS-Chat-1M", lambda entry: _is_parquet(entry, {"conversation_id", "conversation"}), _reader(_lmsys)
)
