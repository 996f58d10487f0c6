"""A reply that is still arriving: blocks that are final go out once, only the open rest is rendered again.

A block is final when no text that may follow can change it. A block that grows past `LONGEST_OPEN` is handed out in
parts (the items of a list, the rows of a table, stretches of code), each a block of its own marked `lsnb-continued`.
What cannot be parted is rendered again only after it has grown by an eighth; until then its newest text is shown plain.
So a frame costs what stands in the open rest, not what came before, and `finish` renders the whole text once.
"""

import re
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any

from markdown_it.token import Token

from langswarm_nb.rendering.code import pieces
from langswarm_nb.rendering.markdown import Section, new_env, parse, plain, render_markdown, render_section
from langswarm_nb.rendering.sanitizing import sanitize

LONGEST_OPEN = 4_000

_MAY_JOIN_THE_NEXT = re.compile("[\r\ud800-\udbff]\\Z")
_NOTE = re.compile(r"^ {0,3}\[\^[^\]\s]+\]:", re.MULTILINE)
_NUMBERED_REF = re.compile(r"\[\^(\d{1,3})\]")
# After a blank line, a line that begins so can neither be an item of the list before it nor belong to one.
_LEAVES_A_LIST = re.compile(r"[^\s\d*+-]")
_OUTLAST_BLANK_LINES = frozenset({"bullet_list_open", "code_block", "ordered_list_open"})


@dataclass(frozen=True, slots=True)
class RenderUpdate:
    """What changed: HTML blocks that are now final, in order, and the HTML of everything after them."""

    frozen: tuple[str, ...]
    tail: str


@dataclass(frozen=True, slots=True)
class _Cut:
    """Where the open text ends being open, and what the rest needs to go on with the same block."""

    line: int
    carried: str = ""
    first_number: int | None = None


class IncrementalRenderer:
    """Renders a growing Markdown text.

    All frozen blocks followed by the last tail show the text so far; each is sanitized and well-formed on its own.
    `finish` gives the HTML that replaces them. Not for use from two threads at once.
    """

    def __init__(self, id_prefix: str = "") -> None:
        self._id_prefix = id_prefix
        self._received: list[str] = []
        self._held_back = ""
        self._env = new_env(id_prefix)
        self._open = ""
        self._first_number: int | None = None
        self._tail = ""
        self._tail_shows = 0

    def feed(self, text: str) -> RenderUpdate:
        """Returns the update after appending `text`."""
        self._received.append(text)
        self._open += self._complete_characters(text)
        if self._rather_waits():
            return RenderUpdate((), self._tail + self._newest_text())
        frozen: list[str] = []
        while True:
            env = self._tail_env()
            sections = parse(self._open, env)
            cut = _settled(self._open, sections) or _part(self._open, sections, self._first_number)
            if cut is None:
                break
            frozen.extend(self._freeze(cut))
        self._tail = "".join(self._rendered(sections, env))
        self._tail_shows = len(self._open)
        return RenderUpdate(tuple(frozen), self._tail)

    def finish(self) -> str:
        """Returns the HTML of the whole text: what `render_markdown` returns for it."""
        return render_markdown("".join(self._received), id_prefix=self._id_prefix)

    def _complete_characters(self, text: str) -> str:
        text = self._held_back + text
        half = _MAY_JOIN_THE_NEXT.search(text)
        self._held_back = half[0] if half else ""
        return plain(text[: half.start()] if half else text)

    def _rather_waits(self) -> bool:
        size = len(self._open)
        return size > LONGEST_OPEN and self._tail_shows < size < self._tail_shows * 9 // 8

    def _newest_text(self) -> str:
        return sanitize(f'<p class="lsnb-raw">{escape(self._open[self._tail_shows :])}</p>\n')

    def _tail_env(self) -> dict[str, Any]:
        # A definition that is still arriving must not be remembered half.
        return {**_expecting_notes(deepcopy(self._env), self._open), "streaming": True}

    def _freeze(self, cut: _Cut) -> list[str]:
        position = _start_of_line(self._open, cut.line)
        final = self._open[:position]
        sections = parse(final, _expecting_notes(self._env, final))
        html = list(self._rendered(sections, self._env))
        self._open = cut.carried + self._open[position:]
        self._first_number = cut.first_number
        return html

    def _rendered(self, sections: list[Section], env: dict[str, Any]) -> Iterable[str]:
        if sections and self._first_number is not None:
            _mark_continued(sections[0].tokens[0], self._first_number)
        return (render_section(section, env) for section in sections)


