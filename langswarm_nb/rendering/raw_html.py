"""The HTML that a reply writes itself: tags with a use in prose stay, all others are shown as the text they are."""

import re
from collections.abc import Iterable
from html import escape, unescape

from markdown_it.token import Token

from langswarm_nb.rendering.sanitizing import INLINE_IMAGE, REMOTE_IMAGE, TEXT_TAGS

# These may stay open over several Markdown blocks: the blocks between are theirs.
SPANNING = frozenset({"blockquote", "center", "details", "div", "dl", "figure", "ol", "table", "ul"})

# Deeper nesting has no use, and the sanitizer's time grows with its square.
DEEPEST_HTML = 100

_NEVER_NEST = frozenset({"br", "col", "dd", "dt", "hr", "img", "image", "li", "p", "td", "th", "tr", "wbr"})
_PIECE = re.compile(
    r"<!--.*?(?:-->|\Z)|<(?P<close>/?)(?P<name>[A-Za-z][A-Za-z0-9]*)(?P<rest>(?:[\s/][^<>]*)?)>|<", re.DOTALL
)
_ATTRIBUTE = re.compile(r"""([A-Za-z-]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+))?""")
_KEPT = {
    "a": ("href", "title"),
    "abbr": ("title",),
    "col": ("span",),
    "details": ("open",),
    "li": ("value",),
    "ol": ("start",),
    "td": ("colspan", "rowspan"),
    "th": ("colspan", "rowspan"),
}


def written_html(source: str) -> str:
    """Returns `source` with the useful tags rewritten plainly and every other `<` escaped."""
    return _PIECE.sub(_rewritten, source)


def starts_with_text(html: str) -> bool:
    """Returns whether `written_html` turned the first tag into text, so that a paragraph has to hold it."""
    return html.lstrip()[:4] == "&lt;"


def image(src: str, alt: str, title: str = "") -> str:
    """Returns the image; one from the network without `src`: loading it would tell its server that it is read."""
    about = f' alt="{escape(alt)}"' + (f' title="{escape(title)}"' if title else "")
    if INLINE_IMAGE.fullmatch(src):
        return f'<img src="{escape(src)}"{about}>'
    if REMOTE_IMAGE.fullmatch(src):
        return f'<img class="lsnb-img-blocked" data-src="{escape(src)}"{about}>'
    return escape(alt)


def left_open(block: Iterable[Token], outside: list[str]) -> list[str]:
    """Returns which spanning elements are open after `block`, given those open before it.

    An element opened inside a paragraph or a list cannot outlive it; one that stands alone can.
    """
    outer, inner = list(outside), []
    standing_alone = False
    for token in block:
        for html in _html_in(token):
            standing_alone = standing_alone or (token.type == "html_block" and token.level == 0)
            for tag in _PIECE.finditer(html):
                _count(tag, inner, outer)
    return outer + inner if standing_alone else outer


def nests_too_deep(tokens: Iterable[Token]) -> bool:
    """Returns whether the tags in `tokens` open more than `DEEPEST_HTML` elements in one another."""
    depth = 0
    for token in tokens:
        for html in _html_in(token):
            for tag in _PIECE.finditer(html):
                name = (tag["name"] or "").lower()
                if name in TEXT_TAGS and name not in _NEVER_NEST:
                    depth = max(0, depth + (-1 if tag["close"] else 1))
                if depth > DEEPEST_HTML:
                    return True
    return False


def turn_to_text(tokens: Iterable[Token]) -> None:
    """Makes every tag in `tokens` the text that it is."""
    for token in tokens:
        if token.type == "html_block":
            token.type = "html_as_text"
        for part in token.children or ():
            if part.type == "html_inline":
                part.type = "text"


def _html_in(token: Token) -> Iterable[str]:
    for part in (token, *(token.children or ())):
        if part.type in ("html_block", "html_inline"):
            yield part.content


def _count(tag: re.Match[str], inner: list[str], outer: list[str]) -> None:
    name = (tag["name"] or "").lower()
    if name not in SPANNING:
        return
    if not tag["close"]:
        inner.append(name)
        return
    for opened in (inner, outer):
        if name in opened:
            while opened.pop() != name:
                pass
            return


def _rewritten(tag: re.Match[str]) -> str:
    if tag[0].startswith("<!--"):
        return ""
    name = (tag["name"] or "").lower()
    name = "img" if name == "image" else name
    if name not in TEXT_TAGS:
        return "&lt;" + tag[0][1:]
    if tag["close"]:
        return f"</{name}>"
    attributes = _attributes(tag["rest"])
    if name == "img":
        return image(attributes.get("src", ""), attributes.get("alt", ""), attributes.get("title", ""))
    kept = "".join(f' {key}="{escape(attributes[key])}"' for key in _KEPT.get(name, ()) if key in attributes)
    target = ' target="_blank"' if name == "a" and not attributes.get("href", "").startswith("#") else ""
    return f"<{name}{kept}{target}>"


def _attributes(source: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in _ATTRIBUTE.findall(source):
        found.setdefault(name.lower(), unescape(value.strip("\"'")))
    return found
