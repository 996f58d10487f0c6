"""The conversation as a plain output of its own: what a notebook file keeps when there is no kernel.

The live panel hides it by its class; without a live panel it shows. Who shows the file may take away every style and
class: then it still tells who said what.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..rendering import for_file, stylesheet, text_for_file
from .protocol import Header, MessageView

# The last rule: JupyterLab says "Loading widget..." for ever where it has no kernel.
STYLE = """
.lsnb-transcript .lsnb-who{font-weight:600;margin:.8em 0 .2em}
.lsnb-transcript .lsnb-said{margin:.2em 0;overflow-wrap:anywhere}
.lsnb-transcript :is(.lsnb-about,.lsnb-numbers){margin:.2em 0;opacity:.7;font-size:85%}
.jp-OutputArea-child:has(+* .lsnb-transcript):not(:has([data-mime-type],.lsnb-panel)){display:none}
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
    intro = _about(header, len(views)) if body else ""
    # The style comes last: there are readers who take only its tags away.
    style = f"<style>{stylesheet()}{STYLE}</style>".replace("\n", "") if body else ""
    html = f'<div class="lsnb-transcript {class_of(panel_id)}">{intro}{_in_one_line(body)}{style}</div>'
    return {"text/html": html, "text/plain": f"A conversation with {header['model']}: {len(views)} messages."}


def _in_one_line(html: str) -> str:
    """Return what shows the same: a file of a notebook spends some fifteen characters on the end of each line."""
    return _AFTER_BLOCK.sub(r"\1", html).replace("\n", "&#10;")


def _about(header: Header, shown: int) -> str:
    earlier = f", {header['earlier']} earlier ones in the store" if header["earlier"] else ""
    line = f"{header['title'] or 'Chat'}: {shown} messages with {header['model']}{earlier}. Run this cell to go on."
    return about(line)


def said_in(view: MessageView) -> str:
    """Return one message as plain HTML."""
    said = who(view["author"])
    if "html" not in view:
        names = ", ".join(f"{file['name']} ({file['size']})" for file in view.get("attachments", ()))
        files = about(f"With {names}") if names else ""
        return f'{said}<p class="lsnb-said" dir="auto">{text_for_file(view.get("text", ""))}</p>{files}'
    said += f'<div class="lsnb-md" dir="auto">{for_file(view["html"])}</div>'
    if "error" in view:
        return said + about(view["error"]["text"])
    return said + about("Stopped here.") if view["state"] == "interrupted" else said


def who(name: str) -> str:
    """Return the line that says who speaks."""
    return f'<p class="lsnb-who"><b>{text_for_file(name)}</b></p>'


def about(line: str) -> str:
    """Return a line beside what was said."""
    return f'<p class="lsnb-about">{text_for_file(line)}</p>'
