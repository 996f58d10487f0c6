"""Charts of money and tokens."""

from __future__ import annotations

import plotly.graph_objects as go

from . import style
from .style import Colors, Frame, ranking

_KINDS = {
    "input": style.PALETTE[0],
    "cached input": style.PALETTE[4],
    "cache writes": style.PALETTE[2],
    "output": style.PALETTE[1],
    "reasoning": style.PALETTE[5],
}


def cost_over_time(frame: Frame, *, colors: Colors = None, theme: str = "light") -> go.Figure:
    """Return stacked bars of cost over time; one row of `frame` is a bin and a model (`metrics.cost_over_time`)."""
    question = "What does it cost?"
    if frame.empty:
        return style.nothing(question, "No replies with a time in this period.", theme=theme)
    missing = style.unpriced_note(frame)
    priced = frame[frame["cost_usd"].notna()]
    if priced.empty:
        return style.nothing(question, f"No reply has a known price: {missing}.", theme=theme)
    drawn, period, when = style.time_axis(frame)
    totals = priced.groupby("model", dropna=False)["cost_usd"].sum().sort_values(ascending=False)
    shades = style.colors_of(totals.index, colors)
    shown = drawn[drawn["cost_usd"].notna()]
    traces = []
    for model, name in zip(totals.index, style.labels(totals.index), strict=True):
        rows = shown[shown["model"].isna() if style.unknown(model) else shown["model"] == model]
        traces.append(
            go.Bar(
                x=style.local(rows["bin"]),
                y=style.numbers(rows["cost_usd"]),
                name=name,
                marker={"color": shades[model]},
                hovertemplate="%{y:$,.4~f}",
                customdata=[model if model != "other" and not style.unknown(model) else None] * len(rows),
                **period,
            )
        )
    highest = shown.groupby("bin")["cost_usd"].sum().max()
    return style.figure(
        traces,
        question,
        style.joined(style.money(totals.sum()), missing, when),
        theme=theme,
        barmode="relative",
        hovermode="x unified",
        meta={"brush": "time", "filter": "model"},
        xaxis=style.TIME_AXIS,
        yaxis={"tickformat": style.money_format(highest)},
        showlegend=True,
    )


def cost_by_model(frame: Frame, *, colors: Colors = None, theme: str = "light") -> go.Figure:
    """Return what each model cost; one row of `frame` is a model (`metrics.cost_by_model`)."""
    question = "Which model costs most?"
    if frame.empty:
        return style.nothing(question, "No replies in this period.", theme=theme)
    top = frame.head(12)
    texts = [
        style.joined(style.money(cost) if not style.unknown(cost) else "", style.unpriced(n))
        for cost, n in zip(top["cost_usd"], top["unpriced"], strict=True)
    ]
    note = style.joined(
        style.money(frame["cost_usd"].sum(min_count=1)) + " in all",
        style.unpriced_note(frame),
        f"{int(frame['below_zero'].sum()):,} below zero" if frame["below_zero"].sum() else "",
    )
    shades = style.colors_of(top["model"], colors)
    return ranking(top["model"], top["cost_usd"], texts, question, note, filter_by="model", colors=shades, theme=theme)


def tokens_over_time(frame: Frame, *, theme: str = "light") -> go.Figure:
    """Return stacked bars of tokens over time; one row of `frame` is a bin and a kind (`metrics.tokens_over_time`)."""
    question = "Where do the tokens go?"
    if frame.empty:
        return style.nothing(question, "No reply reports its tokens.", theme=theme)
    drawn, period, when = style.time_axis(frame)
    traces = []
    for kind, color in _KINDS.items():
        rows = drawn[drawn["kind"] == kind]
        if len(rows):
            traces.append(
                go.Bar(
                    x=style.local(rows["bin"]),
                    y=style.numbers(rows["tokens"]),
                    name=kind,
                    marker={"color": color},
                    hovertemplate="%{y:,}",
                    **period,
                )
            )
    return style.figure(
        traces,
        question,
        style.joined(f"{style.count(frame['tokens'].sum())} tokens", when, _wrong(frame)),
        theme=theme,
        barmode="relative",
        hovermode="x unified",
        meta={"brush": "time"},
        xaxis=style.TIME_AXIS,
        yaxis={"tickformat": ",.3~s"},
        showlegend=True,
    )


def tokens_by_model(frame: Frame, *, theme: str = "light") -> go.Figure:
    """Return tokens of each model by kind; one row of `frame` is a model and a kind (`metrics.tokens_by_model`)."""
    question = "Which model uses how many tokens?"
    if frame.empty:
        return style.nothing(question, "No reply reports its tokens.", theme=theme)
    totals = frame.groupby("model", dropna=False)["tokens"].sum().sort_values(ascending=False).head(12)
    names = dict(zip(totals.index, style.labels(totals.index, style.BESIDE_LENGTH), strict=True))
    traces = []
    for kind, color in _KINDS.items():
        rows = frame[(frame["kind"] == kind) & frame["model"].isin(totals.index)]
        if len(rows):
            traces.append(
                go.Bar(
                    x=style.numbers(rows["tokens"]),
                    y=[names.get(m, "unknown") for m in rows["model"]],
                    orientation="h",
                    name=kind,
                    marker={"color": color},
                    customdata=[None if style.unknown(m) else m for m in rows["model"]],
                    hovertemplate="%{y}<br>%{x:,} " + kind + "<extra></extra>",
                )
            )
    return style.figure(
        traces,
        question,
        style.joined(f"{style.count(frame['tokens'].sum())} tokens", _wrong(frame)),
        theme=theme,
        barmode="relative",
        meta={"filter": "model"},
        xaxis={"tickformat": ",.3~s", "showgrid": True},
        yaxis={
            "type": "category",
            "categoryorder": "array",
            "categoryarray": list(names.values()),
            "autorange": "reversed",
            "showgrid": False,
        },
        showlegend=True,
        bargap=0.3,
    )


def _wrong(frame: Frame) -> str:
    return style.implausible(frame["below_zero"].sum(), "counts below zero")


def cache_health(frame: Frame, *, theme: str = "light") -> go.Figure:
    """Return the share of input that came from caches; one row of `frame` is a bin (`metrics.cache_health`)."""
    question = "Does the cache help?"
    if frame.empty:
        return style.nothing(question, "No reply reports cached input.", theme=theme)
    drawn, period, when = style.time_axis(frame)
    line = go.Scatter(
        x=style.local(drawn["bin"]),
        y=style.numbers(drawn["share"]),
        mode="lines+markers" if len(drawn) < 60 else "lines",
        line={"color": style.PALETTE[4], "width": 2},
        hovertemplate="%{y:.0%} of input tokens<extra></extra>",
        **period,
    )
    read, whole = float(frame["cache_read_tokens"].sum()), float(frame["input_tokens"].sum())
    note = style.joined(
        f"{style.share(read / whole) if whole else '–'} of input read from cache",
        when,
        style.implausible(int(((frame["share"] < 0) | (frame["share"] > 1)).sum()), "below 0% or above 100%"),
    )
    return style.figure(
        [line],
        question,
        note,
        theme=theme,
        meta={"brush": "time"},
        xaxis=style.line_axis(drawn, period),
        yaxis={"rangemode": "tozero", "tickformat": ".0%"},
    )
