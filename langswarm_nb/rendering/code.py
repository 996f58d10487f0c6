"""Source code to highlighted HTML: Pygments classes, no inline style."""

import re
import time
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from html import escape
from typing import Any

from pygments import format as written
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_all_lexers, get_lexer_by_name

from langswarm_nb.rendering.sanitizing import CLASS_PREFIX, sanitize, words
from langswarm_nb.rendering.styles import TOKEN_CLASSES

# Some lexers are quadratic in a line's length; code like this is minified or hostile, and nobody reads its colours.
LONGEST_CODE = 100_000
LONGEST_LINE = 2_000
LONGEST_BLANK = 500

# Many are quadratic in one thing or another, and whoever waits for them holds up the whole kernel.
LONGEST_WORK_S = 0.5

# A growing block is highlighted piece by piece, so that a frame costs one piece and not the whole block.
PIECE = 800

_STANDS_FOR = {
    **dict.fromkeys(["ipython", "ipython3", "jupyter"], "python"),
    **dict.fromkeys(["csh", "fish", "tcsh"], "bash"),
    **dict.fromkeys(["plpgsql", "postgres", "postgresql"], "sql"),
    "jsx": "js",
    "scala": "kotlin",
    "tsx": "ts",
}
# By the first of their names: lexers with an expression that needs 2^n steps for n letters, which nothing can
# interrupt; and those that take further lexers by what the text says.
_TRAPS = words(
    "ansys cddl chapel factor fancy fish maple ncl pan registry rego rell rita scala scaml smithy tads3 tcsh tnt "
    "urbiscript arturo email html+evoque http mime notmuch plpgsql postgresql psql tcshcon wikitext xml+evoque"
)
_LANGUAGE = re.compile(r"[\w+#.-]{1,40}")
_SPAN = re.compile(rf'<span class="{CLASS_PREFIX}(\w+)">([^<]*)</span>')
_HARD_TO_READ = re.compile(rf"[^\n]{{{LONGEST_LINE}}}|\s{{{LONGEST_BLANK}}}")


def highlight_code(code: str, lang: str = "") -> str:
    """Returns `code` as HTML spans with `lsnb-` classes, sanitized; plain text where the language is not known."""
    return sanitize(highlighted(code, lang))


def code_block(code: str, lang: str = "", *, classes: str = "", growing: bool = False) -> str:
    """Returns the block that a front end hangs its buttons on, not sanitized yet.

    `growing` code is coloured in pieces whose colours never change while more of it arrives.
    """
    spans = "".join(_remembered(piece, lang) for piece in pieces(code)) if growing else highlighted(code, lang)
    language = f' data-lang="{lang}"' if _LANGUAGE.fullmatch(lang) else ""
    names = f"lsnb-code {classes}".strip()
    return f'<div class="{names}"{language}><pre tabindex="0"><code>{spans}</code></pre></div>\n'


def highlighted(code: str, lang: str = "") -> str:
    """Returns `code` as HTML spans, not sanitized yet."""
    lexer = _lexer(lang.lower())
    if lexer is None or len(code) > LONGEST_CODE or _HARD_TO_READ.search(code):
        return escape(code)
    try:
        return _SPAN.sub(_if_it_shows, written(_in_time(lexer.get_tokens(code)), _formatter()))
    except _TookTooLongError:
        return escape(code)


class _TookTooLongError(Exception):
    pass


def _in_time(tokens: Iterable[Any]) -> Iterator[Any]:
    # The time that this thread has worked: a busy machine must not change what is seen.
    until = time.thread_time() + LONGEST_WORK_S
    for token in tokens:
        if time.thread_time() > until:
            raise _TookTooLongError
        yield token


def _if_it_shows(span: re.Match[str]) -> str:
    """Returns the span, or what is in it where its class changes nothing: names, punctuation, white space."""
    return span[0] if span[1] in TOKEN_CLASSES else span[2]


def pieces(code: str) -> list[str]:
    """Returns `code` cut at line ends into pieces of about `PIECE` characters, preferably at blank lines.

    Where a piece ends depends only on what stands before that place, so appending changes nothing but the last.
    """
    found: list[str] = []
    start = size = 0
    position = 0
    while (end := code.find("\n", position) + 1) > 0:
        blank = not code[position:end].strip()
        size = end - start
        if size >= 2 * PIECE or (blank and size >= PIECE):
            found.append(code[start:end])
            start = end
        position = end
    return [*found, code[start:]]


@lru_cache(maxsize=256)
def _remembered(code: str, lang: str) -> str:
    return highlighted(code, lang)


@cache
def _formatter() -> HtmlFormatter[str]:
    return HtmlFormatter(nowrap=True, classprefix=CLASS_PREFIX)


@cache
def _known_languages() -> frozenset[str]:
    known = (aliases for _, aliases, _, _ in get_all_lexers(plugins=False))
    return frozenset(alias for aliases in known for alias in aliases if aliases[0] not in _TRAPS)


@lru_cache(maxsize=256)
def _lexer(lang: str) -> Lexer | None:
    # Asking Pygments for a name it does not know searches every installed package for plug-ins: slow, and a
    # streamed "python" passes through "p", "py", "pyt".
    for name in (lang, _STANDS_FOR.get(lang, "")):
        if name in _known_languages():
            return get_lexer_by_name(name, stripnl=False, ensurenl=False, handlecodeblocks=False)
    return None
