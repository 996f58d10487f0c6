"""Markdown to sanitized HTML: a text is a row of sections, each rendered and sanitized on its own.

A section is a block, or the run of blocks that an HTML element such as `<details>` spans. So no stray tag reaches
past its own block, and a reply that is still arriving is rendered by the same steps as a whole one.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from mdit_py_plugins.footnote import footnote_plugin

from langswarm_nb.rendering import maths, raw_html
from langswarm_nb.rendering.code import code_block
from langswarm_nb.rendering.sanitizing import ID_PREFIX, sanitize

DEEPEST_NESTING = 40
# Each bracket that is never closed costs the parser a look at all that may stand in it.
DEEPEST_BRACKETS = 30
MOST_WAYS_BACK = 20

_SURROGATE = re.compile("[\ud800-\udfff]")
_LINE_END = re.compile(r"\r\n?")
_TASK = re.compile(r"\[([ xX])\][ \t]+")
_BARE_URL = re.compile(r"(?<![\w/])https?://[^\s<>\"'`]+", re.IGNORECASE)
_AFTER_URL = ".,:;!?*_~"


def render_markdown(text: str, *, id_prefix: str = "") -> str:
    """Returns `text` as sanitized HTML.

    `id_prefix` keeps the footnotes of several messages on one page apart: letters, digits, `-` and `_`.
    """
    env = new_env(id_prefix)
    return "".join(render_section(section, env) for section in parse(plain(text), env))


def id_prefix(message_id: str) -> str:
    """Returns what keeps the footnotes of one message apart from another's."""
    return message_id.replace("-", "")[-12:]


def new_env(id_prefix: str = "") -> dict[str, Any]:
    """Returns what one text shares between its sections: link references, footnotes, the prefix of its ids."""
    return {"id_prefix": re.sub(r"[^\w-]", "", id_prefix, flags=re.ASCII)}


def plain(text: str) -> str:
    """Returns `text` with one kind of line end, and U+FFFD for what is no character."""
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _LINE_END.sub("\n", text).replace("\0", "\ufffd")


@dataclass(frozen=True, slots=True)
class Section:
    """What is rendered in one piece: its tokens, and its lines `first` up to, not including, `end`."""

    tokens: list[Token]
    first: int
    end: int


def parse(text: str, env: dict[str, Any]) -> list[Section]:
    """Returns the sections of `text`, which `plain` has made; footnotes come last, as a section without lines."""
    sections: list[Section] = []
    notes: list[Section] = []
    tokens: list[Token] = []
    still_open: list[str] = []
    for block in _blocks(_parser().parse(text, env)):
        if block[0].type == "footnote_block_open":
            notes = _footnotes_with_text(block)
            continue
        tokens.extend(block)
        still_open = raw_html.left_open(block, still_open)
        if not still_open or len(still_open) > raw_html.DEEPEST_HTML:
            sections.append(_section(tokens))
            tokens, still_open = [], []
    if tokens:
        sections.append(_section(tokens))
    return sections + notes


def render_section(section: Section, env: dict[str, Any]) -> str:
    """Returns the section as sanitized HTML, well-formed on its own."""
    md = _parser()
    return sanitize(md.renderer.render(section.tokens, md.options, env))


def _section(tokens: list[Token]) -> Section:
    if raw_html.nests_too_deep(tokens):
        raw_html.turn_to_text(tokens)
    lines = [token.map for token in tokens if token.map]
    return Section(tokens, lines[0][0], max(end for _, end in lines))


def _blocks(tokens: Iterable[Token]) -> Iterable[list[Token]]:
    block: list[Token] = []
    depth = 0
    for token in tokens:
        block.append(token)
        depth += token.nesting
        if depth == 0:
            yield block
            block = []


def _footnotes_with_text(block: list[Token]) -> list[Section]:
    """Returns the footnote block without the notes that nothing defines (yet), or nothing when none is left."""
    notes = list(_blocks(block[1:-1]))
    told = [note for note in notes if any(token.type != "footnote_anchor" for token in note[1:-1])]
    tokens = [block[0], *(token for note in told for token in note), block[-1]]
    return [Section(tokens, 0, 0)] if told else []


@cache
def _parser() -> MarkdownIt:
    md = MarkdownIt("commonmark", {"maxNesting": DEEPEST_NESTING, "xhtmlOut": False}, renderer_cls=_Renderer)
    md.enable(["table", "strikethrough"]).use(footnote_plugin, inline=False).use(maths.use_maths)
    md.core.ruler.before("inline", "bracket_storms", _leave_bracket_storms)
    md.core.ruler.after("inline", "tasks", _mark_tasks)
    md.core.ruler.after("inline", "bare_urls", _link_bare_urls)
    # The plug-in has put its own rules in place of the renderer's methods.
    md.renderer = _Renderer(md)
    return md


def _leave_bracket_storms(state: StateCore) -> None:
    for line in state.tokens:
        if line.type == "inline" and _bracket_depth(line.content) > DEEPEST_BRACKETS:
            line.children, line.content = [Token("text", "", 0, content=line.content)], ""


def _bracket_depth(text: str) -> int:
    depth = deepest = 0
    for bracket in re.findall(r"[\[\]]", text):
        depth = depth + 1 if bracket == "[" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


def _mark_tasks(state: StateCore) -> None:
    for item, paragraph, line in zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False):
        is_first_line = item.type == "list_item_open" and paragraph.type == "paragraph_open"
        if not is_first_line or not line.children or line.children[0].type != "text":
            continue
        text = line.children[0]
        if mark := _TASK.match(text.content):
            text.content = text.content[mark.end() :]
            line.children.insert(0, Token("task", "input", 0, meta={"done": mark[1] != " "}))
            item.attrSet("class", "lsnb-task")


