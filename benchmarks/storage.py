"""What the DuckDB store costs against bare DuckDB in the same run: python benchmarks/storage.py [workload ...] [--json]

Each workload runs ours and the other in turn, several rounds, and takes the medians; ratios travel between machines,
milliseconds do not. `--rows` is the size of the big store (1,000,000).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
from filelock import FileLock

from langswarm_nb.clock import new_id, now
from langswarm_nb.models import SessionConfig, SessionContext, SessionMessage
from langswarm_nb.storage.duckdb import DuckDBSessionStorage
from langswarm_nb.storage.rows import message_to_row
from langswarm_nb.storage.schema import MESSAGES, create_table

ROUNDS = 5
_INSERT = f"INSERT INTO messages VALUES ({', '.join('?' * len(MESSAGES))})"


@dataclass(frozen=True)
class Result:
    """One line of the table; the target holds when `ratio` is at most, or at least, `limit`."""

    work: str
    ours: str
    other: str
    ratio: float
    limit: float
    at_most: bool

    @property
    def holds(self) -> bool:
        return self.ratio <= self.limit if self.at_most else self.ratio >= self.limit


def message(session_id: str, number: int = 0) -> SessionMessage:
    content = f"message {number}: " + "some words of a usual question " * 4
    return SessionMessage(new_id(), session_id, "user", content, now(), metadata={"number": number})


async def start(storage: DuckDBSessionStorage, session_id: str) -> None:
    await storage.create_session(session_id, "ada", "mock", "m", SessionConfig(), SessionContext(session_id))


def bare(path: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(path))
    connection.execute(create_table("messages", MESSAGES))
    return connection


def insert_bare(connection: duckdb.DuckDBPyConnection, row: SessionMessage) -> None:
    connection.execute(_INSERT, list(message_to_row(row).values()))


def one_after_another(folder: Path, rows: int) -> Iterator[Result]:
    connection = bare(folder / "bare.duckdb")
    ours: list[float] = []
    other: list[float] = []

    async def main() -> None:
        storage = DuckDBSessionStorage(folder / "ours.duckdb")
        await start(storage, "s")
        for number in range(ROUNDS * 60):
            # In turn, message by message: whatever else the machine does hits both alike.
            row = message("s", number)
            began = time.perf_counter()
            await storage.add_message("s", row)
            between = time.perf_counter()
            insert_bare(connection, row)
            ours.append(between - began)
            other.append(time.perf_counter() - between)
        await storage.close()

    asyncio.run(main())
    connection.close()
    mine, theirs = statistics.median(ours), statistics.median(other)
    yield Result("one message after another, durable", ms(mine), f"{ms(theirs)} bare INSERT", mine / theirs, 1.5, True)


def twenty_at_once(folder: Path, rows: int) -> Iterator[Result]:
    connection = bare(folder / "bare.duckdb")
    ours: list[float] = []
    other: list[float] = []
    sessions = [f"s{number}" for number in range(20)]

    async def main() -> None:
        storage = DuckDBSessionStorage(folder / "ours.duckdb")
        for session in sessions:
            await start(storage, session)

        async def talk(session: str) -> None:
            for number in range(20):
                await storage.add_message(session, message(session, number))

        for _ in range(ROUNDS):
            began = time.perf_counter()
            await asyncio.gather(*map(talk, sessions))
            ours.append(400 / (time.perf_counter() - began))
            began = time.perf_counter()
            for number in range(100):
                insert_bare(connection, message("s", number))
            other.append(100 / (time.perf_counter() - began))
        await storage.close()

    asyncio.run(main())
    connection.close()
    mine, theirs = statistics.median(ours), statistics.median(other)
    yield Result("20 sessions at once, durable", f"{mine:,.0f}/s", f"{theirs:,.0f}/s bare", mine / theirs, 5, False)


_WRITER = """
import asyncio, sys
sys.path[:0] = [sys.argv[3], sys.argv[4]]
import storage as bench
print("ready", flush=True); sys.stdin.readline()
bench.write_ours(sys.argv[1], sys.argv[5]) if sys.argv[2] == "ours" else bench.write_bare(sys.argv[1], sys.argv[5])
"""


def write_ours(path: str, session: str) -> None:
    async def main() -> None:
        storage = DuckDBSessionStorage(path, lock_timeout_s=300)
        await start(storage, session)
        for number in range(60):
            await storage.add_message(session, message(session, number))
        await storage.close()

    asyncio.run(main())


def write_bare(path: str, session: str) -> None:
    lock = FileLock(f"{path}.bare-lock")
    for number in range(60):
        with lock.acquire(poll_interval=0.005):
            connection = duckdb.connect(path)
            connection.execute(create_table("messages", MESSAGES).replace("TABLE", "TABLE IF NOT EXISTS", 1))
            insert_bare(connection, message(session, number))
            connection.close()


def eight_processes(folder: Path, rows: int) -> Iterator[Result]:
    took: dict[str, list[float]] = {"ours": [], "bare": []}
    kept = []
    for turn in range(3):
        for what in took:
            path = folder / f"{what}-{turn}.duckdb"
            command = [sys.executable, "-c", _WRITER, str(path), what, *map(str, Path(__file__).parents[:2])]
            writers = [
                subprocess.Popen([*command, f"s{n}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) for n in range(8)
            ]
            for writer in writers:
                writer.stdout.readline()  # type: ignore[union-attr]
            began = time.perf_counter()
            for writer in writers:
                writer.communicate(b"\n")
            took[what].append(time.perf_counter() - began)
            with duckdb.connect(str(path)) as connection:
                kept.append(connection.sql("SELECT count(DISTINCT message_id) FROM messages").fetchall()[0][0])
    mine, theirs = statistics.median(took["ours"]), statistics.median(took["bare"])
    yield Result(
        "8 processes x 60 on one file: kept", str(min(kept[::2])), "480 written", min(kept[::2]) / 480, 1, False
    )
    yield Result(
        "8 processes x 60: throughput", f"{mine:.2f} s", f"{theirs:.2f} s open, insert, close", theirs / mine, 4, False
    )


_IDLE = """
import asyncio, sys
sys.path.insert(0, sys.argv[2])
from langswarm_nb.storage.duckdb import DuckDBSessionStorage
async def main():
    storage = DuckDBSessionStorage(sys.argv[1], idle_release_s=3600)
    print(await storage.list_sessions(), flush=True)
    sys.stdin.readline()
