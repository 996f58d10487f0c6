"""The panel's script in pages as VS Code and Colab make them: their style sheets, themes, frames and policies.

What they are was read in their sources; the programs themselves are not here.
"""

from __future__ import annotations

import base64
import json
import queue
from functools import partial
from pathlib import Path
from typing import Any

import own_page
import pytest
from conftest import Panel
from own_page import page, panel
from playwright.sync_api import Download, Frame, Page, Route, expect
from test_panel_attachments import file, pick, png
from test_panel_looks import FAINT

import langswarm_nb as ls
from langswarm_nb.widgets.assets import loader, script, style

# ipywidgets' own style sheet, which both load, has these for `:root`, whatever the theme is.
IPYWIDGETS = """:root {
    --jp-border-color1: #9e9e9e; --jp-border-color2: #e0e0e0; --jp-brand-color1: #2196f3;
    --jp-ui-font-color1: rgba(0, 0, 0, 0.8); --jp-ui-font-color2: rgba(0, 0, 0, 0.5);
    --jp-content-font-color1: black; --jp-content-font-color2: #616161;
    --jp-layout-color0: white; --jp-layout-color1: white; --jp-layout-color2: #eee;
    --jp-ui-font-family: Helvetica, sans-serif; --jp-code-font-family: monospace;
}"""
# A notebook's webview: its rules for whatever is shown in it, and what the Jupyter extension adds for widgets, in the
# older form and the newer. It has no policy unless a setting asks for one: this is that, with what anywidget needs.
VSCODE = """<!doctype html><html><head><meta http-equiv="Content-Security-Policy" content="default-src 'none';
script-src 'unsafe-inline' 'unsafe-eval' blob:; style-src 'unsafe-inline'; img-src https: http: data: blob:;
font-src https:; connect-src https:; child-src https: data:;"><style>
@layer vscode-default {{
    body {{ background: var(--vscode-editor-background); color: var(--vscode-foreground); }}
    body {{ font-family: var(--vscode-font-family); font-size: 13px; }}
    img {{ max-width: 100%; max-height: 100%; }}
    code {{ color: var(--code); background-color: var(--code-back); padding: 1px 3px; border-radius: 4px; }}
    pre code {{ padding: 0; }}
    blockquote {{ background: var(--code-back); }}
    input:focus, textarea:focus {{ outline: 1px solid red; outline-offset: -1px; }}
}}
{sheet}
#container > div > div:not(.preview) > div {{ overflow-x: auto; }}
table, thead, tr, th, td, tbody {{ border: none; border-color: transparent; border-spacing: 0; }}
table, th, tr {{ vertical-align: middle; text-align: right; }}
tr:nth-child(even) {{ background-color: rgba(130, 130, 130, 0.08); }}
{widgets}
:root {{ {colours} --vscode-font-family: "Editor UI"; --vscode-editor-font-family: "Editor Mono"; }}</style></head>
<body class="{kind}" data-vscode-theme-kind="{theme}"><div id="container"><div><div><div
class="cell-output-ipywidget-background" id="output" tabindex="0"></div></div></div></div></body></html>"""
ON_WHITE = """.cell-output-ipywidget-background { background: white !important; }
.cell-output-ipywidget-background :is(button, textarea, [tabindex="0"]) { outline: none; }
.cell-output-ipywidget-background :is(button, textarea, [tabindex="0"]):focus { outline: 2px solid blue !important; }"""
BRIDGED = """.cell-output-ipywidget-background { background: transparent !important;
    --jp-ui-font-family: var(--vscode-editor-font-family); --jp-content-font-family: var(--vscode-editor-font-family);
    --jp-ui-font-color1: var(--vscode-foreground); --jp-ui-font-color2: var(--vscode-foreground);
    --jp-border-color1: transparent; --jp-border-color2: transparent; --jp-layout-color0: #313131;
    --jp-layout-color1: #313131; --jp-layout-color2: #313131; --jp-layout-color3: #313131; }"""
