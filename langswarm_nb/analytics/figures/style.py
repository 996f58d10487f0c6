"""How every chart looks: palette, templates, words and numbers."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import plotly.graph_objects as go

# A pandas DataFrame or Series: what pandas declares of their methods is too wide to be checked against.
Frame = Any
Colors = Mapping[str, str] | None

# Okabe and Ito's colours, told apart by colour-blind readers too (https://jfly.uni-koeln.de/color/); black became grey.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
GREY = "#8C8C8C"
SCALES = {"light": ((0.0, "#eff4f8"), (1.0, "#0072B2")), "dark": ((0.0, "#23292e"), (1.0, "#3aa0dd"))}
LABEL_LENGTH = 40
# Of what stands beside a small chart, and takes from its width.
BESIDE_LENGTH = 24
MOST_ROWS = 1_500

# For `fig.show(config=CONFIG)`: nothing is uploaded to a cloud by a button.
CONFIG = {"displaylogo": False, "showSendToCloud": False, "responsive": True}


def template(theme: str) -> go.layout.Template:
    """Return the plotly template of `theme`, "light" or "dark"."""
    ink, faint, line = ("#1f2328", "#59636e", "rgba(110,118,129,0.22)")
    if theme == "dark":
        ink, faint, line = ("#e6edf3", "#9da7b1", "rgba(139,148,158,0.28)")
    axis = {
        "gridcolor": line,
        "linecolor": line,
        "zeroline": False,
        "tickfont": {"color": faint, "size": 11},
        "title": {"font": {"color": faint, "size": 11}, "standoff": 8},
        "automargin": True,
        "tickcolor": line,
    }
    return go.layout.Template(
        layout={
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": "system-ui, -apple-system, 'Segoe UI', sans-serif", "size": 12, "color": ink},
            "colorway": list(PALETTE),
            "title": {"x": 0, "xref": "container", "xanchor": "left", "pad": {"l": 12, "t": 4}, "font": {"size": 15}},
            "margin": {"l": 12, "r": 16, "t": 64, "b": 12},
            "hoverlabel": {
                "bgcolor": "#ffffff" if theme != "dark" else "#22272e",
                "bordercolor": line,
                "font": {"color": ink, "size": 12},
            },
            "xaxis": {**axis, "showgrid": False, "ticklabelstandoff": 4},
            "yaxis": axis,
            "legend": {
                "orientation": "h",
                "y": -0.14,
                "yanchor": "top",
                "x": 0,
                "xanchor": "left",
                "font": {"size": 11, "color": faint},
                "itemclick": False,
                "itemdoubleclick": False,
                "title": {"text": ""},
            },
            "annotationdefaults": {"font": {"color": faint, "size": 11}, "showarrow": False},
            "separators": ".,",
        },
        data={"heatmap": [{"colorscale": SCALES["dark" if theme == "dark" else "light"], "autocolorscale": False}]},
    )


def figure(
    traces: Iterable[Any], question: str, note: str = "", *, theme: str = "light", meta: Any = None, **layout: Any
) -> go.Figure:
    """Return a figure that asks `question`; `note` stands below it in small.

    `layout.meta` tells a dashboard the same words, and what a click on the figure filters by.
    """
    title: dict[str, Any] = {"text": question}
    if note:
        title["subtitle"] = {"text": note, "font": {"size": 11}}
    return go.Figure(
        data=list(traces),
        layout={
            "title": title,
            "template": template(theme),
            "meta": {"question": question, "note": note, **(meta or {})},
        }
        | layout,
    )


def nothing(question: str, sentence: str, *, theme: str = "light") -> go.Figure:
    """Return a figure without data that says so in a sentence."""
    hidden = {"visible": False}
    words = {"text": sentence, "xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5, "showarrow": False}
    return figure([], question, theme=theme, xaxis=hidden, yaxis=hidden, annotations=[words], meta={"empty": sentence})


_colors: dict[str, str] = {}


def colors_of(models: Iterable[Any], given: Mapping[str, str] | None = None) -> dict[Any, str]:
    """Return a colour for each model: the given one, else the one that it had before in this process, else a new one.

    Seven models have colours of their own, further ones are grey.
    """
    chosen: dict[Any, str] = {}
    for model in models:
        if unknown(model) or model == "other":
            chosen[model] = GREY
        elif given is not None:
            chosen[model] = given.get(model, GREY)
        else:
            chosen[model] = _colors.setdefault(model, PALETTE[len(_colors)] if len(_colors) < len(PALETTE) else GREY)
    return chosen


def unknown(value: Any) -> bool:
    """Return whether `value` is None, NaN or <NA>."""
    return value is None or type(value).__name__ == "NAType" or value != value


def plain(value: Any, length: int = 80) -> str:
    """Return what people wrote as one short line of printable text."""
    if unknown(value):
        return "unknown"
    text = " ".join("".join(c if c.isprintable() else " " for c in str(value)[: 4 * length]).split()) or "(blank)"
    return text if len(text) <= length else text[: length - 1] + "…"


def label(value: Any, length: int = LABEL_LENGTH) -> str:
    """Return what people wrote as plotly may show it: no markup, no formula, one short line."""
    # Plotly draws some HTML in labels, and would hand a text between dollars to MathJax.
    return html.escape(plain(value, length), quote=False).replace("$", "&#36;")


def labels(values: Iterable[Any], length: int = LABEL_LENGTH) -> list[str]:
    """Return a label for each value, made different where two would read the same."""
    seen: dict[str, int] = {}
    result = []
    for value in values:
        text = label(value, length)
        seen[text] = seen.get(text, 0) + 1
        result.append(text if seen[text] == 1 else f"{text} ({seen[text]})")
    return result


def money_format(top: Any) -> str:
    """Return plotly's number format for dollars up to `top`."""
    if unknown(top) or top < 0.01:
        return "$.2~r"
    return "$,.4~f" if top < 1 else "$,.2f" if top < 100 else "$,.0f"


