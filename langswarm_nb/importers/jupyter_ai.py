"""Chats of jupyter-ai and jupyterlab-chat: `.chat` files, a JSON object with `messages`, `users` and `attachments`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from .conversation import Conversation, Message, mapping, micros, name, reference, sequence, words
from .format import Format, attempt, one_by_one
from .inputs import Entry
from .json_values import json_values
from .report import ImportReport

SOURCE = "jupyter-ai"
# Personas of jupyter-ai 3 are called jupyter-ai-personas::package::Name; version 2 had one bot.
_BOT = re.compile(r"^jupyter-ai-personas?::|^jupyternaut$|^jupyter[-_ ]?ai$", re.I)


def _detects(entry: Entry) -> bool:
    return entry.suffix == ".chat" and entry.head.lstrip()[:1] == b"{"


def _read(entry: Entry, report: ImportReport) -> Iterator[Conversation]:
    with entry.open() as stream:
        for value in json_values(stream, lambda why: report.skip("conversation", why, entry.name)):
            yield from attempt(lambda value=value: _conversation(value, entry, report), report, entry.name)


def _conversation(value: Any, entry: Entry, report: ImportReport) -> Conversation | None:
    if not isinstance(value, dict) or not isinstance(value.get("messages"), list):
        raise TypeError("it has no messages")
    about, users = mapping(value.get("metadata")), mapping(value.get("users"))
    # A chat keeps these when its file is renamed.
    first = next((name(mapping(said).get("id")) for said in value["messages"]), None)
    source_id = name(about.get("id")) or first or PurePosixPath(entry.name).name
    found = Conversation(SOURCE, source_id, title=PurePosixPath(entry.name).stem, notebook_path=entry.name)
    attachments = mapping(value.get("attachments"))
    people: list[str] = []
    for place, said in enumerate(value["messages"]):
        if not isinstance(said, dict):
            report.skip("message", "it is no message", entry.name)
            continue
        if said.get("deleted") is True or not (words(said.get("body")) or said.get("attachments")):
            report.skip("message", "it was deleted" if said.get("deleted") is True else "it is empty", entry.name)
            continue
        sender = said.get("sender")
        sender = name(mapping(sender).get("username")) if isinstance(sender, dict) else name(sender)
        user = mapping(users.get(sender or ""))
        is_bot = user.get("bot") is True or bool(_BOT.search(sender or "")) or said.get("automated") is True
        message = Message(
            f"{source_id}/{name(said.get('id')) or place}", "assistant" if is_bot else "user", words(said.get("body")),
            micros(said.get("time")), found.messages[-1].source_id if found.messages else None,
            [_attachment(attachments.get(key)) for key in sequence(said.get("attachments")) if isinstance(key, str)],
            author_name=name(user.get("display_name")) or name(user.get("name")) or sender,
        )  # fmt: skip
        if not is_bot and sender:
            people.append(sender)
        found.messages.append(message)
    if people:
        found.user_id = name(mapping(users.get(people[0])).get("name")) or people[0]
    return found


def _attachment(value: Any) -> dict[str, Any]:
    about = mapping(value)
    path = name(about.get("value")) or "attachment"
    return reference(PurePosixPath(path).name, about.get("mimetype"), place=path)


FORMAT = Format(SOURCE, "jupyter-ai chats", _detects, one_by_one(_read))