def _link_bare_urls(state: StateCore) -> None:
    for line in state.tokens:
        if line.type == "inline" and line.children and "://" in line.content:
            line.children = list(_with_links(line.children, state.md))


def _with_links(tokens: Iterable[Token], md: MarkdownIt) -> Iterable[Token]:
    inside = 0
    for token in tokens:
        if token.type in ("link_open", "link_close"):
            inside += token.nesting
        elif token.type == "html_inline" and (tag := re.match(r"<(/?)a[\s>]", token.content, re.IGNORECASE)):
            inside = max(0, inside + (-1 if tag[1] else 1))
        if token.type == "text" and not inside:
            yield from _split_at_urls(token, md)
        else:
            yield token


def _split_at_urls(token: Token, md: MarkdownIt) -> Iterable[Token]:
    rest, position = token.content, 0
    for match in _BARE_URL.finditer(rest):
        url = _without_punctuation(match[0])
        yield Token("text", "", 0, content=rest[position : match.start()], level=token.level)
        yield Token("link_open", "a", 1, attrs={"href": md.normalizeLink(url)}, level=token.level)
        yield Token("text", "", 0, content=url, level=token.level + 1)
        yield Token("link_close", "a", -1, level=token.level)
        position = match.start() + len(url)
    yield Token("text", "", 0, content=rest[position:], level=token.level)


def _without_punctuation(url: str) -> str:
    """Returns `url` without what belongs to the sentence around it: "(see https://example.org/a_(b))."."""
    surplus = url.count(")") - url.count("(")
    while url:
        if url[-1] in _AFTER_URL:
            url = url[:-1]
        elif url[-1] == ")" and surplus > 0:
            url, surplus = url[:-1], surplus - 1
        else:
            break
    return url


class _Renderer(RendererHTML):
    """Renders each token type by the method of its name."""

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        lang = token.info.split(maxsplit=1)[0].strip("{}.") if token.info.strip() else ""
        classes = str(token.attrGet("class") or "")
        return code_block(token.content, lang, classes=classes, growing=bool(env.get("streaming")))

    def code_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return code_block(tokens[idx].content)

    def html_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        written = raw_html.written_html(tokens[idx].content)
        return f'<p class="lsnb-raw">{written}</p>\n' if raw_html.starts_with_text(written) else written

    def html_inline(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return raw_html.written_html(tokens[idx].content)

    def html_as_text(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return f'<p class="lsnb-raw">{escape(tokens[idx].content)}</p>\n'

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        alt = self.renderInlineAsText(token.children, options, env)
        return raw_html.image(str(token.attrGet("src") or ""), alt, str(token.attrGet("title") or ""))

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        if not str(token.attrGet("href") or "").startswith("#"):
            token.attrSet("target", "_blank")
        return self.renderToken(tokens, idx, options, env)

    def task(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        state = 'checked aria-label="done"' if tokens[idx].meta["done"] else 'aria-label="to do"'
        return f'<input class="lsnb-checkbox" type="checkbox" disabled {state}> '

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        classes = f"lsnb-table {tokens[idx].attrGet('class') or ''}".strip()
        return f'<div class="{classes}" tabindex="0"><table>\n'

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return "</table></div>\n"

    def th_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return _cell(tokens[idx])

    def td_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return _cell(tokens[idx])

    def maths_inline(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        return maths.mathml(token.content, display=token.markup in ("$$", r"\["))

    def maths_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return f'<div class="lsnb-maths" tabindex="0">{maths.mathml(tokens[idx].content, display=True)}</div>\n'

    def maths_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return f'<div class="lsnb-maths"><code class="lsnb-tex">{escape(tokens[idx].content)}</code></div>\n'

    def footnote_ref(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        note, ref = _note_id(tokens[idx], env), _ref_id(tokens[idx], env)
        number = tokens[idx].meta["id"] + 1
        link = f'<a href="#{note}" id="{ref}" aria-label="note {number}">{number}</a>'
        return f'<sup class="lsnb-fn-ref">{link}</sup>'

    def footnote_block_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return '<section class="lsnb-footnotes"><ol>\n'

    def footnote_block_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return "</ol></section>\n"

    def footnote_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return f'<li id="{_note_id(tokens[idx], env)}" value="{tokens[idx].meta["id"] + 1}">'

    def footnote_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return "</li>\n"

    def footnote_anchor(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        if tokens[idx].meta["subId"] >= MOST_WAYS_BACK:
            return ""
        ref = _ref_id(tokens[idx], env)
        # The second character keeps phones from drawing the arrow as a picture.
        return f' <a class="lsnb-fn-back" href="#{ref}" aria-label="back to the text">\u21a9\ufe0e</a>'


def _cell(token: Token) -> str:
    align = re.search(r"right|center", str(token.attrGet("style") or ""))
    return f'<{token.tag} class="lsnb-{align[0]}">' if align else f"<{token.tag}>"


def _note_id(token: Token, env: EnvType) -> str:
    return f"{ID_PREFIX}{env['id_prefix']}-{token.meta['id'] + 1}"


def _ref_id(token: Token, env: EnvType) -> str:
    return f"{ID_PREFIX}{env['id_prefix']}-{token.meta['id'] + 1}-ref-{token.meta['subId'] + 1}"
