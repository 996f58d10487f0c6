"""What goes along with a message besides its text: pictures, files and tables, as JSON-ready parts.

A part is a mapping: `type` ("image", "file" or "table"), `name`, `media_type`, and its content as `text` or, in base64,
as `data`. So it stands in a message's `parts`, and so the providers read it.
"""

from __future__ import annotations

import base64
import io
import mimetypes
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from .errors import InvalidMessageError

# Below what the services take in one request (32 MB and more), with room for base64's third on top.
LARGEST_ATTACHMENT = 20 * 2**20
LARGEST_TOTAL = 22 * 2**20
MOST_ROWS = 200
LONGEST_TABLE = 40_000

TYPES = ("image", "file", "table")

_PICTURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}

Part = dict[str, Any]


def parts_of(attachments: Any) -> list[Part]:
    """Return the parts for `attachments`: one thing, a sequence of things, or a mapping of names to things.

    A thing is a path, bytes, a PIL image, a matplotlib or plotly figure, a DataFrame, or a part that is ready. Reads
    files and draws figures, so call it in a thread. InvalidMessageError names what cannot be taken, and why.
    """
    if isinstance(attachments, Mapping) and attachments.get("type") not in TYPES:
        named = [(str(name), thing) for name, thing in attachments.items()]
    elif isinstance(attachments, (list, tuple, set)):
        named = [(None, thing) for thing in attachments]
    else:
        named = [] if attachments is None else [(None, attachments)]
    parts = [_part(thing, name) for name, thing in named]
    total = sum(size_of(part) for part in parts)
    if total > LARGEST_TOTAL:
        raise InvalidMessageError(
            f"The attachments have {_megabytes(total)} together; {_megabytes(LARGEST_TOTAL)} can be sent with one "
            "message. Send them in several."
        )
    return parts


def named_paths(attachments: Any) -> list[str]:
    """Return those of `attachments` that would be read from this machine's files."""
    if isinstance(attachments, Mapping):
        things = list(attachments.values()) if attachments.get("type") not in TYPES else []
    else:
        things = list(attachments) if isinstance(attachments, (list, tuple, set)) else [attachments]
    return [str(thing) for thing in things if isinstance(thing, (str, Path))]


def attached(parts: Iterable[Part]) -> list[Part]:
    """Return those of a message's parts that were attached to it."""
    return [part for part in parts if part.get("type") in TYPES]


def size_of(part: Part) -> int:
    """Return how many bytes a part's content has."""
    if (data := part.get("data")) is not None:
        return len(data) * 3 // 4 - data[-2:].count("=")
    return len(str(part.get("text") or "").encode("utf-8", "replace"))


def as_text(part: Part) -> str:
    """Return a part that has a text as one text, with its name, for models that read text."""
    shown, rows = part.get("shown_rows"), part.get("rows")
    note = f' rows="the first {shown} of {rows}"' if shown is not None and shown != rows else ""
    name = escape(str(part.get("name", "attachment")))
    return f'<attachment name="{name}"{note}>\n{part["text"]}\n</attachment>'


def data_url(part: Part) -> str:
    """Return a part's data as a `data:` URL."""
    return f"data:{part['media_type']};base64,{part['data']}"


def names_of(parts: Iterable[Part]) -> str:
    """Return the attachments' names as one text, or an empty one."""
    return ", ".join(str(part.get("name") or part["type"]) for part in attached(parts))


