"""Which place a location's text means."""

from __future__ import annotations

from pathlib import Path

from ...errors import ConfigurationError
from . import lake, motherduck, quack
from .location import Location


def location_of(
    text: str | Path,
    *,
    encryption_key: str | None = None,
    data_path: str | Path | None = None,
    token: str | None = None,
) -> Location:
    """Return the file, the memory, the lake or the server that `text` means; ConfigurationError where it is none."""
    where = str(text)
    is_lake, is_server = where.startswith(lake.SCHEME), where.startswith(quack.SCHEME)
    if data_path is not None and not is_lake:
        raise ConfigurationError("data_path is where a lake's files are: it goes with a location ducklake:...")
    if token is not None and not is_server:
        raise ConfigurationError("token is what a server wants: it goes with a location quack:...")
    if is_lake:
        return lake.Lake.at(where, encryption_key, data_path)
    if is_server:
        return quack.QuackServer.at(where, encryption_key, token)
    if where.startswith(motherduck.SCHEMES):
        return motherduck.MotherDuck.at(where, encryption_key)
    return Location.of(text, encryption_key)
