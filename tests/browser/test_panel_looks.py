"""How the panel looks and reads: themes, narrow cells, keyboard, screen readers."""

from __future__ import annotations

import pytest
from conftest import OpenNotebook
from playwright.sync_api import expect

CHAT = "import langswarm_nb as ls\nls.chat(model='mock/mock-markdown', provider_config={'response_delay_ms': 100})"

# The contrast of every text with what is behind it, by WCAG's formula; returns those that are too faint.
FAINT = """(panel) => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const rgba = (colour) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const over = (top, under) => top.slice(0, 3).map((c, i) => c * top[3] / 255 + under[i] * (1 - top[3] / 255));
    const light = (c) => c.map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = (el) => {
        const layers = [];
        for (; el; el = el.parentElement) layers.push(rgba(getComputedStyle(el).backgroundColor));
        return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255]);
    };
    const faint = [];
    const texts = document.createTreeWalker(panel, NodeFilter.SHOW_TEXT);
    for (let text; (text = texts.nextNode()); ) {
        const el = text.parentElement;
        const seen = text.textContent.trim() && el.checkVisibility({ opacityProperty: true });
        if (!seen || el.closest('style, :disabled')) continue;
        const back = behind(el);
        const [a, b] = [light(over(rgba(getComputedStyle(el).color), back)), light(back)].sort((x, y) => y - x);
        const ratio = (a + 0.05) / (b + 0.05);
        const about = `${text.textContent.trim().slice(0, 30)} (${el.className || el.tagName})`;
        if (ratio < 4.5) faint.push(`${about}: ${ratio.toFixed(2)}`);
    }
    return faint;
}"""


@pytest.mark.parametrize("theme", ["light", "dark", "contrast", "forced"])
def test_every_text_can_be_read_in_every_theme(open_notebook: OpenNotebook, theme: str) -> None:
    lab = open_notebook(CHAT)
    lab.run_all()
    if theme == "forced":
        # The system's own colours, as in the high contrast of Windows.
        lab.page.emulate_media(forced_colors="active")
    else:
        lab.theme(theme)
    panel = lab.panel()
    assert panel.root.evaluate(FAINT) == []
    panel.ask("Show everything")
    panel.ask("What about {{ nothing }}?", wait=False)
    expect(panel.status).to_contain_text("cannot be evaluated")
    panel.button("More").click()
    expect(panel.root.get_by_role("dialog", name="More")).to_be_visible()
    assert panel.root.evaluate(FAINT) == []


