"""What the file of a notebook keeps of a conversation: when it is written, and what readers without a kernel see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Lab, OpenNotebook
from playwright.sync_api import Browser, Page, expect
from waiting import let_go

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


# JupyterLab sets formulas with a MathJax that it brings in when the first output is shown.
MATHS_HERE = """from IPython.display import HTML
HTML('<p class="plain">$x$</p>')"""
LONG_REPLY = """import langswarm_nb as ls
from langswarm_nb.widgets import transcript
transcript.PAUSE_S = 3600
transcript._AT_ONCE = 100
panel = ls.chat(model="mock/mock-markdown", provider_config={"response_delay_ms": 0})
panel"""


def test_what_the_file_keeps_costs_a_live_page_no_formulas_and_waits_where_it_is_long(
    open_notebook: OpenNotebook,
) -> None:
    lab = open_notebook(MATHS_HERE, LONG_REPLY, "panel.close()")
    lab.run_cell(0)
    lab.run_cell(1)
    expect(lab.page.locator(".plain mjx-container")).to_have_count(1)
    lab.run_cell(2)
    panel = lab.panel()
    panel.ask("Short")
    kept = lab.page.locator(".lsnb-transcript")
    assert "You asked" not in (kept.text_content() or "")
    # Who saves the notebook has it in the file.
    panel.box.press("Control+s")
    expect(kept).to_contain_text("You asked: Short")
    for _ in range(20):
        if "You asked: Short" in lab.notebook.read_text():
            break
        lab.page.wait_for_timeout(500)
        # A page that is too busy to hear from the kernel within two seconds is saved as it is.
        panel.box.press("Control+s")
    assert "You asked: Short" in lab.notebook.read_text()
    assert r"$\frac{n + 1}{2}$" in (kept.text_content() or "")
    expect(kept.locator("mjx-container")).to_have_count(0)
    lab.run_cell(3)
    expect(kept).to_be_visible()
    expect(kept.locator("mjx-container")).to_have_count(2)


LONG_CHAT = """import waiting
waiting.install()
import langswarm_nb as ls
from langswarm_nb import runtime
from langswarm_nb.widgets import transcript
transcript.PAUSE_S = 3600  # however slowly the test types
panel = ls.chat(model="mock/mock-markdown", provider_config={"response_delay_ms": 0})
runtime.run(panel.session.add_messages([{"role": "user", "content": f"# Number {n}"} for n in range(70)]))
panel.close()
ls.chat()"""


def test_what_the_file_keeps_of_a_long_chat_waits_until_nobody_types(
    open_notebook: OpenNotebook, tmp_path: Path
) -> None:
    lab = open_notebook(LONG_CHAT)
    lab.run_all()
    panel = lab.panel()
    # While a page begins, its end may move under the mouse, and JupyterLab take the focus.
    panel.root.locator(".lsnb-earlier").evaluate("(button) => button.click()")
    expect(panel.messages).to_have_count(70)
    kept = lab.page.locator(".lsnb-transcript")
    lab.page.evaluate("""() => {
        window.headings = 0;
        new MutationObserver(() => { window.headings += 1; }).observe(document.querySelector('.jp-TableOfContents'), { childList: true, subtree: true });
    }""")  # noqa: E501
    panel.ask("Keep this", wait=False)
    panel.wait_until_streaming()
    panel.box.press("a")
    let_go(tmp_path)
    panel.wait_for_replies(1)
    panel.box.press("b")
    expect(panel.replies.last.locator("h2")).to_have_text("You asked: Keep this")
    assert "You asked: Keep this" not in kept.inner_text()
    # Leaving the box is a pause, too, and comes before anything else can be pressed.
    panel.box.blur()
    expect(kept).to_contain_text("You asked: Keep this")
    expect(kept).to_be_hidden()
    lab.page.wait_for_timeout(500)
    assert lab.page.evaluate("window.headings") == 0