DARK = """--vscode-foreground: #ccc; --vscode-editor-background: #1f1f1f; --vscode-descriptionForeground: #9d9d9d;
--code: #d0d0d0; --code-back: #ffffff1a;"""
LIGHT = """--vscode-foreground: #292929; --vscode-editor-background: #fff; --vscode-descriptionForeground: #292929;
--code: #fff; --code-back: #09345f;"""
# An output is a frame from elsewhere; some colours are Colab's, the rest stays as ipywidgets has it.
COLAB = """<!doctype html><html theme="dark"><head><style>{sheet}
:root {{ --colab-primary-text-color: #e3e3e3; --colab-secondary-surface-color: #2d2d2d;
--jp-layout-color2: var(--colab-secondary-surface-color); --jp-ui-font-color1: var(--colab-primary-text-color); }}
body {{ background: #383838; }}</style></head><body><div id="output"></div></body></html>"""
HOSTS = {
    "vscode-dark": VSCODE.format(
        sheet=IPYWIDGETS, widgets=BRIDGED, colours=DARK, kind="vscode-dark", theme="vscode-dark"
    ),
    "vscode-high-contrast-light": VSCODE.format(
        sheet=IPYWIDGETS,
        widgets=ON_WHITE,
        colours=LIGHT,
        kind="vscode-high-contrast-light vscode-high-contrast",
        theme="vscode-high-contrast-light",
    ),
    "colab-dark": COLAB.format(sheet=IPYWIDGETS),
}

# anywidget's model; bytes come as Uint8Array in Colab, as DataView elsewhere. None go to the kernel: older
# VS Codes stop at them. VS Code's manager has a notebook that nobody sees and that cannot be saved.
MODEL = """async ([source, css, state, host]) => {
    const heard = [];
    const bytes = (text) => {
        const array = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
        return host.startsWith('colab') ? array : new DataView(array.buffer);
    };
    const save = () => { throw new Error('Method not implemented.'); };
    const context = { save, model: { sharedModel: { cells: [], insertCell: () => {} } } };
    window.heard = [];
    addEventListener('keydown', ({ key, ctrlKey }) => window.heard.push(`${ctrlKey ? 'Ctrl+' : ''}${key}`));
    window.model = {
        widget_manager: host.startsWith('vscode') ? { context } : {},
        get: (name) => state[name],
        set: (name, value) => { state[name] = value; },
        save_changes: () => {},
        on: (name, listen) => heard.push([name, listen]),
        off: (name, listen) => heard.splice(heard.findIndex((one) => one[0] === name && one[1] === listen), 1),
        send: async (content, _, buffers) => {
            if (buffers?.length) throw new Error('Unexpected token in JSON');
            await window.toKernel(content);
        },
        say: (content, buffers) =>
            heard.forEach(([name, listen]) => name === 'msg:custom' && listen(content, buffers.map(bytes))),
    };
    document.head.append(Object.assign(document.createElement('style'), { textContent: css }));
    const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
    const module = await import(url);
    await module.default.render({ model: window.model, el: document.getElementById('output') });
}"""


__all__ = ["page", "panel"]


def output_of(page: Page, host: str) -> Frame:
    """Return the document in which the host shows an output."""
    size = "width:900px;height:700px"
    outer = f"<!doctype html><link rel=icon href=data:,><iframe src=https://output.test/ style='{size}'>"
    bodies = {"https://notebook.test/": outer, "https://output.test/": HOSTS[host]}

    def answer(route: Route) -> None:
        route.fulfill(body=bodies.get(route.request.url, ""), content_type="text/html")

    page.route("**/*", answer)
    if host.startswith("colab"):
        page.goto("https://notebook.test/")
        return page.frames[1]
    page.goto("https://output.test/")
    return page.main_frame


