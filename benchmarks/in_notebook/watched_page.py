"""The page's side of a measurement: a Chromium that nobody is attached to while it is timed, and what it notes."""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from conftest import CHROMIUM_FLAGS, chromium_path
from contestants import LAST_WORD
from playwright.sync_api import Page, Playwright

# Where each contestant's reply stands, and what makes it answer; without the latter the notebook's last cell is run.
REPLY = {
    "ours": "find('.lsnb-msg[data-role=assistant] .lsnb-md')",
    "update_display": "find('.jp-RenderedMarkdown')",
    "chatlas": "find('.jp-RenderedMarkdown')",
    "panel": "find('.markdown.message')?.shadowRoot?.querySelector('.bk-clearfix, .bk-panel-models-html, div')",
    "jupyter-chat-widget": "find('.jp-OutputArea-output .jp-RenderedHTML p')",
    "ipylangchat": "[...find('.chat-box')?.children ?? []].slice(1).at(-1)?.querySelector('.message-content')",
}
TYPED = {"ours": ".lsnb-input", "jupyter-chat-widget": ".widget-text input", "ipylangchat": "#chat-input"}

WATCH = """([where, box, lastWord, patience, start]) => {
    const everywhere = (root, selector, found) => {
        found.push(...root.querySelectorAll(selector));
        for (const el of root.querySelectorAll('*')) if (el.shadowRoot) everywhere(el.shadowRoot, selector, found);
        return found;
    };
    const find = (selector) => everywhere(document.querySelector('.jp-Notebook'), selector, []).at(-1);
    const locate = new Function('find', 'return ' + where);
    const seen = { asked: 0, visible: null, gap: 0, gaps: [], letters: 0, text: '', rendered: false, error: '' };
    const url = jupyterapp.serviceManager.serverSettings.baseUrl + 'api/bench';
    let reply = null, looked = 0, last = 0, began = 0, grew = Infinity;
    const report = () => {
        reply = locate(find);
        if (!reply) seen.error ||= find('[data-mime-type*=error]')?.textContent ?? 'there is no reply';
        if (reply) {
            const copy = reply.cloneNode(true);
            for (const el of copy.querySelectorAll('mjx-container, math, .lsnb-codebar, .lsnb-maths, b')) el.remove();
            seen.text = copy.textContent;
            seen.rendered = ['h2', 'table', 'strong'].every((tag) => copy.querySelector(tag));
        }
        fetch(url, { method: 'POST', body: JSON.stringify({ page: seen }) });
    };
    const look = (now) => {
        const gap = now - last;
        seen.gap = Math.max(seen.gap, gap);
        if (gap > 45) seen.gaps.push([Math.round(now - began), Math.round(gap)]);
        last = now;
        // A way through all shadows is long: only while there is nothing to look at.
        if (!reply?.isConnected && now - looked > 100) { looked = now; reply = locate(find); }
        const text = reply?.textContent ?? '';
        if (text.length > seen.letters) { seen.letters = text.length; grew = now; }
        if (seen.visible === null && text.includes(lastWord)) seen.visible = Date.now() / 1000;
        // What has stood still for so long will not go on.
        if (now - grew > 20_000) return report();
        if (Date.now() / 1000 > (seen.visible === null ? seen.asked + patience : seen.visible + 0.5)) return report();
        requestAnimationFrame(look);
    };
    const ask = async () => {
        seen.asked = Date.now() / 1000;
        requestAnimationFrame((now) => { last = began = now; requestAnimationFrame(look); });
        try {
            if (!box) return await jupyterapp.commands.execute('notebook:run-cell');
            const input = find(box);
            input.focus();
            const value = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(input), 'value').set;
            value.call(input, 'go');
            for (const kind of ['input', 'change']) input.dispatchEvent(new Event(kind, { bubbles: true }));
            for (const kind of ['keydown', 'keypress', 'keyup']) {
                const key = { key: 'Enter', keyCode: 13, which: 13, bubbles: true, cancelable: true };
                input.dispatchEvent(new KeyboardEvent(kind, key));
            }
        } catch (error) { seen.error = String(error); }
    };
    setTimeout(ask, start * 1000);
}"""


class Chromium:
    """A browser of our own; `attached` gives a page and lets go of it again."""

    def __init__(self, playwright: Playwright, home: Path) -> None:
        self._playwright = playwright
        profile = home / "chromium"
        flags = [*CHROMIUM_FLAGS, "--headless=new", "--remote-debugging-port=0", f"--user-data-dir={profile}"]
        size = "--window-size=1100,900"
        self._process = subprocess.Popen([chromium_path(), *flags, size, "about:blank"], stderr=subprocess.DEVNULL)
        where = profile / "DevToolsActivePort"
        for _ in range(300):
            if where.exists() and (lines := where.read_text().splitlines()):
                break
            time.sleep(0.1)
        self._url = f"http://127.0.0.1:{lines[0]}"

    @contextlib.contextmanager
    def attached(self) -> Iterator[Page]:
        """A new page, the only one; at the end it is left alone, not closed."""
        browser = self._playwright.chromium.connect_over_cdp(self._url)
        context = browser.contexts[0]
        before = list(context.pages)
        page = context.new_page()
        for old in before:
            old.close()
        try:
            yield page
        finally:
            browser.close()

    def cpu_s(self) -> float:
        """Return the CPU seconds of the processes that run pages."""
        total = 0.0
        for child in psutil.Process(self._process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if "--type=renderer" in child.cmdline():
                    times = child.cpu_times()
                    total += times.user + times.system
        return total

    def close(self) -> None:
        """End the browser."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def watch(page: Page, contestant: str, patience_s: float, start_s: float) -> None:
    """Let the page ask in `start_s` seconds, note what it sees, and report at the end, or when patience is out."""
    page.evaluate(WATCH, [REPLY[contestant], TYPED.get(contestant), LAST_WORD, patience_s, start_s])


def verdict(source: str, seen: dict[str, Any]) -> str:
    """Return how the page's text compares with the reply's Markdown: right, not rendered, wrong, or incomplete."""
    without = re.sub(r"\$[^$]*\$", "", source)
    as_rendered = re.sub(r"```\w+|^\d+\. ", "", without, flags=re.MULTILINE)
    if not seen["rendered"]:
        return "not rendered" if _letters(seen["text"]) in (_letters(source), _letters(without)) else "wrong"
    # Formulas may still wait to be set.
    if _letters(re.sub(r"\$[^$]*\$", "", seen["text"])) == _letters(as_rendered):
        return "right"
    return "wrong" if seen["visible"] else "incomplete"


def _letters(text: str) -> str:
    return "".join(re.findall(r"[A-Za-z0-9]", text))
