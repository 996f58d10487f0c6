"""A Jupyter Server extension that counts what the kernels' websockets send to pages, and takes a page's own report.

The page is not slowed as it would be by a debugger that listens to its network.
"""

from __future__ import annotations

import json
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.services.kernels.websocket import KernelWebsocketHandler
from jupyter_server.utils import url_path_join

counted = {"bytes": 0, "messages": 0}
reports: dict[str, Any] = {}


class MeterHandler(APIHandler):
    """GET: what was counted and reported; POST: a report."""

    def check_xsrf_cookie(self) -> None:
        """The page on this machine is our own."""

    def get(self) -> None:
        self.finish(json.dumps({**counted, "reports": reports}))

    def post(self) -> None:
        reports.update(json.loads(self.request.body))
        self.finish("{}")


def _load_jupyter_server_extension(app: Any) -> None:
    write = KernelWebsocketHandler.write_message

    def write_and_count(self: Any, message: Any, binary: bool = False) -> Any:
        counted["bytes"] += len(message if isinstance(message, bytes) else message.encode())
        counted["messages"] += 1
        return write(self, message, binary)

    KernelWebsocketHandler.write_message = write_and_count
    app.web_app.add_handlers(".*$", [(url_path_join(app.base_url, "api/bench"), MeterHandler)])


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "websocket_meter"}]
