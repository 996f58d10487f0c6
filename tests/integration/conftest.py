from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class LanguageModelServer:
    """A local server that speaks OpenAI's and Anthropic's protocols."""

    port: int

    def url(self, provider: str) -> str:
        """Return the base URL that the provider's SDK takes."""
        return f"http://127.0.0.1:{self.port}/" + {"openai": "v1", "anthropic": "anthropic"}[provider]


@pytest.fixture(scope="session")
def llm_server() -> Iterator[LanguageModelServer]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).parent / "llmock"), "serve", "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, server)
        yield LanguageModelServer(port)
    finally:
        server.terminate()
        server.wait(10)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert server.poll() is None, "llmock ended early"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("llmock does not listen")
