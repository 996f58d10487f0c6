"""Markdown: one heading a conversation, one a message; what is aside (reasoning, calls, other versions) is folded."""

from __future__ import annotations

import base64
import re
from functools import cache
from html import escape
from typing import Any

from ...models import SessionMessage
from ..reading import PICTURES, Entry, about, attachments, entries, numbers, reasoning, speaker, state, tool_calls
from ..selection import Conversation
from .text_file import TextWriter, printable

_MARKER = "langswarm-nb-end"
_TAGS = re.compile(r"<(/?)(details|table|div|pre|summary|section|article|blockquote|ul|ol)\b", re.I)


class MarkdownWriter(TextWriter):
    """One Markdown file."""

    def conversation(self, conversation: Conversation) -> str:
        rule = "\n---\n\n" if self.count else ""
        return rule + conversation_text(conversation)


def conversation_text(conversation: Conversation) -> str:
    """Return a conversation as Markdown; its first line is the title as a heading."""
    lines = [f"# {line(conversation.title)}\n", f"{line(about(conversation))}\n"]
    if conversation.session["description"]:
        lines.append(f"{line(conversation.session['description'])}\n")
    if conversation.system_prompt:
        lines.append(folded("System prompt", fenced(conversation.system_prompt)))
    return "\n".join([*lines, *map(_entry, entries(conversation))])


def _entry(entry: Entry) -> str:
    others = [
        folded(f"Another version ({number} of {len(entry.others)})", "\n".join(map(message_text, branch)))
        for number, branch in enumerate(entry.others, 1)
    ]
    return "\n".join([message_text(entry.message), *others])


def message_text(message: SessionMessage) -> str:
    """Return one message as Markdown, its heading included."""
    return "\n".join([f"## {line(speaker(message))}\n", f"*{line(numbers(message))}*\n", body(message)])


def body(message: SessionMessage, *, with_content: bool = True, with_pictures: bool = True) -> str:
    """Return what a message says and what came along with it."""
    blocks: list[str] = []
    if thought := reasoning(message):
        blocks.append(folded("Reasoning", contained(thought)))
    if with_content and message.content.strip():
        blocks.append(fenced(message.content) if message.role == "tool" else contained(message.content))
    for name, media_type, text, data in attachments(message):
        if text is not None:
            blocks.append(folded(f"Attachment: {name}", fenced(text)))
        elif data is not None and media_type in PICTURES and with_pictures:
            address = f"data:{media_type};base64,{base64.b64encode(data).decode()}"
            blocks.append(f"![{line(name)}]({address})\n")
        elif data is not None and media_type not in PICTURES:
            blocks.append(f"*Attachment: {line(name)} ({line(media_type)}, {len(data):,} bytes)*\n")
    blocks += [folded(f"Call: {name}", fenced(arguments, "json")) for name, arguments in tool_calls(message)]
    if said := state(message):
        blocks.append(f"> {line(said)}\n")
    return "\n".join(blocks)


def line(text: object) -> str:
    """Return `text` on one line in which nothing is markup."""
    plain = printable(" ".join(str(text).split()))
    return re.sub(r"([\\`*_{}\[\]<>#|~$&!])", r"\\\1", plain)


def fenced(text: str, language: str = "") -> str:
    """Return `text` as a code block that nothing in it can end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{printable(text)}\n{fence}\n"


def folded(summary: str, inner: str) -> str:
    """Return `inner` in a block that opens on a click."""
    return f"<details><summary>{escape(printable(summary))}</summary>\n\n{inner}\n\n</details>\n"


def contained(text: str) -> str:
    """Return Markdown that ends where it ends: an open fence is closed; what would go on is shown as text."""
    text = printable(text).strip("\n")
    for candidate in (text, f"{text}\n```", f"{text}\n~~~", f"{text}\n\n$$"):
        if _ends(candidate):
            return f"{candidate}\n"
    return fenced(text)


def _ends(text: str) -> bool:
    tokens = _parser().parse(f"{text}\n\n{_MARKER}")
    tail = [token.type for token in tokens[-3:]]
    if (
        tail != ["paragraph_open", "inline", "paragraph_close"]
        or tokens[-2].content != _MARKER
        or tokens[-2].level != 1
    ):
        return False
    opened: list[str] = []
    for token in tokens:
        if token.type in ("html_block", "inline"):
            for closing, tag in _TAGS.findall(_html(token)):
                if not closing:
                    opened.append(tag.lower())
                elif not opened or opened.pop() != tag.lower():
                    return False
            if "<!--" in _html(token) and "-->" not in _html(token):
                return False
    return not opened


def _html(token: Any) -> str:
    if token.type == "html_block":
        return token.content
    return "".join(child.content for child in token.children or [] if child.type == "html_inline")


@cache
def _parser() -> Any:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("table")
