"""The six numbers: in words, as a dashboard's tiles show them, and as a chart."""

from __future__ import annotations

import re
from typing import Any

import plotly.graph_objects as go

from . import style
from .style import Frame

# Label, how it reads, and whether more of it is better (1), worse (-1), or neither.
_NUMBERS: dict[str, tuple[str, Any, int]] = {
    "sessions": ("Sessions", style.count, 0),
    "messages": ("Messages", style.count, 0),
    "active_users": ("Active users", style.count, 0),
    "cost_usd": ("Cost", style.money, -1),
    "median_latency_s": ("Median latency", style.seconds, -1),
    "error_rate": ("Error rate", style.share, -1),
}


def tiles(frame: Frame) -> list[dict[str, Any]]:
    """Return the six numbers in words: label, value, change against the previous period, note, and its tone."""
    found = []
    for row in frame.head(len(_NUMBERS)).to_dict("records"):
        label, form, good = _NUMBERS[row["name"]]
        change, note = "", ""
        if not style.unknown(row["change"]):
            change = f"{row['change']:+.0%}".replace("-", "−")
        if not style.unknown(row["previous"]):
            note = f"{form(row['previous'])} before"
        tone = "" if not good or style.unknown(row["change"]) else ("good" if row["change"] * good > 0 else "bad")
        if row["name"] == "cost_usd" and row["unpriced"]:
            note = style.joined(style.unpriced(row["unpriced"]), note)
        if row["name"] == "median_latency_s" and not style.unknown(row["value"]) and row["value"] < 0:
            note = style.joined("not plausible", note)
        found.append({"label": label, "value": form(row["value"]), "change": change, "note": note, "tone": tone})
    return found


def overview(frame: Frame, *, theme: str = "light") -> go.Figure:
    """Return the six numbers, large; one row of `frame` is a number (`metrics.overview`)."""
    question = "How is it going?"
    if frame.empty or not frame["value"].iloc[:3].sum():
        return style.nothing(question, "No messages in this period.", theme=theme)
    traces = []
    for place, tile in enumerate(tiles(frame)):
        row, column = divmod(place, 3)
        title = style.label(tile["label"])
        if note := style.joined(tile["change"], tile["note"]):
            title += f"<br><span style='font-size:0.8em'>{style.label(note, 80)}</span>"
        traces.append(
            go.Indicator(
                mode="number",
                title={"text": title, "font": {"size": 13}},
                domain={"x": [column / 3, (column + 1) / 3], "y": [0.55 - row * 0.55, 1 - row * 0.55]},
                **_drawn(tile["value"]),
            )
        )
    note = "each with its change against the period before" if frame["previous"].notna().any() else ""
    return style.figure(traces, question, note, theme=theme)


def _drawn(text: str) -> dict[str, Any]:
    """Return what makes plotly write a number just as `text` does; without a value it writes a dash."""
    found = re.fullmatch(r"(-?\$?)([\d,]+(?:\.(\d+))?(e[+-]\d+)?)(.*)", text)
    font = {"size": min(36, 300 // len(text))}
    if found is None:
        return {"number": {"font": font}}
    prefix, number, decimals, exponent, suffix = found.groups()
    form = f"{'' if exponent else ','}.{len(decimals or '')}{'e' if exponent else 'f'}"
    words = {"prefix": prefix.replace("$", "&#36;"), "suffix": suffix, "valueformat": form, "font": font}
    return {"value": float(number.replace(",", "")), "number": words}
