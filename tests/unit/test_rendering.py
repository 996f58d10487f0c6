"""What whole replies look like."""

import re
from pathlib import Path

import pytest
from rendering_samples import REPLIES, faults, read

import langswarm_nb.rendering as rendering
from langswarm_nb.rendering import highlight_code, render_markdown, stylesheet


def tags(text: str) -> list[tuple[str, dict[str, str]]]:
    return read(render_markdown(text)).tags


def only(text: str, tag: str) -> dict[str, str]:
    (found,) = [attributes for name, attributes in tags(text) if name == tag]
    return found


def shown(text: str) -> str:
    return "".join(read(render_markdown(text)).text)


def test_public_names():
    assert sorted(rendering.__all__) == rendering.__all__
    assert all(hasattr(rendering, name) for name in rendering.__all__)


def test_imports_nothing_else_of_ours():
    folder = Path(rendering.__file__).parent
    imported = {name for path in folder.glob("*.py") for name in re.findall(r"langswarm_nb\.\w+", path.read_text())}
    assert imported == {"langswarm_nb.rendering"}


@pytest.mark.parametrize("name", REPLIES)
def test_ordinary_replies_are_within_the_allow_list(name):
    assert faults(render_markdown(REPLIES[name])) == []


def test_nothing_is_nothing():
    assert render_markdown("") == ""
    assert render_markdown(" \n\n") == ""


def test_inline_marks():
    html = render_markdown("**bold** *it* ~~gone~~ `x < y` line  \nbreak")
    assert "<strong>bold</strong> <em>it</em> <s>gone</s> <code>x &lt; y</code> line<br>" in html


def test_a_code_block_carries_its_language_and_classes_only():
    html = render_markdown('```python title="a"\ndef f(): pass\n```')
    assert html.startswith('<div class="lsnb-code" data-lang="python"><pre tabindex="0"><code><span class="lsnb-k">def')
    assert "style" not in html
    assert shown("```python\nif x:\n\n    y\n\n```") == "if x:\n\n    y\n\n\n"


@pytest.mark.parametrize("info", ["", "nosuchlanguage", "<script>", "a" * 80, '"onclick=x'])
def test_code_in_no_known_language_is_plain(info):
    html = render_markdown(f"~~~{info}\n<b>&amp;\n~~~")
    assert "<code>&lt;b&gt;&amp;amp;\n</code>" in html
    assert faults(html) == []


def test_highlight_code_is_public_and_safe():
    assert '<span class="lsnb-k">def</span>' in highlight_code("def f(): pass", "PYTHON")
    assert highlight_code("<img src=x onerror=alert(1)>", "") == "&lt;img src=x onerror=alert(1)&gt;"
    assert '<span class="lsnb-' in highlight_code("%time x = 1", "ipython")


def test_code_too_long_to_highlight_is_still_shown():
    code = "x = 1\n" * 30_000
    assert shown(f"```python\n{code}```") == code + "\n"
    line = "(" * 5_000
    assert "<span" not in render_markdown(f"```python\n{line}\n```")


def test_tables_scroll_and_align_by_class():
    html = render_markdown("|a|b|c|\n|--:|:-:|:--|\n|1|2|3|")
    assert html.startswith('<div class="lsnb-table" tabindex="0"><table>')
    assert '<td class="lsnb-right">1</td>' in html
    assert '<th class="lsnb-center">b</th>' in html
    assert "<td>3</td>" in html


def test_task_lists_have_disabled_labelled_boxes():
    boxes = [attributes for tag, attributes in tags("- [x] *done*\n- [ ] to do\n- [y] no\n- a [x]") if tag == "input"]
    assert [("checked" in box, box["aria-label"]) for box in boxes] == [(True, "done"), (False, "to do")]
    assert all("disabled" in box for box in boxes)


def test_footnotes_link_both_ways_and_keep_messages_apart():
    text = "One[^a] two[^b] again[^a].\n\n[^a]: note *a*\n[^b]: note b\n[^c]: never used"
    first, second = render_markdown(text, id_prefix="m1"), render_markdown(text, id_prefix="m2")
    ids = [attributes["id"] for tag, attributes in read(first + second).tags if "id" in attributes]
    assert len(ids) == len(set(ids)) == 10
    links = {attributes["href"][1:] for tag, attributes in read(first + second).tags if tag == "a"}
    assert links == set(ids)
    assert all("target" not in attributes for tag, attributes in read(first).tags)
    assert "never used" not in first


def test_an_id_prefix_cannot_leave_its_attribute():
    html = render_markdown("a[^1]\n\n[^1]: b", id_prefix='"><script>alert(1)</script>')
    assert faults(html) == []
    assert "lsnb-fn-scriptalert1script-1" in html


def test_a_note_nobody_defines_stays_text():
    assert "[^1]" in shown("A claim[^1].")


@pytest.mark.parametrize("tex", ["$a<b$", r"\(a<b\)", "$$a<b$$", "$$\na<b\n$$", "\\[\na<b\n\\]", r"so \[ a<b \] holds"])
def test_formulas_become_mathml(tex):
    html = render_markdown(tex)
    assert "<mi>a</mi><mo>&lt;</mo><mi>b</mi>" in html
    assert ('display="inline"' in html) == (tex[1] in "a(")
    assert 'alttext="a&lt;b"' in html
    assert faults(html) == []


@pytest.mark.parametrize(
    "text", ["It costs $5 or $6.", "$5/$6", r"\$a\$", "US$ 5 and $ 6", r"see \[1\]", "`$x$`", "$", "$$", "a $ b $ c"]
)
def test_prices_and_escapes_are_no_formulas(text):
    assert "<math" not in render_markdown(text)


