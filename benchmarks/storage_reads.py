"""Reading: a million messages as a frame, and one session's history among them."""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
from measured import Result, ms, start

from langswarm_nb.analytics import frames
from langswarm_nb.storage.duckdb import DuckDBSessionStorage


def big_store(folder: Path, rows: int) -> Iterator[Result]:
    paths = {count: folder / f"{count}.duckdb" for count in (1000, rows)}
    for count, path in paths.items():
        _fill(path, count)
    yield from _frames(paths[rows], folder)
    yield from _history(paths, rows)


def _fill(path: Path, count: int) -> None:
    async def main() -> None:
        storage = DuckDBSessionStorage(path)
        await start(storage, "s")
        await storage.close()

    asyncio.run(main())
    sessions = max(count // 50, 1)
    columns = {
        "message_id": "printf('%08x-%04x-7%03x-8000-%012x', (t >> 16)::BIGINT, (t & 65535)::BIGINT, i % 4096, i)",
        # Sessions overlap in time, as those of many users do.
        "session_id": f"printf('s%06d', (hash(i) % 20 + i // 1000 * 20) % {sessions})",
        "parent_id": "printf('%08x-%04x-7%03x-8000-%012x', (t >> 16)::BIGINT, (t & 65535)::BIGINT, i % 4096, i - 1)",
        "seq": "i",
        "is_active_branch": "true",
        "role": "CASE i % 2 WHEN 0 THEN 'user' ELSE 'assistant' END",
        "content": "md5(i::VARCHAR) || repeat(' some words of a reply', (i % 13)::INTEGER)",
        "parts": "'[]'",
        "provider": "'openai'",
        "provider_message_id": "'msg_' || md5((i * 7)::VARCHAR)",
        "finish_reason": "CASE i % 2 WHEN 1 THEN 'stop' END",
        "request_model": "CASE i % 3 WHEN 0 THEN 'small' ELSE 'large' END",
        "response_model": "CASE i % 3 WHEN 0 THEN 'small' ELSE 'large' END",
        "status": "'complete'",
        "input_tokens": "i % 997",
        "output_tokens": "i % 499",
        "cost_usd": "(i % 1000) / 1e6",
        "created_at": "make_timestamptz(t * 1000)",
        "completed_at": "make_timestamptz(t * 1000 + 900000)",
        "duration_s": "(i % 90) / 10.0",
        "metadata": """printf('{"cell":%d,"notebook":"trip.ipynb"}', i % 400)""",
        "provider_metadata": """printf('{"request_id":"req_%s","service_tier":"default"}', md5((i * 3)::VARCHAR))""",
    }
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            f"INSERT INTO messages ({', '.join(columns)}) SELECT {', '.join(columns.values())} "
            f"FROM (SELECT i, 1700000000000 + i * 20000 AS t FROM range({count}) r(i))"
        )


def _frames(path: Path, folder: Path) -> Iterator[Result]:
    # Money as a float, as in every frame: a million Decimal objects would be the whole cost.
    everything = "SELECT * REPLACE (cost_usd::DOUBLE AS cost_usd) FROM messages"
    took: dict[str, list[float]] = {"ours": [], "arrow": [], "df": [], "sqlite": []}
    copy = folder / "copy.sqlite"
    with duckdb.connect(str(path)) as connection:
        frame = connection.sql(everything).to_arrow_table().to_pandas()
    with sqlite3.connect(copy) as target:
        for column in frame.columns:
            if frame[column].map(type).iloc[0].__name__ in ("Decimal", "Timestamp"):
                frame[column] = frame[column].astype(str)
        frame.to_sql("messages", target, index=False)
    del frame
    for _ in range(3):
        storage = DuckDBSessionStorage(path)
        storage.query("SELECT 1")
        began = time.perf_counter()
        frames.messages(storage)
        took["ours"].append(time.perf_counter() - began)
        asyncio.run(storage.close())
        with duckdb.connect(str(path)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            began = time.perf_counter()
            connection.sql(everything).to_arrow_table().to_pandas()
            took["arrow"].append(time.perf_counter() - began)
            began = time.perf_counter()
            connection.sql(everything).df()
            took["df"].append(time.perf_counter() - began)
    with sqlite3.connect(copy) as source:
        began = time.perf_counter()
        pd.read_sql("SELECT * FROM messages", source)
        took["sqlite"].append(time.perf_counter() - began)
    source.close()
    middle = {name: statistics.median(times) for name, times in took.items()}
    ours = f"{middle['ours']:.2f} s"
    for other, said, limit, at_most in (
        ("arrow", "bare Arrow to pandas", 1.3, True),
        ("df", "DuckDB's .df()", 5, False),
        ("sqlite", "pandas.read_sql from SQLite", 8, False),
    ):
        ratio = middle["ours"] / middle[other] if at_most else middle[other] / middle["ours"]
        yield Result("all messages to a DataFrame", ours, f"{middle[other]:.2f} s {said}", ratio, limit, at_most)


def _history(paths: dict[int, Path], rows: int) -> Iterator[Result]:
    took: dict[int, list[float]] = {count: [] for count in paths}

    async def main() -> None:
        storages = {count: DuckDBSessionStorage(path) for count, path in paths.items()}
        sessions = {
            count: [
                row["session_id"]
                for row in storage.query("SELECT DISTINCT session_id FROM messages LIMIT 20").to_pylist()
            ]
            for count, storage in storages.items()
        }
        for turn in range(40):
            for count, storage in storages.items():
                session = sessions[count][turn % len(sessions[count])]
                began = time.perf_counter()
                await storage.get_messages(session)
                took[count].append(time.perf_counter() - began)
        for storage in storages.values():
            await storage.close()

    asyncio.run(main())
    small, big = (statistics.median(took[count]) for count in paths)
    yield Result(f"one session out of {rows:,} messages", ms(big), f"{ms(small)} out of 1,000", big / small, 10, True)
