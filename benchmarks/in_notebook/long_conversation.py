"""A conversation of 500 messages: how long until it can be used, and how long a letter takes from key to screen."""

from __future__ import annotations

import statistics
import time
from typing import Any

from conftest import Lab, LabPage, write_notebook
from playwright.sync_api import Page

MESSAGES = 500
KEYS = 25
CHUNKS = 600
# While a reply streams: from Enter until the reply stands, and so much longer, for what is done afterwards.
AFTERWARDS_S = 4

OPEN = """async () => {
    const began = performance.now();
    jupyterapp.shell.currentWidget.content.activeCellIndex = 2;
    jupyterapp.commands.execute('notebook:run-cell');
    const frame = () => new Promise(requestAnimationFrame);
    for (;;) {
        await frame();
        if (performance.now() - began > 60_000) throw new Error('the conversation is not there');
        const box = document.querySelector('.lsnb-input');
        if (!box || !document.querySelector('.lsnb-msg[data-role=assistant] h2')) continue;
        box.focus();
        if (document.activeElement === box && !box.disabled) return (performance.now() - began) / 1000;
    }
}"""
# A message after the frame comes when the frame has been painted.
LISTEN = """() => {
    window.keys = [];
    document.querySelector('.lsnb-input').addEventListener('input', (event) => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => window.keys.push(performance.now() - event.timeStamp);
        requestAnimationFrame(() => channel.port2.postMessage(0));
    });
}"""
RUNS = "() => document.querySelector('.lsnb-pending, [data-state=running]') !== null"


def measure(page: Page, lab: Lab, name: str) -> dict[str, float]:
    """Return seconds until usable, and milliseconds from key to screen: as opened, all shown, and a reply streaming.

    The last is measured over the whole turn: its beginning, its end, and what follows.
    """
    notebook = lab.root / f"{name}.ipynb"
    write_notebook(
        notebook,
        [
            f"import contestants\ncontestants.make_conversation({MESSAGES})",
            f"import contestants\ncontestants.prepare({CHUNKS}, 100)",
            "contestants.open_conversation()",
        ],
    )
    shown = LabPage(page, lab, notebook)
    shown.open()
    shown.run_cell(0)
    assert "Error" not in (output := shown.outputs(0).inner_text()), output
    shown.restart_kernel()
    shown.run_cell(1)
    found = {"usable_s": page.evaluate(OPEN)}
    shown.wait_until_run()
    page.evaluate(LISTEN)
    found |= _typing(page, "newest")
    earlier = page.locator(".lsnb-earlier")
    while earlier.is_visible():
        count = page.locator(".lsnb-msg").count()
        earlier.click()
        page.wait_for_function("(count) => document.querySelectorAll('.lsnb-msg').length > count", arg=count)
    assert page.locator(".lsnb-msg").count() == MESSAGES
    found |= _typing(page, "all")
    box = page.locator(".lsnb-input")
    box.fill("go")
    box.press("Enter")
    found |= _typing_through_a_turn(page)
    assert page.locator(".lsnb-msg").count() == MESSAGES + 2
    return found


def _typing(page: Page, when: str) -> dict[str, Any]:
    page.locator(".lsnb-input").focus()
    page.evaluate("window.keys = []")
    for n in range(KEYS):
        _press(page, n)
    return _found(page, when, KEYS)


def _typing_through_a_turn(page: Page) -> dict[str, Any]:
    page.evaluate("window.keys = []")
    began = time.monotonic()
    ended = None
    pressed = 0
    while ended is None or time.monotonic() < ended + AFTERWARDS_S:
        _press(page, pressed)
        pressed += 1
        if ended is None and time.monotonic() > began + 2 and not page.evaluate(RUNS):
            ended = time.monotonic()
    return _found(page, "streaming", pressed)


def _press(page: Page, n: int) -> None:
    page.keyboard.press("abcdefghij"[n % 10])
    # Words, with a moment to think after each.
    page.wait_for_timeout(90 if n % 10 else 400)


def _found(page: Page, when: str, pressed: int) -> dict[str, Any]:
    page.wait_for_function("(count) => window.keys.length >= count", arg=pressed)
    keys = page.evaluate("window.keys")
    return {f"key_ms_{when}": statistics.median(keys), f"worst_key_ms_{when}": max(keys)}
