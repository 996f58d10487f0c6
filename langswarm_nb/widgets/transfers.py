"""Files between page and kernel: in pieces, as text to the kernel and as binary buffers to the page."""

from __future__ import annotations

import asyncio
import base64
import unicodedata
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from ..attachments import LARGEST_ATTACHMENT, LARGEST_TOTAL, Part, attached, parts_of, size_of
from ..clock import new_id
from ..errors import InvalidMessageError
from ..models import SessionMessage
from . import formats
from .protocol import Attachment

# A server hands on about 1 MB a second; the page asks for one piece after the other, and waits in between.
PIECE = 256 * 1024
MOST_FILES = 20
LONGEST_NAME = 120
# What a page may show; everything else, SVG above all, is a file with a name.
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


class Uploads:
    """Files that pages have sent, by the ids that the pages gave them, until a message takes them along."""

    def __init__(self) -> None:
        self._coming: dict[str, bytearray] = {}
        self._ready: dict[str, Part] = {}
        self._view_of: dict[str, str] = {}

    async def take(self, view: str, file: str, name: str, size: int, at: int, piece: bytes) -> Attachment | None:
        """Take one more piece; with the last one return the attachment as a page shows it.

        InvalidMessageError says what is wrong with the file; then nothing of it is kept.
        """
        name = clean_name(name)
        try:
            if at == 0:
                self._begin(view, file, name, size)
            data = self._coming.get(file)
            if data is None or len(data) != at or at + len(piece) > size:
                raise InvalidMessageError(f"{name} did not arrive whole. Attach it again.")
            data += piece
            if len(data) < size:
                return None
            [part] = await asyncio.to_thread(parts_of, {name: bytes(data)})
        except InvalidMessageError:
            self.drop([file])
            raise
        if file not in self._coming:
            # It was taken away while it was looked at.
            return None
        del self._coming[file]
        self._ready[file] = part
        return attachment_view(part)

    def parts(self, files: Sequence[str]) -> list[Part]:
        """Return the parts for a message; InvalidMessageError where one is not there."""
        if missing := [file for file in files if file not in self._ready]:
            raise InvalidMessageError(f"{len(missing)} of the attachments did not arrive. Attach them again.")
        return [self._ready[file] for file in files]

    def drop(self, files: Sequence[str]) -> None:
        """Forget these files."""
        for file in files:
            for known in (self._coming, self._ready, self._view_of):
                known.pop(file, None)

    def drop_view(self, view: str) -> None:
        """Forget what a page sent that is gone."""
        self.drop([file for file, owner in self._view_of.items() if owner == view])

    def _begin(self, view: str, file: str, name: str, size: int) -> None:
        if size > LARGEST_ATTACHMENT:
            raise InvalidMessageError(
                f"{name} has {formats.size(size)}; an attachment may have {formats.size(LARGEST_ATTACHMENT)} at most. "
                "Make it smaller, or attach a part of it."
            )
        if size <= 0:
            raise InvalidMessageError(f"{name} is empty.")
        if len(self._view_of) >= MOST_FILES:
            raise InvalidMessageError(f"{MOST_FILES} files can wait at a time. Send some of them first.")
        waiting = sum(size_of(part) for part in self._ready.values()) + sum(map(len, self._coming.values()))
        if waiting + size > LARGEST_TOTAL:
            raise InvalidMessageError(
                f"With {name} the attachments have {formats.size(waiting + size)} together; "
                f"{formats.size(LARGEST_TOTAL)} can be sent with one message. Send them in several."
            )
        self._coming[file] = bytearray()
        self._view_of[file] = view


class Downloads:
    """Bytes that a page fetches in pieces, by a token; the oldest are forgotten."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    def offer(self, data: bytes) -> str:
        """Return the token under which a page gets `data`."""
        token = new_id()
        self._kept[token] = data
        while len(self._kept) > 4:
            self._kept.popitem(last=False)
        return token

    def piece(self, token: str, at: int) -> bytes:
        """Return the piece that begins at `at`; the last one ends it."""
        data = self._kept.get(token)
        if data is None:
            raise InvalidMessageError("The file is not at hand any more. Ask for it again.")
        if at + PIECE >= len(data):
            del self._kept[token]
        return data[at : at + PIECE]


def attachments_of(message: SessionMessage) -> list[Attachment]:
    """Return what was attached to a message, as a page shows it."""
    return [attachment_view(part) for part in attached(message.parts)]


def attachment_view(part: Part) -> Attachment:
    """Return a part's name, kind and size; only what is known to be a plain picture is called one."""
    is_picture = part.get("type") == "image" and part.get("media_type") in PICTURES and "data" in part
    size = size_of(part)
    return {
        "name": clean_name(str(part.get("name") or part["type"])),
        "kind": "image" if is_picture else "file",
        "type": str(part["media_type"]) if is_picture else "application/octet-stream",
        "bytes": size,
        "size": formats.size(size),
    }


def content_of(part: Part) -> bytes:
    """Return a part's bytes; InvalidMessageError where it has none that can be read."""
    if part.get("data") is None:
        return str(part.get("text") or "").encode("utf-8", "replace")
    try:
        return base64.b64decode(part["data"], validate=True)
    except (ValueError, TypeError):
        raise InvalidMessageError(f"{part.get('name', 'The attachment')} was not stored whole.") from None


def seen_text(text: str) -> str:
    """Return `text` in one line, without characters that nobody sees or that turn it around."""
    seen = "".join(letter for letter in text if unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    return " ".join(seen.split())


def clean_name(name: Any) -> str:
    """Return a file's name without folders and without characters that nobody sees or that turn text around."""
    last = str(name).replace("\\", "/").rsplit("/", 1)[-1]
    seen = seen_text(last)
    if len(seen) > LONGEST_NAME:
        stem, dot, suffix = seen.rpartition(".")
        end = dot + suffix if stem and len(suffix) < 12 else ""
        seen = seen[: LONGEST_NAME - len(end) - 1] + "…" + end
    return seen or "file"
