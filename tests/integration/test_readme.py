"""What the README shows runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
from nbclient import NotebookClient

README = (Path(__file__).parents[2] / "README.md").read_text()


def test_the_python_blocks_run_in_a_notebook_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.setenv("LANGSWARM_NB_DB", str(tmp_path / "sessions.duckdb"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.S)
    assert len(blocks) >= 4
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(block) for block in blocks])
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()


def test_every_picture_and_file_that_is_named_is_there():
    root = Path(__file__).parents[2]
    links = re.findall(r"\]\((?!https?://|#)([^)]+)\)", README)
    assert links
    assert [link for link in links if not (root / link).exists()] == []


def test_the_table_of_dependencies_names_them_all():
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    table = README[README.index("## What it is made of") :]
    names = {re.match(r"[\w\-]+", requirement)[0] for requirement in project["dependencies"]}
    assert [name for name in sorted(names) if name not in table] == []
