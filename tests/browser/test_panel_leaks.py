"""Panels opened, used and closed leave nothing in the page and nothing in the kernel.

The short form opens 25; LANGSWARM_NB_SOAK=1 opens 200.
"""

from __future__ import annotations

import os
import re

import pytest
from conftest import LabPage, OpenNotebook
from playwright.sync_api import expect

AT_ONCE = 5
ROUNDS = 40 if os.environ.get("LANGSWARM_NB_SOAK") == "1" else 5

SETUP = f"""
import gc
import comm
import langswarm_nb as ls
from ipywidgets.widgets.widget import _instances

panels = []

def show():
    panels[:] = [ls.chat(new=True, provider_config={{"response_delay_ms": 0}}) for _ in range({AT_ONCE})]
    display(*panels)

def close():
    for panel in panels:
        panel.close()
    panels.clear()
    gc.collect()
    ours = [o for o in gc.get_objects() if str(type(o).__module__).startswith("langswarm_nb.widgets")]
    print("left", len(_instances), len(comm.get_comm_manager().comms), len(ours))
"""


def in_the_page(lab: LabPage) -> dict[str, float]:
    """Return what Chromium counts after collecting garbage, and the kernel's comms as the page knows them."""
    browser = lab.page.context.new_cdp_session(lab.page)
    browser.send("Performance.enable")
    for _ in range(3):
        browser.send("HeapProfiler.collectGarbage")
    counts = {entry["name"]: entry["value"] for entry in browser.send("Performance.getMetrics")["metrics"]}
    browser.detach()
    comms = lab.page.evaluate("jupyterapp.shell.currentWidget.context.sessionContext.session.kernel._comms.size")
    return {
        "listeners": counts["JSEventListeners"],
        "nodes": counts["Nodes"],
        "heap": counts["JSHeapUsedSize"],
        "comms": comms,
        "styles": lab.page.locator("style").count(),
    }


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_panels_that_were_closed_leave_nothing(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(SETUP, "show()", "close()")
    lab.run_cell(0)
    lab.run_cell(1)

    def once() -> tuple[dict[str, float], str]:
        lab.run_cell(2)
        expect(lab.page.locator(".lsnb-panel")).to_have_count(AT_ONCE, timeout=30_000)
        panel = lab.panel(0)
        panel.ask("hello")
        panel.box.press("Control+f")
        expect(panel.root.get_by_label("Find in this chat").first).to_be_visible()
        panel.button("More").click()
        lab.run_cell(3)
        expect(lab.page.locator(".lsnb-panel")).to_have_count(0)
        expect(lab.outputs(3)).to_contain_text("left")
        told = re.search(r"left [\d ]+", lab.outputs(3).text_content() or "")
        assert told
        # The outputs that were shown go, too, when the cell runs again.
        lab.page.evaluate("jupyterapp.shell.currentWidget.content.widgets[2].outputArea.model.clear()")
        return in_the_page(lab), told[0]

    once()
    first, kernel_first = once()
    for _ in range(ROUNDS - 1):
        last, kernel_last = once()
    assert kernel_last == kernel_first
    assert kernel_last.split()[1] == "0"
    opened = AT_ONCE * (ROUNDS - 1)
    assert last["comms"] == first["comms"]
    assert last["styles"] == first["styles"]
    # JupyterLab has a few of its own that come and go; of a panel's, not even one in each may stay.
    assert last["listeners"] - first["listeners"] < opened / 2
    assert last["nodes"] - first["nodes"] < opened * 20
    assert last["heap"] - first["heap"] < opened * 50_000
