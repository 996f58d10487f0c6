"""What the rendering tests share: a reference reading of the allow-list, and ordinary replies."""

from html.parser import HTMLParser

_NAMES = """
    a abbr b blockquote br caption center cite code col colgroup dd del details dfn div dl dt em figcaption figure
    h1 h2 h3 h4 h5 h6 hr i img input ins kbd li mark ol p pre q s samp section small span strong sub summary sup table
    tbody td tfoot th thead tr u ul var wbr
    math menclose mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace msqrt mstyle
    msub msubsup msup mtable mtd mtext mtr munder munderover
"""
TAGS = set(_NAMES.split())
VOID = {"br", "col", "hr", "img", "input", "wbr"}
FORBIDDEN_ATTRIBUTES = {
    "style", "name", "srcset", "srcdoc", "action", "formaction", "background", "xlink:href", "xmlns", "poster", "ping",
}  # fmt: skip
MAY_HAVE_HREF = {"a"}
SCHEMES = ("http://", "https://", "mailto:", "#")
IMAGES = tuple(f"data:image/{kind};base64," for kind in ("png", "jpeg", "gif", "webp"))


class Reader(HTMLParser):
    """Collects what is wrong with a piece of HTML, as an independent reader sees it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {key: value or "" for key, value in attrs}
        self.tags.append((tag, attributes))
        if tag not in TAGS:
            self.faults.append(f"tag {tag}")
        if tag not in VOID:
            self.open.append(tag)
        if tag == "input" and not ("disabled" in attributes and attributes.get("type") == "checkbox"):
            self.faults.append("input that is no disabled checkbox")
        for key, value in attributes.items():
            self._check(tag, key, value)

    def _check(self, tag: str, key: str, value: str) -> None:
        lower = value.lower()
        right = {
            "href": tag in MAY_HAVE_HREF and lower.startswith(SCHEMES),
            "src": tag == "img" and lower.startswith(IMAGES),
            "data-src": tag == "img" and lower.startswith(("http://", "https://")),
            "id": value.startswith("lsnb-fn-"),
            "class": all(name.startswith("lsnb-") for name in value.split()),
            "target": value == "_blank",
        }.get(key, key not in FORBIDDEN_ATTRIBUTES and not key.startswith("on"))
        if not right:
            self.faults.append(f"{tag} {key}={value!r}")
        if tag == "a" and key == "href" and ("rel", "noopener noreferrer nofollow") not in self.tags[-1][1].items():
            self.faults.append("link without rel")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            self.faults.append(f"</{tag}> closes {self.open[-1:]}")
        else:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_comment(self, data: str) -> None:
        self.faults.append("comment")

    def handle_decl(self, decl: str) -> None:
        self.faults.append("declaration")

    def handle_pi(self, data: str) -> None:
        self.faults.append("processing instruction")

    def unknown_decl(self, data: str) -> None:
        self.faults.append("CDATA")


def read(html: str) -> Reader:
    """Returns the reader after the whole of `html`."""
    reader = Reader()
    reader.feed(html)
    reader.close()
    if reader.open:
        reader.faults.append(f"left open: {reader.open}")
    return reader


def faults(html: str) -> list[str]:
    """Returns what is outside the allow-list or not well-formed in `html`."""
    return read(html).faults


REPLIES = {
    "plan": """## Day one

Start at the **Opera House**, then walk *along the water* to the old town.
A second line of the same paragraph with `code`.

1. Take the tram to the museum
2. Have lunch; it costs about $20 and closes at 15:00

   A paragraph within the item.
3. Walk back

---

Day two
=======

Rest.
""",
    "code": """Here is the function:
```python
def greet(name: str) -> str:
    \"\"\"Return a greeting.

    Blank lines are part of it.
    \"\"\"
    return f"Hello, {name}!"
```
And a shell command:

~~~~bash
echo "~~~"
~~~
cat ```file```
~~~~

    indented code

    goes on after a blank line

Then text. A fence in a list:

- First
  ```js
  const a = 1;

  const b = 2;
  ```
- Second

````markdown
```python
nested
```
````

Done.
""",
    "lists": """- tight one
- tight two
  - nested
    continued lazily
  - nested again

Text between.

* loose one

* loose two

  second paragraph

+ another list by its marker

1) one
2) two

10. ten

- [x] done
- [ ] to do

* * *

- a

  > quote in a list

-

- after an empty item
""",
    "tables": """Results:

| model | cost | latency |
|:------|-----:|:-------:|
| a | $0.01 | 1.2 s |
| b \\| c | $0.02 | **2 s** |

a | b
--|--
1 | 2
text that ends up in the table

Not | a table
because of this line

| left | right |
|------|-------|
> quote ends it

Heading after
-------------

more
""",
    "quotes": """> A quote
with a lazy line
> and a third

> another quote
>
> - list in it
> - more
>
> ```
> code
> ```

plain

> > nested
> back

> ends
# Heading ends the quote
""",
    "maths": r"""The formula $a^2 + b^2 = c^2$ and \(e^{i\pi} = -1\), costs $5 or $6.

$$
\int_0^1 x^2 \, dx = \frac{1}{3}

$$

$$
\begin{aligned}
x &= 1 \\
y &= 2
\end{aligned}
$$

In a paragraph:
$$
a
+ b
= c
$$
goes on, and

\[
\sum_{i=1}^n i
= \frac{n(n+1)}{2}
\]

> $$
> x < y
> $$

1. A step
   $$
   z = 1
   $$
2. Next: $$w$$ inline
""",
    "details": """Thinking first.

<details>
<summary>Reasoning</summary>

First *this*.

- then
- that

```python
x = "</details>"
```

<details><summary>Inner</summary>

deep

</details>

Last thought.

</details>

The answer is **42**.

<div>

# In a div

</div>

<table>
<tr><td>

cell

</td></tr>
</table>

<!-- a comment

with a blank line -->

Use <kbd>Ctrl</kbd> with <your-name> and Vec<String>.

<br>
text

<b>stray

after it
""",
    "references": """[docs]: https://example.org/docs "The docs"

See [the docs][docs], [docs] and <https://example.org>, or https://example.org/a_(b).

A claim[^1] and another[^2], and the first again[^1].

Text in [brackets] and `[^1]: not a note`.

![a chart](https://example.org/chart.png "Chart") and ![dot](data:image/png;base64,iVBORw0KGgo=)

Last paragraph.

[^1]: The first note.
[^2]: The second, *longer*

    with a paragraph.
""",
    "windows": "One\r\ntwo\r\n\r\n```\r\ncode\r\n```\r\n\r\n- a\r\n- b\r\n\r\nend\r\n",
    "unfinished": "Text with **bold\n\n1. one\n2. two\n\n```python\ndef f():\n    return 1\n\n",
}
