"""`python -m langswarm_nb serve`: the web page, for those who have its token."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import websocket
from conftest import HARMLESS, Panel, free_port
from playwright.sync_api import Browser, BrowserContext, Page, expect

import langswarm_nb as ls

TOKEN = "correct-horse-battery-staple"
PATHS = [
    "/", "/?token=wrong", f"/?token={TOKEN[:-1]}", "/login", "/voila/static/voila.js", "/voila/templates/lab/x.js",
    "/voila/labextensions/anywidget/package.json", "/voila/api/themes/x", "/voila/files/page.ipynb", "/api/kernels",
    "/static/x", "/nothing/here",
]  # fmt: skip


@dataclass
class Served:
    """A running server."""

    url: str
    process: subprocess.Popen[str]
    log: Path

    def status(self, path: str, token: str = "", method: str = "GET", **headers: str) -> int:
        """Return the status of the answer to a request; redirections are not followed."""
        request = urllib.request.Request(self.url + path, method=method, headers=headers)
        if token:
            request.add_header("Authorization", f"token {token}")
        try:
            with urllib.request.build_opener(_Stay).open(request, timeout=20) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def kernels(self) -> list[psutil.Process]:
        """Return the kernels that run."""
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):  # a zombie is one, too
                found += [child] * ("ipykernel_launcher" in child.cmdline())
        return found


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: object) -> None:
        return None


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """The page over a store of 300 made-up messages."""
    store = tmp_path / "chats.duckdb"
    ls.demo_store(store, messages=300)
    sys.modules["langswarm_nb.runtime"].close()
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    environment |= {"HOME": str(tmp_path), "IPYTHONDIR": str(tmp_path / "ipython"), "LANGSWARM_NB_TOKEN": TOKEN}
    port = free_port()
    command = [sys.executable, "-m", "langswarm_nb", "serve", "--no-open", "--port", str(port), "--user", "ada"]
    log = tmp_path / "log"
    with log.open("w") as printed:
        process = subprocess.Popen(
            [*command, "--source", store.name],
            cwd=tmp_path, env=environment, stdout=printed, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: f"{address}/?token={TOKEN}" in log.read_text() or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield Served(address, process, log)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


@pytest.fixture
def visitor(browser: Browser) -> Iterator[BrowserContext]:
    """A profile of its own: cookies are part of what is tested."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    yield context
    context.close()


def wait_until(true: Callable[[], object], timeout_s: float = 90) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def until_idle(kernels: list[psutil.Process]) -> None:
    """Wait until the kernels hardly use a processor for half a second."""

    def used() -> float:
        return sum(sum(kernel.cpu_times()[:2]) for kernel in kernels)

    def is_idle() -> bool:
        before = used()
        time.sleep(0.5)
        return used() - before < 0.05

    wait_until(is_idle)


