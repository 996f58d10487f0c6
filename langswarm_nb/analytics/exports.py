"""Frames as files: CSV that a spreadsheet takes for data only, and Parquet with its types."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from .figures import style

if TYPE_CHECKING:
    import pandas as pd


def to_csv(frame: pd.DataFrame) -> str:
    """Return the frame as CSV; a text that begins like a formula gets an apostrophe in front."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(frame.columns)
    for row in frame.itertuples(index=False):
        writer.writerow([_cell(value) for value in row])
    return out.getvalue()


def to_parquet(frame: pd.DataFrame) -> bytes:
    """Return the frame as a Parquet file; texts are as they were written, times have their zone."""
    out = io.BytesIO()
    frame.to_parquet(out, index=False, engine="pyarrow")
    return out.getvalue()


def _cell(value: Any) -> Any:
    if style.unknown(value):
        return ""
    if isinstance(value, str):
        text = value.replace("\0", "")
        return f"'{text}" if text.lstrip()[:1] in ("=", "+", "-", "@") or text[:1] in ("\t", "\r", "\n") else text
    return value.isoformat() if hasattr(value, "isoformat") else value
