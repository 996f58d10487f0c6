"""The conversation as a plain output of its own: what a notebook file keeps when there is no kernel.

The live panel hides it by its class; without a live panel it shows. Who shows the file may take away every style and
class: then it still tells who said what.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence

from IPython.display import display

from .. import runtime
from ..rendering import for_file, stylesheet, text_for_file
from .protocol import Header, MessageView

# The last rule: JupyterLab says "Loading widget..." for ever where it has no kernel.
STYLE = """
.lsnb-transcript .lsnb-who{font-weight:600;margin:.8em 0 .2em}
.lsnb-transcript .lsnb-said{margin:.2em 0;overflow-wrap:anywhere}
.lsnb-transcript :is(.lsnb-about,.lsnb-numbers){margin:.2em 0;opacity:.7;font-size:85%}
.jp-OutputArea-child:has(+* .lsnb-transcript):not(:has([data-mime-type],.lsnb-panel)){display:none}
"""

# A front end reads the whole output again each time, for its table of contents for one: 0.1 s for 500 messages, in
# which no letter comes and nothing moves. So while somebody types, and at the end of a reply if there is more to read
# than this, it waits for a pause of this length.
PAUSE_S = 1.5
_AT_ONCE = 50_000
# Until then a page has taken away a panel that is closed, and would have MathJax set formulas again.
_CLOSED_S = 0.5

# There, the end of a line shows nothing. In a block of code it does: between its tags there are only spans.
_AFTER_BLOCK = re.compile(
    r"(</?(?:blockquote|d[dlt]|details|div|h[1-6]|hr|li|ol|p|section|summary|t[dhr]|table|tbody|thead|ul)\b[^<>]*>)\n+"
)

_HEADING = re.compile(r"<h([1-6])>")


class KeptOutput:
    """The output that the file keeps, brought up to date while nobody types; `make` returns its data.

    `size` returns how much there is to read for pages that show the panel, in characters, and 0 where none does: then
    nobody waits, and the kernel may end at any time. All but `show` and `let_go` on the package's event loop.
    """

    def __init__(
        self,
        panel_id: str,
        make: Callable[[], dict[str, str]],
        size: Callable[[], int],
        more_style: str = "",
    ) -> None:
        self._panel_id = panel_id
        self._make = make
        self._size = size
        self._more_style = more_style
        self._shown = self._has_maths = False
        self._typed = 0.0
        self._due: asyncio.TimerHandle | None = None

    def show(self) -> None:
        """Display it in the running cell."""
        self._shown = True
        self._display()
        # A style sheet that comes anew with each turn has the browser restyle every message on the page. It comes last:
        # there are readers who take only its tags away.
        display(_styles(self._panel_id, self._more_style), raw=True)

    def update(self) -> None:
        """Bring it up to date: now, after a pause, or when whoever types has paused."""
        if not self._shown or self._due is not None:
            return
        if self._size() > _AT_ONCE:
            self._due = asyncio.get_running_loop().call_later(PAUSE_S, self._write)
        else:
            self._write()

    def typed(self) -> None:
        """Take note that somebody types."""
        self._typed = time.monotonic()

    def paused(self) -> None:
        """Take note that nobody types any more."""
        self._typed = 0.0
        if self._due is not None:
            self._due.cancel()
            self._write()

    def let_go(self) -> None:
        """Bring it up to date for the last time: now, and once the panel is away, if formulas are to be set then."""
        if self._due is not None or self._has_maths:
            runtime.background_loop().call_soon_threadsafe(self._closed)

    def _closed(self) -> None:
        self.paused()
        if self._has_maths:
            asyncio.get_running_loop().call_later(_CLOSED_S, self._write)

    def _write(self) -> None:
        self._due = None
        if (wait := self._typed + PAUSE_S - time.monotonic()) > 0:
            self._due = asyncio.get_running_loop().call_later(wait, self._write)
        else:
            self._display(update=True)

    def _display(self, *, update: bool = False) -> None:
        data = self._make()
        self._has_maths = "$" in data["text/html"]
        display(data, raw=True, display_id=self._display_id, update=update)

    @property
    def _display_id(self) -> str:
        return f"{self._panel_id}-transcript"


def class_of(panel_id: str) -> str:
    """Return the class by which a live panel finds its transcript."""
    return f"lsnb-transcript-{panel_id}"


def transcript(panel_id: str, header: Header, views: Sequence[MessageView]) -> dict[str, str]:
    """Return the conversation as an output's data; empty but findable while there is no message."""
    body = "".join(said_in(view) for view in views if view["state"] != "running")
    intro = _about(header, len(views)) if body else ""
    html = f'<div class="lsnb-transcript {class_of(panel_id)}">{intro}{_in_one_line(body)}</div>'
    return {"text/html": html, "text/plain": f"A conversation with {header['model']}: {len(views)} messages."}


def _styles(panel_id: str, more: str) -> dict[str, str]:
    """Return the output's style sheet as an output after it."""
    sheet = f"{stylesheet()}{STYLE}{more}".replace("\n", "")
    html = f'<div class="lsnb-transcript-styles {class_of(panel_id)}"><style>{sheet}</style></div>'
    return {"text/html": html, "text/plain": ""}


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
        text = view.get("text", "")
        if text or not files:
            said += f'<p class="lsnb-said" dir="auto">{text_for_file(text)}</p>'
        return said + files
    # JupyterLab lists each heading of an output in the notebook's table of contents.
    html = _HEADING.sub(r'<h\1 class="jp-toc-ignore">', for_file(view["html"]))
    said += f'<div class="lsnb-md" dir="auto">{html}</div>'
    if "error" in view:
        return said + about(view["error"]["text"])
    return said + about("Stopped here.") if view["state"] == "interrupted" else said


def who(name: str) -> str:
    """Return the line that says who speaks."""
    return f'<p class="lsnb-who"><b>{text_for_file(name)}</b></p>'


def about(line: str) -> str:
    """Return a line beside what was said."""
    return f'<p class="lsnb-about">{text_for_file(line)}</p>'
