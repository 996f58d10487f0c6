"""The dashboard's Python side: what the page asks, what it is told, and the page that needs no kernel."""

from __future__ import annotations

import gzip
import io
import json
import re
import threading
from typing import Any

import duckdb
import pandas as pd
import pytest

from langswarm_nb.analytics import frames, metrics
from langswarm_nb.analytics.dashboard import Dashboard, dashboard
from langswarm_nb.analytics.demo import demo_store
from langswarm_nb.analytics.report import PERIODS, TABS, Report
from langswarm_nb.analytics.source import ArrowSource
from langswarm_nb.errors import ConfigurationError


class Page:
    """Asks a dashboard as its page does, and waits for the answer."""

    def __init__(self, shown: Dashboard) -> None:
        self.shown = shown
        self.heard: list[tuple[dict[str, Any], list[bytes]]] = []
        self.bell = threading.Condition()
        shown.send = self._hear  # type: ignore[method-assign]
        self.number = 0

    def _hear(self, content: dict[str, Any], buffers: Any = None) -> None:
        with self.bell:
            self.heard.append((json.loads(json.dumps(content)), buffers or []))
            self.bell.notify_all()

    def ask(self, type: str, **content: Any) -> tuple[dict[str, Any], list[bytes]]:
        self.number += 1
        id = f"page:{self.number}"
        self.shown._handle_custom_msg({"type": type, "id": id, "view": "page", "number": self.number, **content}, [])

        def answers() -> list[Any]:
            return [heard for heard in self.heard if heard[0]["re"] == id and heard[0]["type"] != "progress"]

        with self.bell:
            assert self.bell.wait_for(answers, 30)
            (found,) = answers()
            return found

    def show(self, **content: Any) -> dict[str, Any]:
        reply, _ = self.ask("show", **content)
        assert "problem" not in reply, reply
        return reply["value"]


@pytest.fixture(scope="module")
def store() -> ArrowSource:
    return demo_store(messages=3000)


@pytest.fixture
def page(store) -> Page:
    return Page(dashboard(store))


def test_the_first_look(page, store):
    view = page.show()
    assert view["tab"] == "Overview"
    assert [tile["label"] for tile in view["numbers"]] == [
        "Sessions",
        "Messages",
        "Active users",
        "Cost",
        "Median latency",
        "Error rate",
    ]
    assert view["numbers"][1]["value"] == "3,000"
    assert "unpriced" in view["numbers"][3]["note"]
    questions = [item["question"] for item in view["items"]]
    assert questions == [
        "How much is it used?",
        "What does it cost?",
        "How fast does it answer?",
        "When do people ask?",
        "Do they come back?",
        "Which models?",
    ]
    assert "user-001" in view["options"]["user_id"]
    assert len(json.dumps(view)) < 300_000


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_shows(page, tab):
    view = page.show(tab=tab)
    assert [item["name"] for item in view["items"]] == [name for name in TABS[tab] if name != "diagnose"]


def test_what_changed_is_shown_where_there_is_a_period_before(page, store):
    items = page.show(filters={"period": "30 days"})["items"]
    assert items[-1]["question"] == "What changed?"
    replies = Report(store, period="30 days").data(["diagnose"])["diagnose"].iloc[0]
    assert items[-1]["note"].startswith(f"{replies['calls']:,} replies, {replies['calls_before']:,} before")


def test_a_filter_changes_every_number(page, store):
    view = page.show(filters={"model": ["gpt-5"], "period": "90 days"})
    assert view["filters"] == {"model": ["gpt-5"]}
    assert view["period"] == "90 days"
    shown = int(view["numbers"][1]["value"].replace(",", ""))
    report = Report(store, model="gpt-5", period="90 days")
    assert shown == report.data(["overview"])["overview"]["value"][1] < 3000
    assert view["numbers"][1]["note"].endswith("before")
    cleared = page.show(filters={"model": [], "period": "All time"})
    assert cleared["numbers"][1]["value"] == "3,000"


def test_what_python_sees_is_what_the_page_shows(page):
    page.show(filters={"provider": ["anthropic"]})
    data, charts = page.shown.data(), page.shown.figures()
    assert data["cost_by_model"]["provider"].unique().tolist() == ["anthropic"]
    assert set(charts) == {"overview", *(name for tab in TABS.values() for name in tab)} - {"search", "diagnose"}
    assert data["volume"]["messages"].sum() == data["overview"]["value"][1]


