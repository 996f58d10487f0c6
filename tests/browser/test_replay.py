"""A recorded conversation in the panel: who has no key reads it, plays it, opens others, and writes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Lab, OpenNotebook
from playwright.sync_api import expect
from unit.sharing_stores import message_row, session_row, store_at

LONG = "\n\n".join(f"Paragraph {n}: **the mean** moves with every outlier, the median hardly does." for n in range(12))


@pytest.fixture
def store(lab: Lab, request: pytest.FixtureRequest) -> Path:
    """A store of two conversations with a model that nobody here has a key for."""
    path = lab.root / f"{request.node.name}.duckdb"
    rows = []
    for session, said in (("s1", "Mean or median?"), ("s2", "And the mode?")):
        asked = message_row(session, 1, "user", said)
        timing = {"time_to_first_chunk_s": 0.8, "duration_s": 12.8, "request_model": "gpt-5", "output_tokens": 240}
        reply = message_row(session, 2, "assistant", LONG, parent_id=asked["message_id"], **timing)
        more = message_row(session, 3, "user", "Thanks.", parent_id=reply["message_id"])
        rows += [asked, reply, more, message_row(session, 4, "assistant", "**Gladly.**", parent_id=more["message_id"])]
    return store_at(path, [session_row("s1", title="Averages"), session_row("s2", title="The mode")], rows)


def cell(store: Path) -> str:
    return f"import langswarm_nb as ls\npanel = ls.replay(source='{store.name}', speed=2)\npanel"


def test_a_reader_without_a_key_replays_stops_and_opens_another(open_notebook: OpenNotebook, store: Path):
    page = open_notebook(cell(store))
    page.run_all()
    panel = page.panel()
    expect(panel.status).to_contain_text("A recorded conversation.")
    expect(panel.root.locator(".lsnb-title")).to_be_disabled()
    shown = panel.texts()
    assert shown[0] in ("Mean or median?", "And the mode?")
    assert panel.box.is_disabled()

    panel.watch_growth()
    panel.button("Replay").click()
    panel.wait_until_streaming()
    expect(panel.messages).to_have_count(2)
    panel.wait_for_replies(2)
    expect(panel.button("Replay")).to_be_visible()
    assert panel.texts() == shown
    lengths = panel.growth()
    assert len(lengths) > 20
    first = lengths[: lengths.index(max(lengths)) + 1]
    assert first == sorted(first)

    panel.button("Replay").click()
    panel.wait_until_streaming()
    panel.button("Stop").click()
    expect(panel.button("Replay")).to_be_visible()
    assert panel.texts() == shown

    panel.button("More").click()
    panel.root.get_by_text("Export …").click()
    pane = panel.root.get_by_role("dialog", name="Export this chat")
    with page.page.expect_download() as download:
        pane.get_by_role("button", name="Download").click()
    assert "**the mean**" in download.value.path().read_text()
    pane.get_by_role("button", name="Close").click()

    title = panel.root.locator(".lsnb-title").inner_text()
    panel.button("More").click()
    expect(panel.root.get_by_role("dialog", name="More")).to_be_visible()
    assert panel.root.get_by_role("dialog").get_by_role("button").all_inner_texts()[0] == "Other chats …"
    panel.root.get_by_text("Other chats …").click()
    other = {"Averages": "The mode", "The mode": "Averages"}[title]
    panel.root.locator(".lsnb-sessions").get_by_text(other).click()
    expect(panel.root.locator(".lsnb-title")).to_have_text(other)
    page.save()
    assert "Gladly" in page.notebook.read_text()


def test_a_link_opens_a_notebook_and_a_session(open_notebook: OpenNotebook, store: Path):
    page = open_notebook(cell(store))
    for session, title in (("s1", "Averages"), ("s2", "The mode")):
        page.page.goto("about:blank")
        page.lab.stop_kernels()
        page.page.goto(f"{page.lab.url}/lab/tree/{page.notebook.name}?session={session}&token={page.lab.token}")
        page.wait_for_kernel()
        page.run_all()
        expect(page.panel().root.locator(".lsnb-title")).to_have_text(title)
        page.save()
        # What a reader without a kernel sees is the conversation that the link named.
        assert f"{title}: 4 messages" in page.notebook.read_text()
        # JupyterLab logs that it has no model for the panel that was saved.
        page.errors.clear()
