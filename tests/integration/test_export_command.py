"""Exports as they are typed: `python -m langswarm_nb export`, `%chat export`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import termios
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import langswarm_nb as ls


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("store") / "s.duckdb"
    ls.demo_store(path, messages=300)
    sys.modules["langswarm_nb.runtime"].close()
    return path


def command(*words: str | Path, cwd: Path, name: str = "export") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "langswarm_nb", name, *map(str, words)],
        cwd=cwd, env=os.environ, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_help_names_the_options_and_the_exit_statuses(tmp_path):
    text = command("--help", cwd=tmp_path).stdout
    for word in ("--redact", "--session", "--overwrite", "exit status", "parquet", "--preview"):
        assert word in text


def test_a_file_is_written_once(tmp_path, store):
    done = command("--db", store, "--format", "md", "--redact", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "300 messages in" in done.stdout
    assert "redacted: " in done.stdout
    text = (tmp_path / "conversations.md").read_text()
    again = command("--db", store, "--format", "md", cwd=tmp_path)
    assert again.returncode == 1
    assert again.stderr.startswith("langswarm_nb: ")
    assert "is there already" in again.stderr
    assert (tmp_path / "conversations.md").read_text() == text
    assert command("--db", store, "--format", "md", "--overwrite", "--quiet", cwd=tmp_path).stdout == ""


@pytest.mark.parametrize("words", [["export", "--redact", "--out", "all.html"], ["share", "bundle"]])
def test_a_terminal_shows_a_bar_and_sigterm_leaves_nothing(tmp_path, words):
    store, out = tmp_path / "s.duckdb", tmp_path / "out"
    out.mkdir()
    ls.demo_store(store, messages=20_000)
    sys.modules["langswarm_nb.runtime"].close()
    reader, terminal = os.openpty()
    termios.tcsetwinsize(terminal, (24, 80))
    with subprocess.Popen(
        [sys.executable, "-m", "langswarm_nb", *words, "--source", str(store)], cwd=out, stderr=terminal
    ) as writing:
        os.close(terminal)
        shown = b""
        while b"Writing " not in shown:
            shown += os.read(reader, 1000)  # OSError where it ends without a bar
        assert len(list(out.iterdir())) == 1  # the draft
        writing.send_signal(signal.SIGTERM)
    os.close(reader)
    assert writing.returncode == 130
    assert list(out.iterdir()) == []


def test_sessions_filters_and_what_is_wrong(tmp_path, store):
    ids = ls.sessions(store).session_id.tolist()[:2]
    sys.modules["langswarm_nb.runtime"].close()
    done = command("--db", store, "--session", ids[0], "--session", ids[1], "--out", "two.json", cwd=tmp_path)
    assert done.returncode == 0
    assert [one["session"]["session_id"] for one in json.loads((tmp_path / "two.json").read_text())] == ids
    missing = command("--db", store, "--session", "nobody", "--out", "x.json", cwd=tmp_path)
    assert (missing.returncode, (tmp_path / "x.json").exists()) == (1, False)
    assert "There is no session 'nobody'" in missing.stderr
    wrong = command("--session", ids[0], "--all", cwd=tmp_path)
    assert wrong.returncode == 2
    both = command("--db", store, "--session", ids[0], "--user", "ada", "--out", "x.json", cwd=tmp_path)
    assert both.returncode == 2


def test_a_preview_writes_nothing(tmp_path, store):
    done = command("--db", store, "--preview", cwd=tmp_path)
    assert done.returncode == 0
    assert "user_id" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_is_written_redacted_and_previewed(tmp_path, store):
    def share(*words: str | Path) -> subprocess.CompletedProcess[str]:
        return command(*words, "--db", store, cwd=tmp_path, name="share")

    text = share("--help").stdout
    for word in ("--no-redact", "--repo", "--preview", "exit status", "PATH"):
        assert word in text
    before = share("shared", "--preview")
    assert (before.returncode, list(tmp_path.iterdir())) == (0, [])
    assert "user_id" in before.stdout
    done = share("shared", "--user", "user-001", "--repo", "ada/chats", "--title", "Mine")
    assert (done.returncode, done.stderr) == (0, "")
    assert "redacted: " in done.stdout
    assert (tmp_path / "shared" / "README.md").read_text().startswith("# Mine\n")
    again = share("shared")
    assert again.returncode == 1
    assert "is there already" in again.stderr
    assert share("shared", "--hide", "x", "--no-redact").returncode == 2
    plain = share("plain.zip", "--no-redact")
    assert "not redacted" in plain.stdout


def test_the_magic_writes_the_session(tmp_path, monkeypatch):
    monkeypatch.setenv("LANGSWARM_NB_DB", str(tmp_path / "m.duckdb"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    cells = ["%load_ext langswarm_nb", "%%chat -m mock/mock-model -s trip\nmail ada@example.com"]
    cells += ["%chat export", "%chat export shared.html redact"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert "mail ada@example.com" in (tmp_path / "trip.md").read_text()
    shared = (tmp_path / "shared.html").read_text()
    assert "ada@example.com" not in shared
    assert "mail [email]" in shared
    assert "1 session" in notebook.cells[2].outputs[0].data["text/html"]
