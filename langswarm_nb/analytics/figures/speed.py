"""Charts of how long replies take."""

from __future__ import annotations

import math

import plotly.graph_objects as go

from . import style
from .style import Colors, Frame, ranking


def latency_distribution(frame: Frame, *, theme: str = "light") -> go.Figure:
    """Return how replies' durations spread; one row of `frame` is a bucket (`metrics.latency_distribution`)."""
    question = "How fast does it answer?"
    if frame.empty:
        return style.nothing(question, "No complete reply in this period was timed.", theme=theme)
    every, below = frame["calls"].sum(), frame.loc[frame["from_s"].isna(), "calls"].sum()
    frame = frame[frame["from_s"].notna()]
    if frame.empty:
        none = f"No duration to draw: {style.implausible(below)}."
        return style.nothing(question, none, theme=theme)
    low, high = style.numbers(frame["from_s"]), style.numbers(frame["to_s"])
    bars = go.Bar(
        x=low,
        y=style.numbers(frame["calls"]),
        width=[b - a for a, b in zip(low, high, strict=True) if a is not None and b is not None],
        offset=0,
        marker={"color": style.PALETTE[0], "line": {"width": 0}},
        customdata=[_between(a, b) for a, b in zip(low, high, strict=True)],
        hovertemplate="%{customdata}<br>%{y:,} replies<extra></extra>",
    )
    marks = {name: float(frame[name].iloc[0]) for name in ("p50", "p95", "p99")}
    lines = [
        {
            "type": "line",
            "xref": "x",
            "yref": "paper",
            "x0": value,
            "x1": value,
            "y0": 0,
            "y1": 1,
            "line": {"color": style.GREY, "width": 1, "dash": "dot"},
        }
        for value in marks.values()
        if value > 0
    ]
    names = []
    for name, value in marks.items():
        # Where marks fall together, the first one names them.
        if value > 0 and (not names or math.log10(value) - names[-1]["x"] > 0.12):
            place = {"x": math.log10(value), "y": 1, "yref": "paper", "yanchor": "bottom"}
            names.append({**place, "text": name, "font": {"size": 10}})
    note = style.joined(
        *(f"{name} {style.seconds(value)}" for name, value in marks.items()),
        style.counted(every, "reply", "replies"),
        style.implausible(below),
    )
    ticks = [0.001, 0.01, 0.1, 0.3, 1, 3, 10, 30, 60, 300, 3600, 86_400, 604_800]
    return style.figure(
        [bars],
        question,
        note,
        theme=theme,
        shapes=lines,
        annotations=names,
        xaxis={
            "type": "log",
            "range": [math.log10(min(frame["from_s"])) - 0.2, math.log10(max(frame["to_s"])) + 0.2],
            "tickvals": ticks,
            "ticktext": [_tick(t) for t in ticks],
            "tickangle": 0,
        },
        yaxis=style.count_axis(frame["calls"].max()),
    )


def _between(low: float | None, high: float | None) -> str:
    # The first and the last bucket hold all that lies beyond.
    if low is None or low < 0.001 * 1.01:
        return f"less than {style.seconds(high)}"
    return f"{style.seconds(low)} or longer" if low > 700_000 else f"{style.seconds(low)} to {style.seconds(high)}"