def money(value: Any) -> str:
    """Return dollars as people read them, at least cents and two digits; unknown is "–"."""
    if unknown(value):
        return "–"
    size = abs(value)
    digits = 0 if size >= 1000 else 2 if size >= 0.1 or value == 0 else min(9, 1 - math.floor(math.log10(size)))
    text = _short(size, digits)
    if digits > 2:
        text = text[:4] + text[4:].rstrip("0")
    return f"{'-' if value < 0 else ''}${text}"


def seconds(value: Any) -> str:
    """Return a duration as people read it; unknown is "–"."""
    if unknown(value):
        return "–"
    size = abs(value)
    if size < 1:
        return f"{round(value * 1000):,} ms"
    if size < 100:
        return f"{value:.1f} s"
    for most, unit, name in ((6000, 60, "min"), (172_800, 3600, "h"), (63_072_000, 86_400, "days")):
        if size < most:
            return f"{value / unit:,.1f} {name}"
    return f"{_short(value / 31_536_000, 1)} years"


def _short(value: float, digits: int = 0) -> str:
    """Return a number with its thousands apart, and in powers of ten where nobody would count the digits."""
    return f"{value:,.{digits}f}" if abs(value) < 1e15 else f"{value:.2e}"


def count(value: Any) -> str:
    """Return a whole number with its thousands apart; unknown is "–"."""
    return "–" if unknown(value) else _short(value)


def counted(value: Any, one: str, many: str | None = None) -> str:
    """Return a whole number with what it counts: "1 reply", "2 replies"."""
    return f"{count(value)} {one if value == 1 else many or one + 's'}"


def count_axis(top: Any) -> dict[str, Any]:
    """Return an axis for counts up to `top`: whole numbers only, thousands as k."""
    if unknown(top) or top < 10:
        return {"rangemode": "tozero", "dtick": 1, "tickformat": ",d"}
    return {"rangemode": "tozero", "tickformat": ",.3~s"}


def share(value: Any) -> str:
    """Return a share in percent; unknown is "–"."""
    if unknown(value):
        return "–"
    if value == 0:
        return "0%"
    return f"{value:.2%}".replace("-0.00", "0.00") if abs(value) < 0.01 else f"{value:.1%}"


def unpriced_note(frame: Frame) -> str:
    """Return "unpriced n" for the frame's calls without a known cost, or an empty text."""
    missing = int(frame["unpriced"].sum()) if len(frame) else 0
    return unpriced(missing)


def unpriced(count: Any) -> str:
    """Return "unpriced n", or an empty text where the cost of all is known."""
    return f"unpriced {int(count):,}" if count else ""


def implausible(count: Any, what: str = "below zero") -> str:
    """Return "n not plausible" for what cannot be, or an empty text where there is none."""
    return f"{int(count):,} not plausible ({what})" if count else ""


def joined(*notes: str) -> str:
    """Return the notes that say something, in one line."""
    return " · ".join(note for note in notes if note)


_PERIODS: dict[str, Any] = {
    "hour": 3_600_000,
    "day": 86_400_000,
    "week": 604_800_000,
    "month": "M1",
    "year": "M12",
    "century": "M1200",
}
# Beyond the year 9999 plotly.js knows no dates, and shows the year 2000 instead of a bar whose edge lies there.
TIME_AXIS = {"type": "date", "autorangeoptions": {"clipmin": "0000-01-01", "clipmax": "9999-12-31"}}


