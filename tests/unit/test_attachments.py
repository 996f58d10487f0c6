"""What can be attached to a message, and what becomes of it."""

from __future__ import annotations

import asyncio
import base64
import io

import pandas as pd
import plotly.graph_objects as go
import pytest

import langswarm_nb as ls
from langswarm_nb import attachments
from langswarm_nb.attachments import as_text, parts_of

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def test_a_file_is_read_and_told_by_its_content(tmp_path):
    (tmp_path / "dot.dat").write_bytes(PNG)
    (tmp_path / "notes.md").write_text("# Notes\nBuy milk — now.")
    (tmp_path / "paper.pdf").write_bytes(b"%PDF-1.4\n\xff")
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    (tmp_path / "sheet.xlsx").write_bytes(b"PK\x03\x04\x00\xff")
    names = ["dot.dat", "notes.md", "paper.pdf", "table.csv", "sheet.xlsx"]
    parts = parts_of([str(tmp_path / "dot.dat"), *(tmp_path / name for name in names[1:])])
    assert [part["name"] for part in parts] == names
    assert [part["type"] for part in parts] == ["image", "file", "file", "file", "file"]
    assert [part["media_type"] for part in parts] == [
        "image/png",
        "text/markdown",
        "application/pdf",
        "text/csv",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ]
    assert base64.b64decode(parts[0]["data"]) == PNG
    assert parts[1]["text"] == "# Notes\nBuy milk — now."


def test_one_thing_and_a_mapping_of_names():
    assert [part["name"] for part in parts_of(PNG)] == ["image.png"]
    assert [part["name"] for part in parts_of({"dot": PNG, "sales": pd.DataFrame({"a": [1]})})] == ["dot", "sales"]
    assert parts_of(None) == parts_of([]) == []


