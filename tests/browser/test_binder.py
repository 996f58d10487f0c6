"""The road of a stranger who clicks the badge, as far as one machine has it.

Binder clones the repository, installs `binder/requirements.txt` into a clean environment, runs `binder/postBuild`, and
starts JupyterLab through `binder/start` with an address of its own behind a path. So does this test.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest import REPOSITORY, Lab, LabPage, free_port, serving
from playwright.sync_api import Browser, Page, expect
from unit.sharing_stores import message_row, session_row, store_at

import langswarm_nb as ls

PREFIX = "/user/langswarm-langswarm_nb-x7k2q9/"


@pytest.fixture(scope="module")
def binder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab in the environment that `binder/` describes, and in nothing else."""
    home = tmp_path_factory.mktemp("binder") / "repository"
    clone(home)
    with launched(home) as lab:
        yield lab


@contextlib.contextmanager
def launched(home: Path) -> Iterator[Lab]:
    """Build the repository at `home` as Binder does, and start JupyterLab as it does."""
    environment = clean_environment(home)
    install(home, environment)
    run([str(home / "binder" / "postBuild")], home, environment)

    port, token = free_port(), secrets.token_urlsafe(16)
    lab = Lab(f"http://127.0.0.1:{port}{PREFIX.rstrip('/')}", token, home)
    # BinderHub's own arguments, once for each of the servers that it might meet, but for the address that they listen
    # on; the last three are what a test as root on one machine needs.
    arguments = [f"base_url={PREFIX}", f"token={token}", "trust_xheaders=True", "allow_origin=*", "allow_origin_pat=.*"]
    start = home / "binder" / "start"
    command = [
        *([str(start)] if start.exists() else []),
        *("jupyter-lab", "--ip=127.0.0.1", f"--port={port}"),
        *(f"--{app}.{argument}" for app in ("NotebookApp", "ServerApp") for argument in arguments),
        *("--allow-root", "--no-browser", "--LabApp.expose_app_in_browser=True"),
    ]
    with serving(lab, command, environment, home, home.parent / "server.log"):
        yield lab


def clone(home: Path) -> None:
    """Copy what a clone would hold: no file that Git ignores."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        check=False,
        text=True,
    )
    if listed.returncode:  # not a clone
        left_out = shutil.ignore_patterns(".*cache*", "__pycache__", ".venv*", "*.egg-info")
        shutil.copytree(REPOSITORY, home, ignore=left_out)
        return
    for name in filter(None, listed.stdout.split("\0")):
        if (REPOSITORY / name).exists():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, home / name)


def clean_environment(home: Path) -> dict[str, str]:
    """Return variables through which nothing of the tests' own environment is seen."""
    hidden = ("PYTHON", "JUPYTER", "IPYTHON", "LANGSWARM", "VIRTUAL_ENV", "XDG_")
    kept = {n: v for n, v in os.environ.items() if not n.startswith(hidden) and not n.endswith("_API_KEY")}
    return kept | {"HOME": str(home), "PATH": f"{home / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"}


def install(home: Path, environment: dict[str, str]) -> None:
    """Make the environment. It is compiled when it is used: that saves this test a third of its time."""
    run([sys.executable, "-m", "venv", "--without-pip", ".venv"], home, environment)
    pip = [sys.executable, "-m", "pip", "--python", str(home / ".venv" / "bin" / "python")]
    cache = {"HOME": os.environ.get("HOME", str(home))}
    run([*pip, "install", "-q", "--no-compile", "-r", "binder/requirements.txt"], home, environment | cache)


def run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    """Run a command; when it fails, so does the test, with what it printed."""
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a visitor who was never here."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    yield context.new_page()
    context.close()


@pytest.mark.timeout(600)
def test_a_stranger_opens_the_badge_chats_and_runs_every_notebook(binder: Lab, page: Page):
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{binder.url}/api/kernels", timeout=10)

    quick_start = LabPage(page, binder, binder.root / "notebooks" / "01-quickstart.ipynb")
    quick_start.open()
    assert PREFIX in page.url
    quick_start.run_all()
    panel = quick_start.panel()
    expect(panel.root).to_contain_text("Mock replies")
    panel.ask("Is anybody there?")
    assert panel.texts()[-2:] == ["Is anybody there?", "Mock response to: Is anybody there?"]
    quick_start.save()
    assert "Mock response to: Is anybody there?" in quick_start.notebook.read_text()

    notebooks = sorted((binder.root / "notebooks").glob("*.ipynb"))
    assert len(notebooks) >= 2
    for path in notebooks:
        if path != quick_start.notebook:
            shown = LabPage(page, binder, path)
            shown.open()
            shown.run_all()
            shown.save()
            if path.stem.startswith("02"):
                expect(page.locator(".js-plotly-plot").first).to_be_visible(timeout=60_000)
        cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
        assert all(cell["execution_count"] for cell in cells), path.name
        raised = [output for cell in cells for output in cell["outputs"] if output["output_type"] == "error"]
        assert not raised, f"{path.name}: {raised[0]['ename']}: {raised[0]['evalue']}"
    assert quick_start.errors == []


def test_the_demo_store_is_ready(binder: Lab):
    count = "import langswarm_nb as ls; print(len(ls.messages(source='notebooks/demo.duckdb')))"
    python = binder.root / ".venv" / "bin" / "python"
    done = subprocess.run(
        [python, "-c", count],
        cwd=binder.root,
        env=clean_environment(binder.root),
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == 20_000


@pytest.mark.timeout(600)
def test_a_bundle_is_replayed_and_explored_by_who_has_no_key(tmp_path: Path, page: Page):
    mail = "ada.lovelace@example.com"
    rows = [message_row("s1", 1, "user", "Mean or median?")]
    words = "The **median** hardly moves. " * 40
    rows.append(message_row("s1", 2, "assistant", words, parent_id=rows[0]["message_id"], duration_s=15.0))
    rows += [message_row("s2", 1, "user", f"I am {mail}"), message_row("s2", 2, "assistant", "Hello.")]
    store = store_at(tmp_path / "mine.duckdb", [session_row("s1", title="Averages"), session_row("s2")], rows)
    home = tmp_path / "bundle"
    ls.share_bundle(home, source=store, repo="ada/chats")
    link = ls.binder_url("ada/chats", path="index.ipynb", session="s1")

    with launched(home) as lab:
        opened = LabPage(page, lab, home / "index.ipynb")
        # Where Binder sends who clicks: the link's own path, and the token of the machine.
        page.goto(f"{lab.url}/{parse_qs(urlsplit(link).query)['urlpath'][0]}&token={lab.token}")
        opened.wait_for_kernel()
        # It is there to be read before anything has run.
        expect(page.locator(".jp-RenderedMarkdown", has_text="Mean or median?").first).to_be_attached()
        opened.run_all()
        panel = opened.panel()
        expect(panel.root.locator(".lsnb-title")).to_have_text("Averages")
        said = ["Mean or median?", words.replace("*", "").strip()]
        expect(panel.replies.last).to_contain_text(said[1])
        panel.watch_growth()
        panel.button("Replay").click()
        panel.wait_until_streaming()
        expect(panel.button("Replay")).to_be_visible(timeout=30_000)
        assert len(panel.growth()) > 5
        assert panel.texts() == said
        dashboard = page.locator(".lsnb-dash")
        expect(dashboard.locator(".js-plotly-plot").first).to_be_visible(timeout=60_000)
        opened.save()
        saved = opened.notebook.read_text()
        assert '"output_type": "error"' not in saved
        assert mail not in saved + page.content()
        assert opened.errors == []
