"""The tables themselves: Parquet files, and a DuckDB file that opens as a store.

Parquet, by what the path ends with:

- `.parquet`: one file with one row a message, which is what people load into a DataFrame. Every column of `messages`,
  then every other column of its session as `session_*` (`session_user_id`, `session_title`, ...). Sessions without a
  message, and events, have no place in it.
- `.zip`, or a folder (`format="parquet"` and no suffix): `sessions.parquet`, `messages.parquet` and `events.parquet`,
  which is everything.
"""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...storage.arrow import arrow_schema
from ...storage.schema import MESSAGES, SESSIONS, TABLES
from ...version import __version__
from ..selection import Chunk

if TYPE_CHECKING:
    import pyarrow as pa

_OF_SESSION = [column for column in SESSIONS if column != "session_id"]


class ParquetWriter:
    """One file of messages, or a folder or archive of all tables."""

    def __init__(self, draft: Path, target: Path, redacted: bool) -> None:
        self._draft = draft
        self._kind = target.suffix.lower() if target.suffix.lower() in (".parquet", ".zip") else ""
        self._folder = draft if not self._kind else draft.with_name(f"{draft.name}.tables")
        self._about = {"langswarm_nb": __version__, "redacted": str(redacted).lower()}
        self._writers: dict[str, Any] = {}
        if self._kind == ".parquet":
            self._open("messages", draft, _joined_schema())
        else:
            self._folder.mkdir()
            for name in TABLES:
                self._open(name, self._folder / f"{name}.parquet", arrow_schema(name))

    def _open(self, name: str, path: Path, schema: pa.Schema) -> None:
        import pyarrow.parquet as pq

        described = schema.with_metadata(self._about)
        self._writers[name] = pq.ParquetWriter(path, described, compression="zstd", version="2.6")

    def write(self, chunk: Chunk) -> None:
        """Write the chunk as a row group of each file."""
        for name, opened in self._writers.items():
            table = joined(chunk) if self._kind == ".parquet" else chunk.tables[name]
            if table.num_rows:
                opened.write_table(table.cast(opened.schema))

    def close(self) -> None:
        """Finish the files, and pack them where an archive was asked for."""
        for opened in self._writers.values():
            opened.close()
        if self._kind == ".zip":
            with zipfile.ZipFile(self._draft, "w", zipfile.ZIP_STORED) as archive:  # Parquet is compressed already
                for name in TABLES:
                    archive.write(self._folder / f"{name}.parquet", f"{name}.parquet")
            shutil.rmtree(self._folder)

    def abandon(self) -> None:
        """Let go of the files and of the folder that was to be packed."""
        for opened in self._writers.values():
            opened.close()
        if self._kind == ".zip":
            shutil.rmtree(self._folder, ignore_errors=True)


def _joined_schema() -> pa.Schema:
    import pyarrow as pa

    sessions = arrow_schema("sessions")
    return pa.schema([*arrow_schema("messages"), *(sessions.field(c).with_name(f"session_{c}") for c in _OF_SESSION)])


def joined(chunk: Chunk) -> pa.Table:
    """Return the chunk's messages, each with the columns of its session."""
    import pyarrow as pa

    sessions, messages = chunk.tables["sessions"], chunk.tables["messages"]
    place_of = {session: place for place, session in enumerate(sessions["session_id"].to_pylist())}
    places = pa.array([place_of[session] for session in messages["session_id"].to_pylist()], pa.int64())
    columns = [messages[column] for column in MESSAGES] + [sessions[column].take(places) for column in _OF_SESSION]
    return pa.Table.from_arrays(columns, schema=_joined_schema())


class DuckDBWriter:
    """A store of its own with these conversations; `DuckDBSessionStorage` and every `source=` open it."""

    def __init__(self, draft: Path, target: Path, redacted: bool) -> None:
        from ...storage.duckdb.location import Location
        from ...storage.duckdb.migrations import migrate

        self._draft = draft
        self._connection = Location.of(draft).connect()
        self._limit = 0
        self._limit_memory(0)
        migrate(self._connection, str(target))

    def write(self, chunk: Chunk) -> None:
        """Insert the chunk's rows."""
        self._limit_memory(sum(table.nbytes for table in chunk.tables.values()))
        for name, table in chunk.tables.items():
            columns = ", ".join(f'"{column}"' for column in TABLES[name])
            self._connection.register("langswarm_nb_incoming", table)
            self._connection.execute(f"INSERT INTO {name} ({columns}) SELECT {columns} FROM langswarm_nb_incoming")
            self._connection.unregister("langswarm_nb_incoming")

    def _limit_memory(self, incoming: int) -> None:
        """Keep DuckDB from holding what was written; an insert needs its own rows several times."""
        limit = 64 + 4 * incoming // 2**20
        if limit > self._limit:
            self._limit = limit
            self._connection.execute(f"SET memory_limit = '{limit}MB'")

    def close(self) -> None:
        """Put everything into the one file and close it."""
        self._connection.execute("CHECKPOINT")
        self._connection.close()

    def abandon(self) -> None:
        """Close the file and take its log away."""
        self._connection.close()
        self._draft.with_name(f"{self._draft.name}.wal").unlink(missing_ok=True)
