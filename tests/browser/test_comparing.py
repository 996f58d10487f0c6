"""Several models side by side in JupyterLab, as a reader sees and uses them."""

from __future__ import annotations

import re

from conftest import OpenNotebook
from playwright.sync_api import Locator, expect
from test_accessibility import objections
from test_panel_looks import FAINT

SETUP = """
import asyncio
import langswarm_nb as ls
from langswarm_nb.errors import ProviderUnavailableError
from langswarm_nb.interfaces import Completed, TextDelta
from langswarm_nb.providers.mock import MockProviderSession

class Paced(MockProviderSession):
    "Model `fast` takes half a second, `slow` goes on until it is stopped, `broken` fails the first time."
    failed = False
    async def send_message_stream(self, content, role="user", metadata=None):
        if self.model == "broken" and not Paced.failed:
            Paced.failed = True
            raise ProviderUnavailableError("The model is not there. Start it and press Retry.")
        for n in range(10_000 if self.model == "slow" and "on and on" in content else 12):
            await asyncio.sleep(0.04)
            yield TextDelta(f"**{self.model}** {n}. <img src=x onerror=hit()> ")
        yield Completed(finish_reason="stop")

ls.ProviderSessionFactory.register_provider("paced", Paced)
shown = ls.compare("Go on and on", models=["paced/fast", "paced/slow", "paced/broken"])
shown
"""


def column(root: Locator, model: str) -> Locator:
    return root.get_by_role("region", name=f"paced/{model}", exact=True)


def test_models_stream_side_by_side(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(SETUP, "ls.compare(shown.tag)", "shown.close()", width=1300)
    lab.page.evaluate("window.hits = 0; window.hit = () => { window.hits += 1; }; null")
    lab.run_cell(0)
    lab.run_cell(1)
    lab.save()
    root = lab.page.locator(".lsnb-compare").first
    fast, slow, broken = (column(root, model) for model in ("fast", "slow", "broken"))
    finished = ".lsnb-msg[data-role=assistant]:not([data-state=running])"

    # All at once: the fast one is done while the slow one still streams; a failure stands in its own column.
    expect(fast.locator(finished)).to_have_count(1)
    expect(fast.locator(".lsnb-md")).to_contain_text("fast 11.")
    expect(slow.locator("[data-state=running] .lsnb-md")).to_contain_text("slow 11.")
    expect(broken.locator(".lsnb-error p")).to_have_text("The model is not there. Start it and press Retry.")
    before = slow.locator(".lsnb-md").inner_text()
    expect(slow.locator(".lsnb-md")).not_to_have_text(before)
    expect(fast.locator(".lsnb-column-numbers")).to_contain_text(re.compile(r"^\d+(\.\d)? s, "))

    # Through a reload, the slow one goes on; it alone is stopped, and the failed one tried again.
    lab.reload()
    root = lab.page.locator(".lsnb-compare").first
    fast, slow, broken = (column(root, model) for model in ("fast", "slow", "broken"))
    expect(slow.locator("[data-state=running] .lsnb-md")).to_contain_text("slow 11.", timeout=30_000)
    slow.get_by_role("button", name="Stop paced/slow").press("Enter")
    expect(slow.locator(".lsnb-stopped")).to_have_text("Stopped here.")
    expect(slow.get_by_role("log")).to_be_focused()
    broken.get_by_role("button", name="Retry").click()
    expect(broken.locator(".lsnb-md")).to_contain_text("broken 11.")
    expect(root.locator("[data-state=running]")).to_have_count(0)

    # What is asked next goes to all; one column alone is edited, rated, and picked as the best.
    box = root.get_by_label("Message", exact=True)
    box.fill("Once more")
    box.press("Enter")
    for each in (fast, slow, broken):
        expect(each.locator(finished)).to_have_count(2)
    expect(root.get_by_role("status")).to_have_text("All replies are here.")
    fast.locator(".lsnb-msg[data-role=user]").last.hover()
    fast.get_by_role("button", name="Edit").last.click()
    fast.get_by_label("Edit the message").fill("Something else")
    fast.get_by_label("Edit the message").press("Enter")
    expect(fast.locator(".lsnb-said").last).to_have_text("Something else")
    expect(fast.get_by_role("group", name="Version 2 of 2")).to_be_visible()
    expect(slow.locator(".lsnb-said").last).to_have_text("Once more")
    expect(fast.locator(finished)).to_have_count(2)
    fast.get_by_role("button", name="Good reply").last.click()
    fast.get_by_label("Why", exact=True).fill("short")
    fast.get_by_label("Why", exact=True).press("Enter")
    expect(fast.get_by_role("button", name="Good reply").last).to_have_attribute("aria-pressed", "true")
    fast.get_by_role("button", name="paced/fast is the best").click()
    expect(fast.get_by_role("button", name="paced/fast is the best")).to_have_attribute("aria-pressed", "true")

    # Every control has a name, every text can be read, as narrow as a phone the columns scroll.
    assert objections(lab, ".lsnb-compare") == []
    assert root.evaluate(FAINT) == []
    root.evaluate("(el) => { el.style.width = '360px'; }")
    row = root.get_by_role("group", name="Models")
    assert row.evaluate("(el) => el.scrollWidth > el.clientWidth")
    assert root.evaluate("(el) => el.scrollWidth <= el.clientWidth")

    # Found again by its tag, with the winner; two views of the same sessions.
    lab.run_cell(2)
    again = lab.page.locator(".lsnb-compare").nth(1)
    expect(column(again, "fast").locator(".lsnb-said")).to_have_text(["Go on and on", "Something else"])
    expect(column(again, "fast").get_by_role("button", name="is the best")).to_have_attribute("aria-pressed", "true")

    lab.run_cell(3)
    expect(lab.page.locator(".lsnb-compare")).to_have_count(1)
    assert lab.page.evaluate("window.hits ?? 0") == 0


def test_a_restart_in_mid_stream_ends_the_columns(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(SETUP, width=1300)
    lab.run_all()
    root = lab.page.locator(".lsnb-compare")
    slow = column(root, "slow")
    expect(slow.locator("[data-state=running] .lsnb-md")).to_contain_text("slow 3.")
    lab.restart_kernel()
    expect(root.locator(".lsnb-status")).to_contain_text("The kernel is gone. Run this cell to go on.", timeout=30_000)
    expect(root.locator("[data-state=running]")).to_have_count(0)
    expect(slow.locator(".lsnb-stopped")).to_have_text("Stopped here.")
    expect(slow.get_by_role("button", name="Stop paced/slow")).to_be_hidden()
    lab.errors.clear()
