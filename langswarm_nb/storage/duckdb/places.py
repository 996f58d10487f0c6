"""Which place a location's text means."""

from __future__ import annotations

from pathlib import Path

from ...errors import ConfigurationError
from .lake import SCHEME, Lake
from .location import Location


def location_of(
    text: str | Path, *, encryption_key: str | None = None, data_path: str | Path | None = None
) -> Location:
    """Return the file, the memory, the lake or the server that `text` means; ConfigurationError where it is none."""
    if str(text).startswith(SCHEME):
        return Lake.at(str(text), encryption_key, data_path)
    if data_path is not None:
        raise ConfigurationError("data_path is where a lake's files are: it goes with a location ducklake:...")
    return Location.of(text, encryption_key)
