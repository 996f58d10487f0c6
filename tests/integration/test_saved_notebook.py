"""A notebook saved after chatting: what it grows by, and what a reader sees where there is no kernel."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

TURNS = 18
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
    assert "<math" in page
