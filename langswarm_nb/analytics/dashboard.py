"""`ls.dashboard()`: the interactive app, in one widget.

The page asks (a tab, filters, a table, a transcript) and the kernel answers by message; traits hold the filters only.
plotly.js comes from the plotly package, compressed, once a page: neither a CDN nor a copy in every saved notebook.
"""

from __future__ import annotations

import contextvars
import html
import logging
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from ..errors import SessionError
from . import page
from .exports import to_csv, to_parquet
from .figures.style import minute
from .figures.tiles import tiles
from .report import Progress, Report
from .source import ArrowSource, Source, open_source

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

_TRANSCRIPT_LENGTH = 200
_log = logging.getLogger(__name__)


def dashboard(source: Any = None, **filters: Any) -> Dashboard:
    """Return the dashboard of `source` (a manager, a storage, a path, None for the default store).

    `filters` are those of the metrics (start, end, user_id, provider, model, status, tz, bin) and `period`: "24 h",
    "7 days", "30 days", "90 days", "1 year" or "All time", counted back from the newest message.
    """
    return Dashboard(source, **filters)


class Dashboard(anywidget.AnyWidget):
    """Charts of a store with filters; also as frames, figures and one HTML file."""

    _esm = page.script()
    _css = page.style()
    tab = traitlets.Unicode("Overview").tag(sync=True)

    def __init__(self, source: Any = None, **filters: Any) -> None:
        super().__init__()
        self._given = source
        self._filters = filters
        self._busy = threading.Lock()
        self._newest: dict[str, int] = {}
        self._is_demo = False
        self._report = Report(open_source(source), **filters)
        self.on_msg(self._on_message)

    # --- from Python ---

    def data(self) -> dict[str, pd.DataFrame]:
        """Return the tidy frame behind the numbers and each chart, by the metric's name, under the filters in use."""
        return self._report.data()

    def figures(self, theme: str = "light") -> dict[str, go.Figure]:
        """Return each chart as a `go.Figure`, by the metric's name, under the filters in use."""
        return self._report.figures(theme=theme)

    def to_html(self, path: str | Path | None = None) -> str:
        """Return the dashboard as one HTML page that needs neither kernel nor network; with `path` also write it there.

        Every tab is in it, under the filters in use, with the data of each chart as CSV; the filters do not change.
        """
        text = page.render(self._report)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def refresh(self) -> None:
        """Read the store anew: the next look at it shows what is in there now."""
        self._read_anew()
        self.send({"type": "stale"})

    def __repr__(self) -> str:
        return "Dashboard of conversations. Run this cell to see it; .to_html(path) keeps it as a page."

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        if data is not None:
            data["text/plain"] = repr(self)
            # For readers of the saved notebook: shown only where the widget cannot be. Voila saves none.
            if not os.environ.get("SERVER_SOFTWARE", "").startswith("voila"):
                data["text/html"] = self._snapshot()
        return bundle

    def _snapshot(self) -> str:
        try:
            six = tiles(self._report.data(["overview"])["overview"])
        except SessionError as error:
            return f"<p>{html.escape(str(error))}</p>"
        cells = "".join(
            f"<td style='text-align:left;padding:4px 16px 4px 0'><small>{tile['label']}</small><br>"
            f"<b>{html.escape(tile['value'])}</b><br><small>{html.escape(tile['note'])}</small></td>"
            for tile in six
        )
        label = f"<p><b>{html.escape(self._report.label)}</b></p>" if self._report.label else ""
        return f"{label}<table><tr>{cells}</tr></table><p><small>Run this cell to see the charts.</small></p>"

    # --- from the page ---

    def _on_message(self, _: Any, message: Any, __: Any) -> None:
        # The context says on which channel of the kernel to answer; a slow answer must not hold up that channel.
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._answer, message), daemon=True, name="dashboard").start()

    def _answer(self, message: dict[str, Any]) -> None:
        reply: dict[str, Any] = {"re": message.get("id"), "type": message.get("type")}
        view, number = str(message.get("view")), int(message.get("number") or 0)
        if reply["type"] == "show":
            self._newest[view] = max(number, self._newest.get(view, 0))
        buffers: list[bytes] = []
        try:
            match reply["type"]:
                case "plotly":
                    buffers = [page.compressed_plotly()]
                case "show":
                    with self._busy:
                        if number < self._newest[view]:
                            return  # the reader has clicked on meanwhile
                        reply["value"] = self._show(message, lambda doing: self._tell(message, doing))
                case "csv":
                    reply["value"] = to_csv(self._frame_of(message))
                case "parquet":
                    buffers = [to_parquet(self._frame_of(message))]
                case "search":
                    reply["value"] = self._report.found(str(message["text"])[:1000])
                case "similar":
                    reply["value"] = self._report.similar(str(message["session_id"]))
                case "transcript":
                    reply["value"] = transcript(self._report.source, str(message["session_id"]))
                case "html":
                    reply["value"] = self.to_html()
                case "demo":
                    with self._busy:
                        self._show_demo()
        except SessionError as error:
            reply["problem"] = str(error)
        except Exception:
            _log.exception("The dashboard could not answer %r", message.get("type"))
            reply["problem"] = "The dashboard could not read the store. Press Refresh to try again."
        self.send(reply, buffers)

    def _tell(self, message: dict[str, Any], doing: str) -> None:
        self.send({"re": message.get("id"), "type": "progress", "doing": doing})

    def _frame_of(self, message: dict[str, Any]) -> pd.DataFrame:
        return self._report.frame_of(str(message["name"]), str(message.get("text") or "")[:1000])

    def _show(self, message: dict[str, Any], progress: Progress) -> dict[str, Any]:
        if message.get("filters") is not None:
            self._filters = {key: value for key, value in message["filters"].items() if value not in (None, "", [])}
        progress("Opening the store …")
        if message.get("refresh"):
            self._read_anew()
        elif message.get("filters") is not None:
            self._report = self._report.narrowed(self._filters)
        if not self._report.catalogue["messages"]:
            return {"empty": True}
        return {
            **self._report.frame(),
            **self._report.view(str(message.get("tab") or "Overview"), progress=progress),
            **({"label": f"{self._report.label} Your own store is empty so far."} if self._is_demo else {}),
        }

    def _read_anew(self) -> None:
        if self._is_demo:
            # The demo gives way to the first conversation of one's own.
            own = Report(open_source(self._given))
            if own.catalogue["messages"]:
                self._is_demo, self._filters, self._report = False, {}, own
            return
        self._report = Report(open_source(self._given), **self._filters)

    def _show_demo(self) -> None:
        from .demo import demo_tables

        self._is_demo = True
        self._filters = {}
        self._report = Report(ArrowSource(demo_tables()))


def transcript(source: Source, session_id: str) -> list[dict[str, Any]]:
    """Return the newest messages of the session's active branch: who, when, and the text as sanitized HTML."""
    from ..rendering import id_prefix, render_markdown

    rows = source.query(
        """SELECT message_id, role, coalesce(request_model, response_model) AS model, content, status, created_at
           FROM messages WHERE session_id = $session_id AND coalesce(is_active_branch, true)
           ORDER BY seq DESC NULLS FIRST, created_at DESC LIMIT $limit""",
        {"session_id": session_id, "limit": _TRANSCRIPT_LENGTH},
    ).to_pylist()
    return [
        {
            "who": (row["model"] or row["role"] or "")[:200],
            "role": row["role"] or "",
            "status": row["status"] or "",
            "at": f"{minute(row['created_at'])} UTC" if row["created_at"] else "",
            "html": render_markdown((row["content"] or "")[:100_000], id_prefix=id_prefix(row["message_id"] or "")),
        }
        for row in reversed(rows)
    ]
