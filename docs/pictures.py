"""Take the README's pictures and its film: `python docs/pictures.py`, with what the tests need installed."""

from __future__ import annotations

import io
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image
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


FILMED = "ls.chat(model='mock/mock-markdown', new=True, height=440, provider_config={'response_delay_ms': 4000})"
QUESTION = "Smooth my daily sales, please"
FRAME_S = 0.15


def film(browser: Browser, lab: Lab) -> None:
    """Write a panel that is asked something, and answers."""
    notebook = lab.root / "film.ipynb"
    write_notebook(notebook, [f"import langswarm_nb as ls\n\n{FILMED}"])
    context = browser.new_context(viewport={"width": 900, "height": 760})
    page = LabPage(context.new_page(), lab, notebook)
    page.open()
    page.command("application:toggle-left-area")
    page.run_cell(0)
    panel = page.panel()
    frames: list[Image.Image] = []

    def shoot() -> None:
        shot = Image.open(io.BytesIO(panel.root.screenshot(animations="disabled")))
        # One palette for all frames would let the colours of code flicker; each has its own.
        frames.append(shot.convert("RGB").quantize(64, dither=Image.Dither.NONE))

    panel.box.click()
    shoot()
    for place in range(0, len(QUESTION), 3):
        page.page.keyboard.type(QUESTION[place : place + 3])
        shoot()
    panel.box.press("Enter")
    while not frames or panel.replies.count() == 0 or panel.root.locator("[data-state=running]").count():
        began = time.monotonic()
        shoot()
        page.page.wait_for_timeout(max(FRAME_S - (time.monotonic() - began), 0) * 1000)
    page.page.wait_for_timeout(500)
    shoot()
    pauses = [int(FRAME_S * 1000)] * (len(frames) - 1) + [4000]
    frames[0].save(
        IMAGES / "panel.gif", save_all=True, append_images=frames[1:], duration=pauses, loop=0, optimize=True
    )
    context.close()
    lab.stop_kernels()


def main() -> None:
    """Write all of them, or only those that are named: light, dark, film."""
    wanted = sys.argv[1:] or ["light", "dark", "film"]
    home = Path(tempfile.mkdtemp())
    with running_lab(home, HOME=str(home)) as lab, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
        if "film" in wanted:
            film(browser, lab)
        # Light first: JupyterLab keeps the theme that it had last.
        for theme in ("light", "dark"):
            if theme in wanted:
                take(browser, lab, theme)
        browser.close()


if __name__ == "__main__":
    main()
