"""A page whose websockets can be cut, and that opens none until they are mended. Not a test."""

from __future__ import annotations

from conftest import LabPage

_SOCKETS = """
window.lsnbSockets = [];
window.WebSocket = class extends WebSocket {
    constructor(url, protocols) {
        super(window.lsnbCut ? 'ws://127.0.0.1:9/' : url, protocols);
        window.lsnbSockets.push(this);
    }
};
"""


def make_cuttable(lab: LabPage) -> None:
    """Load the page again with sockets that `cut` closes."""
    lab.page.add_init_script(_SOCKETS)
    lab.reload()


def cut(lab: LabPage) -> None:
    """Close every socket; a new one reaches nobody."""
    lab.page.evaluate("window.lsnbCut = true; window.lsnbSockets.forEach((socket) => socket.close()); null")


def mend(lab: LabPage) -> None:
    """Let the page connect again."""
    lab.page.evaluate("window.lsnbCut = false")
