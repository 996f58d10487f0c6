"""What the panel loads when it is first used: settings, tags, search, approval of tools; by the keyboard as well."""

from __future__ import annotations

import re

from conftest import LabPage, OpenNotebook, Panel
from playwright.sync_api import expect
from test_accessibility import objections

TOOLS = """
import langswarm_nb as ls
def pay(amount: float, to: str) -> str:
    "Pay somebody."
    return f"paid {amount:g} to {to}"
panel = ls.chat(tools=[pay], provider_config={'response_delay_ms': 300, 'response_pattern': 'Result: {input}'})
def ask_for(*calls):
    panel.session.provider_session.set_tool_calls([{"name": "pay", "arguments": call} for call in calls])
ask_for({"amount": 3, "to": "<img src=x onerror=hit()>\u202eeva"})
panel
"""


def choose(panel: Panel, item: str) -> None:
    panel.button("More").click()
    panel.root.locator(".lsnb-item", has_text=item).first.click()


def laid_out(lab: LabPage) -> None:
    """Return when what watches sizes has seen those that were set."""
    lab.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))")


def shows_nothing_beyond_its_edge(lab: LabPage, panel: Panel) -> None:
    panel.root.evaluate("(panel) => { panel.style.width = '360px'; }")
    laid_out(lab)
    overflowing = panel.root.evaluate("""(panel) => {
        const right = panel.getBoundingClientRect().right;
        return [...panel.querySelectorAll('*')]
            .filter((el) => el.checkVisibility() && !el.closest('pre, .lsnb-log, .lsnb-hidden, input[type=file]'))
            .filter((el) => el.getBoundingClientRect().right > right + 1).map((el) => el.className || el.tagName);
    }""")
    assert overflowing == []
    panel.root.evaluate("(panel) => { panel.style.width = ''; }")


