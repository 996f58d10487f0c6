"""axe-core finds nothing to object to in what the package shows, in the light and the dark theme."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import axe_playwright_python
from conftest import LabPage, OpenNotebook
from playwright.sync_api import expect

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")

SETUP = """
import asyncio
import langswarm_nb as ls
from langswarm_nb.errors import ProviderUnavailableError
from langswarm_nb.interfaces import Completed, ReasoningDelta, TextDelta
from langswarm_nb.providers.mock import MARKDOWN_PATTERN, MockProviderSession

class Scripted(MockProviderSession):
    async def send_message_stream(self, content, role="user", metadata=None):
        yield ReasoningDelta("First the table, then the code.")
        if content == "fail":
            raise ProviderUnavailableError("The model is not there. Start it and press Retry.")
        yield TextDelta(MARKDOWN_PATTERN.replace("{input}", content) + "\\n\\n- [x] done\\n- [ ] open\\n\\n")
        yield TextDelta("![chart](https://images.invalid/x.png) Note[^1]\\n\\n[^1]: x\\n\\n")
        while content == "go on":
            yield TextDelta("word ")
            await asyncio.sleep(0.3)
        yield Completed(finish_reason="stop")

ls.ProviderSessionFactory.register_provider("scripted", Scripted)
panel = ls.chat(provider="scripted", model="model")
panel
"""


def objections(lab: LabPage, of: str) -> list[str]:
    """Return what axe-core finds within the elements `of`, in the light and in the dark theme.

    Plotly's own drawings are left out: the same numbers are there as a table.
    """
    if not lab.page.evaluate("Boolean(window.axe)"):
        lab.page.evaluate(AXE)
    found = []
    for theme in ("light", "dark"):
        lab.theme(theme)
        result = lab.page.evaluate(
            "(of) => axe.run({ include: [[of]], exclude: [['.js-plotly-plot']] }, { resultTypes: ['violations'] })", of
        )
        for violation in result["violations"]:
            found += [_told(theme, violation, node) for node in violation["nodes"]]
    return found


def _told(theme: str, violation: dict[str, Any], node: dict[str, Any]) -> str:
    return f"{theme}: {violation['impact']} {violation['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"


def test_the_panel_in_its_states_the_transcript_and_the_dashboard(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(SETUP, "panel.close()", "ls.dashboard()", "ls.replay()")
    lab.run_cell(0)
    lab.run_cell(1)
    panel = lab.panel()
    found = {"empty": objections(lab, ".lsnb-panel")}
    panel.ask("all there is")
    panel.button("Bad reply").click()
    panel.ask("fail")
    for summary in panel.root.locator("summary").all():
        summary.click()
    panel.box.press("ArrowUp")
    panel.button("More").click()
    expect(panel.root.get_by_role("dialog", name="More")).to_be_visible()
    found["done, failed, rated, edited, with a menu"] = objections(lab, ".lsnb-panel")
    panel.root.get_by_text("Earlier chats").click()
    expect(panel.root.locator(".lsnb-sessions .lsnb-item")).to_have_count(1)
    lab.page.keyboard.press("Escape")
    panel.root.get_by_label("Edit the message").press("Escape")
    panel.ask("go on", wait=False)
    panel.wait_until_streaming(20)
    panel.root.evaluate("(panel) => { panel.style.width = '360px'; }")
    panel.root.get_by_role("log").evaluate("(log) => log.scrollTo(0, 50)")
    panel.box.press_sequentially("{{pan")
    expect(panel.root.get_by_role("option")).to_have_count(1)
    found["streaming, narrow, completing"] = objections(lab, ".lsnb-panel")
    panel.button("Stop").click()
    panel.wait_for_replies(3)
    lab.run_cell(2)
    expect(lab.page.locator(".lsnb-transcript")).to_be_visible()
    found["transcript"] = objections(lab, ".lsnb-transcript")
    lab.run_cell(3)
    expect(lab.page.locator(".lsnb-dash .js-plotly-plot").first).to_be_visible(timeout=60_000)
    found["dashboard"] = objections(lab, ".lsnb-dash")
    lab.run_cell(4)
    recording = lab.panel()
    recording.button("More").click()
    expect(recording.root.get_by_role("dialog", name="More")).to_be_visible()
    found["recording, with a menu"] = objections(lab, ".lsnb-recording")
    assert [f"{state}: {told}" for state, all_told in found.items() for told in all_told] == []
