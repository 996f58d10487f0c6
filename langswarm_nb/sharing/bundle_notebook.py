"""The notebook of a bundle: it opens replay and dashboard, and has the conversations in it as text."""

from __future__ import annotations

import json
from typing import Any

from .formats.ipynb import METADATA, tamed
from .formats.markdown import conversation_text, line
from .formats.text_file import counted
from .selection import Conversation

# More than this GitHub does not show, and nobody reads; the rest is in the store.
_MOST_CHARACTERS = 400_000
_ABOUT = """# {title}

{said}.

They stand below as text. To replay them and to explore the dashboard, run this notebook: **Run → Run All Cells**. It
needs no key, and nothing is asked of any model."""
_REPLAY = """## Replay

The replies come as they came, four times as fast (`speed=1`: as it was). The menu ⋯ has the other conversations."""
_DASHBOARD = """## Explore

What it cost, how fast it was, when people asked. Click a bar to filter."""
_TABLES = "Every message is a row: `ls.messages(...)` is a DataFrame, `ls.sql(...)` asks in SQL."


class BundleNotebook:
    """Takes conversations and returns the notebook's text; what is too much for it is counted."""

    def __init__(self, store: str) -> None:
        self._store = store
        self._said: list[str] = []
        self._room = _MOST_CHARACTERS
        self._left_out = 0

    def add(self, conversation: Conversation) -> None:
        """Take a conversation, whole or not at all."""
        text = conversation_text(conversation)
        if self._left_out or len(text) > self._room:
            self._left_out += 1
            return
        self._room -= len(text)
        call = f"ls.replay({json.dumps(conversation.session_id)}, {json.dumps(self._store)})"
        # An id is whatever somebody's program made it.
        self._said.append(text if "`" in call else f"{text}\n\n*Replay it:* `{call}`")

    def text(self, title: str, said: str) -> str:
        """Return the notebook, format 4.5."""
        source = json.dumps(self._store)
        cells = [
            _markdown(_ABOUT.format(title=line(title), said=said)),
            _markdown(_REPLAY),
            _code(f"import langswarm_nb as ls\n\nls.replay(source={source})"),
            _markdown(_DASHBOARD),
            _code(f"ls.dashboard(source={source})"),
            _markdown(_TABLES),
            _code(f'ls.messages(source={source})[["created_at", "role", "request_model", "content"]].tail()'),
            *map(_markdown, self._said),
        ]
        if self._left_out:
            more = counted(self._left_out, "conversation")
            cells.append(_markdown(f"{more} more, too long for this page: the menu ⋯ of the replay has them."))
        for number, cell in enumerate(cells, 1):
            cell["id"] = f"c{number}"
        notebook = {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
        return f"{json.dumps(notebook, ensure_ascii=False, indent=1)}\n"


def _markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": _lines(tamed(text))}


def _code(text: str) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": _lines(text)}


def _lines(text: str) -> list[str]:
    return text.strip("\n").encode("utf-8", "replace").decode().splitlines(keepends=True)