asyncio.run(main())
"""


def second_kernel(folder: Path, rows: int) -> Iterator[Result]:
    took = []
    for turn in range(ROUNDS):
        path = folder / f"{turn}.duckdb"
        command = [sys.executable, "-c", _IDLE, str(path), str(Path(__file__).parents[1])]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
            first.stdout.readline()  # type: ignore[union-attr]
            time.sleep(0.5)

            async def main(path: Path = path) -> float:
                storage = DuckDBSessionStorage(path)
                began = time.perf_counter()
                await start(storage, "s")
                await storage.add_message("s", message("s"))
                took = time.perf_counter() - began
                await storage.close()
                return took

            took.append(asyncio.run(main()))
            first.communicate(b"\n")
    yield Result("first message beside an idle kernel", ms(max(took)), "slowest; 1 s allowed", max(took), 1, True)


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
    for turn in range(3):
        began = time.perf_counter()
        storage = DuckDBSessionStorage(path)
        storage.query("SELECT 1")
        began = time.perf_counter()
        storage.query(everything).to_pandas()
        took["ours"].append(time.perf_counter() - began)
        asyncio.run(storage.close())
        with duckdb.connect(str(path)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            began = time.perf_counter()
            bare_arrow(connection, everything).to_arrow_table().to_pandas()
            took["arrow"].append(time.perf_counter() - began)
            if turn == 0:
                began = time.perf_counter()
                connection.sql(everything).df()
                took["df"].append(time.perf_counter() - began)
        if turn == 0:
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


def bare_arrow(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    # The faster way of each version.
    return connection.sql(sql) if duckdb.__version__ >= "2" else connection.execute(sql)


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


def long_conversation(folder: Path, rows: int) -> Iterator[Result]:
    first: list[float] = []
    last: list[float] = []

    async def main() -> None:
        storage = DuckDBSessionStorage(folder / "ours.duckdb")
        await start(storage, "long")
        await storage.add_messages("long", [message("long", number) for number in range(950)])
        for turn in range(100):
            await start(storage, f"s{turn}")
            for session, took in (("long", last), (f"s{turn}", first)):
                await storage.add_message(session, message(session))
                began = time.perf_counter()
                await storage.add_message(session, message(session))
                took.append(time.perf_counter() - began)
        await storage.close()

    asyncio.run(main())
    mine, other = statistics.median(last), statistics.median(first)
    yield Result("1,000-message conversation: last append", ms(mine), f"{ms(other)} first", mine / other, 1.5, True)


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"


WORKLOADS: dict[str, Callable[[Path, int], Iterator[Result]]] = {
    "single": one_after_another,
    "group": twenty_at_once,
    "processes": eight_processes,
    "second-kernel": second_kernel,
    "long": long_conversation,
    "big": big_store,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", choices=[*WORKLOADS, []], default=[])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    results: list[Result] = []
    for name in options.workloads or WORKLOADS:
        folder = Path(tempfile.mkdtemp())
        try:
            for result in WORKLOADS[name](folder, options.rows):
                results.append(result)
                if not options.json:
                    show(result)
        finally:
            shutil.rmtree(folder)
    if options.json:
        print(json.dumps([{**vars(result), "holds": result.holds} for result in results], indent=2))


def show(result: Any) -> None:
    bound = f"{'at most' if result.at_most else 'at least'} {result.limit:g}"
    print(
        f"{'ok  ' if result.holds else 'MISS'} {result.work:<42} {result.ours:>12} | {result.other:<38} "
        f"{result.ratio:6.2f} ({bound})",
        flush=True,
    )


if __name__ == "__main__":
    main()
