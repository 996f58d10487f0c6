"""Conversations in SQLite and PostgreSQL, through SQLAlchemy."""

from __future__ import annotations

from .postgresql import PostgreSQLSessionStorage
from .sqlite import SQLiteSessionStorage

__all__ = ["PostgreSQLSessionStorage", "SQLiteSessionStorage"]
