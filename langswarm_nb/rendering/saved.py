r"""Rendered Markdown as the file of a notebook keeps it, for whatever program shows that file.

Each of them takes something away. GitHub, and a JupyterLab that does not trust the file, show neither style nor MathML:
of a formula they leave the letters, in a row. Nearly all of them bring MathJax, which finds `$…$` in plain text too:
"$3 or $4" would become one. So formulas are TeX between dollars there, and no other dollar can begin one.
"""

import re
from html import escape, unescape

from langswarm_nb.rendering.markdown import plain

_ATTRIBUTES = r'(?:[^<>"]|"[^"]*")*'
_PIECE = re.compile(rf"<math\b({_ATTRIBUTES})>.*?</math>|<(pre|code)\b.*?</\2>|<{_ATTRIBUTES}>|([^<]+)", re.S)
_TEX = re.compile(r'\balttext="([^"]*)"')
_OPENERS = re.compile(r"\$|\\(?=[(\[]|(?:begin|ref|eqref)\b)")


def for_file(html: str) -> str:
    """Returns rendered HTML with formulas as TeX, in which nothing else is taken for one."""
    return _PIECE.sub(_kept, html) if "<math" in html or "$" in html or "\\" in html else html


def text_for_file(text: str) -> str:
    """Returns `text` as HTML that looks as the text does, without any style as well."""
    lines = _no_formula(escape(plain(text).expandtabs(4))).split("\n")
    # Without a style, a row of spaces is one.
    return "<br>".join(re.sub(r" (?= )|^ ", "\N{NO-BREAK SPACE}", line) for line in lines)


def _kept(piece: re.Match[str]) -> str:
    if piece[3]:
        return _no_formula(piece[3])
    tex = _TEX.search(piece[1] or "")
    if tex is None:
        return piece[0]
    around = "$$" if 'display="block"' in piece[1] else "$"
    # In an element of its own it neither ends nor begins at a dollar beside it.
    return f"<span>{around}{escape(unescape(tex[1]), quote=False)}{around}</span>"


def _no_formula(text: str) -> str:
    """Returns the text of one node, escaped already; MathJax looks for the end of a formula in the same node only."""
    openers = _OPENERS.findall(text)
    return _OPENERS.sub(r"<span>\g<0></span>", text) if len(openers) > 1 or "\\" in openers else text
