"""Writing: one message after another, many sessions at once, many processes, a long conversation."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import peers
from filelock import FileLock
from measured import ROUNDS, Result, bare, insert_bare, message, ms, start

from langswarm_nb.storage.duckdb import DuckDBSessionStorage
from langswarm_nb.storage.schema import MESSAGES, create_table


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
    libraries = {"openai-agents": "openai-agents' SQLiteSession", "langswarm": "LangSwarm's SQLiteSessionStorage"}
    others = {name: Peer(name, folder / f"{name}.sqlite") for name in libraries}
    theirs: dict[str, list[float]] = {name: [] for name in libraries}
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
            for name, peer in others.items():
                theirs[name].append(peer.messages_per_s())
        await storage.close()

    asyncio.run(main())
    connection.close()
    mine, bare_rate = statistics.median(ours), statistics.median(other)
    yield Result(
        "20 sessions at once, durable", f"{mine:,.0f}/s", f"{bare_rate:,.0f}/s bare", mine / bare_rate, 5, False
    )
    for name, peer in others.items():
        peer.stop()
        rate = statistics.median(theirs[name])
        yield Result(
            "20 sessions at once, durable", f"{mine:,.0f}/s", f"{rate:,.0f}/s {libraries[name]}", mine / rate, 1, False
        )


class Peer:
    """Another library at the same work, in a process of its own."""

    def __init__(self, name: str, path: Path) -> None:
        command = [
            peers.interpreter(),
            "-W",
            "ignore",
            str(Path(__file__).with_name("peer_storages.py")),
            name,
            str(path),
        ]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._line()

    def messages_per_s(self) -> float:
        """Return how fast it stored the same messages, once more."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return float(self._line())

    def stop(self) -> None:
        """End the process."""
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the other library failed: see above")
        return line


_WRITER = """
import asyncio, sys
sys.path[:0] = [sys.argv[3], sys.argv[4]]
import storage_writes as bench
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
    for turn in range(20):
        for what in took if turn < ROUNDS else ["ours"]:
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
            if what == "ours":
                with duckdb.connect(str(path)) as connection:
                    kept.append(connection.sql("SELECT count(DISTINCT message_id) FROM messages").fetchall()[0][0])
    mine, theirs = statistics.median(took["ours"]), statistics.median(took["bare"])
    yield Result(
        "8 processes x 60 on one file: kept", f"{min(kept)}", "480, the least of 20 runs", min(kept) / 480, 1, False
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