def _expecting_notes(env: dict[str, Any], text: str) -> dict[str, Any]:
    """Returns `env`, with numbered footnotes taken as defined: their definitions mostly come at a text's end."""
    if numbers := _NUMBERED_REF.findall(text):
        refs = env.setdefault("footnotes", {}).setdefault("refs", {})
        for number in numbers:
            refs.setdefault(f":{number}", -1)
    return env


def _settled(text: str, sections: list[Section]) -> _Cut | None:
    """Returns the cut after the last section that nothing can change any more."""
    note = _NOTE.search(text)
    last_line = text.count("\n", 0, note.start()) if note else text.count("\n") + 1
    for section, following in reversed(list(pairwise(sections))):
        if following.end and section.end <= last_line and _is_settled(text, section, following):
            return _Cut(section.end)
    return None


def _is_settled(text: str, section: Section, following: Section) -> bool:
    lines_complete = text.count("\n")
    # Two lines decide what a block is: a table is one by its second line. Only a formula is one by its end.
    if following.first + 1 < lines_complete and following.tokens[0].type != "maths_open":
        return True
    start = _start_of_line(text, following.first)
    if not text[:start].endswith("\n\n"):
        return False
    kind = _top_level(section.tokens)[-1].type
    return kind not in _OUTLAST_BLANK_LINES or _LEAVES_A_LIST.match(text, start) is not None


def _part(text: str, sections: list[Section], first_number: int | None) -> _Cut | None:
    """Returns a cut within the one block of `text`, where it has grown too long and can be parted."""
    if len(text) <= LONGEST_OPEN or len(sections) != 1 or len(_top_level(sections[0].tokens)) != 1:
        return None
    block, lines_complete = sections[0], text.count("\n")
    opening = block.tokens[0]
    if opening.type == "fence":
        return _part_fence(text, block)
    if opening.type == "table_open":
        return _part_table(text, block)
    if opening.type not in ("bullet_list_open", "ordered_list_open", "blockquote_open"):
        return None
    starts = [
        token.map[0]
        for token in block.tokens
        if token.level == 1 and token.nesting >= 0 and token.map and token.map[0] + 1 < lines_complete
    ]
    if len(starts) < 2:
        return None
    number = int(opening.attrGet("start") or 1) if first_number is None else first_number
    return _Cut(starts[-1], first_number=number + len(starts) - 1)


def _part_fence(text: str, block: Section) -> _Cut | None:
    code_starts = _start_of_line(text, block.first + 1)
    complete = "".join(pieces(text[code_starts : text.rfind("\n") + 1])[:-1])
    if not complete:
        return None
    opening = text[_start_of_line(text, block.first) : code_starts]
    line = block.first + 1 + complete.count("\n")
    return _Cut(line, opening, first_number=0) if line < block.end else None


def _part_table(text: str, block: Section) -> _Cut | None:
    line = min(text.count("\n"), block.end) - 1
    if line <= block.first + 2:
        return None
    heading = text[_start_of_line(text, block.first) : _start_of_line(text, block.first + 2)]
    return _Cut(line, heading, first_number=0)


def _top_level(tokens: list[Token]) -> list[Token]:
    return [token for token in tokens if token.level == 0 and token.nesting >= 0]


def _mark_continued(opening: Token, first_number: int) -> None:
    opening.attrJoin("class", "lsnb-continued")
    if opening.type == "ordered_list_open":
        opening.attrSet("start", first_number)


def _start_of_line(text: str, line: int) -> int:
    position = 0
    for _ in range(line):
        position = text.find("\n", position) + 1
        if position == 0:
            return len(text)
    return position
