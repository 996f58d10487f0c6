"""Model output is hostile input: nothing outside the allow-list comes out, whatever goes in and however it is cut."""

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pygments.lexers import get_all_lexers
from rendering_samples import faults, read

from langswarm_nb.rendering import IncrementalRenderer, highlight_code, render_markdown

SCRIPT_TAGS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=https://x.example/x.js></SCRIPT>",
    "<ScRiPt>alert(1)</sCrIpT >",
    "<script/src=data:,alert(1)></script>",
    "<script\n>alert(1)</script\n>",
    "<<SCRIPT>alert(1);//<</SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<script",
    "<script>alert(1)",
    "\x00<scr\x00ipt>alert(1)</scr\x00ipt>",
    "<script x='>'>alert(1)</script>",
    "</script><script>alert(1)</script>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
]
HANDLERS = [
    "<img src=x onerror=alert(1)>",
    "<img src=x onerror\n=\nalert(1) x>",
    "<img/src=x/onerror=alert(1)>",
    "<img src=`x`onerror=alert(1)>",
    '<IMG """><SCRIPT>alert(1)</SCRIPT>"\\>',
    "<image src=x onerror=alert(1)>",
    "<img src='x' alt='\"><script>alert(1)</script>'>",
    "<b onmouseover=alert(1)>b</b>",
    "<details open ontoggle=alert(1)><summary onclick=alert(1)>x</summary></details>",
    "<a href=# onclick=alert(1)>x</a>",
    "<a href='#'onfocus=alert(1) autofocus tabindex=0>x</a>",
    "<body onload=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<video><source onerror=alert(1)></video><audio src onerror=alert(1)>",
    "<marquee onstart=alert(1)>x</marquee>",
    '<div style="animation-name:x" onanimationstart=alert(1)>x</div>',
    "<td onclick=alert(1) background=javascript:alert(1)>",
    "<p on\x00click=alert(1) \x0conclick=alert(1)>x</p>",
    "<br/onclick=alert(1)//>",
]
LINKS = [
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](<  javascript:alert(1)>)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox(1))",
    "[x](file:///etc/passwd)",
    "[x](//evil.example/x)",
    "[x](/lab/tree)",
    "[x]: javascript:alert(1)\n\n[x]",
    "<javascript:alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    '<a href=" javascript:alert(1)">x</a>',
    "<a href='jav&#x09;ascript:alert(1)'>x</a>",
    "<a href='jav&Tab;ascr&NewLine;ipt:alert(1)'>x</a>",
    "<a href=&#0000106&#0000097&#0000118&#0000097script:alert(1)>x</a>",
    "<a href=data:text/html,<script>alert(1)</script>>x</a>",
    "<a href=https://a.example href=javascript:alert(1)>x</a>",
    "<a href='https://a.example\" onclick=\"alert(1)'>x</a>",
    "<a xlink:href=javascript:alert(1)>x</a>",
    '[x](https://a.example "\\" onclick=\\"alert(1)")',
    "![x](javascript:alert(1))",
    '![x](https://a.example/"onerror=alert(1)//)',
    "![x](data:image/svg+xml,<svg/onload=alert(1)>)",
    '![x](data:image/png;base64,AAAA"onerror="alert(1))',
    '!["onerror=alert(1)//](https://a.example/x.png)',
    'https://a.example/"onmouseover=alert(1)//',
    "https://a.example/<script>alert(1)</script>",
]
FOREIGN = [
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<svg><a xlink:href=javascript:alert(1)><text>x</text></a></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><foreignObject><iframe srcdoc='<script>alert(1)</script>'></foreignObject></svg>",
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<math><annotation-xml encoding='text/html'><img src=x onerror=alert(1)></annotation-xml></math>",
    "<math href=javascript:alert(1)>x</math>",
    "<math><maction actiontype='statusline#https://x' xlink:href=javascript:alert(1)>x</maction></math>",
    "<math><mi><p><style><!--</style><img src=x onerror=alert(1)>--></style></math>",
    r"$\text{<img src=x onerror=alert(1)>}$",
    r"$\href{javascript:alert(1)}{x}$",
    r"$\style{position:fixed}{x}$ $\class{jp-Button}{x}$",
    r"$$\text{</mtext></math><script>alert(1)</script>}$$",
    r"$\text{&lt;img src=x onerror=alert(1)&gt;}$",
    "$<img src=x onerror=alert(1)>$",
    r"\(</math><script>alert(1)</script>\)",
]
FRAMES_AND_FORMS = [
    "<style>*{background:url(javascript:alert(1))}</style>",
    "<link rel=stylesheet href=https://x.example/x.css>",
    "<div style='background:url(https://x.example/leak)'>x</div>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=javascript:alert(1)></object><embed src=javascript:alert(1)>",
    "<base href=javascript:alert(1)//>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<form action=javascript:alert(1)><button formaction=javascript:alert(1)>x</button></form>",
    "<isindex type=image src=x onerror=alert(1)>",
    "<select><option><img src=x onerror=alert(1)></select>",
    "<textarea><img src=x onerror=alert(1)></textarea>",
    "<title><img src=x onerror=alert(1)></title>",
    "<template><script>alert(1)</script></template>",
    "<xmp><img src=x onerror=alert(1)></xmp><plaintext>",
    "<portal src=https://x.example><frameset onload=alert(1)><applet code=x>",
    "<picture><source srcset=https://x.example/leak><img srcset='https://x.example/leak 1x'></picture>",
    "<video poster=https://x.example/leak><track src=https://x.example/leak>",
    "<table background=https://x.example/leak><tr><td>x</td></tr></table>",
    "<input type=image src=https://x.example/leak>",
]
MARKUP_TRICKS = [
    "<!--><script>alert(1)</script>-->",
    "<!-- --!><img src=x onerror=alert(1)> -->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php echo '<script>alert(1)</script>' ?>",
    "<!DOCTYPE html [<!ENTITY x '<script>'>]>&x;",
    "<a href='https://x.example'><a href=javascript:alert(1)>x",
    "<b><p></b><img src=x onerror=alert(1)>",
    "<table><td><table><img src=x onerror=alert(1)>",
    "<p title='</p><script>alert(1)</script>'>",
    '```"><script>alert(1)</script>\nx\n```',
    "```html\n</code></pre><script>alert(1)</script>\n```",
    "`</code><script>alert(1)</script>`",
    "| <script>alert(1)</script> |\n|---|\n| <img src=x onerror=alert(1)> |",
    '[^"><script>]\n\n[^"><script>]: <script>alert(1)</script>',
    "> <details>\n> <script>alert(1)</script>\n\n</blockquote><script>alert(1)</script>",
    "\u2028<script>alert(1)</script>\u2029",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "&lt;script&gt;alert(1)&lt;/script&gt; &#60;script&#62; %3Cscript%3E",
]
CLOBBERING = [
    "<a id=document name=cookie href=https://x.example>x</a>",
    "<img id=jupyterapp name=getElementById src=https://x.example>",
    "<form id=documentElement><input name=attributes></form>",
    "<div id=lsnb-panel class='jp-Dialog lsnb-toolbar'>x</div>",
    "<li id=lsnb-fn-1>x</li>",
]
VECTORS = SCRIPT_TAGS + HANDLERS + LINKS + FOREIGN + FRAMES_AND_FORMS + MARKUP_TRICKS + CLOBBERING

