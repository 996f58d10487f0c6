"""What the importers' tests ask: an import, and what is in the store then."""

from __future__ import annotations

from pathlib import Path

import langswarm_nb as ls


def load(path: Path, store, **more):
    return ls.import_conversations(path, source=store, progress=False, **more)


def rows(store, columns: str = "role, content", where: str = "true") -> list[tuple]:
    found = store.query(f"SELECT {columns} FROM messages WHERE {where} ORDER BY session_id, seq")
    return [tuple(row.values()) for row in found.to_pylist()]


def one(store, column: str, table: str = "sessions"):
    (found,) = store.query(f"SELECT {column} FROM {table}").column(0).to_pylist()
    return found


def reasons(report) -> dict[str, int]:
    return {skipped.reason: skipped.count for skipped in report.skipped}
