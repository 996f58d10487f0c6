"""What the DuckDB store costs against bare DuckDB and others: python benchmarks/storage.py [workload ...] [--json]

Each workload runs ours and the other in turn, several rounds, and takes the medians; ratios travel between machines,
milliseconds do not. `--rows` is the size of the big store (1,000,000). The others are installed into an environment
of their own when they are first needed (`peers.py`).
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from measured import Result
from storage_reads import big_store
from storage_writes import (
    eight_processes,
    long_conversation,
    one_after_another,
    second_kernel,
    twenty_at_once,
)

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
