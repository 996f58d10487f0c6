"""Charts of what is different: against the period before, against today's prices, from topic to topic."""

from __future__ import annotations

import plotly.graph_objects as go

from . import style
from .style import Colors, Frame, ranking

_DIMENSIONS = {"model": "model", "provider": "provider", "user_id": "user", "finish_reason": "ended by"}


def diagnose(frame: Frame, *, theme: str = "light") -> go.Figure:
    """Return what grew and what shrank; one row of `frame` is a dimension and its value (`metrics.diagnose`)."""
    question = "What changed?"
    whole = frame[frame["dimension"] == "all"]
    if not int(whole["calls"].sum()) and not int(whole["calls_before"].sum()):
        return style.nothing(question, "No replies in this period, and none in the one before.", theme=theme)
    if not int(whole["calls_before"].sum()):
        return style.nothing(question, "There is no period before to compare with. Choose a shorter one.", theme=theme)
    after, before = int(whole["calls"].sum()), int(whole["calls_before"].sum())
    parts = frame[frame["dimension"].isin(list(_DIMENSIONS)) & (frame["changed"] > 0)]
    top = parts.sort_values(["changed", "dimension", "name"], ascending=[False, True, True]).head(12)
    note = style.joined(
        f"{style.counted(after, 'reply', 'replies')}, {style.count(before)} before",
        _moved("cost", whole, "cost_usd", style.money),
        _moved("errors", whole, "errors", style.count),
        _moved("median latency", whole, "median_latency_s", style.seconds),
    )
    if top.empty:
        return style.nothing(question, f"Nothing: {note}.", theme=theme)
    change = [int(a) - int(b) for a, b in zip(top["calls"], top["calls_before"], strict=True)]
    kinds = [_DIMENSIONS[kind] for kind in top["dimension"]]
    names = style.labels(f"{kind}: {style.plain(name, 34)}" for kind, name in zip(kinds, top["name"], strict=True))
    widest = max(map(abs, change)) * 1.6
    bars = go.Bar(
        x=change,
        y=names,
        orientation="h",
        width=min(0.7, 0.1 + 0.12 * len(change)),
        text=[f"{value:+,d}" for value in change],
        textposition="outside",
        cliponaxis=False,
        marker={"color": [style.PALETTE[0] if value > 0 else style.PALETTE[1] for value in change]},
        customdata=[
            [style.count(a), style.count(b), style.money(c), style.money(d)]
            for a, b, c, d in zip(
                top["calls"], top["calls_before"], top["cost_usd"], top["cost_usd_before"], strict=True
            )
        ],
        hovertemplate=(
            "%{y}<br>%{customdata[0]} replies, %{customdata[1]} before<br>"
            "%{customdata[2]}, %{customdata[3]} before<extra></extra>"
        ),
    )
    return style.figure(
        [bars],
        question,
        note,
        theme=theme,
        xaxis={"visible": True, "showticklabels": False, "zeroline": True, "range": [-widest, widest]},
        yaxis={"type": "category", "autorange": "reversed", "showgrid": False, "ticklabelstandoff": 6},
        hovermode="y",
    )


def _moved(what: str, whole: Frame, column: str, form: object) -> str:
    now, then = whole[column].iloc[0], whole[f"{column}_before"].iloc[0]
    if style.unknown(now) or style.unknown(then):
        return ""
    return f"{what} {form(now)}, {form(then)} before"  # type: ignore[operator]


def cost_today(frame: Frame, *, colors: Colors = None, theme: str = "light") -> go.Figure:
    """Return what the same calls would cost today; one row of `frame` is a model (`metrics.cost_today`)."""
    question = "What would it cost today?"
    if frame.empty:
        return style.nothing(question, "No replies in this period.", theme=theme)
    unpriced = style.unpriced(frame["unpriced_today"].sum())
    if frame["today_usd"].isna().all():
        return style.nothing(question, f"No model here has a listed price: {unpriced}.", theme=theme)
    top = frame.head(12)
    texts = []
    for today, then, n in zip(top["today_usd"], top["cost_usd"], top["unpriced_today"], strict=True):
        before = "" if style.unknown(then) else f"{style.money(then)} then"
        texts.append(style.joined("" if style.unknown(today) else style.money(today), before, style.unpriced(n)))
    change = frame["change_usd"].sum(min_count=1)
    note = style.joined(
        f"{style.money(frame['today_usd'].sum())} by today's list prices",
        "" if style.unknown(change) else f"{'+' if change >= 0 else ''}{style.money(change)} against then",
        unpriced,
    )
    shades = style.colors_of(top["model"], colors)
    return ranking(top["model"], top["today_usd"], texts, question, note, filter_by="model", colors=shades, theme=theme)


def topics(frame: Frame, *, theme: str = "light") -> go.Figure:
    """Return what people talk about; one row of `frame` is a topic (`text.topics`). A click looks for its words."""
    question = "What do people talk about?"
    if frame.empty:
        return style.nothing(question, "Not enough was said in this period to find topics.", theme=theme)
    looked_at, in_all = int(frame["looked_at"].iloc[0]), int(frame["in_all"].iloc[0])
    note = style.counted(looked_at, "conversation")
    if looked_at < in_all:
        note = f"a sample of {note} out of {style.count(in_all)}"
    top = frame.head(12)
    chart = ranking(
        top["label"],
        top["sessions"],
        [f"{style.count(n)} ({style.share(s)})" for n, s in zip(top["sessions"], top["share"], strict=True)],
        question,
        note,
        filter_by="search",
        width=style.LARGE,
        theme=theme,
    )
    chart.data[0].customdata = [words.split(", ")[0] for words in top["words"]]
    return chart
