"""A streaming reply, measured in a real JupyterLab and a real Chromium: `python benchmarks/panel.py`.

One reply of many chunks (8 kB of real Markdown for every 2,000) is streamed by the panel and by what else shows replies
in a notebook, each in the same JupyterLab and the same browser, one after the other:

- visible: from the last chunk until the page shows the last word;
- kernel, page: CPU seconds of the kernel and of the page's process, from asking until half a second after that;
- to the page: what the server sent over the websocket, and once before, to set it up;
- gap: the longest time in which the page drew no frame;
- end: whether the text was right at the end.

Nobody is attached to the browser while it is timed; the server counts. The peers are optional:

    pip install -e ".[bench]" && pip install --no-deps jupyter-chat-widget   # it asks for ipywidgets 7, and runs with 8

`--only ours,chatlas` and `--case` split the work, `--json FILE` keeps the numbers and adds to what the file has,
`--table FILE` prints what it has.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).parent
IN_NOTEBOOK = HERE / "in_notebook"
sys.path[:0] = [str(IN_NOTEBOOK), str(HERE.parent / "tests" / "browser"), str(HERE.parent)]

from conftest import Lab, LabPage, running_lab, write_notebook  # noqa: E402
from contestants import reply  # noqa: E402
from long_conversation import MESSAGES, measure  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402
from watched_page import Chromium, verdict, watch  # noqa: E402

from langswarm_nb.widgets.assets import loader, script, style  # noqa: E402

CASES = {
    "2000": ("2,000 chunks at full speed", 2_000, 0),
    "paced": ("2,000 chunks, 100 a second", 2_000, 100),
    "20000": ("20,000 chunks at full speed", 20_000, 0),
}
# Contestant -> the package whose version is shown, and its name in the table.
CONTESTANTS = {
    "ours": ("langswarm-nb", "this panel"),
    "ipylangchat": ("ipylangchat", "ipylangchat"),
    "jupyter-chat-widget": ("jupyter-chat-widget", "jupyter-chat-widget"),
    "update_display": ("ipython", "`update_display(Markdown(...))` for each chunk"),
    "chatlas": ("chatlas", "chatlas"),
    "panel": ("panel", "Panel's ChatFeed"),
}
CONVERSATION = "conversation"
TYPING = {"newest": "as opened", "all": "all messages shown", "streaming": "through a whole turn, 100 chunks a second"}
START_S = 2.0


class Bench:
    """One JupyterLab, one browser, and the numbers of one run after the other."""

    def __init__(self, lab: Lab, chromium: Chromium, home: Path, patience_s: float) -> None:
        self.lab, self.chromium, self.home, self.patience_s = lab, chromium, home, patience_s
        self._runs = 0
        self._last_asked = 0.0

    def run(self, contestant: str, chunks: int, rate: float) -> dict[str, Any]:
        """Return the numbers of one reply."""
        self._runs += 1
        notebook = self.lab.root / f"run-{self._runs}.ipynb"
        noted = self.home / "last-chunk"
        noted.unlink(missing_ok=True)
        write_notebook(
            notebook,
            [
                f"import contestants\ncontestants.prepare({chunks}, {rate})",
                f"contestants.show({contestant!r})",
                "contestants.ask()",
            ],
        )
        patience = self.patience_s + (chunks / rate if rate else 0)
        with self.chromium.attached() as page:
            shown = LabPage(page, self.lab, notebook)
            shown.open()
            shown.run_cell(0)
            before = self._meter()["bytes"]
            shown.run_cell(1)
            page.wait_for_timeout(2_000)
            set_up = self._meter()["bytes"] - before
            for cell in (0, 1):
                if "Traceback" in (output := shown.outputs(cell).inner_text()):
                    raise RuntimeError(f"{contestant} could not be shown:\n{output}")
            page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 2")
            watch(page, contestant, patience, START_S)
        time.sleep(START_S / 2)
        kernel = self._kernel()
        before, kernel_cpu, page_cpu = self._meter()["bytes"], _cpu_s(kernel), self.chromium.cpu_s()
        seen = self._wait_for_report(patience + 30)
        numbers = {
            "kernel_cpu_s": _cpu_s(kernel) - kernel_cpu,
            "page_cpu_s": self.chromium.cpu_s() - page_cpu,
            "bytes": self._meter()["bytes"] - before,
            "set_up_bytes": set_up,
        }
        if seen is None:
            seen = {"visible": None, "gap": None, "gaps": [], "text": "", "rendered": True, "letters": 0}
        last_chunk = float(noted.read_text()) if noted.exists() else None
        numbers |= {
            "visible_s": seen["visible"] - last_chunk if seen["visible"] and last_chunk else None,
            "gap_ms": seen["gap"],
            "gaps": seen["gaps"],
            "end": verdict(reply(chunks), seen),
            "letters": seen["letters"],
        }
        self._stop(kernel)
        return numbers

    def open_conversation(self) -> dict[str, Any]:
        """Return the numbers of a long conversation."""
        self._runs += 1
        with self.chromium.attached() as page:
            numbers = measure(page, self.lab, f"run-{self._runs}")
        self._stop(self._kernel())
        return numbers

    def _meter(self) -> dict[str, Any]:
        return self.lab.api("GET", "bench")

    def _wait_for_report(self, patience_s: float) -> dict[str, Any] | None:
        ends = time.monotonic() + patience_s
        while time.monotonic() < ends:
            time.sleep(0.5)
            with contextlib.suppress(OSError):
                if (report := self._meter()["reports"].get("page")) and report.get("asked", 0) > self._last_asked:
                    self._last_asked = report["asked"]
                    return report
        return None

    def _kernel(self) -> psutil.Process:
        [process] = [
            child
            for child in psutil.Process().children(recursive=True)
            if "ipykernel_launcher" in " ".join(child.cmdline()) and child.status() != psutil.STATUS_ZOMBIE
        ]
        return process

    def _stop(self, kernel: psutil.Process) -> None:
        # One that is still busy showing chunks hears nothing.
        with contextlib.suppress(OSError):
            self.lab.stop_kernels()
        with contextlib.suppress(psutil.NoSuchProcess):
            kernel.kill()


def _cpu_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system


@contextlib.contextmanager
def bench(patience_s: float) -> Iterator[Bench]:
    """A JupyterLab that counts, and a browser."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, sync_playwright() as playwright:
        home = Path(folder)
        (home / "config").mkdir()
        extensions = {"ServerApp": {"jpserver_extensions": {"websocket_meter": True}}}
        (home / "config" / "jupyter_server_config.json").write_text(json.dumps(extensions))
        environment = {"PYTHONPATH": f"{HERE.parent}:{IN_NOTEBOOK}", "BENCH_LAST_CHUNK": str(home / "last-chunk")}
        with running_lab(home, **environment) as lab:
            chromium = Chromium(playwright, home)
            try:
                yield Bench(lab, chromium, home, patience_s)
            finally:
                chromium.close()


