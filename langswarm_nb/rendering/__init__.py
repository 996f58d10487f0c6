"""Markdown to sanitized HTML: the one renderer, for the panel, the magics, exports and the static transcript.

```
incremental   a reply that is still arriving: blocks that are final, and the open rest
  markdown    text -> sections of tokens -> HTML
    raw_html  the HTML tags that a reply may use itself, and images
    maths     TeX between dollars or brackets -> MathML
    code      Pygments
  sanitizing  the allow-list; nothing leaves this package but through it
saved         the result as the file of a notebook keeps it
styles        the style sheet of the result
```
The HTML is made to live in `<div class="lsnb-md">…</div>`.
"""

from langswarm_nb.rendering.code import highlight_code
from langswarm_nb.rendering.incremental import IncrementalRenderer, RenderUpdate
from langswarm_nb.rendering.markdown import id_prefix, render_markdown
from langswarm_nb.rendering.saved import for_file, text_for_file
from langswarm_nb.rendering.styles import stylesheet

__all__ = [
    "IncrementalRenderer",
    "RenderUpdate",
    "for_file",
    "highlight_code",
    "id_prefix",
    "render_markdown",
    "stylesheet",
    "text_for_file",
]
