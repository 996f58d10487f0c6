"""What the dashboard's page is made of: its script, its style sheet, plotly.js, and the page that needs no kernel."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path

from ..rendering import stylesheet
from .exports import to_csv
from .report import TABS, Report

_STATIC = Path(__file__).parent / "static"
# One module in the page, several files here: each may use what the ones before it define.
_PARTS = ("elements", "drawing", "cards", "tables", "app", "views")


@cache
def script() -> str:
    """Return the page's ES module."""
    return "\n".join((_STATIC / "dashboard" / f"{part}.js").read_text(encoding="utf-8") for part in _PARTS)


@cache
def style() -> str:
    """Return the dashboard's style sheet with that of the transcripts' Markdown."""
    return stylesheet() + "\n" + (_STATIC / "dashboard.css").read_text(encoding="utf-8")


@cache
def compressed_plotly() -> bytes:
    """Return plotly.js, gzipped: 1.4 MB, below what Jupyter lets through in one go."""
    from plotly.offline import get_plotlyjs

    return gzip.compress(get_plotlyjs().encode(), 6, mtime=0)


def render(report: Report) -> str:
    """Return the report as one HTML page with everything inside."""
    from plotly.offline import get_plotlyjs

    frames = report.data()
    content = {
        "frame": report.frame(),
        "tabs": {tab: report.view(tab, frames) for tab in TABS},
        "csv": {name: to_csv(frame) for name, frame in frames.items()},
    }
    # Inside a script element only these could end it early.
    data = json.dumps(content).replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Conversations</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0; padding: 16px; background: light-dark(#fff, #14171a); }}
{style()}
</style>
</head>
<body>
<main id="dashboard"></main>
<script>{get_plotlyjs()}</script>
<script type="application/json" id="content">{data}</script>
<script type="module">
{script()}
showSaved(document.getElementById("dashboard"), JSON.parse(document.getElementById("content").textContent));
</script>
</body>
</html>
"""
