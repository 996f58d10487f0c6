"""Files between page and kernel, without a browser."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from test_panel_widget import Wire, store

import langswarm_nb as ls
from langswarm_nb.attachments import LARGEST_ATTACHMENT
from langswarm_nb.errors import InvalidMessageError
from langswarm_nb.widgets import transfers
from langswarm_nb.widgets.transfers import PIECE, Downloads, Uploads, attachment_view, clean_name

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

DOT = {"file": "f", "name": "dot.png", "size": len(PNG), "at": 0, "base64": base64.b64encode(PNG).decode()}

pytestmark = pytest.mark.usefixtures("store")
__all__ = ["store"]


def take(uploads: Uploads, name: str, data: bytes, *, size: int | None = None, file: str = "f", at: int = 0) -> Any:
    return asyncio.run(uploads.take("view", file, name, len(data) if size is None else size, at, data))


def test_a_file_in_pieces_becomes_a_part() -> None:
    uploads = Uploads()
    assert take(uploads, "dot.dat", PNG[:30], size=len(PNG)) is None
    about = take(uploads, "dot.dat", PNG[30:], size=len(PNG), at=30)
    assert about == {"name": "dot.dat", "kind": "image", "type": "image/png", "bytes": len(PNG), "size": "70 bytes"}
    [part] = uploads.parts(["f"])
    assert transfers.content_of(part) == PNG
    uploads.drop_view("view")
    with pytest.raises(InvalidMessageError, match="Attach them again"):
        uploads.parts(["f"])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"size": LARGEST_ATTACHMENT + 1}, "may have 20.0 MB at most"),
        ({"data": b"", "size": 0}, "is empty"),
        ({"size": 1}, "did not arrive whole"),
        ({"at": 7}, "did not arrive whole"),
    ],
)
def test_what_cannot_be_taken_says_why_and_leaves_nothing(wrong: dict[str, Any], says: str) -> None:
    uploads = Uploads()
    with pytest.raises(InvalidMessageError, match=says):
        take(uploads, "a.bin", **{"data": b"abc", **wrong})
    assert not any(vars(uploads).values())


def test_all_that_waits_together_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "LARGEST_TOTAL", 5000)
    uploads = Uploads()
    take(uploads, "a.txt", b"a" * 3000, file="a")
    with pytest.raises(InvalidMessageError, match=r"b\.txt the attachments have 6 kB together; 5 kB can be sent"):
        take(uploads, "b.txt", b"b" * 3000, file="b")
    uploads.drop(["a"])
    take(uploads, "b.txt", b"b" * 3000, file="b")
    monkeypatch.setattr(transfers, "MOST_FILES", 1)
    with pytest.raises(InvalidMessageError, match="Send some of them first"):
        take(uploads, "c.txt", b"c", file="c")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\a\\plan.pdf", "plan.pdf"),
        ("photo\u202egnp.exe", "photognp.exe"),
        ("a\0b\nc.txt", "abc.txt"),
        ("\u200b", "file"),
        ("x" * 300 + ".csv", "x" * 115 + "….csv"),
        ("résumé 😀.md", "résumé 😀.md"),
    ],
)
def test_a_name_is_a_name(name: str, shown: str) -> None:
    assert clean_name(name) == shown


@pytest.mark.parametrize("media_type", ["image/svg+xml", "text/html", "image/png;x", ""])
def test_only_plain_pictures_are_shown(media_type: str) -> None:
    about = attachment_view({"type": "image", "name": "a", "media_type": media_type, "data": "AAAA"})
    assert (about["kind"], about["type"]) == ("file", "application/octet-stream")


def test_a_page_fetches_what_is_stored_in_pieces() -> None:
    data = bytes(range(256)) * (PIECE // 256) + b"end"
    downloads = Downloads()
    token = downloads.offer(data)
    assert downloads.piece(token, 0) + downloads.piece(token, PIECE) == data
    with pytest.raises(InvalidMessageError, match="Ask for it again"):
        downloads.piece(token, 0)
    first = downloads.offer(data)
    for _ in range(4):
        downloads.offer(data)
    with pytest.raises(InvalidMessageError):
        downloads.piece(first, 0)


def test_a_question_takes_its_files_along(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = ls.chat(provider_config={"response_delay_ms": 0})
    wire = Wire(panel, monkeypatch)
    assert wire.ask("attach", **DOT)["value"]["kind"] == "image"
    assert "arrive" in wire.ask("send", text="Look", files=["f", "unknown"])["error"]["text"]
    assert len(ls.messages()) == 0
    assert wire.ask("send", text="Look", files=["f"])["kind"] == "answer"
    question = panel._everything()["messages"][0]
    assert [file["name"] for file in question["attachments"]] == ["dot.png"]
    assert "With dot.png (70 bytes)" in panel._transcript()["text/html"]
    offered = wire.ask("attachment", id=question["id"], at=0)["value"]
    assert offered["bytes"] == len(PNG)
    assert wire.ask("piece", token=offered["token"], at=0)["value"] == len(PNG)
    assert "any more" in wire.ask("attachment", id=question["id"], at=1)["error"]["text"]
    assert not any(vars(panel._uploads).values())


def test_a_file_may_go_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = ls.chat(provider_config={"response_delay_ms": 0})
    wire = Wire(panel, monkeypatch)
    wire.ask("attach", **DOT)
    assert wire.ask("send", text="", files=["f"])["kind"] == "answer"
    question, _ = panel._everything()["messages"]
    assert (question["text"], panel._everything()["header"]["title"]) == ("", "dot.png")
    assert wire.ask("edit", id=question["id"], text="")["kind"] == "answer"
    assert wire.ask("edit", id=panel._everything()["order"][0], text="And now?")["kind"] == "answer"
    assert "empty" in wire.ask("send", text=" ", files=[])["error"]["text"]
    assert ["dot.png" in parts for parts in ls.messages().parts] == [True, False] * 3
    kept = panel._transcript()["text/html"]
    assert "With dot.png (70 bytes)" in kept
    assert kept.count("lsnb-said") == 1
