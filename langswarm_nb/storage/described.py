"""A message's row as one JSON text, for what is not kept column by column: checkpoints, and key-value stores."""

from __future__ import annotations

from .rows import Row, json_text, json_value, moment, money
from .schema import MESSAGES


def describe(row: Row) -> str:
    """Return the known columns of a row as JSON text."""
    return json_text({name: value for name, value in row.items() if value is not None})


def described_message(text: str) -> Row:
    """Return the row of `messages` that `describe` made the text of."""
    known = json_value(text, {})
    row: Row = {name: known.get(name) for name in MESSAGES}
    for name in ("created_at", "completed_at"):
        row[name] = moment(row[name])
    row["cost_usd"] = money(row["cost_usd"])
    return row
