"""LangSwarm's own SQLite stores among the other formats; `langswarm` knows how they are read."""

from __future__ import annotations

from collections.abc import Iterator

from .conversation import Conversation, Message, micros
from .format import Format, attempt, one_by_one
from .inputs import Entry
from .langswarm import MARKED, SOURCE, OldSession, read_store
from .report import ImportReport
from .sqlite_files import tables_of


def _detects(entry: Entry) -> bool:
    columns = tables_of(entry).get("sessions", set())
    return "session_id" in columns and bool({"context_data", "history"} & columns)


def _read(entry: Entry, report: ImportReport) -> Iterator[Conversation]:
    if entry.path is None:
        raise ValueError("a database in a zip cannot be read; unpack it and import the file")
    _, sessions = read_store(entry.path, None, None)
    for old in sessions:
        if isinstance(old, OldSession):
            for reason in old.lost:
                report.skip("message", reason.partition(": ")[2] or reason, old.session_id)
            for note in old.notes:
                report.skip("note", note, old.session_id)
            yield from attempt(lambda old=old: _conversation(old), report, old.session_id)
        else:
            report.skip("conversation", old[1], old[0])


def _conversation(old: OldSession) -> Conversation:
    return Conversation(
        SOURCE,
        old.session_id,
        [
            Message(
                m.message_id, m.role, m.content, micros(m.timestamp), m.parent_id, m.parts,
                provider=m.provider, model=m.request_model, finish_reason=m.finish_reason, tool_call_id=m.tool_call_id,
                provider_message_id=m.provider_message_id, metadata=m.metadata, message_id=m.message_id, seq=m.seq,
                turn=m.turn, origin_id=m.source_id,
            )
            for m in old.messages
        ],
        user_id=old.user_id,
        provider=old.provider,
        model=old.model,
        status=old.status if old.status in ("active", "idle", "archived", "error") else "active",
        tags=old.tags,
        created_at=micros(old.created_at),
        updated_at=micros(old.updated_at),
        metadata=old.metadata,
        session_id=old.session_id,
        context={"session_id": old.session_id, "user_id": old.user_id, "system_context": dict(MARKED)},
    )  # fmt: skip


FORMAT = Format(SOURCE, "LangSwarm sessions", _detects, one_by_one(_read))