def test_an_answer_that_is_late_is_left_out(page):
    page.shown._newest["page"] = 10
    page.number = 20
    done = threading.Event()
    original = page.shown._answer
    page.shown._answer = lambda message: (original(message), done.set())  # type: ignore[method-assign]
    page.shown._handle_custom_msg({"type": "show", "id": "old", "view": "page", "number": 3}, [])
    assert done.wait(30)
    assert not [reply for reply, _ in page.heard if reply["type"] != "progress"]


def test_a_wrong_filter_is_a_sentence_on_the_page(page):
    reply, _ = page.ask("show", filters={"start": "soon"})
    assert reply["problem"] == "'soon' is no date. Write it as 2026-11-30 or 2026-11-30T12:00."
    assert page.show(filters={})["numbers"][1]["value"] == "3,000"


def test_a_fault_is_a_sentence_too_and_goes_to_the_log(page, caplog):
    reply, _ = page.ask("csv", name="no such chart")
    assert "Traceback" not in reply["problem"]
    assert "Refresh" in reply["problem"]
    assert caplog.records


def test_csv_of_a_chart(page):
    reply, _ = page.ask("csv", name="cost_by_model")
    lines = reply["value"].splitlines()
    assert lines[0] == "provider,model,calls,cost_usd,unpriced,below_zero"
    assert len(lines) == 7


def test_parquet_of_a_chart_keeps_its_types(page, store):
    _, (file,) = page.ask("parquet", name="volume")
    found = pd.read_parquet(io.BytesIO(file))
    pd.testing.assert_frame_equal(found, metrics.volume(store))


def test_search_under_the_filters_in_use(page, store):
    page.show(filters={"provider": ["anthropic"], "period": "90 days"})
    reply, _ = page.ask("search", text="customer")
    expected = Report(store, provider="anthropic", period="90 days").frame_of("search", "customer")
    assert [row["session_id"] for row in reply["value"]["rows"]] == list(expected["session_id"])
    assert "customer".startswith(reply["value"]["words"][0])
    assert all("customer" in row["snippet"].lower() for row in reply["value"]["rows"])
    csv, _ = page.ask("csv", name="search", text="customer")
    assert len(csv["value"].splitlines()) == len(expected) + 1 > 1
    nothing, _ = page.ask("search", text=" ... ")
    assert nothing["problem"].startswith("Type a word")


def test_similar_conversations_of_a_transcript(page, store):
    session_id = frames.sessions(store)["session_id"].iloc[0]
    reply, _ = page.ask("similar", session_id=session_id)
    assert 0 < len(reply["value"]) <= 8
    assert session_id not in {row["session_id"] for row in reply["value"]}


def test_it_says_what_it_is_doing(page):
    page.show(tab="Conversations")
    doing = [reply["doing"] for reply, _ in page.heard if reply["type"] == "progress"]
    assert doing == ["Opening the store …", "Counting 3,000 messages …", "Finding topics …", "Drawing …"]


def test_down_to_the_transcript(page, store):
    row = page.show(tab="Conversations")["items"][2]["rows"][0]
    reply, _ = page.ask("transcript", session_id=row["session_id"])
    messages = frames.messages(store, session_id=row["session_id"]).query("is_active_branch")
    assert len(reply["value"]) == len(messages)
    assert reply["value"][0]["role"] == "user"
    first = messages.sort_values("seq")["created_at"].iloc[0]
    assert reply["value"][0]["at"] == f"{first:%Y-%m-%d %H:%M} UTC"
    assert "<p>" in reply["value"][0]["html"]


def test_plotly_goes_to_the_page_once_and_small(page):
    _, (code,) = page.ask("plotly")
    assert len(code) < 2_000_000
    assert b"plotly.js" in gzip.decompress(code)[:500]
    assert len(str(page.shown.get_state())) < 120_000


