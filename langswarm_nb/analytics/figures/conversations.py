"""Charts of whole conversations: how long they are, which stand out, what is in them."""

from __future__ import annotations

import plotly.graph_objects as go

from . import style
from .style import Frame, ranking

_MOST = 12
_STEPS = 50
_TICKS = ("1", "2", "3", "4", "5", "10", "15", "21+")
_UNITS = ((31_536_000, "year"), (86_400, "day"), (3600, "h"), (60, "min"))


def session_lengths(frame: Frame, *, theme: str = "light") -> go.Figure:
    """Return how deep conversations go; one row of `frame` is a number of turns (`metrics.session_lengths`)."""
    question = "How deep do conversations go?"
    if frame.empty:
        return style.nothing(question, "No conversations in this period.", theme=theme)
    turns, sessions = frame["turns"].astype(int), frame["sessions"].astype(int)
    shown = {n: int(sessions[turns == n].sum()) for n in range(1, min(int(turns.max()), 20) + 1)}
    beyond = int(sessions[turns > 20].sum())
    x = [*map(str, shown), *(["21+"] if beyond else [])]
    half = turns.repeat(sessions.clip(upper=1_000_000)).median() if len(frame) < 10_000 else turns.median()
    bars = go.Bar(
        x=x,
        y=[*shown.values(), *([beyond] if beyond else [])],
        marker={"color": style.PALETTE[0]},
        hovertemplate="%{x} turns<br>%{y:,} sessions<extra></extra>",
    )
    return style.figure(
        [bars],
        question,
        f"half of {style.counted(sessions.sum(), 'session')} had {half:g} or fewer",
        theme=theme,
        xaxis={"type": "category", "tickangle": 0, "tickvals": _TICKS, "title": {"text": "turns"}},
        yaxis=style.count_axis(max(shown.values())),
        bargap=0.15,
    )


def session_durations(frame: Frame, *, theme: str = "light") -> go.Figure:
    """Return how long conversations last; one row of `frame` is a step of time (`metrics.session_durations`)."""
    question = "How long do conversations last?"
    steps = frame[frame["from_s"].notna()].head(_STEPS)
    timeless = int(frame.loc[frame["from_s"].isna(), "sessions"].sum())
    if steps.empty:
        none = f"None of {style.counted(timeless, 'session')} has a time." if timeless else "No conversations yet."
        return style.nothing(question, none, theme=theme)
    bars = go.Bar(
        x=[_step(seconds) for seconds in steps["from_s"]],
        y=style.numbers(steps["sessions"]),
        marker={"color": style.PALETTE[0]},
        customdata=[
            f"{_step(a)} or longer" if style.unknown(b) else f"{_step(a)} to {_step(b)}"
            for a, b in zip(steps["from_s"], steps["to_s"], strict=True)
        ],
        hovertemplate="%{customdata}<br>%{y:,} sessions<extra></extra>",
    )
    known = steps["sessions"].sum()
    note = style.joined(
        f"half of {style.counted(known, 'session')} took {style.seconds(steps['p50'].iloc[0])} or less",
        f"p95 {style.seconds(steps['p95'].iloc[0])}",
        f"{timeless:,} without a time" if timeless else "",
    )
    return style.figure(
        [bars],
        question,
        note,
        theme=theme,
        xaxis={"type": "category", "title": {"text": "from the first to the last message, at least"}},
        yaxis=style.count_axis(steps["sessions"].max()),
        bargap=0.08,
    )


def _step(seconds: float) -> str:
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s" if seconds else "0"


def longest_sessions(frame: Frame, *, theme: str = "light") -> go.Figure:
    """Return the conversations with most messages; one row of `frame` is a session (`metrics.longest_sessions`)."""
    question = "Which conversations are longest?"
    if frame.empty:
        return style.nothing(question, "No conversations in this period.", theme=theme)
    top = frame.head(_MOST)
    texts = [
        style.joined(style.count(messages), style.counted(turns, "turn"), style.seconds(duration))
        for messages, turns, duration in zip(top["messages"], top["turns"], top["duration_s"], strict=True)
    ]
    note = f"messages, turns and duration of the longest {len(top)}"
    return _bars(top, top["messages"], texts, question, note, theme)


def dearest_sessions(frame: Frame, *, theme: str = "light") -> go.Figure:
    """Return the conversations that cost most; one row of `frame` is a session (`metrics.dearest_sessions`)."""
    question = "Which conversations cost most?"
    if frame.empty:
        return style.nothing(question, "No conversation in this period has a known cost.", theme=theme)
    top = frame.head(_MOST)
    texts = [
        style.joined(style.money(cost), style.unpriced(n))
        for cost, n in zip(top["cost_usd"], top["unpriced"], strict=True)
    ]
    note = style.joined(f"the dearest {len(top)}", style.unpriced_note(top))
    return _bars(top, top["cost_usd"], texts, question, note, theme)


def search(frame: Frame, *, theme: str = "light") -> go.Figure:
    """Return where the words were found; one row of `frame` is a message (`text.search`)."""
    question = "Who said it?"
    if frame.empty:
        return style.nothing(question, "Nothing was found.", theme=theme)
    found = frame.groupby("session_id", sort=False).agg({"title": "first", "score": "max", "message_id": "count"})
    top = found.sort_values("score", ascending=False, kind="stable").head(_MOST)
    texts = [style.counted(n, "message") for n in top["message_id"]]
    note = f"{style.counted(len(frame), 'message')} found; the best conversations, by how well they fit"
    return _bars(top, top["score"], texts, question, note, theme)


def similar(frame: Frame, *, theme: str = "light") -> go.Figure:
    """Return which conversations are alike; one row of `frame` is a session (`text.similar`)."""
    question = "Which conversations are about the same?"
    if frame.empty:
        return style.nothing(question, "None is about the same.", theme=theme)
    top = frame.head(_MOST)
    texts = [
        style.joined("–" if style.unknown(likeness) else f"{likeness:.2f}", style.label(shared) if shared else "")
        for likeness, shared in zip(top["similarity"], top["shared"], strict=True)
    ]
    return _bars(top, top["similarity"], texts, question, "likeness, of 1, and shared words", theme)


def _bars(top: Frame, values: Frame, texts: list[str], question: str, note: str, theme: str) -> go.Figure:
    titles = ["Untitled" if style.unknown(title) else title for title in top["title"]]
    return ranking(titles, values, texts, question, note, width=style.LARGE, theme=theme)
