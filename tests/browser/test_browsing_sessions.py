"""The session browser in JupyterLab, as a reader sees and uses it."""

from __future__ import annotations

import json

from conftest import OpenNotebook
from playwright.sync_api import Locator, expect
from sockets import cut, make_cuttable, mend
from test_accessibility import objections
from test_panel_extras import laid_out
from test_panel_looks import FAINT

FILL = r"""
import langswarm_nb as ls
from langswarm_nb import runtime
manager = runtime.default_manager()
evil = '<img src=x onerror="window.ran=1"><b>title</b>'

async def fill():
    for n in range(70):
        config = {"name": f"Chat {n}", "tags": ["even"] * (n % 2 == 0)}
        session = await manager.create_session("ada", "mock", "mock-model", config)
        await session.add_messages([
            {"role": "user", "content": f"Question {n}"},
            {"role": "assistant", "content": "The penguin walks." if n % 10 == 0 else "Yes."},
        ])
    session = await manager.create_session("bob", "mock", "mock-markdown", {"name": evil, "tags": [evil[:50]]})
    await session.add_message("assistant", evil + " [x](javascript:window.ran=1) zebra")

runtime.run(fill())
"""
NEW = "runtime.run(manager.create_session('ada', 'mock', 'mock-model', {'name': 'Fresh'}))"


def _rows(root: Locator) -> Locator:
    return root.get_by_role("listbox", name="Sessions").get_by_role("option")


def _looks_right(root: Locator) -> None:
    assert root.evaluate(FAINT) == []
    assert root.evaluate("() => window.ran") is None


