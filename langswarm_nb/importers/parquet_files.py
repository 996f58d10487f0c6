"""Parquet files, some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .inputs import Entry

_ROWS = 200


def columns_of(entry: Entry) -> set[str]:
    """Return the names of the file's columns; none where it cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with _raw(entry) as stream, pq.ParquetFile(stream) as file:
            return set(file.schema_arrow.names)
    except (pa.ArrowException, OSError, ValueError):
        return set()


def rows_of(entry: Entry) -> Iterator[dict[str, Any]]:
    """Yield the file's rows as dicts, in the memory of one row group's pages and some hundred rows."""
    import pyarrow.parquet as pq

    with _raw(entry) as stream, pq.ParquetFile(stream, pre_buffer=False) as file:
        total = max(file.metadata.num_rows, 1)
        for batch in file.iter_batches(batch_size=_ROWS):
            yield from batch.to_pylist()
            entry.advance(entry.size * batch.num_rows // total)


def _raw(entry: Entry) -> Any:
    if entry.path is None:
        raise ValueError("a Parquet file in a zip cannot be read; unpack it and import the file")
    return entry.path.open("rb")
