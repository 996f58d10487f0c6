"""The panel when the page is cut off, frozen, or behind a cell: the text is whole at the end, once."""

from __future__ import annotations

import time

from conftest import LabPage, OpenNotebook
from playwright.sync_api import expect
from sockets import cut, make_cuttable, mend

LONG = "word " * 60

# The reply ends with a file, so that a test knows when it is over without asking the page, and at once with another.
SETUP = """
import asyncio, pathlib
import langswarm_nb as ls
from langswarm_nb.interfaces import Completed, TextDelta
from langswarm_nb.providers.mock import MockProviderSession

class Paced(MockProviderSession):
    async def send_message_stream(self, content, role="user", metadata=None):
        seconds = float(content.split()[-1])
        for n in range(60):
            yield TextDelta("word ")
            await asyncio.sleep(0 if pathlib.Path("hurry").exists() else seconds / 60)
        yield Completed(finish_reason="stop")
        pathlib.Path(f"done-{content.split()[0]}").touch()

ls.ProviderSessionFactory.register_provider("paced", Paced)
ls.chat(provider="paced", model="model")
"""


def done(lab: LabPage, name: str, seconds: float = 60) -> None:
    """Let a reply end, and wait until the kernel has it, whatever the page knows of it; the page may be frozen."""
    hurry = lab.notebook.parent / "hurry"
    hurry.touch()
    path = lab.notebook.parent / f"done-{name}"
    until = time.monotonic() + seconds
    try:
        while not path.exists():
            assert time.monotonic() < until, f"{path} did not appear"
            time.sleep(0.1)
        path.unlink()
    finally:
        hurry.unlink()


