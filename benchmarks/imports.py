"""How fast an import is, and how much memory it takes, beside the same rows brought in by hand.

    python benchmarks/imports.py [--messages 200000]

Makes ChatGPT exports in a temporary directory, one of them four times as large. Every import runs in a process of its
own, three times, and the median counts. By hand is `json.load`, a loop, a DataFrame, and an INSERT into DuckDB.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

WORDS = [f"word{number}" for number in range(400)]


def conversations(messages: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yield conversations as ChatGPT exports them, with `messages` messages in all; the same for the same seed."""
    rng = random.Random(seed)

    def new_id() -> str:
        return str(UUID(int=rng.getrandbits(128)))

    for number in itertools.count():
        if messages <= 0:
            return
        length = min(rng.choice((2, 4, 6, 8, 10, 16)), messages)
        messages -= length
        began, last = 1.7e9 + number * 500.123, new_id()
        nodes: dict[str, Any] = {last: {"id": last, "message": None, "parent": None, "children": []}}
        for place in range(length):
            key, is_reply = new_id(), place % 2 == 1
            nodes[last]["children"].append(key)
            about = {"model_slug": "gpt-4o", "request_id": new_id(), "timestamp_": "absolute", "parent_id": last}
            nodes[key] = {
                "id": key,
                "message": {
                    "id": key,
                    "author": {"role": "assistant" if is_reply else "user", "name": None, "metadata": {}},
                    "create_time": began + place * 20.5,
                    "update_time": None,
                    "content": {
                        "content_type": "text",
                        "parts": [" ".join(rng.choices(WORDS, k=rng.randint(*((40, 200) if is_reply else (5, 40)))))],
                    },
                    "status": "finished_successfully",
                    "end_turn": True if is_reply else None,
                    "weight": 1.0,
                    "metadata": about | {"finish_details": {"type": "stop"}} if is_reply else {},
                    "recipient": "all",
                    "channel": None,
                },
                "parent": last,
                "children": [],
            }
            last = key
        yield {
            "title": f"About {WORDS[number % len(WORDS)]}",
            "create_time": began,
            "update_time": began + length * 20.5,
            "mapping": nodes,
            "current_node": last,
            "conversation_id": new_id(),
            "gizmo_id": None,
            "is_archived": False,
            "default_model_slug": "gpt-4o",
        }


def write_export(path: Path, messages: int) -> None:
    """Write an export with so many messages to `path`."""
    with path.open("w") as file:
        for number, conversation in enumerate(conversations(messages)):
            file.write("," if number else "[")
            json.dump(conversation, file)
        file.write("]")


def with_ours(export: Path, store: Path) -> int:
    """Import `export` and return how many messages that made."""
    import langswarm_nb as ls
    from langswarm_nb import runtime

    report = ls.import_conversations(export, source=store, progress=False)
    runtime.close()
    return report.messages_imported


def by_hand(export: Path, store: Path) -> int:
    """Do what a data person would write for this one file: no branches, no attachments, no second run."""
    import duckdb
    import pandas as pd

    rows = []
    with export.open() as file:
        for conversation in json.load(file):
            for node in conversation["mapping"].values():
                message = node["message"]
                if message is not None:
                    rows.append(
                        {
                            "message_id": message["id"],
                            "session_id": conversation["conversation_id"],
                            "title": conversation["title"],
                            "parent_id": node["parent"],
                            "role": message["author"]["role"],
                            "content": "\n".join(message["content"]["parts"]),
                            "model": message["metadata"].get("model_slug"),
                            "created_at": message["create_time"],
                        }
                    )
    frame = pd.DataFrame(rows)
    frame["created_at"] = pd.to_datetime(frame["created_at"], unit="s", utc=True)
    with duckdb.connect(store) as connection:
        connection.register("frame", frame)
        connection.execute("CREATE TABLE messages AS SELECT * FROM frame")
    return len(frame)


WAYS = {"ours": with_ours, "by hand": by_hand}


def measure(way: str, export: Path, runs: int = 3) -> dict[str, float]:
    """Return messages per second of CPU and of the clock, and the peak memory in MB, as medians of processes."""
    found = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory(dir=export.parent) as folder:
            command = [sys.executable, __file__, "--way", way, str(export), str(Path(folder) / "store.duckdb")]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found.append(json.loads(done.stdout.splitlines()[-1]))
    return {name: statistics.median(one[name] for one in found) for name in found[0]}


def child(way: str, export: Path, store: Path) -> None:
    for name in ("duckdb", "pandas", "pyarrow"):
        importlib.import_module(name)  # what loading them costs is not the import's
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, began_cpu = time.perf_counter(), time.process_time()
    messages = WAYS[way](export, store)
    wall, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"per_s": messages / wall, "per_cpu_s": messages / cpu, "mb": (peak - before) / 1e3}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--way", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.way:
        child(asked.way[0], Path(asked.way[1]), Path(asked.way[2]))
        return
    with tempfile.TemporaryDirectory() as folder:
        once, four = Path(folder) / "conversations.json", Path(folder) / "four" / "conversations.json"
        four.parent.mkdir()
        write_export(once, asked.messages)
        write_export(four, asked.messages * 4)
        print(f"{asked.messages:,} messages in {once.stat().st_size / 1e6:.0f} MB, and four times as many\n")
        found = {
            ("ours", 1): measure("ours", once, asked.runs),
            ("by hand", 1): measure("by hand", once, asked.runs),
            ("ours", 4): measure("ours", four, 1),
            ("by hand", 4): measure("by hand", four, 1),
        }
        for (way, times), one in found.items():
            print(
                f"{way:8} {times} x  {one['per_s']:9,.0f} messages/s  {one['per_cpu_s']:9,.0f} a second of CPU"
                f"  {one['mb']:7,.0f} MB at most"
            )
        ours, hand = found["ours", 1], found["by hand", 1]
        print(f"\n{'import / by hand, messages per second':52} {ours['per_s'] / hand['per_s']:8.2f} x")
        for way in WAYS:
            ratio = found[way, 4]["mb"] / found[way, 1]["mb"]
            print(f"{f'memory for 4 x the file, {way}':52} {ratio:8.2f} x")


if __name__ == "__main__":
    main()
