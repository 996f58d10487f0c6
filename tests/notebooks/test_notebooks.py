"""Every notebook runs from top to bottom in a new kernel, on a store of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parent.parent.parent / "notebooks").glob("*.ipynb"))


def outputs_of(notebook) -> str:
    texts = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            texts.append(output.get("text", ""))
            texts += [data.get(kind, "") for kind in ("text/plain", "text/html", "text/markdown")]
    return "\n".join(texts)


def execute(path: Path, folder: Path, monkeypatch) -> str:
    monkeypatch.setenv("LANGSWARM_NB_DB", str(folder / "sessions.duckdb"))
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "LANGSWARM_NB_TEAM_STORE"):
        monkeypatch.delenv(name, raising=False)
    copy = shutil.copy(path, folder / path.name)
    notebook = nbformat.read(copy, as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    return outputs_of(notebook)


# What a notebook is about has happened when it says so.
TELLS = {
    "03-dashboard": ["Largest difference: 0.0000", "august.html", "unpriced"],
    "04-import-your-history": ["Claude Code transcripts (1 file)", "1 updated         2 unchanged", "settings.json"],
    "05-share-on-binder": ["[email]", "[phone]", "2 sessions, 4 messages in", "binder/postBuild", "%3Fsession%3D"],
    "06-team-server": ["bob sees []", "[phone]", "has no write permission", "1 archived", "carol: []"],
    "07-build-your-own-provider": ["EVERY", "Busy. Retry in 7 s.", "refused the key", "✓ Cleaning up twice"],
}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, tmp_path, monkeypatch):
    text = execute(path, tmp_path, monkeypatch)
    assert "Traceback" not in text
    assert [words for words in TELLS.get(path.stem, ()) if words not in text] == []


def test_the_quick_start_keeps_its_conversation_over_a_restart(tmp_path, monkeypatch):
    quick_start = next(path for path in NOTEBOOKS if path.stem == "01-quickstart")
    assert "Mock response to: Please repeat: hello from a cell" in execute(quick_start, tmp_path, monkeypatch)
    again = execute(quick_start, tmp_path, monkeypatch)
    counts = [line.split() for line in again.splitlines() if line.split()[1:2] == ["assistant"]]
    assert ["0", "assistant", "2"] in counts


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_committed_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