def opened(served: Served, visitor: BrowserContext, sent: list[str | bytes]) -> tuple[Page, Panel, list[str]]:
    page = visitor.new_page()
    wrong: list[str] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))

    def note(error: str) -> None:
        if not any(word in error for word in HARMLESS):
            wrong.append(error)

    page.on("console", lambda message: note(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: note(str(error)))
    page.on("request", lambda request: wrong.append(request.url) if elsewhere(served, request.url) else None)
    page.goto(f"{served.url}/?token={TOKEN}", wait_until="commit")
    panel = Panel(page, page.locator("#page-chat .lsnb-panel"))
    panel.root.wait_for(timeout=90_000)
    return page, panel, wrong


def shows(sent: list[str | bytes]) -> int:
    """Return how often the page has asked for a tab of the dashboard."""
    frames = [frame if isinstance(frame, bytes) else frame.encode() for frame in sent]
    return sum(b'"refresh":' in frame and b'"tab":' in frame for frame in frames)


def elsewhere(served: Served, url: str) -> bool:
    return not url.startswith((served.url, "blob:", "data:"))


def test_who_has_the_token_chats_browses_and_looks_and_nobody_else(served: Served, visitor: BrowserContext):
    # Whatever is asked for: nothing without the token, and nothing under a name that is not this machine's.
    assert {path: served.status(path) for path in PATHS} == dict.fromkeys(PATHS, 403)
    assert served.status("/", method="POST") == 403
    assert served.status("/", TOKEN, Host="evil.example") == 403
    assert served.kernels() == []

    # The token goes out of the address, and a closed page's kernel goes, too.
    asked: list[str | bytes] = []
    page, panel, wrong = opened(served, visitor, asked)
    assert page.url == f"{served.url}/"
    panel.ask("What is {{1+1}}?")
    assert panel.texts()[-2:] == ["What is {{1+1}}?", "Mock response to: What is {{1+1}}?"]
    expect(panel.box).to_have_attribute("placeholder", re.compile("new line.$"))

    page.get_by_role("tab", name="Sessions").click()
    browser = page.locator("#page-sessions .lsnb-browser")
    expect(browser).to_contain_text("What is {{1+1}}?")
    dashboard = page.locator("#page-dashboard .lsnb-dash")
    dashboard.wait_for(state="attached")
    assert shows(asked) == 0  # nobody has looked at it yet
    page.get_by_role("tab", name="Dashboard").press("ArrowLeft")
    page.get_by_role("tab", name="Sessions").press("End")
    expect(dashboard.locator(".main-svg").first).to_be_visible(timeout=60_000)
    expect(dashboard.locator(".lsnb-dash-number", has_text="Messages")).to_contain_text("302", timeout=60_000)
    assert shows(asked) == 1
    assert wrong == []

    # The kernel's channel has the same gate, and the page's cookie opens it to this page only.
    kernel = json.loads(page.locator("#jupyter-config-data").text_content() or "")["kernelId"]
    assert served.status(f"/api/kernels/{kernel}") == 403
    assert served.status(f"/api/kernels/{kernel}", TOKEN) == 200
    channel = f"ws{served.url[4:]}/api/kernels/{kernel}/channels"
    cookies = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in visitor.cookies())
    for options in (
        {},
        {"header": ["Authorization: token wrong"]},
        {"cookie": cookies, "origin": "http://evil.example"},
    ):
        with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
            websocket.create_connection(channel, timeout=20, **options)
    websocket.create_connection(channel, timeout=20, cookie=cookies, origin=served.url).close()

    page.close(run_before_unload=True)
    wait_until(lambda: not served.kernels())
    owners = ls.sessions(served.log.parent / "chats.duckdb").set_index("title")["user_id"]
    sys.modules["langswarm_nb.runtime"].close()
    assert owners["What is {{1+1}}?"] == "ada"


def test_every_answer_keeps_the_page_to_itself_and_ctrl_c_ends_all(served: Served, visitor: BrowserContext):
    page = visitor.new_page()
    seen = {}
    page.on("response", lambda response: seen.setdefault(response.url, response))
    page.goto(f"{served.url}/?token={TOKEN}", wait_until="commit")
    page.locator(".lsnb-panel").first.wait_for(timeout=90_000)
    assert len(seen) > 10
    for response in list(seen.values()):
        headers = response.all_headers()
        if response.url.startswith(served.url):
            assert (headers["x-frame-options"], headers["referrer-policy"]) == ("DENY", "no-referrer"), response.url
            assert headers["x-content-type-options"] == "nosniff"
            assert "default-src 'none'" in headers["content-security-policy"]
    policy = seen[f"{served.url}/"].all_headers()["content-security-policy"]
    scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert "unsafe" not in scripts
    assert not re.search(r"https?:", policy)
    # What got into the page as markup does not run.
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = 1\">')")
    page.evaluate("document.querySelector('img[src=x]').decode().catch(() => 0)")
    assert page.evaluate("window.ran") is None

    kernels = served.kernels()
    assert kernels
    # One that is stopped in the midst of its cells says so.
    until_idle(kernels)
    os.killpg(served.process.pid, signal.SIGINT)
    assert served.process.wait(90) == 0
    assert not [kernel for kernel in kernels if kernel.is_running() and kernel.status() != psutil.STATUS_ZOMBIE]
    printed = served.log.read_text()
    assert "Traceback" not in printed
    assert printed.count(TOKEN) == 1
