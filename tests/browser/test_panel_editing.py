"""A question that is written anew in the panel, while other things happen; and where the keyboard is afterwards."""

from __future__ import annotations

from pathlib import Path

from conftest import OpenNotebook
from playwright.sync_api import expect
from test_panel import waits
from waiting import let_go

CELL = "from langswarm_nb import runtime\nruntime.run(panel.session.send_message('From a cell'))"


def test_what_is_written_anew_is_kept_until_it_is_stored(open_notebook: OpenNotebook, tmp_path: Path) -> None:
    lab = open_notebook(waits("Said {input}. " * 30).replace("ls.chat", "panel = ls.chat") + "\npanel", CELL)
    lab.run_cell(0)
    lab.run_cell(1)
    panel = lab.panel()
    page = lab.page
    for question in ("one", "two"):
        panel.ask(question, wait=False)
        panel.wait_until_streaming()
        # Stop is disabled as soon as it has done its work: the keyboard goes on in the box.
        panel.button("Stop").focus()
        page.keyboard.press("Enter")
        panel.wait_for_replies(1 if question == "one" else 2)
        expect(panel.box).to_be_focused()
    edit = panel.root.get_by_label("Edit the message")
    again = panel.questions.first.get_by_role("button", name="Edit")
    again.focus()
    page.keyboard.press("Enter")
    expect(edit).to_be_focused()
    page.keyboard.press("Escape")
    expect(again).to_be_focused()

    # Another reply is coming: it says so, and what was written is there still.
    page.keyboard.press("Enter")
    edit.fill("a long and careful question")
    panel.ask("three", wait=False)
    panel.wait_until_streaming()
    edit.press("Enter")
    expect(panel.status).to_contain_text("A reply is still coming. Wait for it or press Stop.")
    expect(edit).to_have_value("a long and careful question")
    expect(edit).to_be_focused()
    let_go(tmp_path)
    panel.wait_for_replies(3)
    # What a cell says in the same session changes nothing here.
    lab.run_cell(2)
    expect(panel.replies).to_have_count(4)
    expect(edit).to_have_value("a long and careful question")
    edit.fill("{{ unknown }}")
    edit.press("Enter")
    expect(panel.status).to_contain_text("{{ unknown }} cannot be evaluated")
    expect(edit).to_have_value("{{ unknown }}")
    # The reply to a long one is followed, too, by whoever had gone up to write it anew.
    edit.fill("\n".join(["a careful question", *map(str, range(30))]))
    edit.press("Enter")
    expect(panel.replies).to_have_count(1)
    expect(panel.replies.last).to_contain_text("Said a careful question")
    expect(panel.root.locator(".lsnb-pill")).to_be_hidden()
    expect(panel.box).to_be_focused()

    panel.wait_for_replies(1)
    panel.box.focus()
    page.keyboard.press("ArrowUp")
    edit.fill("another one")
    edit.press("Enter")
    expect(panel.replies.last).to_contain_text("Said another one.")
    expect(panel.box).to_be_focused()
    expect(panel.questions.first.get_by_role("group")).to_have_text("3/3")


def test_another_model_is_named_by_the_keyboard(open_notebook: OpenNotebook) -> None:
    # With no model to choose from, too.
    lab = open_notebook("import langswarm_nb as ls\npanel = ls.chat()\npanel._live.offer_models([])\npanel")
    lab.run_all()
    panel = lab.panel()
    for name in ("nope/any", "mock/mock-markdown"):
        panel.button("Model: mock/mock-model").press("Enter")
        expect(panel.root.get_by_label("Another model")).to_be_focused()
        lab.page.keyboard.type(name)
        lab.page.keyboard.press("Enter")
        if name == "nope/any":
            expect(panel.status).to_contain_text("There is no provider 'nope'.")
            expect(panel.root.locator(".lsnb-popup")).to_have_count(0)
            expect(panel.button("Model: mock/mock-model")).to_be_focused()
    expect(panel.button("Model: mock/mock-markdown")).to_be_focused()
    expect(panel.root.locator(".lsnb-popup")).to_have_count(0)
