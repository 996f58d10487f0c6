"""`python -m langswarm_nb`, as it is typed."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import langswarm_nb as ls
from langswarm_nb import cli


def command(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, "-m", "langswarm_nb", *words],
        cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_help_and_version(tmp_path):
    assert "lab" in command("--help", cwd=tmp_path).stdout
    assert "--no-browser" in command("lab", "--help", cwd=tmp_path).stdout
    assert ls.__version__ in command("--version", cwd=tmp_path).stdout


def test_a_wrong_word_is_answered_with_the_usage(tmp_path):
    done = command("dance", cwd=tmp_path)
    assert done.returncode == 2
    assert "invalid choice" in done.stderr
    assert "Traceback" not in done.stderr


def test_stats(tmp_path):
    async def fill():
        async with ls.create_session_manager(tmp_path / "s.duckdb", providers={"mock": None}) as manager:
            await (await manager.create_session("ada", "mock", "mock-model")).send_message("hello there")

    asyncio.run(fill())
    done = command("stats", "--db", str(tmp_path / "s.duckdb"), "--json", cwd=tmp_path)
    numbers = json.loads(done.stdout)
    assert (numbers["sessions"], numbers["messages"], numbers["output_tokens"]) == (1, 2, 5)
    assert numbers["cost_usd"] is None
    assert re.search(r"cost_usd +–", command("stats", "--db", str(tmp_path / "s.duckdb"), cwd=tmp_path).stdout)


def test_a_store_that_cannot_be_read_is_one_line(tmp_path):
    (tmp_path / "notes.duckdb").write_text("no database\n" * 999)
    done = command("stats", "--db", str(tmp_path / "notes.duckdb"), cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("langswarm_nb: ")
    assert "Traceback" not in done.stderr


def test_without_a_command_jupyterlab_opens_on_the_ready_notebook(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = {"HOME": str(tmp_path), "IPYTHONDIR": str(tmp_path / "ipython")}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "langswarm_nb", "--no-browser", "--port", str(port)],
            cwd=tmp_path, env={**environment, **home}, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        address = _address(tmp_path / "log", server)
        assert "/lab/tree/01-quickstart.ipynb" in address
        with urllib.request.urlopen(address, timeout=30) as page:
            assert page.status == 200
        token = address.split("token=")[1]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/contents?token={token}", timeout=30) as answer:
            names = {entry["name"] for entry in json.load(answer)["content"]}
        assert {"01-quickstart.ipynb", "02-analyze-your-chats.ipynb"} <= names
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def _address(log: Path, server: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        found = re.search(r"http://127\.0\.0\.1:\S+token=\w+(?=\s)", log.read_text())
        if found:
            return found[0]
        assert server.poll() is None, log.read_text()
        time.sleep(0.2)
    raise AssertionError(log.read_text())


def test_notebooks_that_are_there_are_left_alone(tmp_path):
    from langswarm_nb.cli import copy_notebooks

    mine = tmp_path / "01-quickstart.ipynb"
    mine.write_text("mine")
    assert "02-analyze-your-chats.ipynb" in {path.name for path in copy_notebooks(tmp_path)}
    assert mine.read_text() == "mine"
    assert copy_notebooks(tmp_path) == []


def test_serve_says_what_is_missing_or_wrong(tmp_path, capsys, monkeypatch):
    assert "--token" in command("serve", "--help", cwd=tmp_path).stdout
    assert cli.main(["serve", "--token", "short"]) == 1
    assert "too short" in capsys.readouterr().err
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = command("serve", "--no-open", "--port", str(taken.getsockname()[1]), cwd=tmp_path)
    assert done.returncode == 1
    assert "in use. Use --port" in done.stderr
    assert "Traceback" not in done.stderr
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert cli.main(["serve"]) == 1
    assert 'pip install "langswarm-nb[serve]"' in capsys.readouterr().err


def test_import_tells_what_was_done_and_how_it_went(tmp_path):
    message = {"id": "m", "author": {"role": "user"}, "content": {"content_type": "text", "parts": ["Hello"]}}
    mapping = {"root": {"id": "root", "parent": None, "message": None}, "m": {"parent": "root", "message": message}}
    export = [{"id": "c", "title": "Greeting", "create_time": 1.7e9, "current_node": "m", "mapping": mapping}]
    (tmp_path / "conversations.json").write_text(json.dumps(export))
    (tmp_path / "notes.json").write_text("{}")
    store = ("--source", str(tmp_path / "s.duckdb"))

    trial = command("import", "conversations.json", *store, "--dry-run", cwd=tmp_path)
    assert (trial.returncode, trial.stderr) == (0, "")
    assert "1 imported" in trial.stdout
    assert "dry run: nothing was written" in trial.stdout
    assert not (tmp_path / "s.duckdb").exists()

    done = command("import", "conversations.json", *store, "--user", "ada", "--format", "chatgpt", cwd=tmp_path)
    assert (done.returncode, "dry run" in done.stdout) == (0, False)
    again = command("import", "nowhere", "conversations.json", *store, "--json", cwd=tmp_path)
    assert again.returncode == 1
    assert (
        again.stderr
        == "langswarm_nb: There is nothing at nowhere. Give the path of an export: a file, a folder or a zip.\n"
    )
    report = json.loads(again.stdout)
    assert (report["messages_imported"], report["messages_unchanged"]) == (0, 1)

    nothing = command("import", "notes.json", *store, "--quiet", cwd=tmp_path)
    assert (nothing.returncode, nothing.stdout) == (1, "")
    assert "no conversation" in nothing.stderr
    assert "There is no format 'word'" in command("import", "notes.json", "--format", "word", cwd=tmp_path).stderr
    # What has no token counts and no replies is counted, too.
    assert json.loads(command("stats", *store, "--json", cwd=tmp_path).stdout)["input_tokens"] is None


def test_the_help_of_import_names_every_format_and_every_command_has_examples(tmp_path):
    from langswarm_nb.importers.registry import FORMATS

    listed = command("import", "--help", cwd=tmp_path).stdout
    assert [name for name in FORMATS if not re.search(rf"[ ,:]{name}[,.]", listed)] == []
    for name in ("lab", "import", "export", "stats", "serve"):
        assert "python -m langswarm_nb" in command(name, "--help", cwd=tmp_path).stdout.split("examples:")[1]
