"""The dashboard as a reader uses it, in one JupyterLab notebook; and the file that needs neither kernel nor network."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
from playwright.sync_api import Download, Locator, Page, expect

from langswarm_nb.analytics.dashboard import dashboard
from langswarm_nb.analytics.demo import demo_store
from langswarm_nb.analytics.report import TABS
from langswarm_nb.analytics.source import ArrowSource

PICTURES = os.environ.get("LANGSWARM_NB_PICTURES")


class Board:
    """A dashboard on a page."""

    def __init__(self, page: Page, root: Locator) -> None:
        self.page = page
        self.root = root
        expect(root.locator(".js-plotly-plot").first).to_be_visible(timeout=90_000)
        self.wait()

    def wait(self) -> None:
        """Return when nothing is being computed."""
        expect(self.root).not_to_have_attribute("aria-busy", "true", timeout=60_000)

    def open(self, tab: str) -> None:
        self.root.get_by_role("tab", name=tab).click()
        expect(self.root.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
        expect(self.root.get_by_role("tabpanel", name=tab)).to_be_visible()
        self.wait()
        expect(self.root.locator(".lsnb-dash-card")).to_have_count(len(self.cards(tab)), timeout=60_000)

    def cards(self, tab: str) -> list[str]:
        return [name for name in TABS[tab] if name != "diagnose"]

    def card(self, name: str) -> Locator:
        return self.root.locator(f".lsnb-dash-card[data-name={name}]")

    def tile(self, label: str) -> Locator:
        return self.root.locator(".lsnb-dash-number", has_text=label)

    def number(self, label: str) -> str:
        return self.tile(label).locator(".lsnb-dash-value").evaluate("node => node.firstChild.textContent")

    def save(self, name: str, form: str) -> Download:
        card = self.card(name)
        card.locator("summary").click()
        with self.page.expect_download() as waiting:
            card.get_by_role("button", name=form).click()
        return waiting.value


def drawn(board: Board, tab: str) -> None:
    for name in board.cards(tab):
        card = board.card(name)
        expect(card.locator(".lsnb-dash-question")).to_contain_text("?")
        if card.locator(".lsnb-dash-plot").count():
            expect(card.locator(".main-svg").first).to_be_visible(timeout=30_000)


def test_a_reader_looks_around(open_notebook, tmp_path):
    notebook = open_notebook(
        "import langswarm_nb as ls\nboard = ls.dashboard(ls.demo_store(messages=1500))\nboard", width=1500, height=1100
    )
    notebook.run_cell(0)
    notebook.run_cell(1)
    page = notebook.page
    board = Board(page, page.locator(".lsnb-dash").first)

    # Every tab draws what it has; by keyboard, too.
    for tab in TABS:
        board.open(tab)
        drawn(board, tab)
        if PICTURES:
            notebook.screenshot(Path(PICTURES) / f"dashboard-{tab.split()[0].lower()}.png", board.root)
    board.root.get_by_role("tab", name="Conversations").press("Home")
    expect(board.root.get_by_role("tab", name="Overview")).to_be_focused()
    expect(board.tile("Messages")).to_contain_text("1,500", timeout=30_000)
    strip = board.root.locator(".lsnb-dash-strip")
    expect(strip).to_contain_text("Synthetic demo data")

    # A brush over time narrows every number and chart, and becomes a chip.
    before = board.card("model_comparison").locator(".lsnb-dash-note").inner_text()
    board.card("volume").scroll_into_view_if_needed()
    area = board.card("volume").locator(".nsewdrag").bounding_box()
    assert area
    middle = area["y"] + area["height"] / 2
    page.mouse.move(area["x"] + area["width"] * 0.3, middle)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] * 0.6, middle, steps=6)
    page.mouse.up()
    chip = board.root.locator(".lsnb-dash-chip")
    expect(chip).to_have_count(1, timeout=30_000)
    expect(board.card("model_comparison").locator(".lsnb-dash-note")).not_to_have_text(before, timeout=30_000)
    expect(board.tile("Messages")).not_to_contain_text("1,500", timeout=30_000)
    board.wait()
    during = board.number("Messages")
    assert 0 < int(during.replace(",", "")) < 1500
    # Now there is a period before: what changed is told.
    expect(board.card("diagnose").locator(".main-svg").first).to_be_visible()
    if PICTURES:
        notebook.screenshot(Path(PICTURES) / "dashboard-brushed.png", board.root)

    # A click on a bar adds a chip for its model; chips are taken away one by one, and all at once.
    bar = board.card("model_comparison").locator(".point path").first
    bar.scroll_into_view_if_needed()
    box = bar.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(chip).to_have_count(2, timeout=30_000)
    expect(board.tile("Messages")).not_to_contain_text(during, timeout=30_000)
    board.wait()
    assert int(board.number("Messages").replace(",", "")) < int(during.replace(",", ""))
    chip.first.click()
    expect(chip).to_have_count(1, timeout=30_000)
    board.root.get_by_role("button", name="Clear", exact=True).click()
    expect(chip).to_have_count(0, timeout=30_000)
    expect(board.tile("Messages")).to_contain_text("1,500", timeout=30_000)
    board.wait()

    # Dates are days, both of them included; what was chosen can be changed, in a form that no answer takes away.
    board.root.get_by_label("Period").select_option("custom")
    board.root.get_by_label("From").fill("2026-08-01")
    board.root.get_by_label("To, this day included").fill("2026-08-31")
    board.root.get_by_role("button", name="Apply").click()
    expect(chip).to_have_text("from 2026-08-01 to 2026-08-31×")
    board.root.get_by_label("Period").select_option("Other dates …")
    board.wait()
    expect(board.root.get_by_label("From")).to_have_value("2026-08-01")
    expect(board.root.get_by_label("To, this day included")).to_have_value("2026-08-31")
    board.root.get_by_role("button", name="Cancel").click()
    chip.click()
    expect(chip).to_have_count(0)
    board.wait()

    # What is seen can be taken along.
    table = pd.read_csv(board.save("cost_over_time", "CSV").path())
    assert list(table.columns)[:3] == ["bin", "unit", "model"]
    typed = pd.read_parquet(board.save("cost_over_time", "Parquet").path())
    assert str(typed["bin"].dtype).startswith("datetime64")
    assert typed["cost_usd"].sum() == table["cost_usd"].sum() > 0
    picture = board.save("cost_over_time", "PNG").path()
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert picture.stat().st_size > 10_000

    # Search, and down to the transcript.
    board.open("Conversations")
    box = board.root.get_by_label("Search in all messages")
    box.fill("customer")
    box.press("Enter")
    hits = board.root.locator(".lsnb-dash-hit")
    expect(hits.first).to_be_visible(timeout=30_000)
    expect(hits.first.locator("mark").first).to_contain_text("customer")
    opener = hits.first.get_by_role("button")
    opener.focus()
    opener.press("Enter")
    dialog = board.root.get_by_role("dialog")
    expect(dialog.locator(".lsnb-dash-message").first).to_be_visible(timeout=30_000)
    expect(dialog.get_by_role("button", name="Close")).to_be_focused()
    dialog.get_by_role("button", name="Similar conversations").click()
    expect(dialog.locator(".lsnb-dash-similar button").first).to_be_visible(timeout=30_000)
    if PICTURES:
        notebook.screenshot(Path(PICTURES) / "dashboard-transcript.png", board.root)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(opener).to_be_focused()

    notebook.theme("dark")
    expect(board.card("topics").locator(".main-svg").first).to_be_visible()
    if PICTURES:
        notebook.screenshot(Path(PICTURES) / "dashboard-dark.png", board.root)


def test_the_file_needs_neither_kernel_nor_network(context, tmp_path):
    path = tmp_path / "dashboard.html"
    dashboard(demo_store(messages=600), period="90 days", provider=["openai", "ollama"]).to_html(path)
    page = context.new_page()
    asked: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: problems.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    try:
        page.goto(path.as_uri())
        board = Board(page, page.locator(".lsnb-dash"))
        expect(board.root.locator(".lsnb-dash-filters")).to_have_text("90 days · Provider: openai, ollama")
        expect(board.root.locator(".lsnb-dash-strip")).to_contain_text("Synthetic demo data")
        for tab in TABS:
            board.root.get_by_role("tab", name=tab).click()
            expect(board.root.get_by_role("tabpanel", name=tab)).to_be_visible()
            expect(board.root.locator(".main-svg, table").first).to_be_visible()
        board.root.get_by_role("tab", name="Cost").click()
        assert pd.read_csv(board.save("cost_by_model", "CSV").path())["calls"].sum() > 0
        assert board.save("cost_by_model", "PNG").path().read_bytes()[:4] == b"\x89PNG"
        board.card("cost_by_model").get_by_role("button", name="Table").click()
        expect(board.card("cost_by_model").locator("tbody tr").first).to_be_visible()
        assert problems == []
        assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    finally:
        page.close()


def test_what_is_below_zero_is_drawn_and_said(context, tmp_path):
    path = tmp_path / "dashboard.html"
    said = {"role": ["assistant"] * 3, "session_id": ["a"] * 3, "message_id": list("123"), "request_model": ["m"] * 3}
    at = [datetime(2026, 5, 1, hour, tzinfo=UTC) for hour in range(3)]
    wrong = {"duration_s": [-3.0, -2.0, 1e300], "cost_usd": [-0.5, -0.5, 0.25], "output_tokens": [-7, 2**62, 5]}
    rows = pa.table({**said, **wrong, "created_at": at})
    dashboard(ArrowSource({"messages": rows, "sessions": pa.table({"session_id": ["a"]})})).to_html(path)
    page = context.new_page()
    try:
        page.goto(path.as_uri())
        board = Board(page, page.locator(".lsnb-dash"))
        expect(board.root.locator(".lsnb-dash-strip")).to_be_hidden()  # nobody made these up
        tile = board.root.locator(".lsnb-dash-number", has_text="Median latency")
        expect(tile).to_contain_text("not plausible")
        expect(board.card("latency_distribution").locator(".lsnb-dash-note")).to_contain_text("2 not plausible")
        board.root.get_by_role("tab", name="Cost").click()
        bar = board.card("cost_by_model").locator(".point path").bounding_box()
        assert bar
        assert bar["width"] > 20
        expect(board.card("cost_by_model").locator(".lsnb-dash-note")).to_contain_text("2 below zero")
        expect(board.card("tokens_by_model").locator(".lsnb-dash-note")).to_contain_text("1 not plausible")
        board.root.get_by_role("tab", name="Latency & errors").click()
        expect(board.card("latency").locator(".lsnb-dash-note")).to_contain_text("2 not plausible")
        plot = board.card("latency").locator(".js-plotly-plot")
        low, high = plot.evaluate("plot => plot._fullLayout.xaxis.range")
        assert low < min(plot.evaluate("plot => plot.data[0].x")) < 0 < high
        # However large a number is, its tile keeps to itself.
        assert tile.locator(".lsnb-dash-value").evaluate("node => node.clientWidth <= node.parentElement.clientWidth")
    finally:
        page.close()


def test_the_first_and_the_last_year_and_no_time_at_all_are_drawn(context, tmp_path):
    path = tmp_path / "dashboard.html"
    times = [datetime(1, 1, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC), None]
    said = {"role": ["user"] * 4, "session_id": ["a", "a", "a", "b"], "content": ["<b>=1+1"] * 4}
    tables = {"messages": pa.table({**said, "message_id": list("1234"), "created_at": times})}
    tables["sessions"] = pa.table({"session_id": ["a", "b"], "title": ["<img src=x onerror='document.title=1'>", None]})
    dashboard(ArrowSource(tables)).to_html(path)
    page = context.new_page()
    try:
        page.goto(path.as_uri())
        board = Board(page, page.locator(".lsnb-dash"))
        shown = board.card("volume").locator(".js-plotly-plot").evaluate("plot => plot._fullLayout.xaxis.range")
        assert (shown[0][:2], shown[1][:4]) == ("00", "9999")
        board.root.get_by_role("tab", name="Conversations").click()
        rows = board.card("longest_sessions").locator("tbody tr")
        expect(rows).to_have_count(2)
        expect(rows.first).to_contain_text("<img src=x onerror='document.title=1'>")
        expect(rows.first).to_contain_text("0001-01-01 00:00")
        expect(rows.last.locator("td").last).to_have_text("–")
        assert page.title() == "Conversations"
    finally:
        page.close()
