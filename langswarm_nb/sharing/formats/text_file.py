"""What the formats that are text have in common."""

from __future__ import annotations

import re
from pathlib import Path

from ..selection import Chunk, Conversation

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class TextWriter:
    """Writes one text file: a head, each conversation, a tail."""

    def __init__(self, draft: Path, target: Path, redacted: bool) -> None:
        self.target = target
        self.redacted = redacted
        self.count = 0
        self._file = draft.open("w", encoding="utf-8", newline="\n", errors="replace")
        self._file.write(self.head())

    def write(self, chunk: Chunk) -> None:
        """Write the conversations of `chunk`."""
        for conversation in chunk.conversations():
            self._file.write(self.conversation(conversation))
            self.count += 1

    def close(self) -> None:
        """Write the tail and close the file."""
        self._file.write(self.tail())
        self._file.close()

    def abandon(self) -> None:
        """Close the file as it is."""
        self._file.close()

    def head(self) -> str:
        return ""

    def conversation(self, conversation: Conversation) -> str:
        raise NotImplementedError

    def tail(self) -> str:
        return ""


def counted(number: int, what: str) -> str:
    """Return a number with its noun."""
    return f"{number:,} {what}{'s' * (number != 1)}"


def printable(text: str) -> str:
    """Return `text` without control characters."""
    return _CONTROL.sub("\ufffd", text)
