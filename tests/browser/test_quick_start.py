"""The whole road, once, as someone new walks it: the ready notebook in JupyterLab."""

from __future__ import annotations

import os

from playwright.sync_api import expect
from waiting import let_go

from langswarm_nb.cli import QUICK_START, copy_notebooks

PICTURES = os.environ.get("LANGSWARM_NB_PICTURES")


def test_chat_restart_and_read_back(lab, open_notebook):
    copy_notebooks(lab.root)
    page = open_notebook(name=QUICK_START.removesuffix(".ipynb"))
    page.run_all()
    panel = page.panel()
    expect(panel.root).to_contain_text("Mock replies")

    page.execute("import waiting; waiting.install()")
    before = panel.replies.count()
    panel.watch_growth()
    panel.ask("Which bird flies highest, and how do we know how high it was when it did?", wait=False)
    panel.wait_until_grown(5)
    let_go(lab.root.parent)
    panel.wait_for_replies(before + 1)
    assert panel.texts()[-2:] == [
        "Which bird flies highest, and how do we know how high it was when it did?",
        "Mock response to: Which bird flies highest, and how do we know how high it was when it did?",
    ]

    page.restart_kernel()
    page.run_all()
    panel = page.panel()
    expect(panel.root).to_contain_text("Mock response to: Which bird flies highest")
    read_back = page.page.locator(".jp-Cell-outputArea table.dataframe").last
    expect(read_back).to_contain_text("assistant")
    panel.ask("And in which year?")
    assert len(panel.texts()) >= 4


def test_the_frames_and_the_dashboard_see_what_was_said(open_notebook):
    page = open_notebook(
        "import langswarm_nb as ls\nls.chat()",
        "frame = ls.messages()\nprint(list(frame['role']), frame['content'].iloc[0])",
        "ls.dashboard()",
    )
    page.run_cell(0)
    page.run_cell(1)
    page.panel().ask("hello store")
    page.run_cell(2)
    expect(page.outputs(2)).to_contain_text("['user', 'assistant'] hello store")
    page.run_cell(3)
    dashboard = page.outputs(3)
    expect(dashboard.locator(".js-plotly-plot").first).to_be_visible(timeout=60_000)
    expect(dashboard).to_contain_text("How much is it used?")


def test_chat_magic_streams_and_stays_in_the_file(open_notebook):
    page = open_notebook("%load_ext langswarm_nb", "%%chat\nhello **magic**", "%chat cost")
    page.run_all()
    expect(page.outputs(2)).to_contain_text("Mock response to: hello magic")
    expect(page.outputs(2).locator("strong")).to_have_text("magic")
    expect(page.outputs(3)).to_contain_text("input tokens")
    page.save()
    assert "Mock response to: hello **magic**" in page.notebook.read_text()


def test_interrupting_the_magic_keeps_the_partial_reply(open_notebook):
    page = open_notebook(
        "%load_ext langswarm_nb\nimport langswarm_nb.notebook.sessions as n\nn.MOCK_DELAY_MS = 60_000",
        "%%chat\n" + "word " * 500,
        "import langswarm_nb as ls\nlast = ls.messages().iloc[-1]\nprint(last['status'], last['content'][:14])",
    )
    page.run_cell(0)
    page.run_cell(1)
    page.run_cell(2, wait=False)
    expect(page.outputs(2)).to_contain_text("Mock response to: word", timeout=30_000)
    page.interrupt_kernel()
    page.wait_until_run()
    expect(page.outputs(2)).to_contain_text("interrupted")
    page.run_cell(3)
    expect(page.outputs(3)).to_contain_text("interrupted Mock response")