@pytest.mark.parametrize("host", HOSTS)
def test_it_is_whole_in_another_editor(
    page: Page, panel: ls.ChatPanel, monkeypatch: pytest.MonkeyPatch, host: str, tmp_path: Path
) -> None:
    outbox: queue.SimpleQueue[tuple[dict[str, Any], list[bytes]]] = queue.SimpleQueue()
    monkeypatch.setattr(panel, "send", lambda content, buffers=None: outbox.put((content, buffers or [])))

    def to_kernel(content: dict[str, Any]) -> None:
        panel._on_request(panel, content, [])

    page.expose_function("toKernel", to_kernel)
    output = output_of(page, host)

    def say(sent: tuple[dict[str, Any], list[bytes]]) -> None:
        content, buffers = sent
        output.evaluate(
            "([content, buffers]) => window.model.say(content, buffers)",
            [content, [base64.b64encode(data).decode() for data in buffers]],
        )

    carry = partial(own_page.carry, page, outbox, say, what=host)
    state = {
        "history": panel._everything(),
        "height": 640,
        "examples": ["Try this"],
        "panel_id": panel.panel_id,
        "_script": script(),
    }
    output.evaluate(MODEL, [loader(), style(), json.loads(json.dumps(state)), host])
    root = output.locator(".lsnb-panel")
    shown = Panel(page, root)
    dark = "dark" in host
    assert root.evaluate("(el) => getComputedStyle(el).colorScheme") == ("dark" if dark else "light")

    pick(shown, file("chart.png", png(), "image/png"))
    carry(lambda: root.get_by_role("button", name="Send").is_enabled() and not root.locator(".lsnb-waiting").count())
    shown.ask("Show everything", wait=False)
    carry(lambda: root.locator(".lsnb-msg[data-role=assistant][data-state=complete]").count() == 1)
    expect(shown.replies.locator("h2")).to_have_text("You asked: Show everything [chart.png]")
    picture = shown.questions.get_by_role("img", name="chart.png")
    carry(picture.is_visible)
    # Its colours are the theme's, and every text can be read.
    assert root.evaluate(FAINT) == []
    back = root.evaluate("(el) => Math.max(...getComputedStyle(el).backgroundColor.match(/\\d+/g).map(Number))")
    assert (back < 128) is dark
    if host.startswith("vscode"):
        # On no white, in the font of its buttons; code keeps to our colours.
        assert output.locator("#output").evaluate("(el) => getComputedStyle(el).backgroundColor") == "rgba(0, 0, 0, 0)"
        code = root.locator("pre code").first
        fonts = [shown.root, shown.replies.locator("p").first, code]
        assert [one.evaluate("(el) => getComputedStyle(el).fontFamily") for one in fonts] == [
            *('"Editor UI"', '"Editor UI"', '"Editor Mono"')
        ]
        for plain in (code, root.locator("blockquote").first):
            assert plain.evaluate("(el) => getComputedStyle(el).backgroundColor") == "rgba(0, 0, 0, 0)"
    # The same, with its sheet, outside of a panel: an output of `%%chat`.
    plain = "document.body.appendChild(document.querySelector('.lsnb-panel .lsnb-md').cloneNode(true))"
    assert output.evaluate(f"({FAINT})({plain})") == []
    output.evaluate("document.body.lastElementChild.remove()")
    # Of the keys, the editor hears what is for it; nobody else hears one.
    shown.box.press_sequentially("dd")
    for key in ("Control+z", "Control+s", "Control+ArrowUp", "F1", "Enter"):
        shown.box.press(key)
        shown.box.fill("")
    keys = output.evaluate("window.heard.filter((key) => !key.endsWith('Control'))")
    assert keys == (["Ctrl+s", "Ctrl+ArrowUp", "F1"] if host.startswith("vscode") else ["Ctrl+s"])
    assert shown.status.is_hidden()
    # There are no cells that a panel could reach: code is copied, in a frame without the clipboard as well.
    assert root.get_by_role("button", name="Put into a new cell below").count() == 0
    copy = root.get_by_role("button", name="Copy code")
    expect(copy).to_have_attribute("title", "Copy code. To run it, paste it into a cell.")
    copy.click()
    expect(copy).to_have_attribute("data-done", "1")
    shown.box.fill("")
    shown.box.press("Control+v")
    expect(shown.box).not_to_have_value("")
    assert (shown.replies.locator("pre code").text_content() or "").strip() == shown.box.input_value().strip()
    # Bytes come back whole: the file is saved from what the kernel sends in pieces.
    saved: list[Download] = []
    page.on("download", lambda download: saved.append(download))
    root.get_by_role("button", name="Save chart.png").click()
    carry(lambda: saved)
    saved[0].save_as(tmp_path / "saved.png")
    assert (tmp_path / "saved.png").read_bytes() == png()
    # A menu, and a form over the conversation.
    root.get_by_role("button", name="More").click()
    carry(lambda: root.locator(".lsnb-item", has_text="Settings").is_visible())
    assert root.evaluate(FAINT) == []
    root.locator(".lsnb-item", has_text="Settings").click()
    carry(lambda: root.get_by_role("dialog", name="Settings").is_visible())
    assert root.evaluate(FAINT) == []
    page.screenshot(path=str(tmp_path / "host.png"))
