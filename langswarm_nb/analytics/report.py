"""What a dashboard shows, without the dashboard: tabs, numbers, charts, tables, and their words.

A `Report` reads a source under filters. It knows nothing of widgets; the interactive app and the HTML file are two
readers of the same `view`.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from ..clock import now
from ..errors import ConfigurationError
from . import figures, metrics
from .demo import SYNTHETIC
from .figures import style
from .figures.tiles import tiles
from .metrics.statement import last_days
from .snapshot import Snapshot
from .source import Source
from .text import search, similar, topics
from .text.searching import Query

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

TABS: dict[str, tuple[str, ...]] = {
    "Overview": (
        "volume",
        "cost_over_time",
        "latency_distribution",
        "activity",
        "retention",
        "model_comparison",
        "diagnose",
    ),
    "Cost": ("cost_over_time", "cost_by_model", "tokens_over_time", "tokens_by_model", "cache_health", "cost_today"),
    "Latency & errors": (
        "latency_over_time",
        "latency",
        "time_to_first_chunk",
        "tokens_per_second",
        "error_rate",
        "errors",
        "finish_reasons",
    ),
    "Users & retention": ("active_users", "users", "retention", "activity", "session_lengths", "session_durations"),
    "Models": ("model_comparison", "tokens_per_second", "latency", "tokens_by_model", "feedback", "finish_reasons"),
    "Conversations": ("search", "topics", "longest_sessions", "dearest_sessions"),
}
# Shown as tables, because a row leads to its transcript.
_TABLES = {"longest_sessions": "Which conversations are longest?", "dearest_sessions": "Which conversations cost most?"}
_MOST_FOUND = 50
_SEARCH = {
    "kind": "search",
    "name": "search",
    "question": "Who said what?",
    "note": '"Quotes" keep words together, -word leaves out',
}
Progress = Callable[[str], None]
PERIODS = {"24 h": 1, "7 days": 7, "30 days": 30, "90 days": 90, "1 year": 365, "All time": None}
_COLORED = {
    "cost_over_time",
    "cost_by_model",
    "cost_today",
    "latency",
    "time_to_first_chunk",
    "tokens_per_second",
    "model_comparison",
}

# Over a snapshot, and over a store's own tables.
_OF_ROWS = {
    "counts": """SELECT role, status, provider, model, n
                 FROM kinds JOIN (SELECT kind, count(*) AS n FROM rows GROUP BY kind) USING (kind)""",
    "users": """SELECT user_id, n
                FROM persons JOIN (SELECT person, count(*) AS n FROM rows GROUP BY person) USING (person)""",
    "newest": "SELECT max(created_at) FILTER (created_at <= $now) AS newest FROM rows",
}
_OF_TABLES = {
    "counts": """SELECT m.role, m.status, coalesce(m.provider, s.provider) AS provider,
                        coalesce(m.request_model, m.response_model, s.model) AS model, count(*) AS n
                 FROM messages m LEFT JOIN sessions s USING (session_id) GROUP BY ALL""",
    "users": "SELECT user_id, count(*) AS n FROM messages JOIN sessions USING (session_id) GROUP BY user_id",
    "newest": "SELECT max(created_at) FILTER (created_at <= $now) AS newest FROM messages",
}
_MADE_UP = "SELECT count(*) FILTER (source = $source) AS made_up, count(*) AS sessions FROM sessions"
_CATALOGUE = """
WITH counts AS MATERIALIZED ({counts}),
options AS (
    SELECT 'model' AS kind, model::VARCHAR AS name, sum(n) AS n FROM counts WHERE role = 'assistant' GROUP BY model
    UNION ALL SELECT 'provider', provider::VARCHAR, sum(n) FROM counts WHERE role = 'assistant' GROUP BY provider
    UNION ALL SELECT 'status', status::VARCHAR, sum(n) FROM counts GROUP BY status
    UNION ALL SELECT 'user_id', user_id, n FROM ({users})
)
SELECT kind, name, n::BIGINT AS n FROM options WHERE name IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY kind ORDER BY n DESC, name) <= 100
UNION ALL SELECT 'messages', NULL, coalesce(sum(n), 0)::BIGINT FROM counts
UNION ALL SELECT 'newest', newest::VARCHAR, 0 FROM ({newest})
ORDER BY kind, n DESC, name
"""


class Report:
    """Numbers and charts of a source. `filters` are those of the metrics, and `period`, a key of PERIODS.

    A period counts back from the newest message, so an old import is not an empty page.
    """

    def __init__(self, source: Source, **filters: Any) -> None:
        self.source = source
        self.filters = dict(filters)
        self.period = str(self.filters.pop("period", None) or "All time")
        self._catalogue: dict[str, Any] | None = None
        self._snapshot = Snapshot(source)
        if self.period not in PERIODS:
            raise ConfigurationError(f"period cannot be {self.period!r}. Use one of: {', '.join(PERIODS)}.")
        metrics.Filters.of(**self.filters)

    def refresh(self) -> None:
        """Forget what was read."""
        self._catalogue = None
        self._snapshot = Snapshot(self.source)

    @property
    def catalogue(self) -> dict[str, Any]:
        """What can be filtered by, each most frequent first; the number of messages; the newest one's time.

        And of how many `sessions` how many are `made_up`, demo data.
        """
        if self._catalogue is None:
            rows = self._snapshot.query(
                _CATALOGUE.format(**_OF_ROWS),
                _CATALOGUE.format(**_OF_TABLES),
                {"now": now()},
            ).to_pylist()
            options: dict[str, Any] = {name: [] for name in ("user_id", "provider", "model", "status")}
            for row in rows:
                if row["kind"] in options:
                    options[row["kind"]].append(row["name"])
            facts = {row["kind"]: row for row in rows if row["kind"] in ("messages", "newest")}
            newest = facts["newest"]["name"]
            (sessions,) = self.source.query(_MADE_UP, {"source": SYNTHETIC}).to_pylist()
            options |= {
                **sessions,
                "messages": int(facts["messages"]["n"]),
                "newest": datetime.fromisoformat(newest) if newest else None,
            }
            self._catalogue = options
        return self._catalogue

    @property
    def label(self) -> str:
        """What must stand above numbers that are made up; nothing where they are not."""
        made_up, sessions = self.catalogue["made_up"], self.catalogue["sessions"]
        if made_up < sessions:
            return f"{made_up:,} of {sessions:,} conversations are synthetic demo data." if made_up else ""
        return "Synthetic demo data: nobody had these conversations." if made_up else ""

    def applied(self) -> dict[str, Any]:
        """Return the filters with the period as start and end."""
        days = PERIODS[self.period]
        if days is None or self.filters.get("start") or self.filters.get("end"):
            return dict(self.filters)
        start, end = last_days(days, self.catalogue["newest"])
        return {**self.filters, "start": start, "end": end}

    def shown(self, tab: str) -> tuple[str, ...]:
        """Return what the tab has: what changed, only where there is a period before."""
        if tab not in TABS:
            raise ConfigurationError(f"There is no tab {tab!r}. There are: {', '.join(TABS)}.")
        return tuple(name for name in TABS[tab] if name != "diagnose" or self.applied().get("start"))

    def data(
        self, names: Iterable[str] | None = None, progress: Progress = lambda doing: None
    ) -> dict[str, pd.DataFrame]:
        """Return the tidy frame of each metric, all of them or `names`, all from one snapshot of the store."""
        every = ("overview", *(name for tab in TABS for name in self.shown(tab)))
        chosen = [name for name in dict.fromkeys(every if names is None else names) if name != "search"]
        asked = [getattr(metrics, name) for name in chosen if name != "topics"]
        progress(f"Counting {style.counted(self.catalogue['messages'], 'message')} …")
        found = self._snapshot.ask_all(asked, **self.applied()) if asked else {}
        if "topics" in chosen:
            progress("Finding topics …")
            found["topics"] = topics(self.source, **self.applied())
        return {name: found[name] for name in chosen}

    def figures(
        self, names: Iterable[str] | None = None, theme: str = "light", data: dict[str, pd.DataFrame] | None = None
    ) -> dict[str, go.Figure]:
        """Return the chart of each metric that has one; each model has the same colour in all of them."""
        frames = data if data is not None else self.data(names)
        colors = dict(zip(self.catalogue["model"], style.PALETTE, strict=False))
        return {
            name: getattr(figures, name)(frame, theme=theme, **({"colors": colors} if name in _COLORED else {}))
            for name, frame in frames.items()
            if hasattr(figures, name)
        }

    def narrowed(self, filters: dict[str, Any]) -> Report:
        """Return the report of the same source under other filters, without reading anew what was read."""
        other = Report(self.source, **filters)
        other._catalogue, other._snapshot = self.catalogue, self._snapshot
        return other

    def view(
        self,
        tab: str = "Overview",
        data: dict[str, pd.DataFrame] | None = None,
        progress: Progress = lambda doing: None,
    ) -> dict[str, Any]:
        """Return one tab as JSON-ready values: numbers, charts without a template, tables."""
        names = self.shown(tab)
        frames = data if data is not None else self.data(["overview", *names], progress)
        progress("Drawing …")
        charts = self.figures(data={name: frames[name] for name in names if name in frames and name not in _TABLES})
        return {
            "tab": tab,
            "numbers": tiles(frames["overview"]),
            "items": [
                _SEARCH
                if name == "search"
                else self._chart(name, charts[name])
                if name in charts
                else self._table(name, frames[name])
                for name in names
            ],
        }

    def frame(self) -> dict[str, Any]:
        """Return what stands around every tab: the filters and what they may be, the themes' templates."""
        options = {name: self.catalogue[name] for name in ("user_id", "provider", "model", "status")}
        return {
            "tabs": list(TABS),
            "periods": list(PERIODS),
            "period": self.period,
            "filters": {k: v.isoformat() if isinstance(v, date) else v for k, v in self.filters.items()},
            "options": {name: [str(value)[:200] for value in values] for name, values in options.items()},
            "messages": self.catalogue["messages"],
            "label": self.label,
            "templates": {theme: figures.template(theme).to_plotly_json() for theme in ("light", "dark")},
        }

    def _chart(self, name: str, chart: go.Figure) -> dict[str, Any]:
        plain = json.loads(chart.to_json() or "{}")
        layout = plain["layout"]
        for key in ("title", "template"):
            layout.pop(key, None)
        meta = layout.pop("meta")
        if layout.pop("showlegend", False):
            meta["key"] = [[html.unescape(trace["name"]), trace["marker"]["color"]] for trace in plain["data"]]
        layout["showlegend"] = False
        return {"kind": "chart", "name": name, "data": plain["data"], "layout": layout, **meta}

    def _table(self, name: str, frame: pd.DataFrame) -> dict[str, Any]:
        rows = [
            {
                "session_id": row["session_id"],
                "cells": [
                    style.plain(row["title"]) if not style.unknown(row["title"]) else "Untitled",
                    style.plain(row["user_id"]),
                    style.plain(row["model"]),
                    style.count(row["messages"]),
                    style.seconds(row["duration_s"]),
                    style.money(row["cost_usd"]) + (f" · unpriced {row['unpriced']}" if row["unpriced"] else ""),
                    style.minute(row["started_at"]),
                ],
            }
            for row in frame.to_dict("records")
        ]
        columns = ["Conversation", "User", "Model", "Messages", "Lasted", "Cost", "Started (UTC)"]
        note = "open one to read it" if rows else "No conversations in this period."
        return {
            "kind": "sessions",
            "name": name,
            "question": _TABLES[name],
            "note": note,
            "columns": columns,
            "rows": rows,
        }

    def frame_of(self, name: str, text: str = "") -> pd.DataFrame:
        """Return the tidy frame behind a chart, a table, or (`text`) what was found."""
        if name == "search":
            return search(text, self.source, limit=_MOST_FOUND, **self.applied())
        return self.data([name])[name]

    def found(self, text: str) -> dict[str, Any]:
        """Return the messages that have every word of `text`, best first, as JSON-ready values."""
        frame = self.frame_of("search", text)
        rows = [
            {
                "session_id": row["session_id"],
                "title": style.plain(row["title"]) if not style.unknown(row["title"]) else "Untitled",
                "where": style.joined(
                    style.plain(row["model"] if row["role"] == "assistant" else row["user_id"]),
                    "" if style.unknown(row["created_at"]) else style.minute(row["created_at"]),
                ),
                "snippet": style.plain(row["snippet"], 240),
            }
            for row in frame.to_dict("records")
        ]
        n = len(rows)
        note = f"the {n} best" if n == _MOST_FOUND else style.counted(n, "message")
        return {"rows": rows, "words": [start.strip() for start, _ in Query.of(text).wanted], "note": note}

    def similar(self, session_id: str) -> list[dict[str, str]]:
        """Return the conversations most like this one: `session_id`, `title`, `note`."""
        frame = similar(session_id, self.source, limit=8)
        return [
            {
                "session_id": row["session_id"],
                "title": style.plain(row["title"]) if not style.unknown(row["title"]) else "Untitled",
                "note": style.plain(row["shared"]),
            }
            for row in frame.to_dict("records")
        ]
