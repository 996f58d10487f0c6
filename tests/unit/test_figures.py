"""Charts: one a metric, readable, small, and honest about what is unknown."""

from __future__ import annotations

import inspect

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from analytics_stores import store_of

from langswarm_nb.analytics import figures, metrics, text
from langswarm_nb.analytics.demo import demo_store
from langswarm_nb.analytics.figures import style, tiles

METRICS = {name for name in metrics.__all__ if isinstance(getattr(metrics, name), metrics.Metric)}
CHARTS = {name: getattr(figures, name) for name in sorted(METRICS) if inspect.isfunction(getattr(figures, name, None))}


@pytest.fixture(scope="module")
def data():
    return metrics.ask_all(
        [getattr(metrics, name) for name in CHARTS],
        demo_store(messages=6000),
        tz="Europe/Oslo",
        start="2026-05-01",
        end="2026-11-01",
    )


def note(chart: go.Figure) -> str:
    return chart.layout.meta["note"]


def test_every_question_has_a_chart_of_its_name():
    asked = METRICS | {name for name in text.__all__ if hasattr(getattr(text, name), "sql")}
    assert {"overview", "session_durations", "search", "similar", "topics"} < asked
    assert asked - set(figures.__all__) == set()
    shown = {name for name, value in vars(figures).items() if inspect.isfunction(value)}
    assert shown - asked == {"colors_of", "template"}


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_asks_a_question(name, data):
    chart = CHARTS[name](data[name])
    assert isinstance(chart, go.Figure)
    assert chart.layout.title.text.endswith("?")
    assert "one row of `frame` is" in " ".join((CHARTS[name].__doc__ or "").split())
    assert len(chart.data) > 0


@pytest.mark.parametrize("name", CHARTS)
def test_no_data_is_said_in_a_sentence(name, data):
    chart = CHARTS[name](data[name].head(0))
    assert len(chart.data) == 0
    assert chart.layout.annotations[0].text.endswith(".")
    assert chart.layout.xaxis.visible is False


def test_light_and_dark_differ_in_the_template_only(data):
    light, dark = (CHARTS["volume"](data["volume"], theme=theme) for theme in ("light", "dark"))
    assert light.layout.template.layout.font.color != dark.layout.template.layout.font.color
    for chart in (light, dark):
        chart.layout.template = None
    assert light == dark


def test_all_charts_together_are_small(data):
    charts = [CHARTS[name](data[name]) for name in CHARTS]
    assert sum(len(chart.to_json()) for chart in charts) < 1_000_000
    assert max(points(chart) for chart in charts) <= 5_000


def points(chart: go.Figure) -> int:
    """Return how many values are drawn."""
    return sum(np.size(trace["z" if trace.type == "heatmap" else "y"]) for trace in chart.data if "y" in trace)


