r"""TeX to MathML: `$…$`, `$$…$$`, `\(…\)` and `\[…\]`, as blocks and within a line.

A formula holds no blank line. What cannot be converted is shown as its source.
"""

import re
from functools import lru_cache
from html import escape, unescape
from xml.etree.ElementTree import Element, tostring

from latex2mathml.converter import convert_to_element
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

LONGEST_FORMULA = 4_000

_CLOSERS = {"$$": "$$", r"\[": r"\]"}
_CLOSED = {"$$": re.compile(r"\$\$[ \t]*$", re.MULTILINE), r"\[": re.compile(r"\\\][ \t]*$", re.MULTILINE)}
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
# `\[` is also Markdown's escape for a bracket.
_LOOKS_LIKE_TEX = re.compile(r"[\\^_=+<>]")
# Definitions can expand to any size from a few letters.
_DEFINES = re.compile(r"\\(?:[egx]?def|let|(?:re|provide)?newcommand|(?:re)?newenvironment|DeclareMathOperator)")
# What the converter knows under another name, or not at all though it changes nothing that is seen.
_KNOWN_AS = {
    **dict.fromkeys(["aligned", "alignat", "alignat*", "alignedat", "eqnarray", "eqnarray*"], "align*"),
    **dict.fromkeys(["gather", "gather*", "gathered", "multline", "multline*"], "matrix"),
    "dcases": "cases",
}
_ENVIRONMENT = re.compile(r"\\(begin|end)\{(\w+\*?)\}(\{\d+\})?")
_UNSEEN = re.compile(r"\\(?:begin|end)\{equation\*?\}|\\label\{[^{}]*\}|\\(?:nonumber|notag)(?![A-Za-z])")


def use_maths(md: MarkdownIt) -> None:
    """Teaches `md` formulas: tokens `maths_inline`, `maths_block`, and `maths_open` for one still being written."""
    may_interrupt = ["paragraph", "reference", "blockquote", "list"]
    md.block.ruler.before("fence", "maths_block", _block_rule, {"alt": may_interrupt})
    md.inline.ruler.before("escape", "maths_inline", _inline_rule)


@lru_cache(maxsize=1024)
def mathml(tex: str, *, display: bool) -> str:
    """Returns `tex` as a `<math>` element, not sanitized yet; as `<code>` where it cannot be converted."""
    source = f'<code class="lsnb-tex">{escape(tex)}</code>'
    if len(tex) > LONGEST_FORMULA or _DEFINES.search(tex):
        return source
    try:
        element = convert_to_element(_as_known(tex), display="block" if display else "inline")
        return _serialized(element, tex)
    # The converter raises whatever its parser runs into, from IndexError to RecursionError.
    except Exception:
        return source


def _as_known(tex: str) -> str:
    tex = _UNSEEN.sub("", tex)
    if r"\\" in tex and r"\begin" not in tex:
        return rf"\begin{{matrix}}{tex}\end{{matrix}}"
    return _ENVIRONMENT.sub(_renamed, tex)


def _renamed(environment: re.Match[str]) -> str:
    name = _KNOWN_AS.get(environment[2])
    return rf"\{environment[1]}{{{name}}}" if name else environment[0]


def _serialized(math: Element, tex: str) -> str:
    # The converter writes operators as entities and relies on nobody escaping them; the text between may be
    # hostile, so turn them into characters and escape everything.
    for element in math.iter():
        element.text = unescape(element.text) if element.text else element.text
    math.attrib.pop("xmlns", None)
    math.set("alttext", tex)
    return tostring(math, encoding="unicode", short_empty_elements=False)


def _block_rule(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    start = state.bMarks[first] + state.tShift[first]
    opener = state.src[start : start + 2]
    if opener not in _CLOSERS or state.is_code_block(first):
        return False
    close = _closing(state.src, start + 2, opener)
    end = _line_of(state, first, last, close) if close else None
    kind = "maths_block"
    if close is None and _may_still_close(state, first, last, start):
        end, kind = last, "maths_open"
    if end is None:
        return False
    source = state.getLines(first, end, state.blkIndent, False).strip()
    tex = source[2:].removesuffix(_CLOSERS[opener]).strip()
    if not tex and kind == "maths_block":
        return False
    if not silent:
        token = state.push(kind, "math", 0)
        token.content, token.markup, token.map = tex, opener, [first, end]
        state.line = end
    return True


def _closing(src: str, start: int, opener: str) -> int | None:
    """Returns where the formula that begins at `start` closes at a line's end, if it does before a blank line."""
    stop = start + LONGEST_FORMULA
    # Nearly always decided by this search, and it is far cheaper than the next two.
    if src.find(_CLOSERS[opener], start, stop) < 0:
        return None
    blank = _BLANK_LINE.search(src, start, stop)
    close = _CLOSED[opener].search(src, start, blank.start() if blank else stop)
    return close.start() if close else None


def _may_still_close(state: StateBlock, first: int, last: int, start: int) -> bool:
    """Returns whether the formula at `start` ends with a text that is still arriving."""
    if not state.env.get("streaming") or len(state.src) - start > LONGEST_FORMULA:
        return False
    holds = all(state.sCount[line] >= state.blkIndent for line in range(first, last))
    return holds and not _BLANK_LINE.search(state.src, start)


def _line_of(state: StateBlock, first: int, last: int, position: int) -> int | None:
    """Returns the line after the one `position` is on, or None where the block that holds line `first` ends before."""
    for line in range(first, last):
        if line > first and (state.isEmpty(line) or state.sCount[line] < state.blkIndent):
            return None
        if position <= state.eMarks[line]:
            return line + 1
    return None


def _inline_rule(state: StateInline, silent: bool) -> bool:
    found = formula_at(state.src, state.pos, state.posMax)
    if found is None:
        return False
    opener, tex, end = found
    if not silent:
        token = state.push("maths_inline", "math", 0)
        token.content, token.markup = tex, opener
    state.pos = end
    return True


def formula_at(src: str, start: int, stop: int) -> tuple[str, str, int] | None:
    """Returns opener, TeX and the position after the closer of the formula that begins at `start`, if one does."""
    stop = min(stop, start + LONGEST_FORMULA)
    if src.startswith((r"\(", r"\["), start):
        opener = src[start : start + 2]
        close = src.find(r"\)" if opener == r"\(" else r"\]", start + 2, stop)
        tex = src[start + 2 : max(close, 0)].strip()
        accepted = close > 0 and tex and (opener == r"\(" or _LOOKS_LIKE_TEX.search(tex))
        return (opener, tex, close + 2) if accepted else None
    if src.startswith("$$", start):
        close = src.find("$$", start + 2, stop)
        tex = src[start + 2 : max(close, 0)].strip()
        return ("$$", tex, close + 2) if close > 0 and tex else None
    if src.startswith("$", start):
        return _single_dollar(src, start, stop)
    return None


def _single_dollar(src: str, start: int, stop: int) -> tuple[str, str, int] | None:
    """Returns like `formula_at`; prices are no formulas: "$5 and $6" has a space before its second sign."""
    close = src.find("$", start + 1, stop)
    while close > 0 and src[close - 1] == "\\":
        close = src.find("$", close + 1, stop)
    tex = src[start + 1 : max(close, 0)]
    after = src[close + 1 : close + 2]
    if not tex or tex != tex.strip() or after.isdigit() or (start and src[start - 1].isdigit()):
        return None
    return "$", tex, close + 1
