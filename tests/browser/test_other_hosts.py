"""The panel where there is no JupyterLab around it: Notebook 7, and Voila, which shows a notebook as a page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import HARMLESS, Lab, Panel, wait_for_kernel, write_notebook
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

CELL = "import langswarm_nb as ls\nls.chat(model='mock/mock-markdown', provider_config={'response_delay_ms': 1500})"


@dataclass
class Host:
    """A page, and the errors that it has logged."""

    page: Page
    errors: list[str]

    def open(self, lab: Lab, address: str, name: str, store: Path) -> None:
        """Load a notebook with a panel at this address of the server."""
        path = lab.root / f"{name}.ipynb"
        write_notebook(path, [f"%env LANGSWARM_NB_DB={store}", CELL])
        self.page.goto(f"{lab.url}/{address}/{path.name}?token={lab.token}")

    def panel(self) -> Panel:
        """Return the panel once it is there; what the host logs while it starts is its own."""
        panel = Panel(self.page, self.page.locator(".lsnb-panel"))
        panel.root.wait_for(timeout=90_000)
        self.errors.clear()
        return panel


@pytest.fixture
def host(context: BrowserContext, lab: Lab) -> Iterator[Host]:
    """A page that must log no error once the panel is there."""
    shown = Host(context.new_page(), [])

    def note(error: str) -> None:
        if not any(word in error for word in HARMLESS):
            shown.errors.append(error)

    def said(message: ConsoleMessage) -> None:
        if message.type == "error":
            note(message.text)

    shown.page.set_viewport_size({"width": 1100, "height": 900})
    shown.page.on("console", said)
    shown.page.on("pageerror", lambda error: note(error.stack or str(error)))
    yield shown
    shown.page.close()
    lab.stop_kernels()
    assert shown.errors == []


def streams(panel: Panel, question: str) -> None:
    """Ask, and see the reply grow and end whole."""
    panel.watch_growth()
    panel.ask(question)
    assert len(panel.growth()) >= 5
    expect(panel.replies.last.locator("h2")).to_have_text(f"You asked: {question}")
    expect(panel.replies.last.locator("table tr")).to_have_count(4)


def test_notebook_7(host: Host, lab: Lab, tmp_path: Path) -> None:
    host.open(lab, "notebooks", "notebook7", tmp_path / "chats.duckdb")
    wait_for_kernel(host.page)
    cells = host.page.locator(".jp-Notebook .jp-Cell")
    cells.first.click()
    host.page.keyboard.press("Shift+Enter")
    host.page.keyboard.press("Control+Enter")
    panel = host.panel()
    streams(panel, "Are you there?")
    code = panel.replies.last.locator("pre code").inner_text()
    panel.button("Put into a new cell below").click()
    expect(cells).to_have_count(3)
    expect(cells.nth(2)).to_contain_text(code.splitlines()[0])
    # What the saved file keeps is not shown twice, and Notebook's own shortcuts do not fire while someone types.
    expect(host.page.locator(".lsnb-transcript")).to_be_hidden()
    panel.box.focus()
    host.page.keyboard.type("ddbaxx")
    expect(panel.box).to_have_value("ddbaxx")
    expect(cells).to_have_count(3)


def test_voila(host: Host, lab: Lab, tmp_path: Path) -> None:
    host.open(lab, "voila/render", "voila", tmp_path / "chats.duckdb")
    panel = host.panel()
    streams(panel, "Are you there?")
    # There are no cells: what would need one is not offered, and the code can still be copied.
    expect(panel.button("Put into a new cell below")).to_have_count(0)
    panel.button("Copy code").click()
    copied = host.page.evaluate("navigator.clipboard.readText()")
    assert copied == panel.replies.last.locator("pre code").inner_text()
    expect(host.page.locator(".lsnb-transcript")).to_be_hidden()
    expect(panel.status).to_be_hidden()
    # What comes when it is first used comes here, too.
    panel.box.press("ArrowUp")
    edit = panel.root.get_by_label("Edit the message")
    edit.fill("Still?")
    edit.press("Enter")
    expect(panel.replies.last.locator("h2")).to_have_text("You asked: Still?")
    expect(panel.questions.first.get_by_role("group")).to_have_text("2/2")
