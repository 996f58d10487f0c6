"""From conversations to a store: in bulk as Arrow where it takes that, else one session after another."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any

from .. import runtime
from ..interfaces import ISessionStorage
from ..models import SessionConfig, SessionContext
from ..storage.rows import Row, row_to_message
from ..storage.schema import MESSAGES
from .conversation import Conversation
from .report import ImportReport
from .rows import MessageRows, session_id_of, session_row

# Enough rows that a transaction's own cost is small, few enough that they take little memory.
_MOST_ROWS = 20_000
_MOST_LETTERS = 16_000_000
_PLACES = {name: place for place, name in enumerate(MESSAGES)}
_SESSION_ID, _MESSAGE_ID, _CONTENT, _PARTS = (
    _PLACES[name] for name in ("session_id", "message_id", "content", "parts")
)


def writer_for(storage: Any, report: ImportReport, user_id: str, trial: bool = False) -> BulkWriter | PlainWriter:
    """Return what writes into `storage`; on `trial` it only counts what it would do there."""
    kind = BulkWriter if hasattr(storage, "append_tables") else PlainWriter
    return kind(storage, report, user_id, trial)


class BulkWriter:
    """Gathers rows and appends them as Arrow tables, while the next ones are read."""

    def __init__(self, storage: Any, report: ImportReport, user_id: str, trial: bool = False) -> None:
        self._storage = storage
        self._report = report
        self._user_id = user_id
        self._trial = trial
        # What a trial would have written by now: the store does not know it.
        self._tried: set[str] = set()
        self._messages = MessageRows(report)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="langswarm_nb-import")
        self._writing: Future[None] | None = None
        self._start()

    def _start(self) -> None:
        self._sessions: dict[str, Row] = {}
        self._rows: list[tuple[Any, ...]] = []
        self._ids: set[str] = set()
        self._letters = 0

    def add(self, conversation: Conversation, fallback_time: datetime) -> None:
        """Take over a conversation; it is durable after `close`."""
        session_id = session_id_of(conversation)
        rows = self._messages.of(conversation, session_id)
        if not rows:
            return
        ids = {row[_MESSAGE_ID] for row in rows}
        if not ids.isdisjoint(self._ids):
            self._flush()  # the same messages again, from another file: what is newer is seen in the store
        if session_id not in self._sessions:
            self._sessions[session_id] = session_row(conversation, session_id, self._user_id, fallback_time)
        self._ids |= ids
        self._rows += rows
        self._letters += sum(len(row[_CONTENT]) + len(row[_PARTS]) for row in rows)
        if len(self._rows) >= _MOST_ROWS or self._letters >= _MOST_LETTERS:
            self._flush()

    def close(self) -> None:
        """Wait until everything is durable."""
        try:
            self._flush()
            self._settle()
        finally:
            self._thread.shutdown(wait=True)

    def abandon(self) -> None:
        """Let what is being written be written, and forget the rest."""
        self._thread.shutdown(wait=True)

    def _flush(self) -> None:
        if not self._rows:
            return
        sessions, rows = self._sessions, self._rows
        self._start()
        self._settle()
        self._writing = self._thread.submit(self._write, sessions, rows)

    def _settle(self) -> None:
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.result()

    def _write(self, sessions: dict[str, Row], rows: list[tuple[Any, ...]]) -> None:
        from ..storage.arrow import table_of_columns, table_of_rows

        sessions, rows = self._under_known_ids(sessions, rows)
        if self._trial:
            sessions, rows = self._untried(sessions, rows)
        if not rows:
            return
        tables = {
            "sessions": table_of_rows("sessions", list(sessions.values())),
            "messages": table_of_columns("messages", dict(zip(MESSAGES, zip(*rows, strict=True), strict=True))),
        }
        outcome = self._storage.append_tables(tables, replacing=True, trial=self._trial)
        report, new, changed = self._report, outcome.new_sessions, outcome.changed_sessions
        report.conversations_imported += len(new)
        report.conversations_updated += len(changed - new)
        report.conversations_unchanged += len(sessions.keys() - new - changed)
        report.messages_imported += outcome.added["messages"]
        report.messages_updated += outcome.replaced
        # What was replaced was also added.
        report.messages_imported -= outcome.replaced
        report.messages_unchanged += len(rows) - outcome.added["messages"]

    def _untried(
        self, sessions: dict[str, Row], rows: list[tuple[Any, ...]]
    ) -> tuple[dict[str, Row], list[tuple[Any, ...]]]:
        """Leave out what this trial has counted already."""
        fresh = [row for row in rows if row[_MESSAGE_ID] not in self._tried]
        self._report.messages_unchanged += len(rows) - len(fresh)
        new_sessions = {key: row for key, row in sessions.items() if key not in self._tried}
        self._tried.update(row[_MESSAGE_ID] for row in fresh)
        self._tried.update(new_sessions)
        return new_sessions, fresh

    def _under_known_ids(
        self, sessions: dict[str, Row], rows: list[tuple[Any, ...]]
    ) -> tuple[dict[str, Row], list[tuple[Any, ...]]]:
        """Return both under the ids that the store has for what these sources call by these names."""
        sessions, rows = self._without_taken(sessions, rows)
        keys = {(row["source"], row["source_id"]): key for key, row in sessions.items() if row["source"]}
        if not keys:
            return sessions, rows
        found = self._storage.query(
            "SELECT source, source_id, session_id FROM sessions "
            "WHERE source IN (SELECT unnest($1::VARCHAR[])) AND source_id IN (SELECT unnest($2::VARCHAR[]))",
            [sorted({source for source, _ in keys}), [source_id for _, source_id in keys]],
        )
        known: dict[str, str] = {}
        for row in found.to_pylist():
            derived = keys.get((row["source"], row["source_id"]))
            if derived is not None and derived != row["session_id"]:
                known[derived] = row["session_id"]
        if not known:
            return sessions, rows
        renamed = {known.get(key, key): {**row, "session_id": known.get(key, key)} for key, row in sessions.items()}
        return renamed, [
            (*row[:_SESSION_ID], known.get(row[_SESSION_ID], row[_SESSION_ID]), *row[_SESSION_ID + 1 :]) for row in rows
        ]

    def _without_taken(
        self, sessions: dict[str, Row], rows: list[tuple[Any, ...]]
    ) -> tuple[dict[str, Row], list[tuple[Any, ...]]]:
        """Leave out sessions whose id is another session's here: only ids that the source chose can be."""
        found = self._storage.query(
            "SELECT session_id, source FROM sessions WHERE session_id IN (SELECT unnest($1::VARCHAR[]))",
            [list(sessions)],
        )
        taken = {
            row["session_id"] for row in found.to_pylist() if row["source"] != sessions[row["session_id"]]["source"]
        }
        if not taken:
            return sessions, rows
        for session_id in taken:
            self._report.skip("conversation", "another session has this id here", session_id)
        kept = {key: row for key, row in sessions.items() if key not in taken}
        return kept, [row for row in rows if row[_SESSION_ID] not in taken]