@pytest.mark.parametrize(
    "tex",
    [r"\frac{", "}{", r"\left(", "{" * 1500 + "}" * 1500, r"\def\a{\a\a}\a", r"\newcommand{\x}{y}\x", "x" * 5000, "^"],
)
def test_tex_that_cannot_be_converted_is_shown(tex):
    html = render_markdown(f"$${tex}$$")
    assert shown(f"$${tex}$$").strip().strip("$") == tex
    assert "<math" not in html
    assert faults(html) == []


@pytest.mark.parametrize(
    "name", ["align", "align*", "aligned", "alignat*", "eqnarray", "split", "cases", "dcases", "pmatrix"]
)
def test_systems_of_equations_are_tables(name):
    columns = "{2}" if name == "alignat*" else ""
    html = render_markdown(rf"$$\begin{{{name}}}{columns} a &= b \\ c &= d \label{{x}} \end{{{name}}}$$")
    assert html.count("<mtr>") == 2
    assert "&amp;</m" not in html
    assert "<mi>l</mi>" not in html
    assert "<mtr>" in render_markdown(r"$$a \\ b$$")


def test_tex_keeps_lengths_within_the_message():
    html = render_markdown(r"$\hspace{900em}x\hspace{-90em}y\hspace{2em}$")
    assert re.findall(r'width="(.*?)"', html) == ["2em"]


def test_remote_images_do_not_load():
    placeholder = only('![a <b> "c"](https://example.org/a.png "t")', "img")
    assert placeholder == {
        "class": "lsnb-img-blocked", "data-src": "https://example.org/a.png", "alt": 'a <b> "c"', "title": "t",
    }  # fmt: skip
    assert only('<IMG SRC="http://example.org/a.png" srcset="b.png 2x" alt=x>', "img")["class"] == "lsnb-img-blocked"


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "webp"])
def test_inline_images_show(kind):
    assert only(f"![x](data:image/{kind};base64,iVBORw0KGgo=)", "img")["src"].startswith(f"data:image/{kind}")


@pytest.mark.parametrize(
    "src", ["data:image/svg+xml;base64,AAAA", "data:text/html,x", "javascript:alert(1)", "/logout"]
)
def test_other_images_are_their_text(src):
    html = render_markdown(f'![words]({src}) <img src="{src}" alt=words>')
    assert "<img" not in html
    assert "words" in html


@pytest.mark.parametrize("url", ["https://example.org/x?a=b&c", "http://example.org", "mailto:a@example.org"])
def test_links_open_elsewhere_and_tell_nothing(url):
    link = only(f"[text]({url})", "a")
    assert link == {"href": url, "target": "_blank", "rel": "noopener noreferrer nofollow"}
    assert only(f'<a href="{url}" target=_top ping=x>text</a>', "a") == link


def test_bare_urls_are_links_without_the_sentence_around_them():
    urls = [attributes["href"] for tag, attributes in tags("(https://e.org/a_(b)), **http://e.org/c**.") if tag == "a"]
    assert urls == ["https://e.org/a_(b)", "http://e.org/c"]
    assert len([tag for tag, _ in tags("[https://e.org/a](https://e.org/b)") if tag == "a"]) == 1
    assert not [tag for tag, _ in tags("`https://e.org`") if tag == "a"]


def test_details_hold_the_blocks_between():
    html = render_markdown("<details open><summary>Why</summary>\n\n*so*\n\n- a\n- b</details>\n\nafter")
    assert html.index("<summary>") < html.index("<em>so</em>") < html.index("</details>") < html.index("after")
    assert html.count("</details>") == 1


def test_a_stray_tag_stays_in_its_block():
    html = render_markdown("The <b>div, the <div> and\n\nnext\n\n</details></div>\n\nlast")
    assert html.endswith("<p>last</p>\n")
    assert "<p>next</p>" in html


def test_tags_without_use_in_prose_are_shown():
    assert shown("Call Vec<T> with <your-name> and <title>") == "Call Vec<T> with <your-name> and <title>\n"
    assert "<script>alert(1)</script>" in shown("<script>alert(1)</script>")
    assert "<thinking>" in shown("<thinking>\nhm\n</thinking>")


def test_characters_that_are_none():
    assert shown("a\0b") == "a\ufffdb\n"
    assert shown("a\ud800b \udc00") == "a\ufffdb \ufffd\n"
    assert shown("\ud83d\ude00") == "\U0001f600\n"
    assert shown("a\rb\r\nc") == "a\nb\nc\n"


def test_stylesheet_is_small_and_stays_in_its_place():
    css = stylesheet()
    assert len(css) < 6_000
    assert css.count("{") == css.count("}")
    assert "url(" not in css
    assert "@import" not in css
    for selectors in re.findall(r"([^{}]+)\{[^{}]*\}", css):
        for selector in re.split(r",(?![^(]*\))", selectors.strip()):
            assert re.search(r"\.lsnb-md(?![\w-])", selector), selector


def test_every_content_class_has_a_meaning_in_the_stylesheet():
    css = stylesheet()
    used = {name for text in REPLIES.values() for _, a in tags(text) for name in a.get("class", "").split()}
    long_names = {name for name in used if len(name) > len("lsnb-xxx")}
    assert long_names
    plain = {"lsnb-fn-ref", "lsnb-fn-back", "lsnb-tex"}
    assert [name for name in sorted(long_names - plain) if name not in css] == []
