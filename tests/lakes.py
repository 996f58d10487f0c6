"""Lakes with their catalogs in a real PostgreSQL, each in a database of its own. Not a test."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class LakeServer:
    """A PostgreSQL, and a folder for the files."""

    url: str
    folder: Path
    made: set[str] = field(default_factory=set)

    def location(self, name: str) -> str:
        """Return the location of the lake of that name; its database is made the first time."""
        if name not in self.made:
            self._run(f'CREATE DATABASE "{name}"')
            self.made.add(name)
        return f"ducklake:postgres:{self.url.replace('/postgres?', f'/{name}?')}"

    def options(self, name: str) -> dict[str, Any]:
        """Return what a storage of the lake takes."""
        return {"location": self.location(name), "data_path": str(self.folder / name)}

    def open(self, name: str) -> Any:
        """Return a storage of the lake."""
        from langswarm_nb.storage.duckdb import DuckDBSessionStorage

        return DuckDBSessionStorage(**self.options(name))

    def drop_all(self) -> None:
        """Remove the databases."""
        for name in sorted(self.made):
            self._run(f'DROP DATABASE "{name}" WITH (FORCE)')
        self.made.clear()

    def _run(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)
