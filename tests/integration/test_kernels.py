"""Real kernels: killed in the middle of a reply, and `asyncio.run` in a cell."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from jupyter_client.manager import KernelManager, start_new_kernel

import langswarm_nb as ls

START_A_LONG_REPLY = """
import asyncio, langswarm_nb as ls
from langswarm_nb import runtime
manager = runtime.default_manager()
session = runtime.run(manager.create_session("ada", "mock", "mock-model"))
session.provider_session.set_response_delay(60_000)
future = runtime.submit(session.send_message("word " * 3_000))
"""


@pytest.fixture
def kernel(tmp_path, monkeypatch) -> Iterator[tuple[KernelManager, object]]:
    monkeypatch.setenv("LANGSWARM_NB_DB", str(tmp_path / "sessions.duckdb"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    manager, client = start_new_kernel()
    try:
        yield manager, client
    finally:
        client.stop_channels()
        if manager.is_alive():
            manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
        client.context.destroy(linger=0)


def run_cell(client, code: str) -> dict:
    printed = []
    reply = client.execute_interactive(
        code, timeout=120, output_hook=lambda message: printed.append(message["content"].get("text", ""))
    )
    return {"status": reply["content"]["status"], "text": "".join(printed), "reply": reply["content"]}


def test_a_killed_kernel_loses_at_most_two_seconds(kernel, tmp_path):
    manager, client = kernel
    assert run_cell(client, START_A_LONG_REPLY)["status"] == "ok"
    time.sleep(6)
    # 3,006 words in 60 s: what had streamed two seconds before now is at least this much.
    came = run_cell(client, "import time; print(len(session._turn._draft.text.split()))")
    os.kill(manager.provisioner.pid, 9)
    manager.provisioner.process.wait(20)
    frame = ls.messages(source=tmp_path / "sessions.duckdb")
    assert list(frame["role"]) == ["user", "assistant"]
    assert frame["content"].iloc[0] == "word " * 3_000
    reply = frame.iloc[1]
    assert reply["status"] == "interrupted"
    assert len(reply["content"].split()) >= int(came["text"]) - 2 * 3_006 / 60


def test_asyncio_run_works_in_a_cell_after_load_ext(kernel):
    _, client = kernel
    code = "async def main():\n    return 6 * 7\nprint(asyncio.run(main()))"
    assert run_cell(client, "import asyncio\n" + code)["status"] == "error", "this is what load_ext is for"
    assert run_cell(client, "%load_ext langswarm_nb")["status"] == "ok"
    assert run_cell(client, code)["text"].strip() == "42"


SLOW_STATEMENTS = """
import time
import duckdb
from ipywidgets.widgets.widget import _instances
from langswarm_nb.storage import connecting

def widgets_of(connection):
    took, rows = 0, 50_000
    while took < 2.5:  # DuckDB shows its bar after two seconds
        began = time.monotonic()
        connection.execute("SELECT sum(a.range * b.range) FROM range(?) a, range(20_000) b", [rows]).fetchall()
        took, rows = time.monotonic() - began, rows * 2
    return len(_instances)

print(widgets_of(connecting.connect()), widgets_of(duckdb.connect()))
"""


def test_duckdb_shows_no_progress_bar_of_its_own(kernel):
    _, client = kernel
    ours, without_us = map(int, run_cell(client, SLOW_STATEMENTS)["text"].split())
    assert ours == 0
    # A bar, its layout and its style, for each statement that took long enough.
    assert without_us >= 3