PIECES = [
    *VECTORS, "<", ">", "<!--", "-->", "<details>", "</details>", "<summary>", "<b>", "</b>", "<table>", "<td>",
    "<div>", "</div>", "```", "~~~", "\n", "\n\n", "- ", "1. ", "> ", "    ", "| a |\n|---|\n", "$$", "$", "\\(",
    "\\)", "\\[\n", "\n\\]", "[^1]", "\n[^1]: ", "[a]", "[a]: https://a.example\n", "![", "](", ")", "*", "**",
    "_", "`", "<a href=", '"', "'", "=", "&", "\\", "\0", "\ud800", "\r", "\t", "# ", "---\n", "text ", "<img src=",
    "https://a.example/x",
]  # fmt: skip
hostile_texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=14).map("".join)


def fed(text: str, sizes: list[int]) -> IncrementalRenderer:
    """Returns a renderer that got `text` in chunks, each update of which was within the allow-list."""
    renderer = IncrementalRenderer("m")
    start = 0
    for size in [*sizes, len(text)]:
        update = renderer.feed(text[start : start + size])
        for html in (*update.frozen, update.tail):
            assert faults(html) == [], (text, html)
        start += size
    return renderer


@pytest.mark.parametrize("vector", VECTORS)
def test_vectors(vector):
    for text in (
        vector,
        f"text {vector} text",
        f"- {vector}\n- b",
        f"> {vector}",
        f"<details>\n\n{vector}\n\n</details>",
    ):
        html = render_markdown(text)
        assert faults(html) == [], html
        assert not any(key.startswith("on") for _, attributes in read(html).tags for key in attributes)


@pytest.mark.parametrize("vector", VECTORS)
def test_vectors_cut_at_every_position(vector):
    for position in range(len(vector) + 1):
        fed(vector, [position])
    fed(vector, [1] * len(vector))


