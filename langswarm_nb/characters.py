"""Text as UTF-8 can hold it."""

from __future__ import annotations


def whole_characters(text: str) -> str:
    """Return `text` with each pair of surrogates as the character it stands for, and U+FFFD for half a pair.

    Such halves come out of JSON whose escapes were cut in two, and nothing that has them can be sent or stored.
    """
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