@pytest.mark.parametrize(
    ("start", "media_type"),
    [(b"\xff\xd8\xff\xe0", "image/jpeg"), (b"GIF89a", "image/gif"), (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp")],
)
def test_pictures_are_known_by_their_first_bytes(start, media_type):
    assert parts_of(start + b"\x00\xff")[0]["media_type"] == media_type


def test_a_frame_is_a_table_and_says_what_is_not_shown():
    frame = pd.DataFrame({"n": range(1000)})
    [part] = parts_of({"numbers": frame})
    assert (part["type"], part["rows"], part["shown_rows"]) == ("table", 1000, 200)
    assert as_text(part).startswith('<attachment name="numbers" rows="the first 200 of 1000">\nn\n0\n')
    [whole] = parts_of(pd.DataFrame({"n": [1, 2]}, index=["a", "b"]))
    assert "shown_rows" not in whole
    assert whole["text"] == ",n\na,1\nb,2\n"
    [series] = parts_of(pd.Series([1, 2], name="s"))
    assert series["text"] == "s\n1\n2\n"
    [wide] = parts_of(pd.DataFrame({"text": ["x" * 5000] * 50}))
    assert len(wide["text"]) <= attachments.LONGEST_TABLE
    assert wide["shown_rows"] == 7


def test_a_plotly_figure_is_a_picture_or_what_it_is_made_of():
    [part] = parts_of(go.Figure(go.Scatter(y=[1, 3, 2])))
    assert part["media_type"] in ("image/png", "application/json")
    assert part["type"] == ("image" if part["media_type"] == "image/png" else "file")


def test_a_pil_image_is_a_picture():
    image = pytest.importorskip("PIL.Image")
    for mode in ("RGB", "RGBA", "L", "CMYK", "F"):
        [part] = parts_of(image.new(mode, (2, 2)))
        assert (part["type"], part["name"], part["media_type"]) == ("image", "image.png", "image/png")
        assert image.open(io.BytesIO(base64.b64decode(part["data"]))).size == (2, 2)


def test_a_matplotlib_figure_and_its_axes_are_pictures():
    figure_module = pytest.importorskip("matplotlib.figure")
    figure = figure_module.Figure()
    axes = figure.add_subplot()
    axes.plot([1, 3, 2])
    for thing in (figure, axes):
        [part] = parts_of({"curve": thing})
        assert (part["type"], part["name"]) == ("image", "curve.png")
        assert base64.b64decode(part["data"]).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("thing", "why"),
    [
        ("no/such/file.png", "cannot be read: No such file"),
        ("a\0b", "taken for a path"),
        (".", "cannot be read"),
        (b"", "is empty"),
        (object(), "cannot be attached"),
        (3, "cannot be attached"),
        ([{"type": "video", "data": "x"}], "type is one of"),
        ([{"type": "image", "data": "x"}], "media_type"),
        ([{"type": "image"}], "needs its content"),
        ({"scan.tiff": b"II*\x00\xff\xfe"}, "Save it as PNG"),
    ],
)
def test_what_cannot_be_attached_is_said(thing, why):
    with pytest.raises(ls.InvalidMessageError, match=why):
        parts_of(thing)


def test_what_is_too_large_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(attachments, "LARGEST_ATTACHMENT", 1000)
    monkeypatch.setattr(attachments, "LARGEST_TOTAL", 1500)
    (tmp_path / "large.txt").write_text("x" * 1001)
    with pytest.raises(ls.InvalidMessageError, match=r"large\.txt has 0\.0 MB"):
        parts_of(tmp_path / "large.txt")
    with pytest.raises(ls.InvalidMessageError, match="at most"):
        parts_of(b"x" * 1001)
    with pytest.raises(ls.InvalidMessageError, match="together"):
        parts_of([b"x" * 900, b"y" * 900])


async def mock_session(storage="memory"):
    manager = ls.create_session_manager(storage=storage, providers={"mock": None})
    return manager, await manager.create_session("ada", "mock", "mock-model")


def test_attachments_are_sent_stored_and_kept_by_an_edit():
    async def main():
        _, session = await mock_session()
        reply = await session.send_message("Look.", attachments={"dot.png": PNG})
        assert reply.content == "Mock response to: Look. [dot.png]"
        [question, _] = await session.get_messages()
        assert (question.content, question.parts[0]["name"]) == ("Look.", "dot.png")
        edited = await session.edit(question.message_id, "Look again.")
        assert edited.content == "Mock response to: Look again. [dot.png]"
        without = await session.edit((await session.get_messages())[0].message_id, "Do not look.", attachments=[])
        assert without.content == "Mock response to: Do not look."
        again = await session.regenerate()
        assert again.content == without.content
        texts = [text async for text in session.send_message_stream("And?", attachments=[b"notes"])]
        assert "".join(texts) == "Mock response to: And? [file.txt]"

        # Something attached is something said.
        reply = await session.send_message("", attachments={"t": pd.DataFrame({"a": [1]})})
        assert reply.content == "Mock response to: [t]"
        wordless = (await session.get_messages())[-2]
        assert (await session.edit(wordless.message_id, "")).content == reply.content
        for empty in (None, [], {}):
            with pytest.raises(ls.InvalidMessageError, match="empty"):
                await session.send_message(" ", attachments=empty)
        with pytest.raises(ls.InvalidMessageError, match="empty"):
            await session.edit((await session.get_messages())[0].message_id, "")

    asyncio.run(main())


def test_attachments_come_back_from_the_store(tmp_path):
    async def main():
        manager, session = await mock_session(tmp_path / "s.duckdb")
        await session.send_message("Look.", attachments={"dot.png": PNG, "t": pd.DataFrame({"a": [1]})})
        before = (await session.get_messages())[0].parts
        await manager.close()
        async with ls.create_session_manager(storage=tmp_path / "s.duckdb", providers={"mock": None}) as other:
            stored = await (await other.get_session(session.session_id)).get_messages()
            assert stored[0].parts == before

    asyncio.run(main())


def test_nothing_is_stored_when_an_attachment_cannot_be_read():
    async def main():
        _, session = await mock_session()
        with pytest.raises(ls.InvalidMessageError):
            await session.send_message("Look.", attachments="no/such/file.png")
        assert await session.get_messages() == []
        assert (await session.send_message("Hello.")).content == "Mock response to: Hello."

    asyncio.run(main())


def test_a_users_view_takes_contents_and_no_paths_of_the_server(tmp_path):
    (tmp_path / "secret.txt").write_text("of somebody else")

    async def main():
        manager, made = await mock_session()
        session = await manager.for_user("ada").get_session(made.session_id)
        path = tmp_path / "secret.txt"
        for things in (path, str(path), [path], {"mine": str(path)}, [b"mine", path]):
            with pytest.raises(ls.SessionPermissionError, match="as bytes"):
                await session.send_message("Read.", attachments=things)
            with pytest.raises(ls.SessionPermissionError, match="as bytes"):
                await session.send_structured("Read.", int, attachments=things)
        assert (await session.send_message("Read.", attachments={"mine": b"text"})).content.endswith("[mine]")
        assert await session.send_structured("Count.", int) == 1

    asyncio.run(main())
