"""A real JupyterLab in a real, headless Chromium.

Fixtures:

- `lab` (session): a JupyterLab on 127.0.0.1 with a free port, a token and configuration, settings and IPython
  directories of its own; providers' keys are taken out of its environment. `lab.root` is where notebooks lie.
- `browser` (session): headless Chromium; `context` (session): its one profile.
- `open_notebook(*cells, name=..., theme="light", width=1100, height=900) -> LabPage`: writes the cells to a notebook
  with a store of its own, opens it in a page of its own, and takes page and kernel away after the test. A test fails
  when its page has logged an error. `LabPage.panel()` is a `Panel`: a chat panel as a reader uses it.

A missing browser is a failure: every test here says something that nothing else does.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect, sync_playwright

REPOSITORY = Path(__file__).parents[2]
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# A slow machine with two cores is slow, not wrong.
expect.set_options(timeout=15_000)
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark", "contrast": "JupyterLab Dark High Contrast"}
# What JupyterLab itself logs as an error without anything being wrong.
HARMLESS = (
    *("favicon", "Failed to load resource", "ResizeObserver loop", "Could not restore the debugger state"),
    "Failed to initialize model",  # anywidget, of a page that was busy for two seconds: the panel helps itself
    # Notebook 7's own parts, which do not wait for each other on a slow machine.
    *("reading 'schema'", "'filebrowser:open-path' not registered"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this directory as a browser test."""
    here = Path(__file__).parent
    for item in items:
        if here in Path(item.path).parents:
            item.add_marker(pytest.mark.browser)