def table_text(frame: Any) -> tuple[str, int, int]:
    """Return a DataFrame's first rows as CSV, how many those are, and how many it has."""
    total = len(frame)
    shown = min(total, MOST_ROWS)
    text = _csv(frame, shown)
    while len(text) > LONGEST_TABLE and shown > 1:
        shown = max(1, shown * LONGEST_TABLE // len(text))
        text = _csv(frame, shown)
    return text, shown, total


def _part(thing: Any, name: str | None) -> Part:
    part = _unchecked(thing, name)
    if (size := size_of(part)) > LARGEST_ATTACHMENT:
        raise _too_large(part["name"], size)
    if not size:
        raise InvalidMessageError(f"{part['name']} is empty.")
    return part


def _unchecked(thing: Any, name: str | None) -> Part:
    if isinstance(thing, Mapping):
        return _ready(thing, name)
    if isinstance(thing, (str, Path)):
        return _from_path(Path(thing).expanduser(), name)
    if isinstance(thing, (bytes, bytearray, memoryview)):
        return _from_bytes(bytes(thing), name)
    if callable(getattr(thing, "to_plotly_json", None)):
        return _from_plotly(thing, name or "figure")
    figure: Any = thing if callable(getattr(thing, "savefig", None)) else getattr(thing, "figure", None)
    if callable(getattr(figure, "savefig", None)):
        return _drawn(lambda buffer: figure.savefig(buffer, format="png", bbox_inches="tight"), name or "figure")
    if callable(getattr(thing, "save", None)) and hasattr(thing, "mode") and hasattr(thing, "size"):
        return _from_pil(thing, name or "image")
    if callable(getattr(thing, "to_frame", None)) and not hasattr(thing, "columns"):
        thing = thing.to_frame()
    if callable(getattr(thing, "to_csv", None)) or callable(getattr(thing, "write_csv", None)):
        text, shown, total = table_text(thing)
        table = {"type": "table", "name": name or "table", "media_type": "text/csv", "text": text, "rows": total}
        return table | ({"shown_rows": shown} if shown < total else {})
    raise InvalidMessageError(
        f"A {type(thing).__name__} cannot be attached. Attach a path, bytes, a PIL image, a matplotlib or plotly "
        "figure, or a DataFrame."
    )


def _ready(part: Mapping[str, Any], name: str | None) -> Part:
    if part.get("type") not in TYPES:
        raise InvalidMessageError(f"A part's type is one of {', '.join(TYPES)}; it is {part.get('type')!r}.")
    if not isinstance(part.get("data") or part.get("text"), str):
        raise InvalidMessageError(f"A part of type {part['type']!r} needs its content as 'data' (base64) or 'text'.")
    if part.get("data") and not part.get("media_type"):
        raise InvalidMessageError("A part with data needs its media_type, such as 'image/png'.")
    return {"name": name or part["type"], "media_type": "text/plain", **part}


def _from_path(path: Path, name: str | None) -> Part:
    taken = "A text among the attachments is taken for a path."
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= LARGEST_ATTACHMENT else b""
    except OSError as error:
        why = error.strerror or "no such file"
        raise InvalidMessageError(f"{str(path)[:200]!r} cannot be read: {why}. {taken}") from error
    except ValueError as error:
        raise InvalidMessageError(f"An attachment's path cannot be one. {taken}") from error
    if size > LARGEST_ATTACHMENT:
        raise _too_large(path.name, size)
    return _from_bytes(data, name or path.name)


def _from_bytes(data: bytes, name: str | None) -> Part:
    if picture := _picture_type(data):
        return _picture(data, picture, name or f"image.{picture.partition('/')[2]}")
    guessed = mimetypes.guess_type(name or "")[0]
    if data.startswith(b"%PDF-"):
        return _file(data, "application/pdf", name or "file.pdf")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" not in text:
        return {"type": "file", "name": name or "file.txt", "media_type": guessed or "text/plain", "text": text}
    if guessed and guessed.startswith("image/"):
        raise InvalidMessageError(f"{name} is {guessed}; models read PNG, JPEG, GIF and WebP. Save it as PNG.")
    return _file(data, guessed or "application/octet-stream", name or "file.bin")


def _picture_type(data: bytes) -> str | None:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((media_type for start, media_type in _PICTURES.items() if data.startswith(start)), None)


def _from_plotly(figure: Any, name: str) -> Part:
    try:
        return _picture(figure.to_image(format="png", scale=2), "image/png", f"{name}.png")
    except Exception:
        # A picture needs kaleido and a browser. A model that reads text can read what the figure is made of.
        text = figure.to_json()
        return {"type": "file", "name": f"{name}.plotly.json", "media_type": "application/json", "text": text}


def _from_pil(image: Any, name: str) -> Part:
    if image.mode not in ("1", "L", "LA", "P", "RGB", "RGBA"):
        image = image.convert("RGB")
    return _drawn(lambda buffer: image.save(buffer, format="PNG"), name)


def _drawn(draw: Any, name: str) -> Part:
    buffer = io.BytesIO()
    draw(buffer)
    return _picture(buffer.getvalue(), "image/png", name if name.endswith(".png") else f"{name}.png")


def _picture(data: bytes, media_type: str, name: str) -> Part:
    return {"type": "image", "name": name, "media_type": media_type, "data": base64.b64encode(data).decode()}


def _file(data: bytes, media_type: str, name: str) -> Part:
    return {"type": "file", "name": name, "media_type": media_type, "data": base64.b64encode(data).decode()}


def _csv(frame: Any, rows: int) -> str:
    head = frame.head(rows)
    if callable(getattr(head, "write_csv", None)):
        return head.write_csv()
    # An index that only counts says nothing.
    counts = type(head.index).__name__ == "RangeIndex"
    return head.to_csv(index=not counts)


def _too_large(name: str, size: int) -> InvalidMessageError:
    return InvalidMessageError(
        f"{name} has {_megabytes(size)}; an attachment may have {_megabytes(LARGEST_ATTACHMENT)} at most. "
        "Make it smaller, or attach a part of it."
    )


def _megabytes(size: int) -> str:
    return f"{size / 2**20:.1f} MB"


def marks_of(parts: Sequence[Part]) -> tuple[tuple[str, int, str], ...]:
    """Return what tells these attachments from others, without their whole content."""
    contents = [(part, str(part.get("data") or part.get("text") or "")) for part in attached(parts)]
    return tuple((str(part.get("name")), len(content), content[-64:]) for part, content in contents)
