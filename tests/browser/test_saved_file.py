"""A notebook with a conversation in it, opened in a JupyterLab that has no kernel for it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from conftest import Lab, OpenNotebook
from playwright.sync_api import Browser, Page, expect

CELL = r"""import langswarm_nb as ls
manager = ls.create_session_manager(storage="memory", providers={"mock": None})
session = await manager.create_session("ada", "mock", "mock-model")
session.provider_session.set_response_pattern(r"It costs $5 now, $7 later. The mean: $\frac{n+1}{2}$.")
await session.send_message("I pay $3 or $4.\nSecond line")
ls.ChatPanel(session, manager=manager)"""


@pytest.fixture
def reader(browser: Browser) -> Iterator[Page]:
    """A page of somebody who can start no kernel."""
    context = browser.new_context()
    page = context.new_page()
    for path in ("**/api/sessions*", "**/api/kernels*"):
        page.route(path, lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    yield page
    context.close()


def test_readers_see_the_same_conversation_whether_they_trust_the_file_or_not(
    open_notebook: OpenNotebook, lab: Lab, reader: Page
) -> None:
    mine = open_notebook(CELL)
    mine.run_all()
    expect(mine.panel().messages).to_have_count(2)
    mine.save()
    saved = json.loads(mine.notebook.read_text())
    for trusted in (True, False):
        if not trusted:  # the server signed what it saved; this it has never seen
            saved["metadata"]["from"] = "somebody else"
        path = lab.root / f"reader-{trusted}.ipynb"
        path.write_text(json.dumps(saved))
        reader.goto(f"{lab.url}/lab/tree/{path.name}?reset&token={lab.token}")
        kept = reader.locator(".lsnb-transcript")
        # A profile that was never here fetches all of JupyterLab first.
        expect(kept.locator("mjx-container")).to_have_count(1, timeout=60_000)
        expect(reader.locator(".lsnb-transcript-styles")).to_have_count(1)
        expect(reader.locator(".lsnb-transcript-styles style")).to_have_count(int(trusted))
        expect(kept).to_contain_text("It costs $5 now, $7 later. The mean: ")
        assert "I pay $3 or $4.\nSecond line" in kept.inner_text()
        expect(kept.locator("b").first).to_have_text("you")
        for placeholder in ("Loading widget", "Error displaying", "model not found"):
            expect(reader.locator(".jp-Notebook")).not_to_contain_text(placeholder, use_inner_text=True)


def test_a_panel_saved_with_its_state_shows_the_conversation_where_there_is_no_kernel_for_it(
    open_notebook: OpenNotebook, lab: Lab
) -> None:
    """JupyterLab saves the state of widgets when asked, Colab always; both show the widget again from it."""
    mine = open_notebook(CELL)
    mine.run_all()
    expect(mine.panel().messages).to_have_count(2)
    mine.command("@jupyter-widgets/jupyterlab-manager:saveWidgetState")
    mine.save()
    assert "_script" in mine.notebook.read_text()
    mine.page.close()
    lab.stop_kernels()
    again = open_notebook(name=mine.notebook.stem)
    expect(again.page.locator(".jupyter-widgets-disconnected")).to_have_count(1)
    expect(again.page.locator(".lsnb-transcript")).to_contain_text("Run this cell to go on")
    expect(again.page.locator(".lsnb-transcript")).to_be_visible()
    expect(again.page.locator(".lsnb-panel")).to_have_count(0)