def test_finding_opening_and_keeping_order(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(FILL, "ls.session_browser(height=520)", NEW, width=1400)
    for cell in (0, 1, 2):
        lab.run_cell(cell)
    page = lab.page
    root = page.locator(".lsnb-browser")
    rows = _rows(root)
    about = root.locator(".lsnb-about")
    box = root.get_by_role("searchbox", name="Search titles and messages")
    expect(about).to_have_text("71 sessions")
    expect(rows).to_have_count(50)
    expect(rows.first).to_contain_text('<img src=x onerror="window.ran=1"><b>title</b>')
    _looks_right(root)

    # The rest comes when the end comes near; a session of another cell comes by itself.
    root.get_by_role("listbox", name="Sessions").press("End")
    expect(rows).to_have_count(71)
    lab.run_cell(3)
    expect(about).to_have_text("72 sessions", timeout=15_000)
    expect(rows.first).to_contain_text("Fresh")

    # Search as one types, from the keyboard alone; Enter opens.
    rows.first.focus()
    root.get_by_role("listbox", name="Sessions").press("/")
    expect(box).to_be_focused()
    page.keyboard.type("PENGUIN walks", delay=20)
    expect(about).to_have_text("7 sessions found")
    expect(rows.first.locator("mark")).to_have_text(["penguin", "walks"])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    side = root.get_by_role("region", name="Conversation")
    expect(side.locator(".lsnb-msg")).to_have_count(2, timeout=15_000)
    expect(side.locator("button.lsnb-title")).to_have_text("Chat 50")
    expect(side.get_by_label("Message", exact=True)).to_be_focused()
    page.keyboard.type("Go on")
    page.keyboard.press("Enter")
    expect(side.locator(".lsnb-msg")).to_have_count(4)
    # The conversation has moved to the top, and the other one opens in the same panel.
    expect(rows.first).to_contain_text("Chat 50", timeout=15_000)
    box.fill("zebra")
    expect(rows).to_have_count(1)
    rows.first.click()
    expect(side.locator(".lsnb-msg")).to_have_count(1)
    _looks_right(root)

    # A page that is loaded again shows the same conversation.
    lab.save()
    lab.reload()
    expect(root.locator(".lsnb-side .lsnb-msg")).to_have_count(1, timeout=30_000)
    expect(about).to_have_text("72 sessions")
    root.get_by_role("button", name="Close the conversation").click()
    expect(side).to_be_hidden()

    # Rename, tag, archive and delete, the last two for several at once, with the way back.
    toast = root.locator(".lsnb-toast")
    listbox = root.get_by_role("listbox", name="Sessions")
    box.fill("penguin")
    expect(rows).to_have_count(7)
    listbox.focus()
    page.keyboard.press("Home")
    page.keyboard.press("F2")
    root.get_by_role("textbox", name="Title").fill("<i>Penguins</i>")
    page.keyboard.press("Enter")
    expect(rows.first).to_contain_text("<i>Penguins</i>")
    expect(listbox).to_be_focused()
    # Escape takes it back, and the next key is for the list again.
    page.keyboard.press("F2")
    expect(root.get_by_role("textbox", name="Title")).to_be_focused()
    page.keyboard.press("Escape")
    expect(listbox).to_be_focused()
    page.keyboard.press("t")
    expect(listbox).not_to_be_focused()
    page.keyboard.type("birds")
    page.keyboard.press("Enter")
    expect(rows.first.locator(".lsnb-tag").last).to_have_text("birds")
    page.keyboard.press("Control+a")
    expect(about).to_have_text("7 sessions selected")
    page.keyboard.press("e")
    expect(rows.locator(".lsnb-badge")).to_have_text(["archived"] * 7)
    page.keyboard.press("Escape")
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Delete")
    expect(rows).to_have_count(5)
    expect(toast).to_contain_text("2 sessions moved to the trash.")
    toast.get_by_role("button", name="Undo").click()
    expect(rows).to_have_count(7)
    expect(rows.locator(".lsnb-badge")).to_have_text(["archived"] * 7)

    # Filters are chips; no match says so; the trash is a filter.
    root.get_by_role("button", name="Filter by tag").click()
    root.get_by_role("button", name="birds 1").click()
    page.keyboard.press("Escape")
    expect(rows).to_have_count(1)
    box.fill("nothing like it")
    expect(root.get_by_text("No session matches.")).to_be_visible()
    root.get_by_role("button", name="Clear search and filters").click()
    expect(about).to_have_text("72 sessions")
    listbox.focus()
    page.keyboard.press("Delete")
    expect(about).to_have_text("71 sessions")
    root.get_by_role("button", name="Filter by status").click()
    root.get_by_role("button", name="in the trash 1").click()
    page.keyboard.press("Escape")
    expect(about).to_have_text("1 session in the trash")
    root.get_by_role("button", name="Delete for good").click()
    root.get_by_role("button", name="Delete 1 session for good").click()
    expect(root.get_by_text("The trash is empty.")).to_be_visible()
    root.get_by_role("button", name="Show all sessions").click()
    expect(about).to_have_text("71 sessions")

    listbox.focus()
    page.keyboard.press("x")
    with page.expect_download() as saved:
        root.get_by_role("button", name="JSON (.json)").click()
    assert len(json.loads(saved.value.path().read_text())) > 0
    page.keyboard.press("Control+a")
    page.keyboard.press("x")
    root.get_by_role("checkbox", name="Redact").check()
    with page.expect_download() as saved:
        root.get_by_role("button", name="JSON Lines").click()
    assert saved.value.suggested_filename == "sessions.jsonl"
    assert '"ada"' not in saved.value.path().read_text()
    expect(toast).to_contain_text(" sessions: sessions.jsonl, ")
    page.keyboard.press("Escape")

    # Dark, and as narrow as a phone: nothing sticks out, every control has a name.
    assert objections(lab, ".lsnb-browser") == []
    _looks_right(root)
    root.evaluate("(el) => { el.style.width = '360px'; }")
    laid_out(lab)
    wide = root.evaluate("""(root) => [...root.querySelectorAll('*')].filter((el) => el.checkVisibility() &&
        el.getBoundingClientRect().right > root.getBoundingClientRect().right + 1).map((el) => el.className)""")
    assert wide == []
    unnamed = root.evaluate("""(root) => [...root.querySelectorAll('button, input, select')].filter((el) =>
        !(el.getAttribute('aria-label') || el.textContent.trim())).map((el) => el.outerHTML)""")
    assert unnamed == []
    rows.first.click()
    expect(side).to_be_visible()
    root.get_by_role("button", name="Sessions", exact=True).click()
    expect(listbox).to_be_visible()


def test_a_search_and_a_title_survive_a_lost_websocket(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(FILL, "ls.session_browser(height=520)", width=1400)
    make_cuttable(lab)
    lab.run_all()
    root = lab.page.locator(".lsnb-browser")
    about = root.locator(".lsnb-about")
    expect(about).to_have_text("71 sessions")
    cut(lab)
    root.get_by_role("searchbox").fill("penguin")
    expect(about).to_contain_text("Waiting for the kernel")
    mend(lab)
    expect(about).to_have_text("7 sessions found", timeout=40_000)
    cut(lab)
    root.get_by_role("listbox", name="Sessions").press("F2")
    root.get_by_label("Title", exact=True).fill("Renamed")
    lab.page.keyboard.press("Enter")
    expect(about).to_contain_text("Waiting for the kernel")
    mend(lab)
    expect(root.locator(".lsnb-row-title", has_text="Renamed")).to_have_count(1, timeout=40_000)
    lab.errors.clear()
