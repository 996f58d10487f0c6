"""What the documentation shows runs as it stands, page by page, from top to bottom."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

import langswarm_nb

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)

# Each page starts as a new notebook does, with a folder and a store of its own.
START = """
get_ipython().extension_manager.unload_extension("langswarm_nb")
%reset -f
import gc, os, pathlib
import langswarm_nb.runtime
langswarm_nb.runtime.close()
gc.collect()
folder = pathlib.Path({folder!r})
folder.mkdir(parents=True)
os.chdir(folder)
os.environ["LANGSWARM_NB_DB"] = str(folder / "sessions.duckdb")
"""


def cells_of(page: Path) -> list[str]:
    """Return what a page runs: Python, and the commands of bash. `sh` is for what a test should not do, such as pip."""
    cells = []
    for language, text in FENCE.findall(page.read_text()):
        if language == "python":
            cells.append(text)
        elif language == "bash":
            cells.append("%%bash\nset -e\n" + text)
    return cells


def test_every_block_of_every_page_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    cells, origins = [], []
    for page in PAGES:
        blocks = cells_of(page)
        if blocks:
            name = str(page.relative_to(DOCS))
            start = START.format(folder=str(tmp_path / name.removesuffix(".md")))
            cells += [nbformat.v4.new_code_cell(text) for text in (start, *blocks)]
            origins += [name] * (len(blocks) + 1)
    assert len(cells) >= 40
    notebook = nbformat.v4.new_notebook(cells=cells)
    try:
        NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    except CellExecutionError as error:
        failed = sum(bool(cell.execution_count) for cell in notebook.cells) - 1
        pytest.fail(f"docs/{origins[failed]}:\n{error}")


def test_languages_of_blocks_are_known():
    known = {"python", "bash", "sh", "toml", "text", "sql", "html"}
    unknown = {
        f"{page.relative_to(ROOT)}: {language!r}"
        for page in PAGES
        for language, _ in FENCE.findall(page.read_text())
        if language not in known
    }
    assert not unknown


def test_every_link_between_pages_leads_somewhere():
    link = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")
    broken = [
        f"{page.relative_to(ROOT)} -> {target}"
        for page in PAGES
        for target in link.findall(FENCE.sub("", page.read_text()))
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_every_page_is_in_the_navigation():
    def pages(entries):
        for entry in entries:
            for value in entry.values():
                yield from pages(value) if isinstance(value, list) else [value]

    navigation = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]
    assert sorted(pages(navigation)) == [str(page.relative_to(DOCS)) for page in PAGES]


def test_the_reference_has_every_public_name():
    shown = {
        line.removeprefix("::: ").strip()
        for page in (DOCS / "reference").glob("*.md")
        for line in page.read_text().splitlines()
        if line.startswith("::: ")
    }
    missing = []
    for name, home in langswarm_nb._HOME_OF.items():
        value = getattr(langswarm_nb, name)
        module = getattr(value, "__module__", f"langswarm_nb.{home}")
        names = {f"{module}.{name}", module, f"langswarm_nb.{home}", f"langswarm_nb.{home}.{name}"}
        if not names & shown:
            missing.append(f"{module}.{name}")
    assert missing == []
