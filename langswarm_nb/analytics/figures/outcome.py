"""Charts of how replies end, and what people think of them."""

from __future__ import annotations

import plotly.graph_objects as go

from . import style
from .style import Colors, Frame, ranking


def error_rate(frame: Frame, *, theme: str = "light") -> go.Figure:
    """Return the share of failed replies over time; one row of `frame` is a bin (`metrics.error_rate`)."""
    question = "What goes wrong?"
    if frame.empty:
        return style.nothing(question, "No replies with a time in this period.", theme=theme)
    drawn, period, when = style.time_axis(frame)
    traces = [
        go.Bar(
            x=style.local(drawn["bin"]),
            y=style.numbers(drawn["error_rate"]),
            name="errors",
            marker={"color": style.PALETTE[5]},
            customdata=list(zip(style.numbers(drawn["errors"]), style.numbers(drawn["calls"]), strict=True)),
            hovertemplate="%{y:.1%}: %{customdata[0]:,} of %{customdata[1]:,} replies<extra></extra>",
            **period,
        )
    ]
    failed, calls = frame["errors"].sum(), frame["calls"].sum()
    return style.figure(
        traces,
        question,
        style.joined(f"{style.count(failed)} of {style.counted(calls, 'reply', 'replies')} failed", when),
        theme=theme,
        meta={"brush": "time"},
        xaxis=style.TIME_AXIS,
        yaxis={"rangemode": "tozero", "tickformat": ".1~%"},
    )


def errors(frame: Frame, *, theme: str = "light") -> go.Figure:
    """Return which errors came how often; one row of `frame` is an error type and a model (`metrics.errors`)."""
    question = "Which errors?"
    if frame.empty:
        return style.nothing(question, "No errors in this period.", theme=theme)
    totals = frame.groupby("error_type", dropna=False)["errors"].sum().sort_values(ascending=False).head(12)
    by_name = totals.reset_index()
    texts = [style.count(value) for value in by_name["errors"]]
    shades = dict.fromkeys(by_name["error_type"], style.PALETTE[5])
    return ranking(
        by_name["error_type"], by_name["errors"], texts, question, "failed replies", colors=shades, theme=theme
    )


def finish_reasons(frame: Frame, *, theme: str = "light") -> go.Figure:
    """Return why replies ended; one row of `frame` is a finish reason and a model (`metrics.finish_reasons`)."""
    question = "Why do replies end?"
    if frame.empty:
        return style.nothing(question, "No replies in this period.", theme=theme)
    totals = frame.groupby("finish_reason", dropna=False)["calls"].sum().sort_values(ascending=False).head(12)
    by_name, every = totals.reset_index(), float(frame["calls"].sum())
    texts = [f"{style.count(value)} ({style.share(value / every)})" for value in by_name["calls"]]
    return ranking(by_name["finish_reason"], by_name["calls"], texts, question, "replies", theme=theme)


def feedback(frame: Frame, *, theme: str = "light") -> go.Figure:
    """Return thumbs up and down; one row of `frame` is a model (`metrics.feedback`)."""
    question = "What do people think of it?"
    if frame.empty:
        return style.nothing(question, "Nobody has given a thumb yet.", theme=theme)
    top = frame.assign(votes=frame["up"] + frame["down"]).sort_values("votes", ascending=False).head(12)
    names = style.labels(top["model"], style.BESIDE_LENGTH)
    raw = [None if style.unknown(m) else m for m in top["model"]]
    traces = [
        go.Bar(
            x=[sign * float(v) for v in top[name]],
            y=names,
            orientation="h",
            name=f"thumbs {name}",
            marker={"color": color},
            text=[style.count(v) for v in top[name]],
            customdata=raw,
            hovertemplate="%{y}<br>%{text} " + name + "<extra></extra>",
        )
        for name, sign, color in (("up", 1, style.PALETTE[2]), ("down", -1, style.PALETTE[5]))
    ]
    up, votes = float(top["up"].sum()), float(top["votes"].sum())
    return style.figure(
        traces,
        question,
        f"{up / votes:.0%} of {votes:,.0f} thumbs are up",
        theme=theme,
        barmode="relative",
        meta={"filter": "model"},
        xaxis={"visible": False},
        yaxis={"type": "category", "autorange": "reversed", "showgrid": False},
        showlegend=True,
        bargap=0.3,
    )


def model_comparison(frame: Frame, *, colors: Colors = None, theme: str = "light") -> go.Figure:
    """Return which models answer; one row of `frame` is a model (`metrics.model_comparison`)."""
    question = "Which models?"
    if frame.empty:
        return style.nothing(question, "No replies in this period.", theme=theme)
    top, every = frame.head(12), float(frame["calls"].sum())
    texts = [
        f"{style.count(calls)} · {style.seconds(wait)} · {style.share(errors)} errors"
        for calls, wait, errors in zip(top["calls"], top["median_latency_s"], top["error_rate"], strict=True)
    ]
    return ranking(
        top["model"],
        top["calls"],
        texts,
        question,
        f"{style.counted(every, 'reply', 'replies')}, with median latency and errors",
        filter_by="model",
        colors=style.colors_of(top["model"], colors),
        theme=theme,
    )
