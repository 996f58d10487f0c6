"""What a notebook shows. ipywidgets and anywidget are imported on first use.

```
chat_panel     the widget: traits in, messages out, requests dispatched by kind
  opening      which session a panel shows
  live         one conversation as all its panels show it, and the turn that runs in it
    reply_stream   a turn's events -> deltas, at a pace that the page keeps up with
    panel_state    what a page shows, numbered, so that nothing is lost or doubled
    message_views  a stored message -> what a page shows of it
  exporting    the conversation as a file, to the browser or beside the notebook
  transcript   the conversation as plain output, which the saved notebook keeps
replay_panel   the panel for recordings: it reads and replays, and writes nothing
  recording    a stored conversation that plays again
session_browser_widget   the widget that finds sessions and keeps them in order
  session_browser_index    what it finds
  session_browser_actions  what is done to them
compare_widget       several conversations side by side
  compare_sessions   the sessions of a comparison, their numbers, and which is the best
page_widget    a page's requests: heard at once, done on our own loop, answered
  protocol     the messages between kernel and page
  assets       the script and the style sheet that the page runs
```
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .chat_panel import ChatPanel
    from .compare_widget import Comparison, compare
    from .opening import chat
    from .replay_panel import ReplayPanel, replay
    from .session_browser_widget import SessionBrowser, session_browser

__all__ = ["ChatPanel", "Comparison", "ReplayPanel", "SessionBrowser", "chat", "compare", "replay", "session_browser"]

_HOMES = {
    "ChatPanel": ".chat_panel",
    "Comparison": ".compare_widget",
    "ReplayPanel": ".replay_panel",
    "SessionBrowser": ".session_browser_widget",
    "chat": ".opening",
    "compare": ".compare_widget",
    "replay": ".replay_panel",
    "session_browser": ".session_browser_widget",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name], __name__), name)