def chromium_path() -> str:
    """Return the browser's path; fail with what to install where there is none."""
    names = [os.environ.get("LANGSWARM_NB_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"]
    for name in filter(None, names):
        if found := shutil.which(name):
            return found
    pytest.fail("There is no Chromium. Install it (apt-get install chromium) or set LANGSWARM_NB_CHROMIUM to its path.")


@dataclass
class Lab:
    """A running JupyterLab."""

    url: str
    token: str
    root: Path

    def api(self, method: str, path: str) -> Any:
        """Return the server's answer to a request of its REST interface."""
        request = urllib.request.Request(f"{self.url}/api/{path}", method=method)
        request.add_header("Authorization", f"token {self.token}")
        with urllib.request.urlopen(request, timeout=10) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def stop_kernels(self) -> None:
        """Shut down every kernel."""
        for session in self.api("GET", "sessions"):
            self.api("DELETE", f"sessions/{session['id']}")


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab for all tests of the run."""
    with running_lab(tmp_path_factory.mktemp("lab")) as server:
        yield server


@contextlib.contextmanager
def running_lab(home: Path, **environment: str) -> Iterator[Lab]:
    """Start a JupyterLab that keeps everything under `home`; end it afterwards."""
    root = home / "notebooks"
    root.mkdir()
    port, token = free_port(), secrets.token_hex(16)
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *(f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={root}", "--LabApp.expose_app_in_browser=True"),
        "--JupyterNotebookApp.expose_app_in_browser=True",
    ]
    lab = Lab(f"http://127.0.0.1:{port}", token, root)
    with serving(lab, command, _environment(home) | environment, root, home / "server.log"):
        yield lab


@contextlib.contextmanager
def serving(lab: Lab, command: list[str], environment: dict[str, str], folder: Path, log: Path) -> Iterator[None]:
    """Run the server that `lab` describes until the block ends, its kernels included; `log` gets what it prints."""
    with log.open("wb") as printed:
        server = subprocess.Popen(command, env=environment, stdout=printed, stderr=subprocess.STDOUT, cwd=folder)
        try:
            _wait_until_up(lab, server, log)
            yield
            lab.stop_kernels()
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    settings = home / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    quiet = {"checkForUpdates": False, "doNotDisturbMode": True, "fetchNews": "false"}
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
    return kept | {
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "LANGSWARM_NB_DB": str(home / "default.duckdb"),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")])),
    }


def _wait_until_up(lab: Lab, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        if server.poll() is not None:
            break
        with contextlib.suppress(OSError):
            lab.api("GET", "status")
            return
        time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text(errors='replace')[-4000:]}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium for all tests of the run."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One profile for all pages, so that JupyterLab's scripts are fetched once; the clipboard may be read."""
    profile = browser.new_context()
    profile.grant_permissions(["clipboard-read", "clipboard-write"])
    yield profile
    profile.close()


def wait_for_kernel(page: Page) -> None:
    """Return when the page's notebook is shown and its kernel idle; a key pressed before is lost."""
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.wait_for_function(
        "window.jupyterapp?.shell.currentWidget?.context?.sessionContext?.session?.kernel?.status === 'idle'",
        timeout=60_000,
    )


class LabPage:
    """A page of JupyterLab with one notebook open."""

    def __init__(self, page: Page, lab: Lab, notebook: Path) -> None:
        self.page = page
        self.lab = lab
        self.notebook = notebook
        self.errors: list[str] = []
        page.on("console", self._note_console)
        page.on("pageerror", lambda error: self._note(error.stack or str(error)))

    def open(self, theme: str = "light") -> None:
        """Load the page and wait until the notebook's kernel is there."""
        path = self.notebook.relative_to(self.lab.root)
        self.page.goto(f"{self.lab.url}/lab/tree/{path}?reset&token={self.lab.token}")
        self.wait_for_kernel()
        if theme != "light":
            self.theme(theme)

    def reload(self) -> None:
        """Load the page again and wait until the notebook's kernel is there."""
        self.page.reload()
        self.wait_for_kernel()

    def wait_for_kernel(self) -> None:
        """Return when the notebook is shown and its kernel idle."""
        wait_for_kernel(self.page)

    def command(self, name: str, **arguments: Any) -> None:
        """Run one of JupyterLab's commands and wait until it is done."""
        self.page.evaluate(
            "([name, args]) => jupyterapp.commands.execute(name, args).then(() => null)", [name, arguments]
        )

    def run_all(self, wait: bool = True) -> None:
        """Run all cells; with `wait`, return when the kernel is idle again."""
        self._run("notebook:run-all-cells", wait)

    def wait_until_run(self, timeout_s: float = 60) -> None:
        """Return when no cell runs or waits."""
        self.page.wait_for_function(
            """() => {
                const prompts = [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')];
                const done = prompts.every((prompt) => !prompt.textContent.includes('*'));
                const kernel = jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
                return done && prompts.some((prompt) => /\\d/.test(prompt.textContent)) && kernel.status === 'idle';
            }""",
            timeout=timeout_s * 1000,
        )

    def run_cell(self, index: int, wait: bool = True) -> None:
        """Run one cell by its number, counted from 0."""
        self.page.evaluate("(index) => { jupyterapp.shell.currentWidget.content.activeCellIndex = index; }", index)
        self._run("notebook:run-cell", wait)

    def _run(self, command: str, wait: bool) -> None:
        if wait:
            self.command(command)
            self.wait_until_run()
        else:
            self.page.evaluate("(name) => void jupyterapp.commands.execute(name)", command)

    def restart_kernel(self) -> None:
        """Restart the kernel, without asking, and wait until it is idle."""
        self.page.evaluate(
            "jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart().then(() => null)"
        )
        self.page.wait_for_timeout(300)
        self.wait_for_kernel()

    def interrupt_kernel(self) -> None:
        """Interrupt what the kernel runs."""
        self.page.evaluate(
            "jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.interrupt().then(() => null)"
        )

    def save(self) -> None:
        """Write the notebook to its file."""
        self.page.evaluate("jupyterapp.shell.currentWidget.context.save().then(() => null)")

    def cell_sources(self) -> list[str]:
        """Return the cells' sources as the front end has them."""
        return self.page.evaluate("jupyterapp.shell.currentWidget.content.model.sharedModel.cells.map((c) => c.source)")

    def outputs(self, index: int) -> Locator:
        """Return the output area of a cell by its number, counted from 0."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index).locator(".jp-Cell-outputArea")

    def panel(self, index: int = 0) -> Panel:
        """Return the chat panel of this number, counted from 0, once it is shown."""
        panel = Panel(self.page, self.page.locator(".lsnb-panel").nth(index))
        panel.root.wait_for(timeout=30_000)
        return panel

    def theme(self, name: str) -> None:
        """Change to the `light`, `dark` or high-`contrast` theme."""
        self.command("apputils:change-theme", theme=THEMES[name])
        light = str(name == "light").lower()
        self.page.wait_for_selector(f"body[data-jp-theme-light='{light}']", state="attached")
        # JupyterLab takes its splash away once for each change: of two changes at once, the second finds none.
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")

    def screenshot(self, path: str | Path, of: Locator | None = None) -> None:
        """Write a picture of the page, or of a part of it."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        (of or self.page).screenshot(path=str(path))

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._note(message.text)

    def _note(self, error: str) -> None:
        if not any(word in error for word in HARMLESS):
            self.errors.append(error)


class Panel:
    """A chat panel, as a reader uses it."""

    def __init__(self, page: Page, root: Locator) -> None:
        self.page = page
        self.root = root
        self.box = root.get_by_label("Message", exact=True)
        self.messages = root.locator(".lsnb-msg:not(.lsnb-pending)")
        self.replies = root.locator(".lsnb-msg[data-role=assistant]")
        self.questions = root.locator(".lsnb-msg[data-role=user]:not(.lsnb-pending)")
        self.status = root.locator(".lsnb-status")

    def button(self, name: str) -> Locator:
        """Return the buttons with this name."""
        return self.root.get_by_role("button", name=name, exact=True)

    def ask(self, text: str, wait: bool = True) -> None:
        """Type a question and press Enter; with `wait`, return when it has been answered."""
        before = self.replies.count()
        self.box.fill(text)
        self.box.press("Enter")
        if wait:
            self.wait_for_replies(before + 1)

    def wait_for_replies(self, count: int, timeout_s: float = 30) -> None:
        """Return when there are this many replies and none is still coming."""
        done = self.root.locator(".lsnb-msg[data-role=assistant]:not([data-state=running])")
        expect(done).to_have_count(count, timeout=timeout_s * 1000)
        expect(self.root.locator("[data-state=running]")).to_have_count(0)

    def wait_until_streaming(self, at_least: int = 1) -> None:
        """Return when the running reply shows at least this many characters."""
        self.page.wait_for_function(
            "([panel, size]) => panel.querySelector('[data-state=running] .lsnb-md')?.innerText.length >= size",
            arg=[self.root.element_handle(), at_least],
        )

    def texts(self) -> list[str]:
        """Return what the messages say, oldest first."""
        # What is out of sight is not laid out, and then its text ends with a line.
        found = self.root.locator(".lsnb-said, .lsnb-body > .lsnb-md").all_inner_texts()
        return [text.strip() for text in found]

    def watch_growth(self) -> None:
        """Start noting every length that the running reply has on the screen."""
        self.root.evaluate("""(panel) => {
            window.lsnbGrowth = [];
            const note = () => {
                const length = panel.querySelector('[data-state=running] .lsnb-md')?.innerText.length ?? 0;
                if (length && length !== window.lsnbGrowth.at(-1)) window.lsnbGrowth.push(length);
            };
            new MutationObserver(note).observe(panel, { subtree: true, childList: true, characterData: true });
        }""")

    def growth(self) -> list[int]:
        """Return the lengths noted since `watch_growth`."""
        return self.page.evaluate("window.lsnbGrowth")


OpenNotebook = Callable[..., LabPage]


@pytest.fixture
def open_notebook(
    lab: Lab, context: BrowserContext, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[OpenNotebook]:
    """A function that opens a notebook made of the given cells."""
    opened: list[LabPage] = []

    def open_it(*cells: str, name: str = "", theme: str = "light", width: int = 1100, height: int = 900) -> LabPage:
        path = lab.root / f"{name or request.node.name.replace('[', '-').replace(']', '')}.ipynb"
        if cells:
            write_notebook(path, [f"%env LANGSWARM_NB_DB={tmp_path / 'chats.duckdb'}", *cells])
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": height})
        shown = LabPage(page, lab, path)
        opened.append(shown)
        shown.open(theme)
        return shown

    yield open_it
    for shown in opened:
        shown.page.close()
    lab.stop_kernels()
    assert [error for shown in opened for error in shown.errors] == []


def write_notebook(path: Path, cells: list[str]) -> None:
    """Write a notebook of code cells."""
    written = [
        {
            "cell_type": "code",
            "id": f"cell-{n}",
            "metadata": {},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for n, source in enumerate(cells)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content = {"cells": written, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