def medians(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the median of each number, None where most runs have none, and every end that was seen."""
    found: dict[str, Any] = {"runs": len(runs)}
    for key in ("visible_s", "kernel_cpu_s", "page_cpu_s", "bytes", "set_up_bytes", "gap_ms"):
        known = [run[key] for run in runs if run[key] is not None]
        found[key] = statistics.median(known) if 2 * len(known) > len(runs) else None
    ends = [run["end"] for run in runs]
    found["end"] = ", ".join(f"{end} {ends.count(end)} of {len(ends)}" for end in dict.fromkeys(ends))
    return found


def version(contestant: str) -> str | None:
    """Return the installed version of a contestant, None where it is not installed."""
    try:
        return importlib.metadata.version(CONTESTANTS[contestant][0])
    except importlib.metadata.PackageNotFoundError:
        return None


def table(results: dict[str, dict[str, Any]], patience_s: float) -> str:
    """Return the results as Markdown, a table for each case."""
    lines: list[str] = []
    for case, (title, _, _) in CASES.items():
        rows = {name: found for name in CONTESTANTS if (found := results.get(f"{case}/{name}"))}
        if not rows:
            continue
        lines += [f"\n**{title}**\n", "| | visible after | kernel CPU | page CPU | to the page | worst gap | end |"]
        lines.append("| --- | --- | --- | --- | --- | --- | --- |")
        for name, found in rows.items():
            if "missing" in found:
                lines.append(f"| {CONTESTANTS[name][1]} | not installed | | | | | |")
                continue
            visible = f"{found['visible_s']:.2f} s" if found["visible_s"] is not None else f"not in {patience_s:.0f} s"
            sent = f"{_size(found['bytes'])} (+ {_size(found['set_up_bytes'])})"
            gap = f"{found['gap_ms']:.0f} ms" if found["gap_ms"] is not None else "stuck"
            cells = [visible, f"{found['kernel_cpu_s']:.2f} s", f"{found['page_cpu_s']:.2f} s", sent, gap, found["end"]]
            lines.append(f"| {CONTESTANTS[name][1]} {found['version']} | {' | '.join(cells)} |")
    if found := results.get(CONVERSATION):
        lines += [f"\n**A conversation of {MESSAGES} messages in this panel**\n", "| | |", "| --- | --- |"]
        lines.append(f"| from running the cell until it can be used | {found['usable_s']:.2f} s |")
        for when, what in TYPING.items():
            keys = f"{found[f'key_ms_{when}']:.0f} ms (worst {found[f'worst_key_ms_{when}']:.0f} ms)"
            lines.append(f"| from key to screen, {what} | {keys} |")
        lines.append(f"| loader, script and style that one panel carries | {found['carried_kB']:.1f} kB |")
    return "\n".join(lines)


def _size(size: float) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(CONTESTANTS), help="contestants, by name")
    parser.add_argument("--case", default=",".join([*CASES, CONVERSATION]), help="%(default)s")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--patience", type=float, default=90, help="seconds to wait for a whole text")
    parser.add_argument("--json", type=Path, help="a file to add the numbers to")
    parser.add_argument("--table", type=Path, help="print the tables of such a file and measure nothing")
    asked = parser.parse_args()
    kept = asked.table or asked.json
    results: dict[str, Any] = json.loads(kept.read_text()) if kept and kept.exists() else {}
    if not asked.table:
        with bench(asked.patience) as measuring:
            for case in asked.case.split(","):
                if case == CONVERSATION:
                    runs = [measuring.open_conversation() for _ in range(asked.runs)]
                    print(case, json.dumps(runs), file=sys.stderr, flush=True)
                    found = {
                        key: (max if key.startswith("worst") else statistics.median)(run[key] for run in runs)
                        for key in runs[0]
                    }
                    results[case] = found | {"carried_kB": len((loader() + script() + style()).encode()) / 1000}
                    continue
                for name in asked.only.split(","):
                    _, chunks, rate = CASES[case]
                    if version(name) is None:
                        results[f"{case}/{name}"] = {"missing": True}
                        continue
                    runs = [measuring.run(name, chunks, rate) for _ in range(asked.runs)]
                    for run in runs:
                        print(case, name, json.dumps(run), file=sys.stderr, flush=True)
                    results[f"{case}/{name}"] = {**medians(runs), "version": version(name)}
                    if asked.json:
                        asked.json.write_text(json.dumps(results, indent=1))
        if asked.json:
            asked.json.write_text(json.dumps(results, indent=1))
    print(table(results, asked.patience))


if __name__ == "__main__":
    main()
