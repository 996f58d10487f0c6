"""Where the default store is."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

VARIABLE = "LANGSWARM_NB_DB"


def default_location() -> str:
    """Return the location of the default store: `LANGSWARM_NB_DB`, else a file in the user's data directory."""
    chosen = os.environ.get(VARIABLE, "").strip()
    if chosen:
        return chosen
    return str(Path(platformdirs.user_data_dir("langswarm_nb", appauthor=False)) / "sessions.duckdb")