def test_vectors_side_by_side():
    shuffled = random.Random(7)
    for _ in range(60):
        text = shuffled.choice(["", "\n", "\n\n", " "]).join(shuffled.sample(VECTORS, 6))
        assert faults(render_markdown(text)) == []
        fed(text, [shuffled.randrange(40) for _ in range(12)])


def test_page_elements_cannot_be_clobbered():
    for vector in CLOBBERING:
        attributes = [attributes for _, attributes in read(render_markdown(vector)).tags]
        assert not any({"id", "name"} & set(found) for found in attributes)


@settings(max_examples=150, deadline=None)
@given(hostile_texts)
def test_any_text_stays_within_the_allow_list(text):
    assert faults(render_markdown(text)) == []


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=200))
def test_any_characters_stay_within_the_allow_list(text):
    assert faults(render_markdown(text)) == []


@settings(max_examples=100, deadline=None)
@given(hostile_texts, st.lists(st.integers(0, 30), max_size=12))
def test_any_cutting_ends_in_the_whole_rendering(text, sizes):
    assert fed(text, sizes).finish() == render_markdown(text, id_prefix="m")


N = 60_000
STORMS = {
    "brackets": "[" * N,
    "links": "[a](" * (N // 4),
    "images": "![" * (N // 2),
    "emphasis": "*a_" * (N // 3),
    "strong": "a**b" * (N // 4),
    "backticks": "".join("e" + "`" * count for count in range(1, 340)),
    "quotes": ">" * N,
    "quote lines": ("> " * 50 + "a\n") * (N // 100),
    "nested lists": "".join("  " * depth + "- a\n" for depth in range(240)),
    "lists in a line": "- " * (N // 2),
    "comments": "<!--" * (N // 4),
    "less-than": "<" * N,
    "elements": "<div>" * (N // 5),
    "lines of elements": "<div>\n" * (N // 6),
    "open details": "<details>\n\n" * (N // 11),
    "inline elements": "x <span>" * (N // 8),
    "dollars": "$x" * (N // 2),
    "formula lines": "$$ a\n" * (N // 5),
    "formula brackets": "\\[a\n" * (N // 4),
    "table cells": "|a" * 500 + "|\n" + "|-" * 500 + "|\n" + "|x\n" * (N // 6),
    "one note": "[^1]: x\n\n" + "[^1]" * (N // 4),
    "definitions": "[a]: x 'y\n" * (N // 10),
    "urls": "https://" * (N // 8),
    "url punctuation": "https://a.example/" + ")." * (N // 2),
    "open fence": "```python\n" + "(" * N,
    "attributes": "<a " + "b=c " * (N // 4) + ">",
    "carriage returns": "\r" * N,
    "surrogates": "\ud800" * N,
    # What a lexer of Pygments takes minutes for, or years.
    "blank lines of Java": "```java\n" + "\n" * N + "x",
    "lines of Java": "```java\n" + "a\n" * (N // 2),
    "lines of C#": "```csharp\n" + "a\n" * (N // 2),
    "blank lines of Matlab": "```matlab\n" + " \n" * (N // 2) + "x",
    "blanks of AutoIt": "```autoit\n" + (" " * 90 + "x\n") * (N // 92),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", STORMS)
def test_storms_pass_quickly(name):
    started = time.process_time()
    html = render_markdown(STORMS[name])
    assert time.process_time() - started < 6
    assert faults(html) == []


# What is never closed, in ways that an expression can divide in two ways or more: 2^45 steps for those that try all.
TRAPS = ['"' + "\\" * 90, '"' + "\\'" * 45, "/" + "\\'" * 45, "//" + "\\" * 90, '"' + "0" * 90, "(" * 90, "<" * 90]


@pytest.mark.timeout(120)
def test_no_language_is_a_trap():
    for names in [aliases for _, aliases, _, _ in get_all_lexers(plugins=False) if aliases]:
        for trap in TRAPS:
            highlight_code(f"{trap}\n", names[-1])
            # Languages that name others.
            highlight_code(f"~~~ {names[-1]}\n{trap}\n~~~", "markdown")
            highlight_code(f".. code:: {names[-1]}\n\n  {trap}", "rst")
    assert "<span" in highlight_code('val x = "a"', "scala")
    assert "<span" in highlight_code("set x 'a'", "fish")


@pytest.mark.timeout(120)
def test_a_megabyte_of_prose_and_of_code():
    prose = "A sentence with **bold** and `code` in it.\n\n" * 24_000
    assert render_markdown(prose).count("<strong>") == 24_000
    code = "```python\n" + "x = 1  # one\n" * 80_000 + "```\n"
    assert render_markdown(code).count("x = 1") == 80_000
