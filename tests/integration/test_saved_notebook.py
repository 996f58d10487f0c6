"""A notebook saved after chatting: what it grows by, and what a reader sees where there is no kernel."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import nh3
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

TURNS = 20
CELLS = [
    # The longest form: Markdown with code, a table and a formula, by the mock that shows all of them.
    "import langswarm_nb as ls\n"
    "manager = ls.create_session_manager(storage='memory', providers={'mock': None})\n"
    "session = await manager.create_session('ada', 'mock', 'mock-markdown')\n"
    f"for n in range({TURNS}):\n"
    "    await session.send_message(f'Question {n}: how do I smooth a series of daily sales, and why so?')\n",
    "panel = ls.ChatPanel(session, manager=manager)\npanel",
    "print(sum(len(m.content.encode()) for m in await session.get_messages()))",
]


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> tuple[Path, int, int]:
    """A notebook's path, by how many bytes it grew by the panel's cell, and how long the conversation's text is."""
    folder = tmp_path_factory.mktemp("saved")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    # As JupyterLab does unless it is told otherwise: without the widgets' state.
    client = NotebookClient(
        notebook, timeout=120, store_widget_state=False, resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    path = folder / "saved.ipynb"
    nbformat.write(notebook, path)
    without = nbformat.from_dict({**notebook, "cells": [{**cell} for cell in notebook.cells]})
    without.cells[1]["outputs"] = []
    return path, path.stat().st_size - len(nbformat.writes(without).encode()), int(notebook.cells[2].outputs[0].text)


def test_it_grows_by_three_times_the_text_at_most(saved):
    _, grown, text = saved
    assert text > 15_000
    assert text < grown <= 3 * text, f"{grown / text:.2f} times"


def test_readers_without_a_kernel_see_the_conversation(saved):
    path, _, _ = saved
    outputs = nbformat.read(path, as_version=4).cells[1].outputs
    texts = [output["data"].get("text/html", "") for output in outputs if "data" in output]
    kept = "".join(texts)
    assert kept.count("Question") >= 2 * TURNS
    # GitHub and nbviewer show HTML outputs without their scripts, and drop what asks for any.
    assert not re.search(r"<(script|iframe|object|embed)|\son\w+=|javascript:", kept)

    page, _ = HTMLExporter().from_filename(path)
    for n in (0, TURNS - 1):
        assert f"Question {n}: how do I smooth" in page
    assert "<table>" in page
    assert re.search(r'class="[^"]*lsnb-md', page)
    # The page brings MathJax, as GitHub, nbviewer and JupyterLab do.
    assert page.count(r"<span>$\frac{n + 1}{2}$</span>") == TURNS


HARD = r"""It costs $5 now and $7 later: use \[a-z\].

The mean is $\frac{n+1}{2}$ for $n > 1$, and in full:

$$\sum_{i=1}^n i = \frac{n(n+1)}{2}$$

```bash
echo $HOME
  echo $PATH
```

| a | b |
|---|---|
| one | two |
"""
ASKED = r"I pay $3 or $4 for \(b\)." "\nSecond line\n    indented <b>not bold</b>"
HARD_CELLS = [
    "import langswarm_nb as ls\n"
    "manager = ls.create_session_manager(storage='memory', providers={'mock': None})\n"
    "session = await manager.create_session('ada', 'mock', 'mock-model')\n"
    f"session.provider_session.set_response_pattern({HARD!r})\n"
    f"reply = await session.send_message({ASKED!r})",
    "ls.ChatPanel(session, manager=manager)",
    "reply",
    "%load_ext langswarm_nb",
    "%%chat -m mock/mock-model -f text\nI pay $3 or $4.",
]
# Nearly what GitHub keeps of a page: no style, no class, no script, no MathML, whatever is in an attribute.
KEPT = {"a": {"href"}, "img": {"src", "alt"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}}


def test_who_takes_every_style_away_still_shows_who_said_what(tmp_path, monkeypatch):
    monkeypatch.setenv("LANGSWARM_NB_DB", str(tmp_path / "sessions.duckdb"))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in HARD_CELLS])
    NotebookClient(
        notebook, timeout=120, store_widget_state=False, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    page, _ = HTMLExporter().from_notebook_node(notebook)
    shown = nh3.clean(page[page.index("<body") :], attributes=KEPT)
    for placeholder in ("Loading widget", "could not be displayed", "Error displaying", "lsnb-", "--jp-"):
        assert placeholder not in shown
    panel, _, message = shown[shown.index("A chat panel. Run this cell to go on") :].split("[3]:")
    assert "<b>you</b>" in panel
    assert r"I pay $3 or $4 for \(b\)." in re.sub(r"</?span>", "", panel)
    assert "<br>Second line<br>\xa0\xa0\xa0 indented &lt;b&gt;not bold&lt;/b&gt;" in panel.replace("&nbsp;", "\xa0")
    for part in (panel, message):
        # Between these MathJax sets what it finds; it looks no further than to the next tag.
        nodes = re.split(r"<[^<>]*>", re.sub(r"(?s)<pre.*?</pre>", "", part))
        formulas = [text for text in nodes if text.count("$") > 1 or re.search(r"\\[(\[]", text)]
        assert formulas == [r"$\frac{n+1}{2}$", "$n &gt; 1$", r"$$\sum_{i=1}^n i = \frac{n(n+1)}{2}$$"]
        said = re.sub(r"</?span>", "", part)
        assert "It costs $5 now and $7 later: use [a-z]." in said
        assert "echo $HOME\n  echo $PATH" in said
        assert "<td>two</td>" in part
    assert "Mock response to: I pay $3 or $4." in re.sub(r"</?span>", "", shown)
