"""A notebook: what was said in Markdown cells, the Python of replies in code cells that run.

A code cell is tagged `raises-exception`: half a program among the replies does not stop `Run all`. Other languages stay
in Markdown. Pictures are attachments of their cell; one from elsewhere is a link, or whoever opens the file would tell
its server so.
"""

from __future__ import annotations

import base64
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from ...models import SessionMessage
from ...rendering.maths import formula_at
from ..reading import PICTURES, about, attachments, entries, numbers, speaker
from ..selection import Conversation
from .markdown import body, contained, fenced, folded, line, message_text
from .text_file import TextWriter, printable

_PYTHON = ("python", "py", "python3", "ipython", "ipython3", "pycon3", "sage")
_TICKS = re.compile("`+")
_FETCHING = r"<(?=(?:audio|embed|i?frame|image|img|input|link|object|picture|source|style|svg|track|video)\b)"
_MAY_FETCH = re.compile(rf"!\[|{_FETCHING}", re.I)
# What may begin code, what is escaped, an address, what fetches a file, and what may begin a formula.
_TOKEN = re.compile(
    r"(?P<ticks>`+)|\\[\s\S]|(?P<address>(?:[a-z]{2,10}://|(?<=\]\())(?:[^\s<>`()]|\([^\s<>`()]*\))+)"
    r"|(?P<kept>!\[(?:\\.|[^\]\\\n]){0,300}\]\((?:attachment|data):)|(?P<picture>!(?=\[))"
    rf"|(?P<tag>{_FETCHING})|\$",
    re.I,
)
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class NotebookWriter(TextWriter):
    """One notebook, format 4.5."""

    def __init__(self, draft: Path, target: Path, redacted: bool) -> None:
        self._cells = 0
        super().__init__(draft, target, redacted)

    def head(self) -> str:
        return '{\n "cells": ['

    def conversation(self, conversation: Conversation) -> str:
        intro = f"# {line(conversation.title)}\n\n{line(about(conversation))}"
        if conversation.system_prompt:
            intro += "\n\n" + folded("System prompt", fenced(conversation.system_prompt))
        cells = [self._markdown(intro)]
        for entry in entries(conversation):
            cells += self._message(entry.message)
            for number, branch in enumerate(entry.others, 1):
                title = f"Another version ({number} of {len(entry.others)})"
                cells.append(self._markdown(folded(title, "\n".join(map(message_text, branch)))))
        return "".join(cells)

    def tail(self) -> str:
        metadata = {**METADATA, "langswarm_nb": {"redacted": self.redacted}}
        return f'\n ],\n "metadata": {json.dumps(metadata)},\n "nbformat": 4,\n "nbformat_minor": 5\n}}\n'

    def _message(self, message: SessionMessage) -> list[str]:
        heading = f"## {line(speaker(message))}\n\n*{line(numbers(message))}*\n\n"
        pieces = split(message.content) if message.role == "assistant" else []
        if not any(is_code for is_code, _ in pieces):
            return [self._markdown(heading + body(message, with_pictures=False), _pictures(message))]
        cells = [self._markdown(heading)] if pieces[0][0] else []
        for number, (is_code, text) in enumerate(pieces):
            if is_code:
                cells.append(self._code(text))
            else:
                cells.append(self._markdown((heading if number == 0 else "") + contained(text)))
        rest = body(message, with_content=False, with_pictures=False)
        pictures = _pictures(message)
        return [*cells, self._markdown(rest, pictures)] if rest.strip() or pictures else cells

    def _markdown(self, source: str, pictures: dict[str, Any] | None = None) -> str:
        shown = "".join(f"\n\n![{line(name)}](attachment:{name})" for name in pictures or {})
        cell: dict[str, Any] = {
            "cell_type": "markdown",
            "metadata": {},
            "source": tamed(source + shown).strip("\n"),
        }
        return self._cell({**cell, "attachments": pictures} if pictures else cell)

    def _code(self, source: str) -> str:
        cell: dict[str, Any] = {"cell_type": "code", "execution_count": None, "outputs": []}
        return self._cell(
            {**cell, "metadata": {"tags": ["raises-exception"]}, "source": printable(source).rstrip("\n")}
        )

    def _cell(self, cell: dict[str, Any]) -> str:
        comma = "," if self._cells else ""
        self._cells += 1
        lines = cell["source"].split("\n")
        source = [f"{text}\n" for text in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
        return f"{comma}\n  {json.dumps({'id': f'c{self._cells}', **cell, 'source': source}, ensure_ascii=False)}"


def split(text: str) -> list[tuple[bool, str]]:
    """Return a reply in pieces, as (whether it is Python, text), in order; only fences at the top are taken out."""
    pieces: list[tuple[bool, str]] = []
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    position = 0
    for token in _parser().parse(text):
        language = token.info.strip().split(" ")[0].split("{")[0].lower() if token.type == "fence" else ""
        if language in _PYTHON and token.level == 0 and token.map and token.content.strip():
            first, last = token.map
            if before := "\n".join(lines[position:first]).strip("\n"):
                pieces.append((False, before))
            pieces.append((True, token.content))
            position = last
    if rest := "\n".join(lines[position:]).strip("\n"):
        pieces.append((False, rest))
    return pieces


def tamed(text: str) -> str:
    r"""Return Markdown that fetches nothing, and in which a dollar that begins no formula is shown as a dollar.

    JupyterLab makes a formula of "$3 or $4", of `\$3 or \$4` too, and of what stands between two elements. In
    an address a dollar is written as `%24`, which means the same there.
    """
    if "$" not in text and not _MAY_FETCH.search(text):
        return text
    lines = text.split("\n")
    code = [token.map for token in _parser().parse(text) if token.type in ("fence", "code_block") and token.map]
    pieces: list[str] = []
    position = 0
    for first, last in [*code, (len(lines), len(lines))]:
        if position < first:
            pieces.append(_tamed("\n".join(lines[position:first])))
        pieces += lines[first:last]
        position = last
    return "\n".join(pieces)


def _tamed(text: str) -> str:
    pieces: list[str] = []
    position = 0
    code = _code_spans(text)
    while found := _TOKEN.search(text, position):
        end = found.end()
        kept = found[0]
        formula = formula_at(text, found.start(), len(text))
        if formula is not None and _MAY_FETCH.search(formula[1]):
            # Whoever shows the file may draw the line elsewhere.
            formula = None
        if formula is not None or found["ticks"]:
            end = formula[2] if formula is not None else code.get(found.start(), end)
            kept = text[found.start() : end]
        elif found["address"]:
            kept = kept.replace("$", "%24")
        elif found["picture"]:
            kept = r"\!"
        elif found["tag"]:
            kept = "&lt;"
        elif kept in ("$", r"\$"):
            kept = "<span>&#36;</span>"
        pieces += [text[position : found.start()], kept]
        position = end
    return "".join([*pieces, text[position:]])


def _code_spans(text: str) -> dict[int, int]:
    """Return where code between backticks ends, by where it begins: at the next row of as many."""
    ends: dict[int, int] = {}
    following: dict[int, int] = {}
    for ticks in reversed(list(_TICKS.finditer(text))):
        if (end := following.get(len(ticks[0]))) is not None:
            ends[ticks.start()] = end
        following[len(ticks[0])] = ticks.end()
    return ends


def _pictures(message: SessionMessage) -> dict[str, Any]:
    found = [(m, d) for _, m, _, d in attachments(message) if d is not None and m in PICTURES]
    return {
        f"image-{number}.{media_type.partition('/')[2]}": {media_type: base64.b64encode(data).decode()}
        for number, (media_type, data) in enumerate(found, 1)
    }


@cache
def _parser() -> Any:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark")