def time_axis(frame: Frame) -> tuple[Frame, dict[str, Any], str]:
    """Return the rows to draw, what a trace over their `bin` needs besides x, and the note of bin and time zone.

    More than MOST_ROWS rows are more than a screen has columns: then it is the newest ones, and the note says so.
    """
    unit = str(frame["unit"].iloc[0])
    drawn = frame if len(frame) <= MOST_ROWS else frame[frame["bin"] > frame["bin"].iloc[-MOST_ROWS - 1]]
    only = "" if len(drawn) == len(frame) else f", only the newest drawn: since {drawn['bin'].iloc[0]:%Y-%m-%d}"
    period = {"xperiod": _PERIODS[unit], "xperiodalignment": "middle"}
    if unit == "week":
        period["xperiod0"] = "2024-01-01"  # a Monday
    hover = {"hour": "%-d %b %Y, %H:%M", "month": "%b %Y", "year": "%Y", "century": "from %Y"}.get(unit, "%-d %b %Y")
    period["xhoverformat"] = ("week from " if unit == "week" else "") + hover
    return drawn, period, f"by {unit}, {zone(frame)}{only}"


def line_axis(drawn: Frame, period: dict[str, Any]) -> dict[str, Any]:
    """Return the axis of time for lines over `drawn`; around a single point there is its bin."""
    if len(drawn) != 1:
        return TIME_AXIS
    step = period["xperiod"]
    days = step / 86_400_000 if isinstance(step, int) else 30.4 * int(step[1:])
    (begin,) = drawn["bin"]
    end = begin + timedelta(days=days) if begin.year < 9890 else begin.replace(year=9999, month=12, day=28)
    return TIME_AXIS | {"range": local([begin, end])}


def minute(time: Any) -> str:
    """Return a time to the minute, or a dash where there is none; four digits of the year 1, too."""
    return "–" if unknown(time) else f"{time.year:04d}-{time:%m-%d %H:%M}"


def zone(frame: Frame, column: str = "bin") -> str:
    """Return the name of the frame's time zone."""
    return str(getattr(frame[column].dtype, "tz", None) or "UTC")


def local(times: Any) -> list[str]:
    """Return times on the wall clock of their zone, as plotly reads them (it drops offsets)."""
    return [f"{t.year:04d}-{t.month:02d}-{t.day:02d}T{t.hour:02d}:{t.minute:02d}:{t.second:02d}" for t in times]


def at_end(count: int, name: str) -> list[str]:
    """Return the texts of a line of `count` points that has its name at its end, in place of a legend."""
    return [""] * (count - 1) + [f" {name}"]


def numbers(values: Any) -> list[float | None]:
    """Return values that JSON can carry: unknown and infinite ones are None."""
    plain = (None if unknown(value) else float(value) for value in values)
    return [None if value is None or math.isinf(value) else value for value in plain]


# Pixels: a chart in a dashboard and one that stands alone, without margins; a letter of a name, and one of a text.
SMALL, LARGE = 330, 620
_OF_NAME, _OF_TEXT = 6.2, 6.6


def ranking(
    names: Frame,
    values: Frame,
    texts: list[str],
    question: str,
    note: str,
    *,
    filter_by: str | None = None,
    colors: Mapping[Any, str] | None = None,
    width: int = SMALL,
    theme: str = "light",
    **layout: Any,
) -> go.Figure:
    """Return horizontal bars, the first on top, each with its text beside it; a click filters by its name.

    Names are cut so that a chart of `width` pixels has room for bars and texts.
    """
    raw = [None if unknown(name) else str(name) for name in names]
    lengths = [value if value is not None else 0 for value in numbers(values)]
    letters = max(len(html.unescape(text)) for text in texts)
    size = 11 if letters > 24 else 12
    beside = _OF_TEXT * size / 12 * letters + 8
    # Below so many letters the versions of a model look alike.
    length = max(20, min(LABEL_LENGTH, int((width - beside - 40) / _OF_NAME)))
    shown = labels(names, length)
    plot = max(60.0, width - _OF_NAME * max(len(html.unescape(name)) for name in shown))
    # Room for the text beside the longest bar, on the side where it is.
    room = min(0.85, beside / plot)
    lowest, highest = min(0.0, *lengths), max(0.0, *lengths)
    beyond = (highest - lowest or 1.0) * room / (1 - room)
    around = [lowest - beyond * (lowest < 0), highest + beyond * (highest > 0 or lowest == 0)]
    bars = go.Bar(
        x=lengths,
        y=shown,
        orientation="h",
        width=min(0.7, 0.1 + 0.12 * len(lengths)),  # few bars stay slim
        text=texts,
        textposition="outside",
        textfont={"size": size},
        cliponaxis=False,
        customdata=raw,
        marker={"color": [(colors or {}).get(name, PALETTE[0]) for name in names]},
        hovertext=labels(names),
        hovertemplate="%{hovertext}<br>%{text}<extra></extra>",
    )
    return figure(
        [bars],
        question,
        note,
        theme=theme,
        xaxis={"visible": False, "range": around},
        yaxis={"type": "category", "autorange": "reversed", "showgrid": False, "ticklabelstandoff": 6},
        hovermode="y",  # so that the whole row can be pointed at, however short its bar
        meta={"filter": filter_by} if filter_by else None,
        **layout,
    )
