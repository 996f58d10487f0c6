"""One HTML page that needs nothing else: no script, no request; what was said is sanitized by the one renderer."""

from __future__ import annotations

import base64
from hashlib import sha256
from html import escape
from itertools import count

from ...models import SessionMessage
from ...rendering import highlight_code, id_prefix, render_markdown, stylesheet
from ..reading import PICTURES, Entry, about, attachments, entries, numbers, reasoning, speaker, state, tool_calls
from ..selection import Conversation
from .text_file import TextWriter, printable

_PAGE = """
:root{color-scheme:light dark}
body{margin:0;background:light-dark(#fff,#1b1d20);color:light-dark(#1f2328,#e4e6e8);
font:16px/1.55 system-ui,sans-serif;display:flex;flex-direction:column}
.lsnb-page{box-sizing:border-box;width:100%;max-width:50rem;margin:0 auto;padding:1rem 1.2rem}
.lsnb-contents{order:-1;border-bottom:1px solid light-dark(#d5d9dd,#44494e)}
.lsnb-contents h1{font-size:1.15rem;margin:.6rem 0}.lsnb-contents ol{padding-inline-start:1.6rem;margin:.4rem 0}
.lsnb-page a{color:light-dark(#0b57c4,#84b6ff)}
.lsnb-conversation h2{font-size:1.5rem;line-height:1.25;margin:1.4rem 0 .2rem;overflow-wrap:anywhere}
"""
_CONVERSATION = """
.lsnb-about,.lsnb-numbers{color:light-dark(#565d64,#a9b1b8);font-size:.85em}
.lsnb-message{margin:1.1em 0;padding-inline-start:.9em;border-inline-start:3px solid light-dark(#d5d9dd,#44494e)}
.lsnb-user{border-color:light-dark(#0072b2,#56b4e9)}.lsnb-assistant{border-color:light-dark(#00805a,#2fc79a)}
.lsnb-who{font-weight:600}.lsnb-who .lsnb-numbers{font-weight:400;margin-inline-start:.6em}
.lsnb-said{white-space:pre-wrap;overflow-wrap:anywhere;margin:.3em 0}
.lsnb-message .lsnb-md{margin:.3em 0}
.lsnb-aside{margin:.4em 0}.lsnb-aside>summary{cursor:pointer;color:light-dark(#565d64,#a9b1b8);font-size:.9em}
.lsnb-aside pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:.9em;max-height:24em;overflow:auto}
.lsnb-message img{max-width:100%;border-radius:4px}
.lsnb-state{color:light-dark(#a40e26,#ffa198)}
"""


class HtmlWriter(TextWriter):
    """One HTML page."""

    def head(self) -> str:
        self._titles: list[tuple[str, str]] = []
        style = f"{stylesheet()}{_CONVERSATION}{_PAGE}"
        digest = base64.b64encode(sha256(style.encode()).digest()).decode()
        policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="referrer" content="no-referrer">\n'
            f"<title>Conversations</title>\n<style>{style}</style>\n</head>\n<body>\n"
        )

    def conversation(self, conversation: Conversation) -> str:
        anchor = f"c{self.count + 1}"
        self._titles.append((conversation.title, about(conversation)))
        heading = f"<h2>{_text(conversation.title)}</h2>"
        return (
            f'<section class="lsnb-page lsnb-conversation" id="{anchor}">{heading}{fragment(conversation)}</section>\n'
        )

    def tail(self) -> str:
        listed = "".join(
            f'<li><a href="#c{number}">{_text(title)}</a> <span class="lsnb-about">{_text(line)}</span></li>'
            for number, (title, line) in enumerate(self._titles, 1)
        )
        many = f"<details open><summary>{self.count:,} conversations</summary><ol>{listed}</ol></details>"
        note = " · redacted" if self.redacted else ""
        told = f'<div class="lsnb-about">Exported with langswarm_nb{note}</div>'
        nav = (
            f'<nav class="lsnb-page lsnb-contents"><h1>Conversations</h1>{many}{told}</nav>\n' if self.count > 1 else ""
        )
        return f"{nav}</body>\n</html>\n"


def styles() -> str:
    """Return the style sheet that `fragment` needs."""
    return f"{stylesheet()}{_CONVERSATION}"


def fragment(conversation: Conversation) -> str:
    """Return a conversation as sanitized HTML, without its title."""
    parts = [f'<div class="lsnb-about">{_text(about(conversation))}</div>']
    if conversation.session["description"]:
        parts.append(f'<div class="lsnb-said">{_text(conversation.session["description"])}</div>')
    if conversation.system_prompt:
        parts.append(_aside("System prompt", f"<pre>{_text(conversation.system_prompt)}</pre>"))
    return "".join([*parts, *(_entry(entry) for entry in entries(conversation))])


def _entry(entry: Entry) -> str:
    number = count(1)
    others = (
        _aside(f"Another version ({next(number)} of {len(entry.others)})", "".join(map(_message, branch)))
        for branch in entry.others
    )
    return "".join([_message(entry.message), *others])


def _message(message: SessionMessage) -> str:
    role = message.role if message.role in ("user", "assistant", "tool", "system") else "other"
    about_it = f'<span class="lsnb-numbers">{_text(numbers(message))}</span>'
    parts = [f'<div class="lsnb-who">{_text(speaker(message))}{about_it}</div>']
    ids = id_prefix(message.message_id)
    if thought := reasoning(message):
        parts.append(_aside("Reasoning", _rendered(thought, f"{ids}-r")))
    if message.role == "tool":
        parts.append(_aside("Result", f"<pre>{_text(message.content)}</pre>"))
    elif message.role == "assistant":
        parts.append(_rendered(message.content, ids))
    elif message.content:
        parts.append(f'<div class="lsnb-said" dir="auto">{_text(message.content)}</div>')
    parts += [_attachment(*attachment) for attachment in attachments(message)]
    parts += [
        _aside(f"Call: {name}", f'<div class="lsnb-md">{_code(arguments)}</div>')
        for name, arguments in tool_calls(message)
    ]
    if said := state(message):
        parts.append(f'<div class="lsnb-state">{_text(said)}</div>')
    return f'<article class="lsnb-message lsnb-{role}">{"".join(parts)}</article>'


def _attachment(name: str, media_type: str, text: str | None, data: bytes | None) -> str:
    if text is not None:
        return _aside(f"Attachment: {name}", f"<pre>{_text(text)}</pre>")
    if data is None:
        return f'<div class="lsnb-about">Attachment: {_text(name)}</div>'
    content = base64.b64encode(data).decode()
    if media_type in PICTURES:
        return f'<img alt="{_text(name)}" src="data:{media_type};base64,{content}">'
    # Never a type that the browser would open itself.
    link = f'<a download="{_text(name)}" href="data:application/octet-stream;base64,{content}">{_text(name)}</a>'
    return f'<div class="lsnb-about">Attachment: {link} ({_text(media_type)}, {len(data):,} bytes)</div>'


def _aside(summary: str, inner: str) -> str:
    return f'<details class="lsnb-aside"><summary>{_text(summary)}</summary>{inner}</details>'


def _rendered(text: str, ids: str) -> str:
    return f'<div class="lsnb-md" dir="auto">{render_markdown(text, id_prefix=ids)}</div>'


def _code(text: str) -> str:
    return highlight_code(text, "json")


def _text(text: object) -> str:
    return escape(printable(str(text)), quote=True)
