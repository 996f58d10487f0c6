"""A row as one JSON text, for what is not kept column by column: checkpoints, the journal, and key-value stores."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .rows import Row, json_value, moment, money
from .schema import MESSAGES


def describe(row: Row) -> str:
    """Return the known columns of a row as JSON text."""
    known = {name: value for name, value in row.items() if value is not None}
    return json.dumps(known, ensure_ascii=False, separators=(",", ":"), default=_spelled)


def described_message(text: str) -> Row:
    """Return the row of `messages` that `describe` made the text of."""
    return described_row(MESSAGES, text)


def described_row(columns: Mapping[str, str], text: str) -> Row:
    """Return the row that `describe` made the text of; `columns` are its table's, with their types."""
    known = json_value(text, {})
    return {name: _typed(kind, known.get(name)) for name, kind in columns.items()}


def _spelled(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _typed(kind: str, value: Any) -> Any:
    if kind == "TIMESTAMPTZ":
        return moment(value)
    return money(value) if kind.startswith("DECIMAL") else value
