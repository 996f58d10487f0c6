"""A reply that is still arriving: what is frozen is final, what is open is cheap, and the end is the whole."""

import random
import re
import time

import pytest
from rendering_samples import REPLIES, faults

from langswarm_nb.rendering import IncrementalRenderer, RenderUpdate, render_markdown
from langswarm_nb.rendering.incremental import LONGEST_OPEN


def stream(text: str, size: int, id_prefix: str = "") -> tuple[list[str], RenderUpdate, IncrementalRenderer]:
    """Returns all frozen blocks, the last update and the renderer after feeding `text` in chunks of `size`."""
    renderer = IncrementalRenderer(id_prefix)
    frozen: list[str] = []
    update = RenderUpdate((), "")
    for start in range(0, len(text), size):
        update = renderer.feed(text[start : start + size])
        frozen.extend(update.frozen)
    return frozen, update, renderer


def cpu_seconds(text: str, frames: int) -> float:
    started = time.process_time()
    stream(text, -(-len(text) // frames))
    return time.process_time() - started


@pytest.mark.parametrize("size", [1, 2, 3, 7, 40, 10_000])
@pytest.mark.parametrize("name", sorted(set(REPLIES) - {"unfinished"}))
def test_frozen_blocks_and_tail_are_the_whole(name, size):
    text = REPLIES[name]
    frozen, update, renderer = stream(text, size, "m1")
    assert "".join(frozen) + update.tail == render_markdown(text, id_prefix="m1")
    assert renderer.finish() == render_markdown(text, id_prefix="m1")


@pytest.mark.parametrize("name", REPLIES)
def test_what_is_frozen_is_a_prefix_of_every_later_whole(name):
    text = REPLIES[name]
    renderer = IncrementalRenderer()
    whole, frozen = render_markdown(text), ""
    for character in text:
        update = renderer.feed(character)
        frozen += "".join(update.frozen)
        assert whole.startswith(frozen)
        assert faults(update.tail) == []


def test_replies_one_after_another_in_random_chunks():
    chance = random.Random(11)
    names = sorted(set(REPLIES) - {"unfinished", "references", "details"})
    for _ in range(30):
        text = "\n\n".join(REPLIES[name] for name in chance.sample(names, 3)).replace("\r\n", "\n")
        renderer, parts, tail, start = IncrementalRenderer(), [], "", 0
        while start < len(text):
            size = chance.choice([1, 3, 10, 60, 300])
            update = renderer.feed(text[start : start + size])
            parts.extend(update.frozen)
            tail, start = update.tail, start + size
        assert "".join(parts) + tail == render_markdown(text)


LINES = [
    "text", "text *b*", "- a", "- b", "  c", "    d", "", "", "", "1. x", "2. y", "12 z", "> q", "> - q", "```",
    "```py", "~~~", "~~~~", "# H", "---", "===", "| a | b |", "|---|---|", "| 1 | 2 |", "$$", "$$x$$", "x+1$$",
    "\\[", "\\]", "<details>", "</details>", "<div>", "</div>", "<b>", "<!-- c", "-->", "<br>", "+ p", "*", "-", "1.",
    "   - n", "\tt", "***", "   ```", "> ```", ">", " ", "<table>", "<tr><td>x</td></tr>", "</table>", "<script>",
    "</script>", "<pre>", "</pre>", "  </details>",
]  # fmt: skip


def test_what_is_frozen_is_right_for_any_blocks():
    chance = random.Random(3)
    for _ in range(1200):
        text = "\n".join(chance.choice(LINES) for _ in range(chance.randrange(3, 14)))
        renderer, frozen, start = IncrementalRenderer(), "", 0
        while start < len(text):
            size = chance.choice([1, 1, 2, 3, 5, 9])
            frozen += "".join(renderer.feed(text[start : start + size]).frozen)
            start += size
        assert render_markdown(text).startswith(frozen), text


def test_blocks_are_frozen_soon():
    renderer = IncrementalRenderer()
    assert renderer.feed("first paragraph\n").frozen == ()
    assert renderer.feed("\nsec").frozen == ("<p>first paragraph</p>\n",)
    update = renderer.feed("ond\n\n# Title\n\n```python\nx = 1\n")
    assert update.frozen == ("<p>second</p>\n", "<h1>Title</h1>\n")
    assert update.tail.startswith('<div class="lsnb-code" data-lang="python">')


@pytest.mark.parametrize(
    ("so_far", "rest", "wanted"),
    [
        ("text\n#", "hashtag\n\n", "<p>text\n#hashtag</p>"),
        ("text\n-", "--\n\n", "<h2>text</h2>"),
        ("- a\n\n", "- b\n\nend\n\nend", "<p>a</p>"),
        ("    a\n\n", "    b\n\nend\n\nend", "<code>a\n\nb\n</code>"),
        ("a | b\n", "--|--\n1 | 2\n\nend", "<table>"),
        ("> a\n", "b\n\nend", "<p>a\nb</p>"),
        ("```\na\n``", "`\n\nend", "<code>a\n</code>"),
        ("<details>\n\na\n\nb\n\n", "</details>\n\nend", "<p>b</p>\n</details>"),
        ("$$\na\n- b\n", "$$\n\nend", "<mo>&#8722;</mo>".replace("&#8722;", "−")),
        ("text\n\n1", "2 monkeys\n\nend\n\nend", "<p>12 monkeys</p>"),
        ("a\r", "\nb\r\n\r\nend", "<p>a\nb</p>"),
        ("\ud83d", "\ude00\n\nend", "\U0001f600"),
    ],
)
def test_nothing_is_frozen_that_the_rest_can_change(so_far, rest, wanted):
    renderer = IncrementalRenderer()
    first, second = renderer.feed(so_far), renderer.feed(rest)
    shown = "".join(first.frozen + second.frozen) + second.tail
    assert shown == render_markdown(so_far + rest)
    assert wanted in shown


def test_an_unfinished_formula_shows_its_source():
    update = IncrementalRenderer().feed("So:\n\n$$\nx_1 + y_1 *\n- z")
    assert '<code class="lsnb-tex">x_1 + y_1 *\n- z</code>' in update.tail
    assert render_markdown("$$\nx_1").startswith("<p>$$")


def test_footnotes_are_numbered_before_they_are_defined():
    frozen, update, _ = stream("One[^1].\n\nTwo[^2] and [^x].\n\nlast\n\n[^1]: fir", 5, "m")
    assert 'href="#lsnb-fn-m-1"' in frozen[0]
    assert "[^x]" in "".join(frozen)
    assert '<li id="lsnb-fn-m-1" value="1"><p>fir' in update.tail
    assert "lsnb-fn-m-2-ref" not in update.tail


def test_a_definition_is_not_remembered_half():
    renderer = IncrementalRenderer()
    renderer.feed("[a]: https://example.org/ha")
    update = renderer.feed("lf\n\n[a]\n\nend\n\nend")
    assert 'href="https://example.org/half"' in update.frozen[0]


def long_list(first: str, count: int) -> str:
    return "".join(f"{first if first == '-' else f'{number}.'} item {number} and more\n" for number in range(1, count))


LONG = {
    "fence": "```python\n" + "def f(x):\n    return x\n\n" * 500 + "```\n",
    "numbers": long_list("1.", 500),
    "same number": "1. every item has this number\n" * 400,
    "bullets": long_list("-", 500),
    "table": "| a | b |\n|---|--:|\n" + "| cell | 12 |\n" * 800,
    "quote": "> A remark that is long.\n>\n" * 400,
    "paragraph": "A sentence with **bold** in it. " * 400,
    "details": "<details>\n\n" + "A thought.\n\n" * 900 + "</details>\n",
    "one item": "- first\n\n" + "  A thought.\n\n" * 900,
    "long line": "```js\n" + "var a=1;" * 1500,
    "formula": "$$\n" + "x + y\n" * 1500,
}


def letters(html: str) -> str:
    """Returns the text of `html` without spaces and without the head that each part of a long table repeats."""
    once = re.sub(r'(<div class="lsnb-table lsnb-continued".*?)<thead>.*?</thead>', r"\1", html, flags=re.DOTALL)
    return re.sub(r"<[^>]*>|\s", "", once)


@pytest.mark.parametrize("name", sorted(set(LONG) - {"formula"}))
def test_a_long_block_keeps_every_word_and_order(name):
    text = LONG[name]
    frozen, update, renderer = stream(text, 97)
    for html in (*frozen, update.tail):
        assert faults(html) == []
    # The newest text of what cannot be parted shows its marks for a moment.
    shown = letters("".join(frozen) + update.tail).replace("**", "").removesuffix("&lt;/details&gt;")
    assert shown == letters(render_markdown(text))
    assert renderer.finish() == render_markdown(text)


@pytest.mark.parametrize("name", ["fence", "numbers", "bullets", "table", "quote"])
def test_long_blocks_that_can_be_parted_leave_a_short_tail(name):
    renderer = IncrementalRenderer()
    parts, longest = 0, 0
    text = LONG[name]
    for start in range(0, len(text), 200):
        update = renderer.feed(text[start : start + 200])
        parts += len(update.frozen)
        longest = max(longest, len(update.tail))
        assert all("lsnb-continued" in html for html in update.frozen[1:])
    assert parts > 1
    assert longest < 20 * LONGEST_OPEN
    assert longest < len(render_markdown(text))


def test_a_parted_list_goes_on_counting():
    for name in ("numbers", "same number"):
        frozen, update, _ = stream(LONG[name], 300)
        count = 0
        for html in (*frozen, update.tail):
            assert html.startswith("<ol")
            start = re.search(r'start="(\d+)"', html)
            assert (int(start[1]) if start else 1) == count + 1
            count += html.count("<li>")


def test_text_after_a_long_block_is_rendered():
    for name in ("fence", "numbers", "table", "quote"):
        frozen, update, _ = stream(LONG[name] + "\n## After\n\nThe *end*", 50)
        assert update.tail == "<p>The <em>end</em></p>\n"
        assert frozen[-1] == "<h2>After</h2>\n"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["bullets", "details", "fence", "paragraph"])
def test_ten_times_the_text_costs_at_most_twelve_times_the_time(name):
    text = LONG[name] * 8
    short, long = text[:8_000], text[:80_000]
    cpu_seconds(short, 30)
    assert cpu_seconds(long, 300) < 12 * cpu_seconds(short, 300)


def test_each_chunk_of_an_ordinary_reply_is_cheap():
    text = "".join(REPLIES[name] for name in ("plan", "code", "tables", "maths")) * 3
    stream(text, 40)
    assert cpu_seconds(text, 300) < 2


def test_feeding_nothing_changes_nothing():
    renderer = IncrementalRenderer()
    before = renderer.feed("a *b*")
    assert renderer.feed("") == before
    assert renderer.finish() == "<p>a <em>b</em></p>\n"
    assert IncrementalRenderer().finish() == ""
