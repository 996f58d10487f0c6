"""Take the README's pictures: `python docs/pictures.py`, with what the tests need installed."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "browser"))

from conftest import CHROMIUM_FLAGS, Lab, LabPage, chromium_path, running_lab, write_notebook  # noqa: E402

IMAGES = ROOT / "docs" / "images"
CELLS = [
    "import langswarm_nb as ls\n\nls.chat(model='mock/mock-markdown', new=True, height=640)",
    "ls.dashboard(source=ls.demo_store(messages=20_000))",
]


def take(browser: Browser, lab: Lab, theme: str) -> None:
    """Write panel and dashboard in one theme."""
    notebook = lab.root / f"{theme}.ipynb"
    write_notebook(notebook, CELLS)
    context = browser.new_context(viewport={"width": 1180, "height": 900}, device_scale_factor=1.5)
    page = LabPage(context.new_page(), lab, notebook)
    page.open(theme)
    page.command("application:toggle-left-area")
    page.run_cell(0)
    page.panel().ask("Smooth my daily sales, please")
    page.page.wait_for_timeout(1_000)
    page.screenshot(IMAGES / f"panel-{theme}.png", page.outputs(0))
    page.page.set_viewport_size({"width": 1180, "height": 2_000})
    page.run_cell(1)
    page.outputs(1).locator(".js-plotly-plot").nth(5).wait_for()
    page.page.wait_for_timeout(2_000)
    page.screenshot(IMAGES / f"dashboard-{theme}.png", page.outputs(1))
    context.close()
    lab.stop_kernels()


def main() -> None:
    """Write all four pictures."""
    home = Path(tempfile.mkdtemp())
    with running_lab(home, HOME=str(home)) as lab, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
        for theme in ("light", "dark"):
            take(browser, lab, theme)
        browser.close()


if __name__ == "__main__":
    main()
