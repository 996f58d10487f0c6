"""The panel where there is no JupyterLab around it: Notebook 7, and Voila, which shows a notebook as a page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from conftest import HARMLESS, Lab, Panel, write_notebook
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

CELL = "import langswarm_nb as ls\nls.chat(model='mock/mock-markdown', provider_config={'response_delay_ms': 1500})"


@pytest.fixture
def page(context: BrowserContext, lab: Lab) -> Iterator[Page]:
    """A page that must log no error."""
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(word in message.text for word in HARMLESS):
            errors.append(message.text)

    shown = context.new_page()
    shown.set_viewport_size({"width": 1100, "height": 900})
    shown.on("console", note)
    shown.on("pageerror", lambda error: errors.append(error.stack or str(error)))
    yield shown
    shown.close()
    lab.stop_kernels()
    assert errors == []


def opened(page: Page, lab: Lab, address: str, name: str, store: Path) -> None:
    path = lab.root / f"{name}.ipynb"
    write_notebook(path, [f"%env LANGSWARM_NB_DB={store}", CELL])
    page.goto(f"{lab.url}/{address}/{quote(path.name)}?token={lab.token}")


def streams(panel: Panel, question: str) -> None:
    """Ask, and see the reply grow and end whole."""
    panel.watch_growth()
    panel.ask(question)
    growth = panel.growth()
    assert len(growth) >= 5
    assert growth == sorted(growth)
    expect(panel.replies.last.locator("h2")).to_have_text(f"You asked: {question}")
    expect(panel.replies.last.locator("table tr")).to_have_count(4)


def test_notebook_7(page: Page, lab: Lab, tmp_path: Path) -> None:
    opened(page, lab, "notebooks", "notebook7", tmp_path / "chats.duckdb")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    panel = Panel(page, page.locator(".lsnb-panel"))
    panel.root.wait_for(timeout=60_000)
    streams(panel, "Are you there?")
    code = panel.replies.last.locator("pre code").inner_text()
    panel.button("Put into a new cell below").click()
    expect(page.locator(".jp-Notebook .jp-Cell")).to_have_count(3)
    expect(page.locator(".jp-Notebook .jp-Cell").nth(2)).to_contain_text(code.splitlines()[0])
    # What the saved file keeps is not shown twice.
    expect(page.locator(".lsnb-transcript")).to_be_hidden()
    # A cell that runs does not hold the panel up.
    page.evaluate("(code) => navigator.clipboard.writeText(code)", "")
    panel.box.fill("dd")
    expect(page.locator(".jp-Notebook .jp-Cell")).to_have_count(3)


def test_voila(page: Page, lab: Lab, tmp_path: Path) -> None:
    opened(page, lab, "voila/render", "voila", tmp_path / "chats.duckdb")
    panel = Panel(page, page.locator(".lsnb-panel"))
    panel.root.wait_for(timeout=90_000)
    streams(panel, "Are you there?")
    # There are no cells: what would need one is not offered, and the code can still be copied.
    expect(panel.button("Put into a new cell below")).to_have_count(0)
    panel.button("Copy code").click()
    assert page.evaluate("navigator.clipboard.readText()") == panel.replies.last.locator("pre code").inner_text()
    expect(page.locator(".lsnb-transcript")).to_be_hidden()
    expect(panel.status).to_be_hidden()
    # What comes when it is first used comes here, too.
    panel.box.press("ArrowUp")
    edit = panel.root.get_by_label("Edit the message")
    edit.fill("Still?")
    edit.press("Enter")
    expect(panel.replies.last.locator("h2")).to_have_text("You asked: Still?")
    expect(panel.questions.first.get_by_role("group")).to_have_text("2/2")
