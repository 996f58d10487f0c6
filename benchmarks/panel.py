"""The chat panel under load, in a real JupyterLab and a real browser: `python benchmarks/panel.py`.

One reply of many chunks (8 kB of real Markdown for every 2,000) is pushed through the panel. Measured: the time from
the provider's last chunk until the page shows the last word, the bytes that the kernel sends to the page, the kernel's
CPU time, and the longest time in which the page drew no frame.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))

from conftest import CHROMIUM_FLAGS, LabPage, chromium_path, running_lab, write_notebook
from playwright.sync_api import Browser, sync_playwright

SET_UP = """
import asyncio, json, time
import jupyter_client.session
import langswarm_nb as ls
from langswarm_nb.interfaces import Completed, TextDelta
from langswarm_nb.providers.mock import MARKDOWN_PATTERN, MockProviderSession

PART = MARKDOWN_PATTERN.replace("{input}", "the same as everybody") + "\\n\\n"
TEXT = (PART * 99)[:7980]
measured = {"bytes": 0, "messages": 0}

class Firehose(MockProviderSession):
    async def send_message_stream(self, content, role="user", metadata=None):
        chunks, rate = json.loads(content)
        text = TEXT * (chunks // 2000)
        size = max(1, len(text) // chunks)
        measured.update(bytes=0, messages=0, cpu=time.process_time())
        began = time.monotonic()
        for n, start in enumerate(range(0, len(text), size)):
            pause = began + n / rate - time.monotonic() if rate else 0
            await asyncio.sleep(max(pause, 0))
            yield TextDelta(text[start : start + size])
        yield TextDelta("\\n\\nThe last word.")
        measured["last_chunk"] = time.time()
        yield Completed(finish_reason="stop")

ls.ProviderSessionFactory.register_provider("firehose", Firehose)

serialize = jupyter_client.session.Session.serialize
def counted(self, *args, **kwargs):
    frames = serialize(self, *args, **kwargs)
    measured["bytes"] += sum(map(len, frames))
    measured["messages"] += 1
    return frames
jupyter_client.session.Session.serialize = counted
carried = len(ls.ChatPanel._esm) + len(ls.ChatPanel._css)
"""
PANEL = "ls.chat(provider='firehose', model='markdown', new=True)"
REPORT = "print(json.dumps({**measured, 'cpu': time.process_time() - measured['cpu'], 'carried': carried}))"

WATCH = """() => {
    const panel = [...document.querySelectorAll('.lsnb-panel')].at(-1);
    window.seen = { gap: 0, steps: 0, visible: null };
    let last = performance.now(), length = 0;
    const look = (now) => {
        const reply = [...panel.querySelectorAll('.lsnb-msg[data-role=assistant]')].at(-1);
        if (reply) window.seen.gap = Math.max(window.seen.gap, now - last);
        last = now;
        const size = reply?.querySelector('.lsnb-md')?.textContent.length ?? 0;
        if (size > length) { length = size; window.seen.steps += 1; }
        const whole = reply?.textContent.includes('The last word.');
        if (whole && !window.seen.visible) window.seen.visible = Date.now() / 1000;
        if (!window.seen.visible || reply.dataset.state === 'running') requestAnimationFrame(look);
        else window.seen.done = true;
    };
    requestAnimationFrame(look);
}"""


def measure(browser: Browser, lab: Any, chunks: int, rate: float, name: str) -> dict[str, float]:
    """Return one run's numbers."""
    notebook = lab.root / f"{name}.ipynb"
    write_notebook(notebook, [f"%env LANGSWARM_NB_DB={lab.root / name}.duckdb", SET_UP, PANEL, REPORT])
    page = browser.new_context(viewport={"width": 1100, "height": 900}).new_page()
    shown = LabPage(page, lab, notebook)
    shown.open()
    for cell in range(3):
        shown.run_cell(cell)
    print(shown.outputs(2).inner_text()[:2000], shown.outputs(1).inner_text()[:1000]) if "-v" in sys.argv else None
    panel = shown.panel()
    page.wait_for_timeout(1000)
    page.evaluate(WATCH)
    panel.box.fill(json.dumps([chunks, rate]))
    panel.box.press("Enter")
    # Not looked at meanwhile: a debugger that listens slows the page.
    page.wait_for_timeout(1500 + (1000 * chunks / rate if rate else chunks / 4))
    page.wait_for_function("window.seen.done", timeout=120_000)
    seen = page.evaluate("window.seen")
    shown.run_cell(3)
    kernel = json.loads(shown.outputs(3).inner_text())
    page.context.close()
    lab.stop_kernels()
    return {
        "visible_after_s": seen["visible"] - kernel["last_chunk"],
        "kB": kernel["bytes"] / 1000,
        "messages": kernel["messages"],
        "kernel_cpu_s": kernel["cpu"],
        "worst_gap_ms": seen["gap"],
        "steps": seen["steps"],
        "carried_kB": kernel["carried"] / 1000,
    }


def main() -> None:
    """Print a table of medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    arguments = parser.parse_args()
    cases = [
        ("2,000 chunks, full speed", 2000, 0),
        ("2,000 chunks, 100 a second", 2000, 100),
        ("20,000 chunks, full speed", 20_000, 0),
    ]
    with tempfile.TemporaryDirectory() as home, running_lab(Path(home)) as lab, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
        for case, (title, chunks, rate) in enumerate(cases):
            runs = [measure(browser, lab, chunks, rate, f"case-{case}-{run}") for run in range(arguments.runs)]
            medians = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            if arguments.json:
                print(json.dumps({"case": title, **medians}), flush=True)
            else:
                print(f"{title:28}", "  ".join(f"{key} {value:8.2f}" for key, value in medians.items()), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