def _tick(value: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if value >= size:
            return f"{value / size:g} {unit}"
    return f"{value * 1000:g} ms"


def latency(frame: Frame, *, colors: Colors = None, theme: str = "light") -> go.Figure:
    """Return each model's durations; one row of `frame` is a model with p50, p95, p99 (`metrics.latency`)."""
    return _ranges(
        frame,
        "Which model keeps people waiting?",
        "No complete reply in this period was timed.",
        "whole reply: p50 ●, p95 and p99 ○",
        colors,
        theme,
    )


def time_to_first_chunk(frame: Frame, *, colors: Colors = None, theme: str = "light") -> go.Figure:
    """Return how long until replies begin; one row of `frame` is a model (`metrics.time_to_first_chunk`)."""
    return _ranges(
        frame,
        "How long until the first words?",
        "No reply in this period was streamed and timed.",
        "first chunk: p50 ●, p95 and p99 ○",
        colors,
        theme,
    )


def _ranges(frame: Frame, question: str, empty: str, note: str, colors: Colors, theme: str) -> go.Figure:
    if frame.empty:
        return style.nothing(question, empty, theme=theme)
    top = frame.head(12)
    names, shades = style.labels(top["model"], style.BESIDE_LENGTH), style.colors_of(top["model"], colors)
    traces = []
    for name, (_, row) in zip(names, top.iterrows(), strict=True):
        values = [float(row[p]) for p in ("p50", "p95", "p99")]
        color = shades[row["model"]]
        traces.append(
            go.Scatter(
                x=values,
                y=[name] * 3,
                mode="lines+markers+text",
                line={"color": color, "width": 2},
                marker={"size": [11, 8, 8], "symbol": ["circle", "circle-open", "circle-open"], "color": color},
                text=[style.seconds(values[0]), "", style.seconds(values[2])],
                textposition=["top center", "top center", "top center"],
                textfont={"size": 10},
                cliponaxis=False,
                customdata=[None if style.unknown(row["model"]) else row["model"]] * 3,
                hovertemplate="%{y}<br>%{x:.2f} s<extra></extra>",
                showlegend=False,
            )
        )
    lowest, highest = min(0.0, float(top["p50"].min())), max(0.0, float(top["p99"].max()))
    width = highest - lowest or 1.0
    return style.figure(
        traces,
        question,
        style.joined(note, style.implausible(frame["below_zero"].sum())),
        theme=theme,
        meta={"filter": "model"},
        xaxis={"range": [lowest - 0.04 * width, highest + 0.08 * width], "ticksuffix": " s", "showgrid": True},
        yaxis={"type": "category", "autorange": "reversed", "showgrid": False, "ticklabelstandoff": 6},
    )


def latency_over_time(frame: Frame, *, theme: str = "light") -> go.Figure:
    """Return lines of p50, p95 and p99 over time; one row of `frame` is a bin (`metrics.latency_over_time`)."""
    question = "Is it getting faster?"
    if frame.empty:
        return style.nothing(question, "No complete reply in this period was timed.", theme=theme)
    drawn, period, when = style.time_axis(frame)
    lines = (
        ("p50", style.PALETTE[0], "bottom right"),
        ("p95", style.PALETTE[1], "middle right"),
        ("p99", style.PALETTE[5], "top right"),
    )
    traces = [
        go.Scatter(
            x=style.local(drawn["bin"]),
            y=style.numbers(drawn[name]),
            name=name,
            mode="lines+text" if len(drawn) > 1 else "lines+markers+text",
            line={"color": color, "width": 2},
            text=style.at_end(len(drawn), name),
            textposition=place,
            textfont={"color": color},
            cliponaxis=False,
            hovertemplate="%{y:.2f} s",
            **period,
        )
        for name, color, place in lines
    ]
    return style.figure(
        traces,
        question,
        style.joined("complete replies", when, style.implausible(frame["below_zero"].sum())),
        theme=theme,
        hovermode="x unified",
        meta={"brush": "time"},
        xaxis=style.line_axis(drawn, period),
        yaxis={"rangemode": "tozero", "ticksuffix": " s"},
        margin={"r": 40},
        showlegend=False,
    )


def tokens_per_second(frame: Frame, *, colors: Colors = None, theme: str = "light") -> go.Figure:
    """Return how fast text comes; one row of `frame` is a model with p5, p50, p95 (`metrics.tokens_per_second`)."""
    question = "How fast does the text come?"
    if frame.empty:
        return style.nothing(question, "No complete reply has both tokens and time.", theme=theme)
    top = frame.sort_values("p50", ascending=False).head(12)
    return ranking(
        top["model"],
        top["p50"],
        [f"{style.count(value)} /s" for value in top["p50"]],
        question,
        "median output tokens a second, once the reply has begun",
        filter_by="model",
        colors=style.colors_of(top["model"], colors),
        theme=theme,
    )
