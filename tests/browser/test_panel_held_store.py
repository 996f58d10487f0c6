"""The panel while another program holds the store's file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conftest import OpenNotebook
from playwright.sync_api import expect

SETUP = """
import langswarm_nb as ls
manager = ls.create_session_manager("held.duckdb", providers={"mock": None}, storage_config={"lock_timeout_s": 2})
ls.chat(manager=manager)
"""

HOLD = """
import sys, time, duckdb
held = None
while held is None:
    try:
        held = duckdb.connect(sys.argv[1])
    except duckdb.IOException:
        time.sleep(0.1)
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(path: Path) -> Iterator[int]:
    """Hold the file in a program that knows nothing of this package, as soon as the kernel lets go of it."""
    command = [sys.executable, "-c", HOLD, str(path)]
    program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert program.stdout is not None
        assert program.stdout.readline() == "held\n"
        yield program.pid
    finally:
        program.communicate("")


def test_a_question_to_a_held_store_is_kept_and_stored_once(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(SETUP, 'ls.messages(manager)[["role", "content"]].values.tolist()')
    lab.run_cell(0)
    lab.run_cell(1)
    panel = lab.panel()
    panel.ask("first")
    with held(lab.notebook.parent / "held.duckdb") as program:
        panel.ask("second", wait=False)
        expect(panel.status).to_contain_text(f"process {program}")
    panel.box.press("Enter")
    panel.wait_for_replies(2)
    expect(panel.status).to_be_hidden()
    lab.run_cell(2)
    expect(lab.outputs(2)).to_contain_text("['user', 'second'], ['assistant', 'Mock response to: second']]")
    assert panel.texts() == ["first", "Mock response to: first", "second", "Mock response to: second"]
