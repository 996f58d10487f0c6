"""The script and the style sheet that the page runs, put together from the files in `static/`."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from ..rendering import stylesheet

_STATIC = Path(__file__).parent / "static"
# One module in the page, several files here: each may use what the ones before it define.
PARTS = ("dom", "host", "talk", "store", "message", "thread", "composer", "header", "panel")
# What is used now and then is a second module, which a page asks for when it first needs it.
EXTRAS = (
    *("kit", "pane", "tray", "pictures", "asks", "chats", "edit", "exporting", "find", "menu", "models"),
    *("numbers", "rename", "save", "settings", "tags", "why"),
)

_COMMENT = re.compile(r"^\s*(?://.*|/\*\*?(?:.|\n)*?\*/)$\n?", re.MULTILINE)
_CSS_SPACE = re.compile(r" ?([{};,]) ?|(:) ")
_JS_TEXT = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`)""")
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)
# Not where the line may end with a comment.
_LINE_GOES_ON = re.compile(r"^((?:(?!//)[^\n])*[;{,(\[])\n", re.MULTILINE)
_LINE_ENDS = re.compile(r"^((?:(?!//)[^\n])*?);?\n(?=[})\]])", re.MULTILINE)
_JS_SPACE = re.compile(r" ?(=>|[!=]==|&&|\|\||\?\?=?|[,:;={}()<>*?+]) ?")


def loader() -> str:
    """Return the ES module of a widget whose own module is its trait `_script`."""
    return bundle("chat/loader.js")


@cache
def script() -> str:
    """Return the page's ES module; every panel carries it, so without comments and indentation."""
    return bundle(*(f"chat/{part}.js" for part in PARTS))


def bundle(*files: str) -> str:
    """Return the ES module of these files below `static/`."""
    source = _bare("\n".join((_STATIC / file).read_text(encoding="utf-8") for file in files))
    lines = "\n".join(map(_packed, source.split("\n")))
    return _LINE_GOES_ON.sub(r"\1", _LINE_ENDS.sub(r"\1", lines))


@cache
def style() -> str:
    """Return the panel's style sheet with that of the rendered Markdown."""
    return stylesheet() + "\n" + sheet("header.css", "chat.css")


@cache
def extras() -> dict[str, str]:
    """Return `script`, an ES module, and `style`, which a page takes when it first needs them."""
    return {"script": bundle(*(f"chat/extras/{part}.js" for part in EXTRAS)), "style": sheet("extras.css")}


def sheet(*files: str) -> str:
    """Return the style sheet of these files below `static/`."""
    css = _bare("\n".join((_STATIC / file).read_text(encoding="utf-8") for file in files))
    packed = _CSS_SPACE.sub(lambda found: found[1] or found[2], css.replace("\n", " "))
    return packed.replace(";}", "}").strip()


def _packed(line: str) -> str:
    """Return a line of a script without the spaces that only people need; one that is hard to tell apart, as it is."""
    parts = _JS_TEXT.split(line)
    # A slash may begin a regular expression; a text in a text has its braces in two parts.
    torn = any(part.count("${") > part.count("}") for part in parts[1::2])
    if line.startswith("export") or torn or any(mark in code for code in parts[::2] for mark in "`'\"/\\"):
        return line
    parts[::2] = [_JS_SPACE.sub(r"\1", code) for code in parts[::2]]
    return "".join(parts)


def _bare(source: str) -> str:
    """Return `source` without lines that are comments and without indentation; no text in it spans lines."""
    return _INDENT.sub("", _COMMENT.sub("", source)).replace("\n\n", "\n")