# Those of the distribution are steps of a scale: there are never more of them.
@pytest.mark.parametrize("name", [name for name in CHARTS if name != "latency_distribution"])
def test_a_chart_stays_small_whatever_the_rows(name, data):
    frame = pd.concat([data[name]] * (10_000 // len(data[name]) + 1), ignore_index=True)
    if "bin" in frame:
        frame["bin"] = pd.date_range("1990-01-01", periods=len(frame), freq="h", tz="UTC")
        frame["unit"] = "hour"
    # Over time the metric itself leaves the seven dearest models, and "other".
    many = set() if name == "cost_over_time" else {"model"}
    for column in (many | {"provider", "user_id", "error_type", "finish_reason", "title", "label"}) & set(frame):
        frame[column] = [f"{number} " + "name " * 60 for number in range(len(frame))]
    chart = CHARTS[name](frame)
    assert len(chart.data) > 0
    assert points(chart) <= 5_000
    assert len(chart.to_json()) < 250_000
    if "bin" in frame:
        # What is not drawn is said, and still counted.
        assert "only the newest" in note(chart)
        assert max(str(trace.x[-1]) for trace in chart.data) == f"{frame['bin'].iloc[-1]:%Y-%m-%dT%H:%M:%S}"


def test_unpriced_is_said_and_never_shown_as_zero():
    store = store_of([{"request_model": "paid", "cost_usd": None}, {"request_model": "local", "cost_usd": None}])
    over_time = figures.cost_over_time(metrics.cost_over_time(store))
    by_model = figures.cost_by_model(metrics.cost_by_model(store))
    assert "unpriced 2" in over_time.layout.annotations[0].text
    assert "unpriced 2" in note(by_model)
    assert list(by_model.data[0].text) == ["unpriced 1", "unpriced 1"]
    assert "$0" not in by_model.to_json() + over_time.to_json().replace("$0,", "")


def test_a_model_keeps_its_colour_everywhere(data):
    colors = {"gpt-5": "#123456"}
    by_model = figures.cost_by_model(data["cost_by_model"], colors=colors)
    bar = list(by_model.data[0].customdata).index("gpt-5")
    assert by_model.data[0].marker.color[bar] == "#123456"
    (over_time,) = [t for t in figures.cost_over_time(data["cost_over_time"], colors=colors).data if t.name == "gpt-5"]
    assert over_time.marker.color == "#123456"
    assert figures.colors_of(["gpt-5"]) == figures.colors_of(["gpt-5"])


def test_the_time_zone_is_named(data):
    for name in ("volume", "cost_over_time", "activity", "retention", "error_rate"):
        assert "Europe/Oslo" in note(CHARTS[name](data[name])), name


def test_what_changed_is_told_in_both_directions(data):
    chart = figures.diagnose(data["diagnose"])
    rows = data["diagnose"]
    biggest = rows[rows["dimension"] != "all"].sort_values("changed", ascending=False).iloc[0]
    assert abs(chart.data[0].x[0]) == biggest["changed"]
    assert list(map(abs, chart.data[0].x)) == sorted(map(abs, chart.data[0].x), reverse=True)
    whole = rows[rows["dimension"] == "all"].iloc[0]
    assert note(chart).startswith(f"{whole['calls']:,} replies, {whole['calls_before']:,} before · cost $")


def test_what_changed_needs_a_period_before():
    chart = figures.diagnose(metrics.diagnose(store_of([{"request_model": "a"}])))
    assert "no period before" in chart.layout.annotations[0].text
    chart = figures.diagnose(metrics.diagnose(store_of([])))
    assert "none in the one before" in chart.layout.annotations[0].text


def test_topics_say_how_many_were_looked_at():
    store = demo_store(messages=3000)
    assert "a sample of 50 conversations out of 346" in note(figures.topics(text.topics(store, sample=50)))
    chart = figures.topics(text.topics(store))
    assert note(chart) == "346 conversations"
    assert chart.layout.meta["filter"] == "search"
    assert figures.topics(text.topics(store_of([]))).layout.meta["empty"]


def test_the_six_numbers_are_drawn_as_the_tiles_say_them(data):
    frame = data["overview"]
    frame.loc[frame["name"] == "median_latency_s", "value"] = None
    chart = figures.overview(frame)
    labels = [tile["label"] for tile in tiles.tiles(frame)]
    assert [trace.title.text.split("<br>")[0] for trace in chart.data] == labels
    drawn = dict(zip(labels, chart.data, strict=True))
    count = drawn["Messages"]
    assert (count.value, count.number.valueformat) == (float(frame["value"][1]), ",.0f")
    assert drawn["Cost"].number.prefix == "&#36;"
    assert "unpriced" in drawn["Cost"].title.text
    assert drawn["Error rate"].number.suffix == "%"
    # Unknown is no number: plotly writes a dash.
    assert drawn["Median latency"].value is None


def test_conversations_are_named_by_their_titles_as_text_only():
    titles = ["<img src=x onerror=alert(1)>" + "x" * 200, "=1+1 $x$", None, None]
    store = store_of(
        [{"session_id": f"s{number}", "cost_usd": number - 1} for number in range(4)],
        [{"session_id": f"s{number}", "title": title} for number, title in enumerate(titles)],
    )
    for name in ("longest_sessions", "dearest_sessions"):
        (bars,) = getattr(figures, name)(getattr(metrics, name)(store)).data
        names = list(bars.y)
        assert max(map(len, names)) < 80
        assert {name[:18] for name in names} == {"&lt;img src=x oner", "=1+1 &#36;x&#36;", "Untitled", "Untitled (2)"}
    chart = figures.dearest_sessions(metrics.dearest_sessions(store))
    assert chart.data[0].text[-1] == "-$1.00"
    # What is below zero is drawn, with room for its text, also where nothing is above.
    assert chart.layout.xaxis.range[0] < -1
    low, high = figures.dearest_sessions(metrics.dearest_sessions(store_of([{"cost_usd": -2}]))).layout.xaxis.range
    assert low < -2 < 0 <= high


def test_what_was_found_and_what_is_alike():
    store = demo_store(messages=1000)
    found = text.search("customer", store)
    chart = figures.search(found)
    assert note(chart).startswith(f"{len(found)} messages found")
    assert points(chart) <= 12
    assert chart.data[0].text[0].endswith(("message", "messages"))
    alike = text.similar(found["session_id"][0], store)
    chart = figures.similar(alike)
    assert chart.data[0].x[0] == alike["similarity"][0]
    assert len(figures.search(found.head(0)).data) == len(figures.similar(alike.head(0)).data) == 0


def test_nothing_is_sent_to_a_cloud():
    assert figures.CONFIG["showSendToCloud"] is False


@pytest.mark.parametrize(
    ("form", "value", "shown"),
    [
        (style.money, None, "–"),
        (style.money, 0, "$0.00"),
        (style.money, 0.004, "$0.004"),
        (style.money, 0.0123, "$0.012"),
        (style.money, 0.5, "$0.50"),
        (style.money, -12.5, "-$12.50"),
        (style.money, 12345.6, "$12,346"),
        (style.seconds, float("nan"), "–"),
        (style.seconds, 0.42, "420 ms"),
        (style.seconds, 1.84, "1.8 s"),
        (style.seconds, 600, "10.0 min"),
        (style.seconds, 7200, "2.0 h"),
        (style.seconds, -3, "-3.0 s"),
        (style.seconds, 1e6, "11.6 days"),
        (style.seconds, 1e300, "3.17e+292 years"),
        (style.count, 2**63, "9.22e+18"),
        (style.count, 1234567, "1,234,567"),
        (style.share, 0.123, "12.3%"),
        (style.share, 0, "0%"),
        (style.share, None, "–"),
        (style.label, None, "unknown"),
        (style.label, " \n ", "(blank)"),
        (style.label, "<b>x</b> & $y$", "&lt;b&gt;x&lt;/b&gt; &amp; &#36;y&#36;"),
        (style.label, "m" * 50, "m" * 39 + "…"),
    ],
)
def test_numbers_and_names_read_well(form, value, shown):
    assert form(value) == shown


def test_two_names_that_read_the_same_stay_two_bars():
    names = style.labels(["a" * 60 + "1", "a" * 60 + "2"])
    assert len(set(names)) == 2
