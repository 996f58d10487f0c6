"""Files and pictures that go with a question: picked, dropped, pasted, sent, and still there later."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from conftest import OpenNotebook, Panel
from playwright.sync_api import expect

CHAT = "import langswarm_nb as ls\nls.chat(provider_config={'response_delay_ms': 50})"
SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='hit()'><script>hit()</script></svg>"


def png(width: int = 90, height: int = 60) -> bytes:
    """Return a picture with a gradient."""
    rows = b"".join(b"\0" + bytes(v for x in range(width) for v in (40, 90 + x, 200 - y)) for y in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def file(name: str, data: bytes, mime: str = "application/octet-stream") -> dict[str, object]:
    return {"name": name, "mimeType": mime, "buffer": data}


def pick(panel: Panel, *files: dict[str, object]) -> None:
    panel.root.locator("input[type=file]").set_input_files(list(files))  # type: ignore[arg-type]


def drop(panel: Panel, kind: str, name: str, mime: str, size: int, text: str = "") -> None:
    """Drop or paste a file that the page makes."""
    panel.root.locator(".lsnb-input").evaluate(
        """(area, [kind, name, type, size, text]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([text || new Uint8Array(size)], name, { type }));
            const more = { bubbles: true, cancelable: true };
            area.dispatchEvent(kind === 'paste'
                ? new ClipboardEvent('paste', { clipboardData: transfer, ...more })
                : new DragEvent(kind, { dataTransfer: transfer, ...more }));
        }""",
        [kind, name, mime, size, text],
    )


def test_files_are_attached_sent_shown_and_kept(open_notebook: OpenNotebook, tmp_path: Path) -> None:
    lab = open_notebook(CHAT, "ls.messages().iloc[0].parts")
    lab.page.evaluate("window.hits = 0; window.hit = () => { window.hits += 1; }; null")
    lab.run_cell(0)
    lab.run_cell(1)
    panel = lab.panel()
    tray = panel.root.get_by_role("list", name="To be sent").get_by_role("listitem")

    # By button, drop and paste; a hostile name is a name.
    hostile = "<img src=x onerror=hit()>\u202egnp.svg"
    pick(panel, file("chart.png", png(), "image/png"), file(hostile, SVG, "image/svg+xml"))
    expect(tray).to_have_count(2)
    expect(panel.box).to_be_focused()
    expect(tray.first.locator("img")).to_be_visible()
    drop(panel, "dragover", "notes.txt", "text/plain", 0, "first line")
    expect(panel.root).to_have_class("lsnb-panel lsnb-drop")
    drop(panel, "drop", "notes.txt", "text/plain", 0, "first line")
    # More than one piece goes over the wire.
    drop(panel, "paste", "big.bin", "application/octet-stream", 1_300_000)
    expect(tray).to_have_count(4)
    expect(tray.last).to_contain_text("1.2 MB")
    expect(panel.root.get_by_role("list", name="To be sent").locator(".lsnb-waiting")).to_have_count(0)
    expect(tray.nth(1).locator("img")).to_have_count(0)

    # What cannot be taken says why; what is not wanted is taken away by the keyboard.
    drop(panel, "paste", "film.mov", "video/quicktime", 21 * 2**20)
    expect(panel.status).to_contain_text("film.mov has 21.0 MB; an attachment may have 20.0 MB at most.")
    drop(panel, "paste", "empty.txt", "text/plain", 0)
    expect(panel.status).to_contain_text("empty.txt is empty.")
    expect(tray).to_have_count(4)
    panel.button("Remove big.bin").focus()
    lab.page.keyboard.press("Enter")
    expect(tray).to_have_count(3)
    expect(panel.box).to_be_focused()

    panel.ask("What is this?")
    expect(tray).to_have_count(0)
    expect(panel.replies.last).to_contain_text("chart.png, gnp.svg, notes.txt")
    sent = panel.questions.first.get_by_role("list", name="Attachments").get_by_role("listitem")
    expect(sent).to_have_count(3)
    picture = sent.first.get_by_role("img", name="chart.png")
    expect(picture).to_be_visible()
    expect(sent.nth(1)).to_contain_text("<img src=x onerror=hit()>gnp.svg")
    expect(sent.nth(1).locator("img")).to_have_count(0)
    with lab.page.expect_download() as saved:
        sent.nth(2).get_by_role("button").click()
    saved.value.save_as(tmp_path / "saved")
    assert (tmp_path / "saved").read_text() == "first line"
    lab.run_cell(2)
    expect(lab.outputs(2)).to_contain_text("image/png")

    # A picture may go without a word; what it is called is its title, and asking again asks about it.
    panel.button("New chat").click()
    expect(panel.messages).to_have_count(0)
    expect(panel.button("Send")).to_be_disabled()
    pick(panel, file("chart.png", png(), "image/png"))
    expect(tray).to_have_count(1)
    panel.button("Send").click()
    panel.wait_for_replies(1)
    expect(panel.replies).to_contain_text("Mock response to: [chart.png]")
    expect(panel.questions.get_by_role("img", name="chart.png")).to_be_visible()
    expect(panel.questions.locator(".lsnb-said")).to_have_count(0)
    expect(panel.root.get_by_title("Rename")).to_have_text("chart.png")
    panel.button("Regenerate").click()
    expect(panel.root.get_by_role("group", name="Version 2 of 2")).to_be_visible()
    expect(panel.replies).to_contain_text("Mock response to: [chart.png]")
    panel.button("More").click()
    panel.root.get_by_role("button", name="Earlier chats …").click()
    panel.root.locator(".lsnb-item", has_text="What is this?").click()
    expect(panel.replies.last).to_contain_text("chart.png, gnp.svg, notes.txt")

    # Another page, and another kernel, show the stored bytes.
    lab.save()
    lab.reload()
    expect(lab.panel().root.get_by_role("img", name="chart.png")).to_be_visible()
    lab.restart_kernel()
    lab.run_all()
    panel = lab.panel()
    picture = panel.root.get_by_role("img", name="chart.png")
    expect(picture).to_be_visible()
    expect(picture).to_have_js_property("naturalWidth", 90)
    expect(picture).to_have_js_property("naturalHeight", 60)
    assert (picture.get_attribute("src") or "").startswith("blob:")
    # An edited question keeps what went with it.
    panel.box.press("ArrowUp")
    edit = panel.root.get_by_label("Edit the message")
    edit.fill("What else?")
    edit.press("Enter")
    expect(panel.replies.last).to_contain_text("What else? [chart.png")
    expect(panel.root.get_by_role("img", name="chart.png")).to_be_visible()
    assert lab.page.evaluate("window.hits ?? 0") == 0