def test_it_fits_into_360_pixels(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(CHAT, width=1000)
    lab.run_all()
    panel = lab.panel()
    panel.ask("Show everything, and let the title be as long as one can be that is made of a question")
    for width in (360, 520, 900):
        panel.root.evaluate("(panel, width) => { panel.style.width = `${width}px`; }", width)
        lab.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        overflowing = panel.root.evaluate("""(panel) => {
            const right = panel.getBoundingClientRect().right;
            const scrolls = (el) => el.closest('pre, .lsnb-table, .lsnb-maths');
            return [...panel.querySelectorAll('.lsnb-header *, .lsnb-log *, .lsnb-composer *')]
                .filter((el) => el.checkVisibility() && !scrolls(el) && el.getBoundingClientRect().right > right + 1)
                .map((el) => el.className || el.tagName);
        }""")
        assert overflowing == []
        # A long title leaves room for the model's name, and each button is as wide as it should be.
        name = "(el) => el.clientWidth / el.scrollWidth"
        assert panel.root.locator(".lsnb-model-name").evaluate(name) > (0.99 if width == 900 else 0.4)
        buttons = panel.root.locator(".lsnb-header .lsnb-tool").evaluate_all("(all) => all.map((el) => el.offsetWidth)")
        assert buttons == [26, 26]


def test_everything_is_named_and_reached_by_the_keyboard(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(CHAT)
    lab.run_all()
    panel = lab.panel()
    panel.ask("Show everything")
    log = panel.root.get_by_role("log")
    # The log itself is never read out while it grows; the status says once that the reply is there.
    expect(log).to_have_attribute("aria-live", "off")
    expect(panel.root.get_by_role("status")).to_contain_text("Reply: You asked: Show everything")
    unnamed = panel.root.evaluate("""(panel) => [...panel.querySelectorAll('button, input, textarea')]
        .filter((el) => !el.hidden && !(el.getAttribute('aria-label') || el.textContent.trim()))
        .map((el) => el.outerHTML)""")
    assert unnamed == []
    panel.box.focus()
    reached = set()
    for _ in range(30):
        lab.page.keyboard.press("Shift+Tab")
        reached.add(lab.page.evaluate("document.activeElement.ariaLabel || document.activeElement.textContent.trim()"))
    wanted = {"Regenerate", "Copy message", "Good reply", "Bad reply", "Edit", "Copy code", "More", "New chat"}
    assert wanted <= reached
    panel.button("More").focus()
    lab.page.keyboard.press("Enter")
    expect(panel.root.locator(".lsnb-item:focus")).to_have_text("New chat")
    lab.page.keyboard.press("ArrowDown")
    expect(panel.root.locator(".lsnb-item:focus")).to_have_text("Earlier chats …")
    lab.page.keyboard.press("Escape")
    expect(panel.button("More")).to_be_focused()
    ring = panel.button("More").evaluate("(el) => getComputedStyle(el).outlineStyle")
    assert ring == "solid"


def test_text_that_runs_from_right_to_left_does(open_notebook: OpenNotebook) -> None:
    lab = open_notebook("import langswarm_nb as ls\nls.chat(provider_config={'response_pattern': 'שלום, {input}'})")
    lab.run_all()
    panel = lab.panel()
    panel.ask("שלום עולם")
    for text in (panel.root.locator(".lsnb-said"), panel.replies.locator(".lsnb-md")):
        assert text.evaluate("(el) => getComputedStyle(el).direction") == "rtl"


def test_each_block_has_its_own_direction_and_code_runs_from_left_to_right(open_notebook: OpenNotebook) -> None:
    text = "שלום עולם.\n\nAn English sentence.\n\n- פריט\n- item\n\n```python\nprint('שלום')\n```\n"
    lab = open_notebook(f"import langswarm_nb as ls\nls.chat(provider_config={ {'response_pattern': text}!r})")
    lab.run_all()
    panel = lab.panel()
    panel.ask("שלום\nHello")
    # Which side the text of each block begins at.
    sides = panel.replies.last.locator(".lsnb-md :is(p, li, pre)").evaluate_all("""(all) => all.map((el) => {
        const range = new Range();
        range.selectNodeContents(el);
        const [text, box] = [range.getBoundingClientRect(), el.getBoundingClientRect()];
        return text.left - box.left < box.right - text.right ? 'left' : 'right';
    })""")
    assert sides == ["right", "left", "right", "left", "left"]
    said = panel.root.locator(".lsnb-said").evaluate("(el) => getComputedStyle(el).unicodeBidi")
    assert said == "plaintext"


def test_focus_stays_where_the_keyboard_was(open_notebook: OpenNotebook) -> None:
    lab = open_notebook("import langswarm_nb as ls\nls.chat(provider_config={'response_delay_ms': 50})")
    lab.run_all()
    panel = lab.panel()
    panel.ask("one")

    def focused() -> str:
        return lab.page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.textContent")

    # A reply that is made again, its versions, its thumbs: each button is made anew by what it does.
    panel.button("Regenerate").focus()
    lab.page.keyboard.press("Enter")
    group = panel.replies.last.get_by_role("group")
    expect(group).to_have_text("2/2")
    panel.wait_for_replies(1)
    assert focused() in ("Regenerate", "Conversation")
    group.get_by_label("Version before").focus()
    lab.page.keyboard.press("Enter")
    expect(group).to_have_text("1/2")
    assert focused() == "Next version"  # there is none before the first
    group.get_by_label("Next version").focus()
    lab.page.keyboard.press("Enter")
    expect(group).to_have_text("2/2")
    panel.button("Good reply").focus()
    lab.page.keyboard.press("Enter")
    expect(panel.button("Good reply")).to_have_attribute("aria-pressed", "true")
    expect(panel.root.get_by_label("Why")).to_be_focused()
    lab.page.keyboard.press("Escape")
    assert focused() == "Good reply"
    lab.page.keyboard.press("Enter")
    expect(panel.button("Good reply")).to_have_attribute("aria-pressed", "false")
    assert focused() == "Good reply"


def test_closing_leaves_nothing_behind(open_notebook: OpenNotebook) -> None:
    count = "from ipywidgets.widgets.widget import _instances\nprint('left', len(_instances), len(live.listeners))"
    lab = open_notebook(
        CHAT.replace("ls.chat(", "shown = ls.chat(") + "\nshown", f"live = shown._live\nshown.close()\n{count}"
    )
    lab.run_cell(0)
    lab.run_cell(1)
    lab.panel()
    lab.run_cell(2)
    expect(lab.page.locator(".lsnb-panel")).to_have_count(0)
    expect(lab.outputs(2)).to_contain_text("left 0 0")
