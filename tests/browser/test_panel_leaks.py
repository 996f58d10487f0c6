"""Panels opened, used and closed leave nothing in the page and nothing in the kernel.

The short form opens 25; LANGSWARM_NB_SOAK=1 opens 200.
"""

from __future__ import annotations

import os
import re
import statistics

import pytest
from conftest import LabPage, OpenNotebook
from playwright.sync_api import expect

AT_ONCE = 5
ROUNDS = 40 if os.environ.get("LANGSWARM_NB_SOAK") == "1" else 5

SETUP = f"""
import gc
import comm
import langswarm_nb as ls
from ipywidgets import Layout, Text
from ipywidgets.widgets.widget import _instances

panels, plain = [], []

def show_plain():
    plain[:] = [Text(layout=Layout()) for _ in range({AT_ONCE})]
    for text in plain:
        text.add_class("lsnb-plain")
    display(*plain)

def close_plain():
    for text in plain:
        text.layout.close()
        text.style.close()
        text.close()
    plain.clear()
    print("left 0")

def show():
    panels[:] = [ls.chat(new=True, provider_config={{"response_delay_ms": 0}}) for _ in range({AT_ONCE})]
    display(*panels)

def close():
    for panel in panels:
        panel.close()
    panels.clear()
    gc.collect()
    ours = [o for o in gc.get_objects() if str(type(o).__module__).startswith("langswarm_nb.widgets")]
    kinds = sorted(type(widget).__name__ for widget in _instances.values())
    print("left", len(_instances), len(comm.get_comm_manager().comms), len(ours), *kinds)
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


def settled(lab: LabPage) -> dict[str, float]:
    """Return what `in_the_page` counts once the page lets go of nothing more; a busy one does a little later."""
    counted = in_the_page(lab)
    for _ in range(20):
        lab.page.wait_for_timeout(100)
        before, counted = counted, in_the_page(lab)
        if all(counted[name] >= before[name] for name in ("listeners", "nodes")):
            break
    return counted


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_panels_that_were_closed_leave_nothing(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(SETUP, "show()", "close()", "show_plain()", "close_plain()")
    lab.run_cell(0)
    lab.run_cell(1)

    def round_of(show: int, close: int, shown: str) -> tuple[dict[str, float], str]:
        lab.run_cell(show)
        expect(lab.page.locator(shown)).to_have_count(AT_ONCE, timeout=30_000)
        lab.page.evaluate(
            "(s) => { window.lsnbSeen = [...document.querySelectorAll(s)].map((e) => new WeakRef(e)); }", shown
        )
        if shown == ".lsnb-panel":
            use(lab)
        else:
            lab.page.locator(".lsnb-plain input").first.focus()
        lab.run_cell(close)
        expect(lab.page.locator(shown)).to_have_count(0)
        expect(lab.outputs(close)).to_contain_text("left")
        told = re.search(r"left [\d ]+.*", lab.outputs(close).text_content() or "")
        assert told
        # The outputs that were shown go, too, when the cell runs again.
        lab.page.evaluate("(n) => jupyterapp.shell.currentWidget.content.widgets[n].outputArea.model.clear()", show)
        return settled(lab), told[0]

    # JupyterLab itself keeps something of every output that shows a widget: as much as of the plainest one is its own.
    round_of(4, 5, ".lsnb-plain")
    before, _ = round_of(4, 5, ".lsnb-plain")
    after, _ = round_of(4, 5, ".lsnb-plain")
    plain = {name: after[name] - before[name] for name in before}

    round_of(2, 3, ".lsnb-panel")
    last, kernel_first = round_of(2, 3, ".lsnb-panel")
    steps: list[dict[str, float]] = []
    for _ in range(ROUNDS - 1):
        before = last
        last, kernel_last = round_of(2, 3, ".lsnb-panel")
        for _ in range(20):
            kept = lab.page.evaluate("window.lsnbSeen.filter((seen) => seen.deref()).length")
            if kept <= 1:
                break
            lab.page.wait_for_timeout(500)
            last = settled(lab)
        # JupyterLab holds on to what had the focus last, until something else has it.
        assert kept <= 1
        steps.append({name: last[name] - before[name] - plain[name] for name in last})
    assert kernel_last == kernel_first
    assert kernel_last.split()[1:3] == ["0", "0"]
    # Of a panel's listeners and elements not even one in each may stay; what comes once in all is not of a panel.
    ours = {name: statistics.median(step[name] for step in steps) for name in last}
    most = {"comms": 1, "styles": 1, "listeners": AT_ONCE, "nodes": AT_ONCE, "heap": AT_ONCE * 50_000}
    assert all(ours[name] < most[name] for name in most), (ours, steps)
    assert sum(step["comms"] for step in steps) == sum(step["styles"] for step in steps) == 0


def use(lab: LabPage) -> None:
    """Talk, search, and leave a menu open."""
    panel = lab.panel(0)
    panel.ask("hello")
    panel.box.press("Control+f")
    expect(panel.root.get_by_label("Find in this chat").first).to_be_visible()
    panel.button("More").click()