def test_a_websocket_lost_for_ten_seconds_loses_no_text(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(SETUP)
    make_cuttable(lab)
    lab.run_all()
    panel = lab.panel()
    panel.ask("long 30", wait=False)
    panel.wait_until_streaming(at_least=20)
    cut(lab)
    since = time.monotonic()
    done(lab, "long")
    lab.page.wait_for_timeout(max(0, since + 10 - time.monotonic()) * 1000)
    assert len(panel.replies.last.locator(".lsnb-md").inner_text()) < len(LONG.strip())
    mend(lab)
    panel.wait_for_replies(1, timeout_s=60)
    assert panel.texts() == ["long 30", LONG.strip()]
    panel.ask("again 0.2")
    assert panel.texts() == ["long 30", LONG.strip(), "again 0.2", LONG.strip()]
    lab.errors.clear()


TOOL = """
import pathlib
import langswarm_nb as ls
def pay(amount: float) -> str:
    "Pay somebody."
    with pathlib.Path("paid").open("a") as told:
        told.write("x")
    return f"paid {amount:g}"
panel = ls.chat(tools=[pay], provider_config={"response_delay_ms": 50, "response_pattern": "Result: {input}"})
panel.session.provider_session.set_tool_calls([{"name": "pay", "arguments": {"amount": 3}}])
panel
"""


def test_what_is_done_while_the_websocket_is_lost_is_done_once(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(TOOL)
    make_cuttable(lab)
    lab.run_all()
    panel = lab.panel()
    panel.ask("Pay, please.", wait=False)
    expect(panel.button("Approve")).to_be_visible()
    cut(lab)
    panel.button("Approve").click()
    content = b"a,b\n" * 300_000
    panel.root.locator("input[type=file]").set_input_files([{"name": "a.csv", "mimeType": "", "buffer": content}])
    # Asked again several times meanwhile.
    expect(panel.status).to_contain_text("Waiting for the kernel")
    lab.page.wait_for_timeout(2000)
    mend(lab)
    panel.wait_for_replies(2)
    expect(panel.replies.last).to_contain_text("Result: paid 3")
    assert (lab.notebook.parent / "paid").read_text() == "x"
    expect(panel.root.locator(".lsnb-tray small")).to_have_text("1.1 MB")
    lab.errors.clear()


def test_a_panel_that_began_too_slowly_for_anywidget_is_not_deaf(open_notebook: OpenNotebook) -> None:
    """Its two seconds are over at once here, as on a page that is busy while the panel begins."""
    lab = open_notebook(SETUP)
    lab.page.add_init_script(
        "const of = AbortSignal.timeout; AbortSignal.timeout = (ms) => of.call(AbortSignal, ms === 2000 ? 0 : ms);"
    )
    lab.reload()
    lab.run_all()
    panel = lab.panel()
    # What the kernel has answered before anybody heard is asked for again.
    panel.button("More").click()
    expect(panel.root.get_by_role("dialog", name="More")).to_be_visible()
    lab.page.keyboard.press("Escape")
    panel.ask("long 1")
    assert panel.texts() == ["long 1", LONG.strip()]


def test_a_panel_that_became_deaf_after_its_first_news_hears_again(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(SETUP)
    lab.run_all()
    panel = lab.panel()
    panel.ask("first 0.2")
    lab.page.evaluate("""() => {
        const { kernel } = jupyterapp.shell.currentWidget.context.sessionContext.session;
        for (const comm of kernel._comms.values()) comm.onMsg = () => {};
    }""")
    # The title is changed once, however often the page has to ask.
    panel.root.locator(".lsnb-title").click()
    panel.root.get_by_role("textbox", name="Title").fill("Deaf")
    lab.page.keyboard.press("Enter")
    expect(panel.root.locator(".lsnb-title")).to_have_text("Deaf")
    panel.ask("long 1")
    expect(panel.status).to_be_hidden()
    assert panel.texts() == ["first 0.2", LONG.strip(), "long 1", LONG.strip()]


def test_a_page_that_was_frozen_shows_all_of_it(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(SETUP)
    lab.run_all()
    panel = lab.panel()
    panel.ask("long 30", wait=False)
    panel.wait_until_streaming(at_least=20)
    browser = lab.page.context.new_cdp_session(lab.page)
    browser.send("Page.enable")
    browser.send("Page.setWebLifecycleState", {"state": "frozen"})
    done(lab, "long")
    browser.send("Page.setWebLifecycleState", {"state": "active"})
    panel.wait_for_replies(1)
    assert panel.texts() == ["long 30", LONG.strip()]


def test_a_restart_in_mid_stream_keeps_what_came_once(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(SETUP)
    lab.run_all()
    panel = lab.panel()
    panel.ask("long 30", wait=False)
    panel.wait_until_streaming(at_least=60)
    lab.restart_kernel()
    expect(panel.status).to_contain_text("The kernel is gone. Run this cell to go on.")
    lab.run_all()
    panel = lab.panel()
    expect(panel.replies).to_have_count(1)
    expect(panel.replies).to_have_attribute("data-state", "interrupted")
    [question, reply] = panel.texts()
    assert question == "long 30"
    assert LONG.startswith(reply)
    assert len(reply) >= 20
    panel.ask("again 0.2")
    assert panel.texts() == [question, reply, "again 0.2", LONG.strip()]
    lab.errors.clear()


def test_behind_a_cell_it_says_so_and_goes_on_by_itself(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(SETUP, "import time\nfor _ in range(3000): time.sleep(0.1)")
    # As in a front end that knows no subshells.
    lab.page.evaluate(
        "jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.commsOverSubshells = 'disabled'; null"
    )
    lab.run_cell(0)
    lab.run_cell(1)
    panel = lab.panel()
    panel.ask("first 0.2")
    lab.run_cell(2, wait=False)
    expect(lab.page.locator(".jp-InputPrompt", has_text="*")).to_have_count(1)
    panel.ask("second 0.2", wait=False)
    expect(panel.status).to_have_text("Waiting for the kernel: a cell is running. This goes on when it is done.")
    expect(panel.root.locator(".lsnb-pending .lsnb-said")).to_have_text("second 0.2")
    lab.interrupt_kernel()
    panel.wait_for_replies(2)
    expect(panel.status).to_be_hidden()
    assert panel.texts() == ["first 0.2", LONG.strip(), "second 0.2", LONG.strip()]


def test_a_second_view_that_comes_late_has_everything(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(SETUP.replace("ls.chat(", "shown = ls.chat(") + "shown", "shown")
    lab.run_cell(0)
    lab.run_cell(1)
    first = lab.panel(0)
    first.ask("long 60", wait=False)
    first.wait_until_streaming(at_least=30)
    lab.run_cell(2)
    second = lab.panel(1)
    second.wait_until_streaming(at_least=30)
    # One view goes; the other is told to the end.
    lab.page.evaluate("jupyterapp.shell.currentWidget.content.widgets[1].outputArea.model.clear()")
    expect(lab.page.locator(".lsnb-panel")).to_have_count(1)
    only = lab.panel(0)
    done(lab, "long")
    only.wait_for_replies(1)
    assert only.texts() == ["long 60", LONG.strip()]
