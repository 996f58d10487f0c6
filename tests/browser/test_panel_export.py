"""The panel's export: to the browser and beside the notebook, as it is and redacted; by the keyboard as well."""

from __future__ import annotations

import json
from pathlib import Path

from conftest import OpenNotebook
from playwright.sync_api import expect
from test_accessibility import objections
from test_panel_extras import choose, shows_nothing_beyond_its_edge
from test_panel_looks import FAINT


def test_a_chat_is_downloaded_and_saved_beside_the_notebook(open_notebook: OpenNotebook, tmp_path: Path) -> None:
    lab = open_notebook("import langswarm_nb as ls\nls.chat(provider_config={'response_delay_ms': 50})", name="deep/er")
    lab.run_all()
    panel = lab.panel()
    panel.ask("Mail ada@example.com: «two days» in Oslo?")
    title = panel.root.locator(".lsnb-title")
    title.click()
    panel.root.get_by_role("textbox", name="Title").fill("Trip/to: Oslo")
    lab.page.keyboard.press("Enter")
    expect(title).to_have_text("Trip/to: Oslo")

    choose(panel, "Export")
    pane = panel.root.get_by_role("dialog", name="Export this chat")
    kind = pane.get_by_label("Format")
    expect(kind).to_be_focused()
    shows_nothing_beyond_its_edge(lab, panel)
    assert objections(lab, ".lsnb-panel") == []
    assert panel.root.evaluate(FAINT) == []
    with lab.page.expect_download() as saved:
        pane.get_by_role("button", name="Download").click()
    assert saved.value.suggested_filename == "Trip-to-Oslo.md"
    assert "ada@example.com" in saved.value.path().read_text()
    expect(pane.get_by_role("status")).to_contain_text("Saved: Trip-to-Oslo.md, ")

    # Every other format, redacted; what is out of sight is out of the keyboard's reach as well.
    pane.get_by_label("Redact").check()
    for value in kind.locator("option").evaluate_all("(all) => all.map((one) => one.value)"):
        kind.select_option(value)
        with lab.page.expect_download() as saved:
            pane.get_by_role("button", name="Download").click()
        content = saved.value.path().read_bytes()
        assert len(content) > 100
        assert b"ada@example.com" not in content
        expect(pane.get_by_role("status")).to_contain_text("Redacted: ")
        expect(pane.get_by_role("status")).to_contain_text("2 × email")
    reached = set()
    for _ in range(12):
        lab.page.keyboard.press("Tab")
        reached.add(
            panel.root.evaluate(
                "(panel) => panel.querySelector('.lsnb-pane').contains(document.activeElement)"
                " ? 'pane' : panel.contains(document.activeElement) ? 'covered' : 'outside'"
            )
        )
    assert "covered" not in reached

    # A name that is taken is not written over.
    kind.select_option("json")
    beside = pane.get_by_role("button", name="Save beside the notebook")
    for name in ("Trip-to-Oslo.json", "Trip-to-Oslo2.json"):
        beside.click()
        expect(pane.get_by_role("status")).to_contain_text(f"Saved: {name} in ")
        text = (lab.lab.root / "deep" / name).read_text()
        assert json.loads(text)
        assert "ada@example.com" not in text
    expect(beside).to_be_focused()
    lab.page.keyboard.press("Escape")
    expect(pane).to_have_count(0)
    expect(panel.button("More")).to_be_focused()
    panel.ask("And again?")


def test_what_cannot_be_written_is_said(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(
        "import langswarm_nb as ls\nls.chat(provider_config={'response_delay_ms': 50})", name="gone/chat"
    )
    lab.run_all()
    panel = lab.panel()
    panel.ask("hello")
    choose(panel, "Export")
    pane = panel.root.get_by_role("dialog", name="Export this chat")
    folder = lab.lab.root / "gone"
    for number in ["", *range(2, 100)]:
        (folder / f"hello{number}.md").touch()
    pane.get_by_role("button", name="Save beside the notebook").click()
    expect(pane.get_by_role("alert")).to_have_text(
        "hello.md and many like it are there already. Give the chat another title."
    )
    expect(pane.get_by_role("button", name="Download")).to_be_enabled()