class PlainWriter:
    """Writes through the methods that every storage has. What is here already is left as it is."""

    def __init__(self, storage: ISessionStorage, report: ImportReport, user_id: str, trial: bool = False) -> None:
        self._storage = storage
        self._report = report
        self._user_id = user_id
        self._trial = trial
        self._tried: dict[str, set[str]] = {}
        self._messages = MessageRows(report)

    def add(self, conversation: Conversation, fallback_time: datetime) -> None:
        """Store a conversation."""
        session_id = session_id_of(conversation)
        rows = self._messages.of(conversation, session_id)
        if rows:
            row = session_row(conversation, session_id, self._user_id, fallback_time)
            messages = [dict(zip(MESSAGES, values, strict=True)) for values in rows]
            runtime.run(self._store(row, messages))

    async def _store(self, row: Row, rows: list[Row]) -> None:
        from ..storage.rows import json_value

        session_id, storage, report = row["session_id"], self._storage, self._report
        here = self._tried.get(session_id) or await storage.get_session(session_id)
        known: set[str] = set(self._tried.get(session_id, ()))
        if here is None and self._trial:
            pass
        elif here is None:
            config = SessionConfig.of(json_value(row["config"], {}))
            context = SessionContext.from_dict(session_id, json_value(row["context"], {}))
            await storage.create_session(session_id, row["user_id"], row["provider"], row["model"], config, context)
            names = (
                "status",
                "created_at",
                "updated_at",
                "source",
                "source_id",
                "provider_session_id",
                "forked_from_id",
            )
            await storage.update_session(session_id, {name: row[name] for name in names if row[name] is not None})
        elif not known:
            known = {message.message_id for message in await storage.get_all_messages(session_id)}
        fresh = [row_to_message(one) for one in rows if one["message_id"] not in known]
        if self._trial:
            self._tried[session_id] = known | {one["message_id"] for one in rows}
        elif fresh:
            await storage.add_messages(session_id, fresh)
        report.conversations_imported += here is None
        report.conversations_updated += here is not None and bool(fresh)
        report.conversations_unchanged += here is not None and not fresh
        report.messages_imported += len(fresh)
        report.messages_unchanged += len(rows) - len(fresh)

    def close(self) -> None:
        """Nothing is pending."""

    def abandon(self) -> None:
        """Nothing is pending."""
