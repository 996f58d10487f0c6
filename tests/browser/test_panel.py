"""The chat panel in JupyterLab, as a reader sees and uses it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import OpenNotebook, Panel
from playwright.sync_api import expect
from waiting import let_go

SETUP = """
import langswarm_nb as ls
"""
WAITING = "import waiting\nwaiting.install()"
LONG = "word " * 60


def slow(pattern: str = LONG, ms: int = 3000, **options: object) -> str:
    return SETUP + f"ls.chat(provider_config={ {'response_pattern': pattern, 'response_delay_ms': ms} | options!r})"


def waits(pattern: str = LONG) -> str:
    """Return a cell with a panel whose replies wait for `let_go`."""
    return f"{WAITING}\n{slow(pattern, 0)}"


def test_a_question_is_answered_in_at_least_five_steps(open_notebook: OpenNotebook, tmp_path: Path) -> None:
    lab = open_notebook(waits())
    lab.run_all()
    panel = lab.panel()
    panel.watch_growth()
    panel.ask("Tell me a word", wait=False)
    panel.wait_until_grown(5)
    let_go(tmp_path)
    panel.wait_for_replies(1)
    growth = panel.growth()
    assert growth == sorted(growth)
    assert panel.texts() == ["Tell me a word", LONG.strip()]
    expect(panel.root.locator(".lsnb-numbers")).to_have_text(re.compile(r"^\d+(\.\d)? s, 60 tokens, –$"))
    expect(panel.root.locator(".lsnb-strip")).to_have_text(
        "Mock replies. Set OPENAI_API_KEY or ANTHROPIC_API_KEY, or pick a model."
    )


def test_what_stands_of_a_long_reply_stays_when_it_ends(open_notebook: OpenNotebook, tmp_path: Path) -> None:
    sections = "".join(
        f"## Part {n}\n\nSome *text*.\n\n```python\nx = {n}\n```\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\n"
        for n in range(300)
    )
    lab = open_notebook(waits(sections))
    lab.run_all()
    panel = lab.panel()
    panel.ask("Everything", wait=False)
    panel.wait_until_streaming(200)
    panel.root.evaluate("(panel) => { panel.querySelector('.lsnb-md > h2').stood = true; }")
    let_go(tmp_path)
    panel.wait_for_replies(1)
    reply = panel.replies.first
    assert reply.locator("h2").all_inner_texts() == [f"Part {n}" for n in range(300)]
    assert reply.locator(".lsnb-table").count() == reply.get_by_label("Copy code").count() == 300
    assert reply.locator(".lsnb-tail").count() == 0
    assert panel.root.evaluate("(panel) => panel.querySelector('.lsnb-md > h2').stood")


def test_markdown_is_rendered_and_code_can_be_copied_and_put_into_a_cell(open_notebook: OpenNotebook) -> None:
    lab = open_notebook("import langswarm_nb as ls\nls.chat(model='mock/mock-markdown')")
    lab.run_all()
    panel = lab.panel()
    panel.ask("Show everything")
    reply = panel.replies.first
    expect(reply.locator("h2")).to_have_text("You asked: Show everything")
    expect(reply.locator("table tr")).to_have_count(4)
    expect(reply.locator("math").first).to_be_visible()
    assert reply.locator("pre span[class^=lsnb-k]").count() > 1
    panel.button("Put into a new cell below").click()
    code = reply.locator("pre code").text_content() or ""
    assert lab.cell_sources()[2] == code
    assert code.startswith("import pandas as pd")
    panel.button("Copy code").click()
    expect(panel.root.locator(".lsnb-codebar [data-done]").first).to_be_visible()
    assert lab.page.evaluate("navigator.clipboard.readText()") == code
    reply.hover()
    reply.get_by_label("Copy message").click()
    expect(reply.locator(".lsnb-tools [data-done]")).to_be_visible()
    assert lab.page.evaluate("navigator.clipboard.readText()").startswith("## You asked: Show everything")


def test_the_conversation_is_there_after_a_restart(open_notebook: OpenNotebook) -> None:
    lab = open_notebook("import langswarm_nb as ls\nls.chat()", "len(ls.messages())")
    lab.run_cell(0)
    lab.run_cell(1)
    lab.panel().ask("Remember me")
    lab.restart_kernel()
    lab.run_all()
    panel = lab.panel()
    assert panel.texts() == ["Remember me", "Mock response to: Remember me"]
    expect(lab.outputs(2)).to_contain_text("2")
    panel.ask("And again")
    assert panel.texts()[2:] == ["And again", "Mock response to: And again"]


def test_stop_keeps_what_came(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(slow(ms=20_000))
    lab.run_all()
    panel = lab.panel()
    for stop in (lambda: panel.button("Stop").click(), lambda: panel.box.press("Escape")):
        count = panel.replies.count()
        panel.ask("Talk on", wait=False)
        panel.wait_until_streaming(at_least=20)
        stop()
        panel.wait_for_replies(count + 1)
        reply = panel.replies.last
        expect(reply).to_have_attribute("data-state", "interrupted")
        expect(reply.locator(".lsnb-stopped")).to_have_text("Stopped here.")
        assert 20 <= len(reply.locator(".lsnb-md").text_content() or "") < len(LONG)
        expect(panel.button("Send")).to_be_visible()


def test_an_error_is_a_card_that_says_what_to_do_and_retry_answers(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(slow("Now it works.", 0, error_rate=0.5))
    lab.run_all()
    panel = lab.panel()
    panel.ask("First")
    panel.ask("Second")
    card = panel.replies.last.locator(".lsnb-error")
    expect(card.locator("p")).to_have_text(
        "The mock provider failed on purpose (error rate 0.5). Press Retry, or set the rate to 0."
    )
    assert "Traceback" not in card.inner_text()
    card.get_by_text("Details").click()
    expect(card.locator("dl")).to_contain_text("mock-model")
    panel.button("Retry").click()
    expect(panel.replies.last.locator(".lsnb-md")).to_have_text("Now it works.")
    assert panel.texts() == ["First", "Now it works.", "Second", "Now it works."]


def test_an_empty_message_is_not_sent_and_an_unknown_variable_is_named(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(slow("{input}", 0), "import pandas as pd\nprices = pd.DataFrame({'cost': [1, 2]})")
    lab.run_all()
    panel = lab.panel()
    expect(panel.button("Send")).to_be_disabled()
    panel.box.fill("   ")
    panel.box.press("Enter")
    assert panel.messages.count() == 0
    panel.box.fill("What is in {{ pricse }}?")
    panel.box.press("Enter")
    expect(panel.status).to_contain_text("{{ pricse }} cannot be evaluated")
    expect(panel.box).to_have_value("What is in {{ pricse }}?")
    panel.box.fill("")
    panel.box.type("What is in {{pri")
    expect(panel.root.get_by_role("option", name="prices")).to_contain_text("DataFrame 2 × 1")
    panel.box.press("Tab")
    expect(panel.box).to_have_value("What is in {{prices}}")
    panel.box.type("?")
    panel.box.press("Enter")
    panel.wait_for_replies(1)
    assert panel.texts()[0] == "What is in {{prices}}?"
    expect(panel.replies.last).to_contain_text("DataFrame with 2 rows and 1 columns")


def test_a_second_view_stays_in_step(open_notebook: OpenNotebook, tmp_path: Path) -> None:
    lab = open_notebook(waits().replace("ls.chat(", "shown = ls.chat(") + "\nshown", "shown")
    lab.run_all()
    first, second = lab.panel(0), lab.panel(1)
    first.ask("Both of you", wait=False)
    second.wait_until_streaming()
    let_go(tmp_path)
    second.wait_for_replies(1)
    first.wait_for_replies(1)
    assert first.texts() == second.texts() == ["Both of you", LONG.strip()]


def test_a_reload_in_mid_stream_ends_whole_and_once(open_notebook: OpenNotebook, tmp_path: Path) -> None:
    lab = open_notebook(waits())
    lab.run_all()
    lab.save()
    panel = lab.panel()
    panel.ask("Through a reload", wait=False)
    panel.wait_until_streaming(at_least=10)
    lab.reload()
    panel = lab.panel()
    panel.wait_until_streaming(at_least=20)
    let_go(tmp_path)
    panel.wait_for_replies(1)
    assert panel.texts() == ["Through a reload", LONG.strip()]


def test_a_question_is_answered_while_a_cell_runs(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(slow("At once.", 200), "import time\nfor _ in range(3000): time.sleep(0.1)")
    lab.run_all(wait=False)
    panel = lab.panel()
    panel.ask("Are you there?")
    assert panel.texts() == ["Are you there?", "At once."]
    expect(lab.page.locator(".jp-InputPrompt", has_text="*")).to_have_count(1)
    lab.interrupt_kernel()
    lab.page.wait_for_function("jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.status === 'idle'")
    panel.ask("And now?")
    assert panel.texts()[2:] == ["And now?", "At once."]


def test_interrupting_the_kernel_does_not_end_a_reply(open_notebook: OpenNotebook, tmp_path: Path) -> None:
    lab = open_notebook(waits())
    lab.run_all()
    panel = lab.panel()
    panel.ask("Go on", wait=False)
    panel.wait_until_streaming()
    lab.interrupt_kernel()
    panel.wait_until_streaming(at_least=len(LONG.strip()) // 2)
    let_go(tmp_path)
    panel.wait_for_replies(1)
    assert panel.texts() == ["Go on", LONG.strip()]


def test_jupyters_shortcuts_do_not_fire_while_someone_types(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(slow("{input}", 0), "1 + 1")
    lab.run_all()
    panel = lab.panel()
    before = lab.cell_sources()
    panel.box.click()
    lab.page.keyboard.type("aabbddxz00ii")
    lab.page.keyboard.press("Shift+Enter")
    lab.page.keyboard.type("second line")
    expect(panel.box).to_have_value("aabbddxz00ii\nsecond line")
    panel.button("More").focus()
    lab.page.keyboard.type("ddabx")
    lab.page.keyboard.press("Escape")
    assert lab.cell_sources() == before


def test_edit_and_regenerate_branch(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(slow("You said {input}.", 0))
    lab.run_all()
    panel = lab.panel()
    panel.ask("one")
    panel.box.press("ArrowUp")
    edit = panel.root.get_by_label("Edit the message")
    expect(edit).to_have_value("one")
    edit.fill("two")
    edit.press("Enter")
    expect(panel.replies.last).to_contain_text("You said two.")
    branches = panel.questions.first.get_by_role("group")
    expect(branches).to_have_text("2/2")
    branches.get_by_label("Version before").click()
    expect(panel.replies.last).to_contain_text("You said one.")
    assert panel.texts() == ["one", "You said one."]
    panel.replies.last.hover()
    panel.button("Regenerate").click()
    expect(panel.replies.last.get_by_role("group")).to_have_text("2/2")
    assert panel.texts() == ["one", "You said one."]


def test_the_readers_scroll_position_is_hers(open_notebook: OpenNotebook, tmp_path: Path) -> None:
    lab = open_notebook(waits("line\n\n" * 200))
    lab.run_all()
    panel = lab.panel()
    panel.ask("Long", wait=False)
    panel.wait_until_streaming(at_least=150)
    log = panel.root.get_by_role("log")
    at_bottom = "(log) => log.scrollHeight - log.scrollTop - log.clientHeight < 40"
    lab.page.wait_for_function(at_bottom, arg=log.element_handle())
    log.evaluate("(log) => log.scrollTo(0, 20)")
    panel.wait_until_streaming(at_least=300)
    assert log.evaluate("(log) => log.scrollTop") == pytest.approx(20, abs=2)
    panel.root.get_by_role("button", name="newest").click()
    let_go(tmp_path)
    panel.wait_for_replies(1)
    lab.page.wait_for_function(at_bottom, arg=log.element_handle())


def test_feedback_is_stored_as_an_event(open_notebook: OpenNotebook) -> None:
    query = "ls.sql(\"select kind, payload from events where kind = 'feedback'\").payload.map(str).tolist()"
    lab = open_notebook("import langswarm_nb as ls\nls.chat()", query)
    lab.run_cell(0)
    lab.run_cell(1)
    panel = lab.panel()
    panel.ask("Rate me")
    panel.button("Bad reply").click()
    expect(panel.button("Bad reply")).to_have_attribute("aria-pressed", "true")
    panel.root.get_by_label("Why").fill("too short")
    panel.root.get_by_label("Why").press("Enter")
    lab.run_until(2, "too short")


def test_new_chat_earlier_chats_rename_archive(open_notebook: OpenNotebook) -> None:
    lab = open_notebook("import langswarm_nb as ls\nls.chat()")
    lab.run_all()
    panel = lab.panel()
    panel.ask("The first conversation")
    title = panel.root.locator(".lsnb-title")
    expect(title).to_have_text("The first conversation")
    title.click()
    box = panel.root.get_by_role("textbox", name="Title")
    box.fill("Oslo")
    box.press("Enter")
    expect(title).to_have_text("Oslo")
    panel.button("New chat").click()
    expect(panel.messages).to_have_count(0)
    panel.ask("Another one")
    choose(panel, "More", "Earlier chats …")
    panel.root.locator(".lsnb-item", has_text="Oslo").click()
    expect(panel.root.locator(".lsnb-said")).to_have_text("The first conversation")
    choose(panel, "More", "Archive")
    expect(panel.status).to_contain_text("read-only")
    expect(panel.box).to_be_disabled()
    panel.button("Unarchive").click()
    expect(panel.box).to_be_enabled()


def test_another_model_answers_from_the_next_turn_on(open_notebook: OpenNotebook) -> None:
    lab = open_notebook("import langswarm_nb as ls\nls.chat(model='mock/mock-model')")
    lab.run_all()
    panel = lab.panel()
    panel.ask("Plain")
    choose(panel, "Model: mock/mock-model", "mock/mock-markdown")
    expect(panel.button("Model: mock/mock-markdown")).to_be_visible()
    panel.ask("Rich")
    expect(panel.replies.last.locator("h2")).to_have_text("You asked: Rich")
    assert panel.texts()[:2] == ["Plain", "Mock response to: Plain"]


def choose(panel: Panel, menu: str, item: str) -> None:
    panel.button(menu).click()
    panel.root.locator(".lsnb-item", has_text=item).first.click()


def test_the_saved_file_keeps_the_conversation_for_readers_without_a_kernel(open_notebook: OpenNotebook) -> None:
    lab = open_notebook("import langswarm_nb as ls\nls.chat(model='mock/mock-markdown')")
    lab.run_all()
    panel = lab.panel()
    panel.ask("Keep this")
    kept = lab.page.locator(".lsnb-transcript")
    expect(kept).to_contain_text("You asked: Keep this")
    expect(kept).to_be_hidden()
    lab.save()
    lab.page.close()
    lab.lab.stop_kernels()
    again = open_notebook(name=lab.notebook.stem)
    kept = again.page.locator(".lsnb-transcript")
    expect(kept).to_be_visible()
    expect(kept.locator("h2")).to_have_text("You asked: Keep this")
    expect(kept).to_contain_text("Keep this: 2 messages with mock/mock-markdown. Run this cell to go on.")
    # JupyterLab logs that it has no model for the panel itself.
    again.errors.clear()


def test_without_its_kernel_the_panel_says_so_and_keeps_what_was_typed(open_notebook: OpenNotebook) -> None:
    lab = open_notebook("import langswarm_nb as ls\nls.chat()")
    lab.run_all()
    panel = lab.panel()
    panel.ask("Before")
    lab.restart_kernel()
    panel.box.fill("After the restart")
    panel.box.press("Enter")
    expect(panel.status).to_contain_text("The kernel is gone. Run this cell to go on.")
    expect(panel.box).to_have_value("After the restart")
    assert panel.texts() == ["Before", "Mock response to: Before"]
