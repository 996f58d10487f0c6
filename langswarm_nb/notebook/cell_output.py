"""A reply in a cell's output: it grows while it streams and stays in the saved notebook."""

from __future__ import annotations

import html
import time
from typing import Any

from IPython.display import display

from ..characters import whole_characters
from ..clock import new_id
from ..models import SessionMessage
from ..rendering import IncrementalRenderer, for_file, id_prefix, render_markdown, stylesheet, text_for_file

# A front end draws a whole new output at each update, so the longer the text, the rarer the update.
_SHORTEST_PAUSE_S = 0.1
_PAUSE_PER_CHARACTER_S = 1 / 100_000


class ReplyOutput:
    """Shows a reply as `markdown`, `text`, `code`, `json` or `html` (whose source is shown; nothing of it runs)."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._text = ""
        self._pending: list[str] = []
        # The footnotes of several cells are on one page.
        self._ids = id_prefix(new_id())
        self._renderer = IncrementalRenderer(self._ids)
        self._frozen: list[str] = []
        self._drawn_at = time.monotonic()
        self._handle: Any = display(self._bundle("", ""), raw=True, display_id=True)

    def add(self, text: str) -> None:
        """Append `text`; the output is drawn again when it is time."""
        self._pending.append(text)
        now = time.monotonic()
        if now - self._drawn_at < max(_SHORTEST_PAUSE_S, len(self._text) * _PAUSE_PER_CHARACTER_S):
            return
        self._drawn_at = now
        new = "".join(self._pending)
        self._pending.clear()
        self._text += new
        self._handle.update(self._bundle(whole_characters(self._text), self._partial(new)), raw=True)

    def finish(self, message: SessionMessage) -> None:
        """Show the whole reply, with a line of numbers under it."""
        text = message.content
        body = render_markdown(text, id_prefix=self._ids) if self._kind == "markdown" else _source(text, self._kind)
        self._handle.update(self._bundle(text, body + _footer(message)), raw=True)

    def _partial(self, new: str) -> str:
        if self._kind != "markdown":
            return _source(whole_characters(self._text), self._kind)
        update = self._renderer.feed(new)
        self._frozen += update.frozen
        return "".join(self._frozen) + update.tail

    def _bundle(self, text: str, body: str) -> dict[str, str]:
        style = f"<style>{stylesheet()}{_STYLE}</style>"
        bundle = {"text/html": f'<div class="lsnb-md lsnb-cell">{for_file(body)}{style}</div>', "text/plain": text}
        if self._kind == "markdown":
            bundle["text/markdown"] = text
        return bundle


_STYLE = ".lsnb-cell .lsnb-numbers{opacity:.65;font-size:85%;margin-top:.4em}"


def _source(text: str, kind: str) -> str:
    if kind == "text":
        return f"<div>{text_for_file(text)}</div>"
    fence = "~" * max(3, 1 + max((len(run) for run in text.split() if set(run) == {"~"}), default=0))
    language = {"code": "python", "json": "json", "html": "html"}[kind]
    return render_markdown(f"{fence}{language}\n{text}\n{fence}")


def _footer(message: SessionMessage) -> str:
    return f'<div class="lsnb-numbers">{html.escape(describe_numbers(message))}</div>'


def describe_numbers(message: SessionMessage) -> str:
    """Return model, time, tokens and cost in one line; unknown is shown as a dash, never as 0."""
    seconds = f"{message.duration_s:.1f} s" if message.duration_s is not None else "–"
    tokens = f"{message.usage.output_tokens:,} tokens" if message.usage.output_tokens is not None else "–"
    cost = f"${message.cost_usd:.4f}" if message.cost_usd is not None else "–"
    stopped = f" · {message.status}" if message.status != "complete" else ""
    return (
        f"{message.provider}/{message.response_model or message.request_model} · {seconds} · {tokens} · {cost}{stopped}"
    )