def test_a_call_waits_for_the_readers_word(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(TOOLS, "ask_for({'amount': 5, 'to': 'bo'}, {'amount': 6, 'to': 'cy'})", "panel.close()")
    lab.page.evaluate("window.hits = 0; window.hit = () => { window.hits += 1; }; null")
    lab.run_cell(0)
    lab.run_cell(1)
    lab.save()
    panel = lab.panel()
    panel.ask("Pay, please.", wait=False)
    card = panel.root.get_by_role("region", name="Call of pay")
    expect(card).to_contain_text("The model wants to call pay with")
    expect(card.get_by_label("Arguments")).to_contain_text('"to": "<img src=x onerror=hit()>\\u202eeva"')
    expect(panel.root.get_by_role("status").first).to_contain_text("wants to call pay")
    shows_nothing_beyond_its_edge(lab, panel)

    # What waits is there in another page, too.
    lab.reload()
    panel = lab.panel()
    card = panel.root.get_by_role("region", name="Call of pay")
    expect(card).to_be_visible()
    panel.box.focus()
    lab.page.keyboard.press("Shift+Tab")
    for _ in range(5):
        if panel.button("Approve").evaluate("(button) => button === document.activeElement"):
            break
        lab.page.keyboard.press("Shift+Tab")
    expect(panel.button("Approve")).to_be_focused()
    lab.page.keyboard.press("Enter")
    expect(card).to_have_count(0)
    expect(panel.replies.last).to_contain_text("Result: paid 3 to")
    panel.wait_for_replies(2)
    expect(panel.box).to_be_focused()

    # Two at a time, each with its own answer; the model hears why not.
    lab.run_cell(2)
    panel.ask("Again.", wait=False)
    expect(panel.root.locator(".lsnb-call-ask")).to_have_count(2)
    second = panel.root.locator(".lsnb-call-ask").last
    second.get_by_label("Why pay may not be called").fill("too dear")
    second.get_by_role("button", name="Reject").click()
    expect(panel.root.locator(".lsnb-call-ask")).to_have_count(1)
    panel.button("Always approve").click()
    expect(panel.replies.last).to_contain_text("paid 5 to bo, Error: the user did not allow this call: too dear.")
    panel.wait_for_replies(4)
    lab.run_cell(2)
    panel.ask("Once more.", wait=False)
    expect(panel.replies.last).to_contain_text("paid 5 to bo, paid 6 to cy")
    assert lab.page.evaluate("window.hits ?? 0") == 0


def test_settings_tags_and_title_are_changed_in_the_panel(open_notebook: OpenNotebook) -> None:
    state = "s = ls.sessions().iloc[0]; print(s.title, list(s.tags), ls.messages().temperature.iloc[-1])"
    lab = open_notebook("import langswarm_nb as ls\nls.chat(provider_config={'response_delay_ms': 50})", state)
    lab.run_cell(0)
    lab.run_cell(1)
    panel = lab.panel()

    choose(panel, "Settings")
    pane = panel.root.get_by_role("dialog", name="Settings of this chat")
    expect(pane.get_by_label("Instructions")).to_be_focused()
    shows_nothing_beyond_its_edge(lab, panel)
    pane.get_by_label("Instructions").fill("Answer in one word.")
    pane.get_by_label("Temperature").fill("7")
    pane.get_by_label("Temperature").press("Enter")
    expect(pane.get_by_role("alert")).to_have_text("Temperature is a number from 0 to 2, or empty.")
    expect(pane.get_by_label("Temperature")).to_be_focused()
    pane.get_by_label("Temperature").fill("0.25")
    lab.page.keyboard.press("Enter")
    expect(pane).to_have_count(0)
    expect(panel.button("More")).to_be_focused()
    expect(panel.root.locator(".lsnb-tags")).to_have_text("instructions, temperature 0.25")
    panel.ask("Hello")
    choose(panel, "Settings")
    expect(pane.get_by_label("Temperature")).to_have_value("0.25")
    expect(pane.get_by_label("Instructions")).to_be_focused()
    lab.page.keyboard.press("Escape")
    expect(pane).to_have_count(0)

    choose(panel, "Tags")
    add = panel.root.get_by_label("Add a tag")
    for tag in ("travel", "<b>oslo</b>", "Travel"):
        add.fill(tag)
        add.press("Enter")
        expect(add).to_have_value("")
    tags = panel.root.get_by_role("list", name="Tags").get_by_role("listitem")
    expect(tags).to_have_text(["travel", "<b>oslo</b>"])
    shows_nothing_beyond_its_edge(lab, panel)
    panel.button("Remove travel").click()
    expect(tags).to_have_text(["<b>oslo</b>"])
    expect(panel.status).to_contain_text("The tag “travel” was removed.")
    panel.button("Undo").click()
    expect(tags).to_have_text(["travel", "<b>oslo</b>"])
    panel.button("Done").click()
    expect(panel.root.locator(".lsnb-tags")).to_contain_text("travel")

    title = panel.root.locator(".lsnb-title")
    title.click()
    panel.root.get_by_role("textbox", name="Title").fill("Oslo")
    lab.page.keyboard.press("Enter")
    expect(title).to_have_text("Oslo")
    panel.button("Undo").click()
    expect(title).to_have_text("Hello")
    expect(panel.root.get_by_role("button", name="Undo")).to_have_count(0)
    lab.run_cell(2)
    expect(lab.outputs(2)).to_contain_text("Hello ['travel', '<b>oslo</b>'] 0.25")


def test_the_conversation_is_searched(open_notebook: OpenNotebook) -> None:
    setup = """
import langswarm_nb as ls
from langswarm_nb import runtime
panel = ls.chat(model="mock/mock-markdown", provider_config={"response_delay_ms": 50})
async def fill():
    await panel.session.add_messages([{"role": "user", "content": f"needle number {n}"} for n in range(45)])
runtime.run(fill())
"""
    lab = open_notebook(setup, 'ls.chat(model="mock/mock-markdown")')
    lab.run_all()
    panel = lab.panel()
    panel.ask("The last *question*")
    before = panel.replies.last.locator(".lsnb-md").inner_html()
    highlights = "[...(CSS.highlights.get('lsnb-find') ?? [])].map(String)"
    for fallback in (False, True):
        if fallback:
            lab.page.evaluate("delete window.Highlight; null")
            lab.run_cell(2)
            panel = lab.panel()
        panel.box.press("Control+f")
        box = panel.root.get_by_role("textbox", name="Find in this chat")
        expect(box).to_be_focused()
        marks = panel.root.locator(".lsnb-hit")
        count = panel.root.locator(".lsnb-count")
        # Through bold and links, but not from one cell of a table into the next.
        for words, matches in (
            ("the MOCK provider: no", 1),
            ("session keeps", 0),
            ("a.b(", 0),
            ("pandas", 1),
        ):
            box.fill(words)
            expect(count).to_have_text(f"1/{matches}" if matches else "No match")
            if not fallback:
                assert len(lab.page.evaluate(highlights)) == matches
            elif matches:
                expect(marks.first).to_be_visible()
        box.fill("needle")
        shown = 45 if fallback else 40
        expect(count).to_have_text(re.compile(rf"^\d+/{shown}$"))
        began = int(count.inner_text().split("/")[0])
        needles = panel.root.locator(".lsnb-said", has_text="needle number")
        for key, place in (("Enter", began % shown + 1), ("Shift+Enter", began), ("Shift+Enter", began - 1 or shown)):
            lab.page.keyboard.press(key)
            expect(count).to_have_text(f"{place}/{shown}")
            expect(needles.nth(place - 1)).to_be_in_viewport()
        if fallback:
            expect(marks).to_have_count(shown)
        else:
            panel.root.get_by_role("button", name="Search 5 earlier messages, too").click()
            expect(count).to_have_text(re.compile(r"^\d+/45$"))
        shows_nothing_beyond_its_edge(lab, panel)
        lab.page.keyboard.press("Escape")
        expect(box).to_have_count(0)
        expect(panel.box).to_be_focused()
        expect(marks).to_have_count(0)
        assert lab.page.evaluate(highlights) == []
    # The text is as the renderer made it.
    after = panel.replies.last.locator(".lsnb-md").inner_html()
    assert after == before


def test_a_message_as_long_as_a_book_scrolls_within_itself(open_notebook: OpenNotebook) -> None:
    lab = open_notebook("import langswarm_nb as ls\nls.chat(provider_config={'response_pattern': 'Read.'})")
    lab.run_all()
    panel = lab.panel()
    panel.ask("\n".join(f"row {n} of many" for n in range(900)))
    said = panel.root.locator(".lsnb-said")
    assert said.evaluate("(said) => said.offsetHeight < said.closest('.lsnb-panel').offsetHeight")
    assert [found for found in objections(lab, ".lsnb-panel") if "scrollable" in found] == []
    panel.box.press("Control+f")
    for row in (450, 899, 3):
        panel.root.get_by_role("textbox", name="Find in this chat").fill(f"row {row} of")
        expect(panel.root.locator(".lsnb-count")).to_have_text("1/1")
        # What is found is what one would touch there.
        lab.page.wait_for_function("""() => {
            const [range] = CSS.highlights.get('lsnb-find-now');
            const box = range.getBoundingClientRect();
            return document.elementFromPoint(box.left + 2, box.top + 2) === range.startContainer.parentElement;
        }""")
