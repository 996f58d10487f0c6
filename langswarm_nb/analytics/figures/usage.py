"""Charts of how much, by whom, and when."""

from __future__ import annotations

import plotly.graph_objects as go

from . import style
from .style import Frame, ranking

# Of 26 cohorts each: two years of weeks, more than can be told apart.
_OLDEST = 104
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ROLE_COLORS = {"user": style.PALETTE[1], "assistant": style.PALETTE[0], "tool": style.PALETTE[2], "system": style.GREY}


def volume(frame: Frame, *, theme: str = "light") -> go.Figure:
    """Return stacked bars of messages over time; one row of `frame` is a bin and a role (`metrics.volume`)."""
    question = "How much is it used?"
    if frame.empty:
        return style.nothing(question, "No messages with a time in this period.", theme=theme)
    drawn, period, when = style.time_axis(frame)
    traces = [
        go.Bar(
            x=style.local(rows["bin"]),
            y=style.numbers(rows["messages"]),
            name=style.label(role),
            marker={"color": _ROLE_COLORS.get(str(role), style.PALETTE[3])},
            hovertemplate="%{y:,}",
            **period,
        )
        for role, rows in drawn.groupby("role", dropna=False, sort=True)
    ]
    note = style.joined(style.counted(frame["messages"].sum(), "message"), when)
    return style.figure(
        traces,
        question,
        note,
        theme=theme,
        barmode="stack",
        hovermode="x unified",
        meta={"brush": "time"},
        xaxis=style.TIME_AXIS,
        yaxis=style.count_axis(drawn.groupby("bin")["messages"].sum().max()),
        showlegend=True,
    )


def active_users(frame: Frame, *, theme: str = "light") -> go.Figure:
    """Return lines of people and sessions over time; one row of `frame` is a bin (`metrics.active_users`)."""
    question = "How many people come?"
    if frame.empty:
        return style.nothing(question, "Nobody was here in this period, as far as times are known.", theme=theme)
    drawn, period, when = style.time_axis(frame)
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
            hovertemplate="%{y:,}",
            **period,
        )
        for name, color, place in (
            ("users", style.PALETTE[0], "bottom right"),
            ("sessions", style.PALETTE[1], "top right"),
        )
    ]
    return style.figure(
        traces,
        question,
        f"distinct {when}",
        theme=theme,
        hovermode="x unified",
        meta={"brush": "time"},
        xaxis=style.line_axis(drawn, period),
        yaxis=style.count_axis(drawn["sessions"].max()),
        margin={"r": 64},
        showlegend=False,
    )


def activity(frame: Frame, *, theme: str = "light") -> go.Figure:
    """Return hours by weekdays; one row of `frame` is a weekday and an hour (`metrics.activity`)."""
    question = "When do people ask?"
    if frame.empty:
        return style.nothing(question, "No questions with a time in this period.", theme=theme)
    grid: list[list[float | None]] = [[0.0] * 24 for _ in WEEKDAYS]
    for weekday, hour, messages in zip(frame["weekday"], frame["hour"], frame["messages"], strict=True):
        grid[int(weekday) - 1][int(hour)] = float(messages)
    heat = go.Heatmap(
        z=grid,
        x=[f"{hour:02d}" for hour in range(24)],
        y=list(WEEKDAYS),
        zmin=0,
        xgap=2,
        ygap=2,
        showscale=False,
        hovertemplate="%{y} %{x}:00–%{x}:59<br>%{z:,} questions<extra></extra>",
    )
    busiest = frame.loc[frame["messages"].astype(float).idxmax()]
    day, hour = WEEKDAYS[int(busiest["weekday"]) - 1], int(busiest["hour"])
    peak = f"busiest: {day} {hour:02d}:00, {style.counted(busiest['messages'], 'question')}"
    return style.figure(
        [heat],
        question,
        style.joined(peak, str(frame["time_zone"].iloc[0])),
        theme=theme,
        xaxis={"type": "category", "dtick": 3, "showgrid": False, "title": {"text": "hour"}},
        yaxis={"type": "category", "autorange": "reversed", "showgrid": False},
    )


def retention(frame: Frame, *, theme: str = "light") -> go.Figure:
    """Return who came back; one row of `frame` is a cohort and its age (`metrics.retention`)."""
    question = "Do they come back?"
    if frame.empty or int(frame["age"].max()) < 1:
        return style.nothing(question, "Nobody has been here long enough to tell.", theme=theme)
    unit = str(frame["unit"].iloc[0])
    cohorts = list(dict.fromkeys(frame["cohort"]))[-26:]
    kept = frame[frame["cohort"] >= cohorts[0]]
    sizes = dict(zip(kept["cohort"], kept["size"], strict=True))
    oldest = min(int(kept["age"].max()), _OLDEST)
    shares = {(c, int(a)): float(s) for c, a, s in zip(kept["cohort"], kept["age"], kept["share"], strict=True)}
    # Where nobody came, the share is 0, except in weeks or months that are still to come.
    ages = {c: int(kept.loc[kept["cohort"] == c, "age"].max()) for c in cohorts}
    horizon = {
        c: max([ages[c], *(ages[o] - (row - i) for i, o in enumerate(cohorts[:row]))]) for row, c in enumerate(cohorts)
    }
    z = [[shares.get((c, age), 0.0 if age <= horizon[c] else None) for age in range(oldest + 1)] for c in cohorts]
    names = [f"{c:%-d %b %Y}" if unit == "week" else f"{c:%b %Y}" for c in cohorts]
    text = [[f"{v:.0%}" if v is not None and oldest <= 7 else "" for v in row] for row in z]
    heat = go.Heatmap(
        z=z,
        x=list(range(oldest + 1)),
        y=[f"{name} ({int(sizes[c])})" for name, c in zip(names, cohorts, strict=True)],
        text=text,
        texttemplate="%{text}",
        textfont={"size": 10},
        zmin=0,
        zmax=1,
        xgap=2,
        ygap=2,
        showscale=False,
        hoverongaps=False,
        hovertemplate=f"first here %{{y}}<br>%{{z:.0%}} wrote {unit} %{{x}}<extra></extra>",
    )
    returned = kept[kept["age"] == 1]
    first = float(returned["users"].sum()) / max(1, sum(int(sizes[c]) for c in cohorts if horizon[c] >= 1))
    return style.figure(
        [heat],
        question,
        style.joined(
            f"{first:.0%} were back the next {unit}",
            f"by {unit} of the first message",
            style.zone(frame, "cohort"),
        ),
        theme=theme,
        xaxis={"title": {"text": f"{unit}s later"}, "showgrid": False, "dtick": 1 if oldest <= 14 else 4},
        yaxis={"type": "category", "autorange": "reversed", "showgrid": False},
    )


def users(frame: Frame, *, theme: str = "light") -> go.Figure:
    """Return the busiest people; one row of `frame` is a user (`metrics.users`)."""
    question = "Who uses it most?"
    if frame.empty:
        return style.nothing(question, "Nobody was here in this period.", theme=theme)
    top = frame.head(12)
    return ranking(
        top["user_id"],
        top["messages"],
        [style.count(value) for value in top["messages"]],
        question,
        f"messages of the busiest {len(top)}",
        filter_by="user_id",
        theme=theme,
    )
