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
    return to_json(known_columns(row))


def described_message(text: str) -> Row:
    """Return the row of `messages` that `describe` made the text of."""
    return row_of(MESSAGES, json_value(text, {}))


def known_columns(row: Row) -> Row:
    """Return the row without what is unknown."""
    return {name: value for name, value in row.items() if value is not None}


def row_of(columns: Mapping[str, str], known: Mapping[str, Any]) -> Row:
    """Return the whole row of which these columns are known, with JSON's words for times and money read again.

    `columns` are its table's, with their types.
    """
    return {name: _typed(kind, known.get(name)) for name, kind in columns.items()}


def to_json(value: Any) -> str:
    """Return as JSON text what is made of rows' values."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_spelled)


def _spelled(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _typed(kind: str, value: Any) -> Any:
    if kind == "TIMESTAMPTZ":
        return moment(value)
    return money(value) if kind.startswith("DECIMAL") else value
