from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from wire_server import WireServer

from langswarm_nb.providers import ProviderSessionFactory


class ModelServer:
    """llmock, a process of its own that speaks the protocols of OpenAI and Anthropic."""

    def __init__(self, port: int) -> None:
        self.port = port

    def url(self, provider: str) -> str:
        return f"http://127.0.0.1:{self.port}/" + {"openai": "v1", "anthropic": "anthropic"}[provider]

    def script(self, *behaviours: dict[str, Any]) -> None:
        """Queue what happens to the next requests."""
        self._call("POST", "/_llmock/scenario", {"behaviors": list(behaviours)})

    def reset(self) -> None:
        self._call("POST", "/_llmock/reset", {})

    def _call(self, method: str, path: str, body: Any) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, json.dumps(body), {"content-type": "application/json"})
            answer = connection.getresponse()
            assert answer.status < 300, answer.read()
        finally:
            connection.close()


@pytest.fixture(scope="session")
def model_server_process() -> Iterator[ModelServer]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).parent / "llmock"), "serve", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--stream-chunk-delay-ms", "2", "--log-level", "error"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert process.poll() is None, "llmock ended early"
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield ModelServer(port)
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def model_server(model_server_process) -> ModelServer:
    model_server_process.reset()
    return model_server_process


@pytest.fixture
def wire() -> Iterator[WireServer]:
    server = WireServer()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch) -> None:
    for name in (
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_BASE_URL",
        "ANTHROPIC_AUTH_TOKEN",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(ProviderSessionFactory, "_registered", dict(ProviderSessionFactory._registered))
