"""The conversation as a plain output of its own: what a notebook file keeps when there is no kernel.

The live panel hides it by its class; without a live panel it shows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from ..rendering import stylesheet
from .protocol import Header, MessageView

STYLE = """
.lsnb-transcript .lsnb-who{font-weight:600;margin:.8em 0 .2em}
.lsnb-transcript .lsnb-said{white-space:pre-wrap;overflow-wrap:anywhere}
.lsnb-transcript :is(.lsnb-about,.lsnb-numbers){opacity:.7;font-size:85%}
"""


# There, the end of a line shows nothing. In a block of code it does: between its tags there are only spans.
_AFTER_BLOCK = re.compile(
    r"(</?(?:blockquote|d[dlt]|details|div|h[1-6]|hr|li|ol|p|section|summary|t[dhr]|table|tbody|thead|ul)\b[^<>]*>)\n+"
)


def class_of(panel_id: str) -> str:
    """Return the class by which a live panel finds its transcript."""
    return f"lsnb-transcript-{panel_id}"


def transcript(panel_id: str, header: Header, views: Sequence[MessageView]) -> dict[str, str]:
    """Return the conversation as an output's data; empty but findable while there is no message."""
    body = "".join(said_in(view) for view in views if view["state"] != "running")
    about = _about(header, len(views)) if body else ""
    style = f"<style>{stylesheet()}{STYLE}</style>".replace("\n", "") if body else ""
    html = f'<div class="lsnb-transcript {class_of(panel_id)}">{style}{about}{_in_one_line(body)}</div>'
    return {"text/html": html, "text/plain": f"A conversation with {header['model']}: {len(views)} messages."}


def _in_one_line(html: str) -> str:
    """Return what shows the same: a file of a notebook spends some fifteen characters on the end of each line."""
    return _AFTER_BLOCK.sub(r"\1", html).replace("\n", "&#10;")


def _about(header: Header, shown: int) -> str:
    earlier = f", {header['earlier']} earlier ones in the store" if header["earlier"] else ""
    line = f"{header['title'] or 'Chat'}: {shown} messages with {header['model']}{earlier}. Run this cell to go on."
    return f'<div class="lsnb-about">{escape(line)}</div>'


def said_in(view: MessageView) -> str:
    """Return one message as plain HTML."""
    who = f'<div class="lsnb-who">{escape(view["author"])}</div>'
    if "html" not in view:
        names = ", ".join(f"{file['name']} ({file['size']})" for file in view.get("attachments", ()))
        files = f'<div class="lsnb-about">With {escape(names)}</div>' if names else ""
        return f'{who}<div class="lsnb-said" dir="auto">{escape(view.get("text", ""))}</div>{files}'
    body = f'{who}<div class="lsnb-md" dir="auto">{view["html"]}</div>'
    if "error" in view:
        return f'{body}<div class="lsnb-about">{escape(view["error"]["text"])}</div>'
    if view["state"] == "interrupted":
        return f'{body}<div class="lsnb-about">Stopped here.</div>'
    return body