def test_an_empty_store_offers_the_demo_and_stays_empty():
    empty = ArrowSource()
    page = Page(dashboard(empty))
    assert page.show() == {"empty": True}
    page.ask("demo")
    view = page.show()
    assert view["label"].startswith("Synthetic demo data")
    assert "Your own store is empty" in view["label"]
    assert view["numbers"][1]["value"] == "20,000"
    assert frames.messages(empty).empty


def test_the_demo_gives_way_to_the_first_conversation_of_ones_own(tmp_path):
    path = tmp_path / "s.duckdb"
    demo_store(path, messages=1)
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE kept AS FROM messages; DELETE FROM messages")
    page = Page(dashboard(path))
    assert page.show() == {"empty": True}
    page.ask("demo")
    assert "Your own store is empty" in page.show(refresh=True)["label"]
    with duckdb.connect(path) as connection:
        connection.execute("INSERT INTO messages FROM kept")
    view = page.show(refresh=True)
    assert view["messages"] == 1
    assert "Your own store" not in view["label"]


def test_made_up_conversations_are_labelled_wherever_they_are_shown(store, tmp_path):
    label = "Synthetic demo data: nobody had these conversations."
    assert Page(dashboard(store, model="gpt-5")).show(tab="Cost")["label"] == label
    assert json.loads(_content(dashboard(store).to_html()))["frame"]["label"] == label
    bundle = dashboard(store)._repr_mimebundle_()
    assert label in (bundle[0] if isinstance(bundle, tuple) else bundle)["text/html"]
    path = tmp_path / "s.duckdb"
    made_up = len(frames.sessions(demo_store(path, messages=100)))
    assert Page(dashboard(path)).show()["label"] == label
    with duckdb.connect(path) as connection:
        connection.execute("INSERT INTO sessions (session_id, user_id, source) VALUES ('own', 'ada', NULL)")
    mixed = f"{made_up} of {made_up + 1} conversations are synthetic demo data."
    assert Page(dashboard(path)).show(refresh=True)["label"] == mixed
    with duckdb.connect(path) as connection:
        connection.execute("UPDATE sessions SET source = 'chatgpt'")
    assert Page(dashboard(path)).show(refresh=True)["label"] == ""


def test_a_period_counts_back_from_the_newest_message(store):
    for period, days in PERIODS.items():
        found = Report(store, period=period).data(["overview"])["overview"]
        newest = frames.messages(store)["created_at"]
        inside = newest if days is None else newest[newest > newest.max() - pd.Timedelta(days=days)]
        assert found["value"][1] == pytest.approx(len(inside), abs=1)
    with pytest.raises(ConfigurationError):
        dashboard(store, period="a while")
    with pytest.raises(ConfigurationError):
        dashboard(store, modle="x")


def test_one_page_without_kernel_and_network(store, tmp_path):
    path = tmp_path / "dashboard.html"
    text = dashboard(store).to_html(path)
    assert path.read_text(encoding="utf-8") == text
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=", text.split("<script>")[0])
    content = json.loads(_content(text))
    assert list(content["tabs"]) == list(TABS)
    assert content["csv"]["volume"].startswith("bin,unit,role,messages")


def _content(page: str) -> str:
    return re.findall(r'<script type="application/json" id="content">(.*?)</script>', page, re.S)[0]


def test_nothing_that_people_wrote_ends_the_page_early():
    from langswarm_nb.analytics.demo import demo_tables

    tables = demo_tables(200)
    bad = "</script><script>alert(1)</script>"
    index = tables["sessions"].schema.get_field_index("title")
    tables["sessions"] = tables["sessions"].set_column(index, "title", [[bad] * tables["sessions"].num_rows])
    text = dashboard(ArrowSource(tables)).to_html()
    assert "alert(1)</script>" not in text


def test_a_saved_notebook_shows_the_numbers(store):
    bundle = dashboard(store)._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "Run this cell" in data["text/plain"]
    assert "3,000" in data["text/html"]
    assert "unpriced" in data["text/html"]


def test_refresh_reads_the_store_again(tmp_path):
    path = tmp_path / "live.duckdb"
    demo_store(path, messages=100)
    page = Page(dashboard(path))
    assert page.show()["numbers"][1]["value"] == "100"
    demo_store(path, messages=160)
    assert page.show(refresh=True)["numbers"][1]["value"] != "100"
    assert metrics.overview(path)["value"][1] > 100
