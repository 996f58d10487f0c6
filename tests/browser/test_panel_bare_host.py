"""The panel's script in a page that has nothing but anywidget's model: what VS Code and Colab offer a widget."""

from __future__ import annotations

import json
import queue
from functools import partial
from pathlib import Path
from typing import Any

import own_page
import pytest
from conftest import Panel
from own_page import page, panel
from playwright.sync_api import Page, Request, expect
from test_panel_security import VECTORS
from waiting import a_word_at_a_time, let_go

import langswarm_nb as ls
from langswarm_nb.providers.mock import MockProviderSession
from langswarm_nb.rendering import IncrementalRenderer, render_markdown
from langswarm_nb.widgets.assets import loader, script, style

# The whole of what anywidget promises: get, set, save_changes, on, off, send.
HOST = """async ([source, css, state]) => {
    const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
    const module = await import(url);
    const heard = [];
    window.model = {
        get: (name) => state[name],
        set: (name, value) => { state[name] = value; },
        save_changes: () => {},
        on: (name, listen) => heard.push([name, listen]),
        off: (name, listen) => heard.splice(heard.findIndex((one) => one[0] === name && one[1] === listen), 1),
        send: (content, _, buffers) => void window.toKernel(content),
        say: (content) => heard.filter(([name]) => name === 'msg:custom').forEach(([, listen]) => listen(content, [])),
        listening: () => heard.length,
    };
    document.head.append(Object.assign(document.createElement('style'), { textContent: css }));
    window.module = module;
    if (state) window.leave = await module.default.render({ model: window.model, el: document.body.appendChild(document.createElement('div')) });
}"""  # noqa: E501

__all__ = ["page", "panel"]


def test_it_needs_no_more_than_anywidgets_model(
    page: Page, panel: ls.ChatPanel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(MockProviderSession, "send_message_stream", a_word_at_a_time)
    outbox: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    said: list[str] = []
    monkeypatch.setattr(panel, "send", lambda content, buffers=None: outbox.put(content))

    def to_kernel(content: dict[str, Any]) -> None:
        said.append(content["kind"])
        panel._on_request(panel, content, [])

    def say(content: dict[str, Any]) -> None:
        page.evaluate("(content) => window.model.say(content)", content)

    carry = partial(own_page.carry, page, outbox, say, what=said)

    page.expose_function("toKernel", to_kernel)
    page.set_content("<body class='vscode-dark' style='--vscode-foreground:#eee'></body>")
    state = {
        "history": panel._everything(),
        "height": 480,
        "examples": ["Try this"],
        "panel_id": panel.panel_id,
        "_script": script(),
    }
    page.evaluate(HOST, [loader(), style(), json.loads(json.dumps(state))])
    root = page.locator(".lsnb-panel")
    assert root.evaluate("(el) => getComputedStyle(el).colorScheme") == "dark"
    shown = Panel(page, root)
    shown.watch_growth()
    shown.ask("Hello there", wait=False)
    reply = shown.replies
    carry(lambda: len(shown.growth()) >= 5)
    let_go(tmp_path)
    carry(lambda: root.locator(".lsnb-msg[data-role=assistant][data-state=complete]").count() == 1)
    expect(reply.locator("h2")).to_have_text("You asked: Hello there")
    expect(root.get_by_role("button", name="Copy code")).to_have_count(1)
    # There are no cells that the script could know of.
    expect(root.get_by_role("button", name="Put into a new cell below")).to_have_count(0)
    shown.box.press("Control+f")
    carry(lambda: root.get_by_role("textbox", name="Find in this chat").is_visible())
    assert {"ready", "send", "extras"} <= set(said)
    page.evaluate("window.leave()")
    carry(lambda: "gone" in said)
    assert page.evaluate("window.model.listening()") == 0
    expect(root).to_have_count(0)


def test_hostile_text_split_at_every_position_runs_nowhere(page: Page) -> None:
    """Each vector in two chunks, for every place between them: both states and the whole are put on the page."""
    fetched: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith(("blob:", "data:")):
            fetched.append(request.url)

    page.set_content("<body></body>")
    page.evaluate("window.hits = 0; window.hit = () => { window.hits += 1; }; null")
    page.evaluate(HOST, [script() + "\nexport { MessageItem };", style(), None])
    page.on("request", note)
    shown = 0
    for vector in VECTORS:
        turns = []
        for at in range(len(vector) + 1):
            renderer = IncrementalRenderer("x")
            updates = [renderer.feed(text) for text in (vector[:at], vector[at:]) if text]
            turns.append([[[list(update.frozen), update.tail] for update in updates], render_markdown(vector)])
        shown += page.evaluate(
            """async (turns) => {
                const act = { insert: () => {}, rate() {}, why() {}, startEdit() {}, branch() {} };
                const items = turns.map(([states, whole]) => {
                    const view = { id: 'x', role: 'assistant', author: 'model', state: 'running', html: '', tail: '' };
                    const item = new window.module.MessageItem(view, act);
                    document.body.append(item.el);
                    for (const [frozen, tail] of states) {
                        Object.assign(view, { html: view.html + frozen.join(''), tail });
                        item.take({ frozen, reasoning: tail });
                        item.advance(1e9);
                    }
                    const done = new window.module.MessageItem({ ...view, state: 'complete', html: whole }, act);
                    document.body.append(done.el);
                    return [item, done];
                }).flat();
                await new Promise((resolve) => setTimeout(resolve, 30));
                for (const link of document.querySelectorAll('.lsnb-md a')) {
                    if (!/^(https?|mailto):|^#/.test(link.getAttribute('href') ?? '#')) window.hits += 1;
                }
                const foreign = 'script,iframe,object,embed,form,base,meta,link,style,svg:not(.lsnb-icon),[onerror],[onload],[style]';
                window.hits += document.body.querySelectorAll(foreign).length;
                for (const item of items) {
                    item.dispose();
                    item.el.remove();
                }
                return items.length;
            }""",  # noqa: E501
            turns,
        )
        assert page.evaluate("window.hits") == 0, vector
    page.wait_for_timeout(300)
    assert page.evaluate("window.hits") == 0
    assert fetched == []
    assert shown == 2 * sum(len(vector) + 1 for vector in VECTORS)
