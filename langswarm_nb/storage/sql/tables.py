"""The logical model as SQLAlchemy tables, and values as an engine keeps them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Index, Insert, MetaData, Table
from sqlalchemy.types import TypeEngine

from ..content_cipher import ContentCipher
from ..rows import Row
from ..schema import TABLES

# Besides the logical model: replies that still stream, who streams them, and what the store says of itself.
_INTERNAL: dict[str, dict[str, str]] = {
    "checkpoints": {"message_id": "VARCHAR", "session_id": "VARCHAR", "owner": "VARCHAR", "message": "VARCHAR"},
    "owners": {"owner": "VARCHAR", "seen_at": "TIMESTAMPTZ"},
    "meta": {"name": "VARCHAR", "value": "VARCHAR"},
    "schema_migrations": {"name": "VARCHAR", "applied_at": "TIMESTAMPTZ"},
}
ALL_TABLES: dict[str, dict[str, str]] = {**TABLES, **_INTERNAL}

PRIMARY_KEYS = {
    "sessions": "session_id",
    "messages": "message_id",
    "events": "event_id",
    "checkpoints": "message_id",
    "owners": "owner",
    "meta": "name",
    "schema_migrations": "name",
}
# In order: a conversation; its length and last activity, without reading its rows; a user's sessions.
_INDEXES: dict[str, dict[str, tuple[str, ...]]] = {
    "messages": {
        "messages_in_order": ("session_id", "seq", "message_id"),
        "messages_activity": ("session_id", "is_active_branch", "completed_at", "created_at"),
    },
    "sessions": {"sessions_of_user": ("user_id",)},
    "events": {"events_of_session": ("session_id",)},
    "checkpoints": {"checkpoints_of_session": ("session_id",)},
}


class Tables:
    """The tables as one engine has them."""

    def __init__(self, types: Mapping[str, TypeEngine[Any]], schema: str | None = None) -> None:
        self.metadata = MetaData(schema=schema)
        for name, columns in ALL_TABLES.items():
            Table(
                name,
                self.metadata,
                *(Column(c, types[_kind(c, kind)], primary_key=c == PRIMARY_KEYS[name]) for c, kind in columns.items()),
            )
        for name, indexes in _INDEXES.items():
            for index, columns in indexes.items():
                Index(index, *(self[name].c[column] for column in columns))

    def __getitem__(self, name: str) -> Table:
        prefix = f"{self.metadata.schema}." if self.metadata.schema else ""
        return self.metadata.tables[prefix + name]


def _kind(column: str, kind: str) -> str:
    return "ID" if column.endswith("_id") else kind


class Dialect(ABC):
    """What differs between the engines."""

    name: str
    tables: Tables

    @abstractmethod
    def insert(self, table: str) -> Insert:
        """Return an INSERT that leaves a row alone whose key is there already."""

    @abstractmethod
    def encode(self, kind: str, value: Any) -> Any:
        """Return the value of a column of `kind` as the engine takes it."""

    @abstractmethod
    def encode_sealed(self, kind: str, value: str) -> Any:
        """Return an encrypted value as a column of `kind` takes it."""

    @abstractmethod
    def decode(self, kind: str, value: Any) -> Any:
        """Return what `encode` made as a row of `rows` holds it."""

    @abstractmethod
    def decode_sealed(self, kind: str, value: Any) -> str:
        """Return what `encode_sealed` made, still encrypted."""

    @abstractmethod
    def latest(self, first: ColumnElement[Any], second: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return the greater of two times; `second` may be NULL."""

    @abstractmethod
    def has_tags(self, tags: Sequence[str]) -> ColumnElement[bool]:
        """Return the condition that a session has all the tags."""

    @abstractmethod
    def contains(self, column: ColumnElement[Any], needle: str) -> ColumnElement[bool]:
        """Return the condition that a text has `needle`, which is ASCII, in any case."""

    @abstractmethod
    def lock_for_change(self, connection: Connection) -> None:
        """Wait until nobody else changes the schema, and keep it so to the transaction's end."""

    @abstractmethod
    def present_tables(self, connection: Connection) -> set[str]:
        """Return the names of the tables that are there."""

    @abstractmethod
    def lock_sessions(self, connection: Connection, session_ids: Sequence[str]) -> set[str]:
        """Return which of the sessions there are, and keep them from being deleted to the transaction's end."""


class Codec:
    """Rows of `rows` to what stands in the tables, encrypted where the store is, and back."""

    def __init__(self, dialect: Dialect, cipher: ContentCipher) -> None:
        self.dialect = dialect
        self.cipher = cipher

    def encode(self, table: str, row: Mapping[str, Any], row_id: str | None = None) -> Row:
        """Return the row, or those columns of it that are given, as the engine takes it."""
        kinds = ALL_TABLES[table]
        stored = dict(row)
        self.cipher.encrypt_row(table, row_id or stored[PRIMARY_KEYS[table]], stored)
        for name, value in stored.items():
            if value is not None:
                sealed = name in self.cipher.columns(table)
                encode = self.dialect.encode_sealed if sealed else self.dialect.encode
                stored[name] = encode(kinds[name], value)
        return stored

    def decode(self, table: str, stored: Mapping[Any, Any]) -> Row:
        """Return the row that stands in the table; names that are no column of it are kept as they are."""
        kinds = ALL_TABLES[table]
        row = dict(stored)
        for name in self.cipher.columns(table):
            if row.get(name) is not None:
                row[name] = self.dialect.decode_sealed(kinds[name], row[name])
        self.cipher.decrypt_row(table, row[PRIMARY_KEYS[table]], row)
        for name, value in row.items():
            if value is not None and name in kinds:
                row[name] = self.dialect.decode(kinds[name], value)
        return row

    def moment(self, at: datetime) -> Any:
        """Return a time as the engine compares it."""
        return self.dialect.encode("TIMESTAMPTZ", at)
