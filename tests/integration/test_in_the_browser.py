"""What works in Pyodide, as far as another Python can tell: there are no threads, and of the heavy packages only some.

`scripts/check_pyodide.mjs` asks Pyodide itself.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from langswarm_nb.analytics.demo import demo_tables

# Neither in Pyodide's distribution in a version that would do, nor needed for reading.
ABSENT = (
    "openai",
    "anthropic",
    "sqlalchemy",
    "redis",
    "psycopg",
    "nest_asyncio2",
    "genai_prices",
    "httpx2",
    "docstring_parser",
)

READER = """
import sys, threading

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())

import pandas, plotly.graph_objects, pyarrow.parquet

def start(self):
    raise RuntimeError("can't start new thread")

threading.Thread.start = start

import langswarm_nb as ls
from langswarm_nb.analytics import figures, metrics

messages = ls.messages(source="export")
assert len(messages) == 2_000, len(messages)
session_id = messages["session_id"].iloc[0]
assert 0 < len(ls.messages(source="export", session_id=session_id)) < 2_000
assert len(ls.sessions(source="export")) == messages["session_id"].nunique()
assert len(ls.turns(source="export")) > 500
assert len(ls.events(source="export")) > 0
assert ls.sql("SELECT count(*) AS n FROM session_summary", source="export")["n"][0] > 100
frame = metrics.cost_by_model("export")
assert figures.cost_by_model(frame).data
ls.dashboard(source="export").to_html("report.html")

# A transcript to read: one page, and no script in it.
talk = ls.export(session_id, "talk.html", source="export", redact=True)
page = talk.path.read_text()
assert talk.messages == len(ls.messages(source="export", session_id=session_id))
assert "<script" not in page and len(page) > 2_000

from langswarm_nb.rendering import render_markdown

assert "<strong>" in render_markdown("**read-only**")
print("all of it")
"""


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """The folder of a Parquet export."""
    (tmp_path / "export").mkdir()
    for name, table in demo_tables(2_000).items():
        pq.write_table(table, tmp_path / "export" / f"{name}.parquet")
    return tmp_path


def test_frames_figures_and_dashboard_of_an_export_need_no_thread_and_no_provider(export):
    script = READER.replace("ABSENT", repr(ABSENT), 1)
    done = subprocess.run([sys.executable, "-c", script], cwd=export, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip() == "all of it"
    assert "How much is it used?" in (export / "report.html").read_text()
