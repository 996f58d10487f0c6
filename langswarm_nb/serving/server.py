"""Voila, with one notebook, one gate before all that it serves, and an end that leaves no kernel behind."""

from __future__ import annotations

import functools
import logging
import os
import secrets
import signal
import socket
import threading
import webbrowser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import tornado.ioloop
import tornado.netutil
import tornado.web
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_server.log import log_request
from tornado.httpserver import HTTPServer
from traitlets import default
from traitlets.config import Config
from voila.app import Voila
from voila.static_file_handler import AllowListFileHandler

from ..errors import SessionError
from .command import PORT
from .gate import HEADERS, TokenOnly, gated, policy

_HERE = Path(__file__).parent
_WIDGETS = ["@jupyter-widgets/jupyterlab-manager", "@voila-dashboards/widgets-manager8", "anywidget"]
_LOCAL = ("127.0.0.1", "::1", "localhost")
_TRIES = 50
_PING_MS = 30_000


def serve(token: str, host: str, port: int | None, opens: bool, kernels: dict[str, str]) -> int:
    """Serve until Ctrl-C or SIGTERM; return the exit status. `kernels` are variables for the pages' kernels."""
    os.environ.update(kernels)
    server = Server(config=_config(token, host, port, opens))
    server.initialize([])
    server.start()
    return 0


def _config(token: str, host: str, port: int | None, opens: bool) -> Config:
    return Config({
        "Voila": {
            # What lies in the folder or in the user's settings must not open the gate.
            "config_file_paths": [],
            "identity_provider_class": TokenOnly,
            "ip": host,
            "log_level": logging.ERROR,
            "notebook_path": str(_HERE / "page.ipynb"),
            "open_browser": opens,
            "port": PORT if port is None else port,
            "port_retries": _TRIES if port is None else 0,
            "token": token,
            "tornado_settings": {
                # Where only this machine is asked, only its own names are right: no page elsewhere can pass for it.
                "allow_remote_access": host not in _LOCAL,
                "local_hostnames": ["localhost"],
                "ws_ping_interval": _PING_MS,
                "ws_ping_timeout": _PING_MS,
                "headers": HEADERS,
                "log_function": functools.partial(log_request, record_prometheus_metrics=False),
            },
        },
        "VoilaConfiguration": {
            "allow_template_override": "NO",
            "allow_theme_override": "NO",
            "extension_allowlist": _WIDGETS,
            # The sign of life is a script in the page's middle.
            "http_keep_alive_timeout": 300,
            "kernel_spec_manager_class": OwnPython,
            "prelaunch_hook": _before_launch,
        },
        # Its kernels' channels are files of this user, where the system has such files.
        "KernelManager": {"transport": "ipc" if os.name == "posix" else "tcp"},
        "IdentityProvider": {"cookie_options": {"SameSite": "Lax"}},
        "MappingKernelManager": {
            # A store's path means the same to a kernel as to whoever started the server.
            "root_dir": os.getcwd(),
            # A page that went without a word leaves its kernel behind.
            "cull_idle_timeout": 900,
            "cull_interval": 60,
            "cull_connected": False,
        },
    })  # fmt: skip


def _before_launch(handler: Any, notebook: Any, cwd: str) -> None:
    nonce = secrets.token_urlsafe(16)
    handler.set_header("Content-Security-Policy", policy(nonce))
    notebook.metadata["nonce"] = nonce


class OwnPython(KernelSpecManager):
    """Knows this Python's own kernel only, whatever is called python3 elsewhere."""

    @default("kernel_dirs")
    def _none(self) -> list[str]:
        return []


class Server(Voila):
    """The page's server."""

    def setup_template_dirs(self) -> None:
        super().setup_template_dirs()
        self.template_paths = [str(_HERE / "template")]

    def init_handlers(self) -> Any:
        handlers = []
        given: Any = super().init_handlers()
        for pattern, handler, *rest in given:
            if handler is AllowListFileHandler:
                continue  # no file beside the notebook is meant for visitors
            handlers.append((pattern, gated(handler), *rest))
        page = handlers[-1]
        handlers[-1] = (page[0], _without_token(page[1]), *page[2:])
        handlers.append((r"/.*", gated(tornado.web.ErrorHandler), {"status_code": 404}))
        return handlers

    def listen(self) -> None:
        web = HTTPServer(self.app)
        try:
            web.add_sockets(self._sockets())
            shown = socket.gethostname() if self.ip in ("", "0.0.0.0", "::") else self.ip
            host = f"[{shown}]" if ":" in shown else shown
            address = f"http://{host}:{self.port}/?token={quote(self.identity_provider.token, safe='')}"
            # The address with its token is printed here, and nowhere else.
            print(f"Open {address}\nCtrl-C ends the server and its kernels.", flush=True)
            if self.open_browser:
                self._open(address)
            self.ioloop = tornado.ioloop.IOLoop.current()
            # Also where a shell started this in the background, and Python would not hear of it.
            signal.signal(signal.SIGINT, self._handle_signal_stop)
            self.ioloop.start()
            print("Stopping …", flush=True)
        finally:
            web.stop()
            self.stop()

    def _open(self, address: str) -> None:
        # A browser's command line can be read by everybody on this machine; this file cannot.
        file = Path(self.connection_dir, "open.html")
        file.write_text(f'<!doctype html><meta http-equiv="refresh" content="0;url={address}">')
        threading.Thread(target=webbrowser.open, args=(file.as_uri(),), daemon=True).start()

    def _sockets(self) -> list[socket.socket]:
        problem: OSError | None = None
        for port in range(self.port, self.port + self.port_retries + 1):
            try:
                found = tornado.netutil.bind_sockets(port, self.ip)
            except OSError as error:
                problem = error
            else:
                self.port = found[0].getsockname()[1]
                return found
        raise SessionError(
            f"The page cannot be served at {self.ip}:{self.port}: {problem and problem.strerror}. Use --port or --host."
        )


def _without_token(handler: type[Any]) -> type[Any]:
    """Return the page's handler that takes the token out of the address, once it is a cookie."""

    class Page(handler):
        async def get(self, path: str | None = None) -> None:
            if path:
                raise tornado.web.HTTPError(404)
            if self.get_query_argument("token", None) is not None:
                self.redirect("/")
                return
            _ = self.xsrf_token  # as a cookie: with it a page that closes may end its kernel
            await super().get(path)

    return Page
