"""The command line: `python -m langswarm_nb` opens JupyterLab on a ready notebook."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .errors import SessionError
from .importers.command import add_import
from .serving.command import add_serve
from .sharing.command import add_export, add_share
from .version import __version__

QUICK_START = "01-quickstart.ipynb"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0 done, 1 failed (a line on stderr), 2 wrong usage, 130 stopped."""
    arguments = _parser().parse_args(_with_default_command(list(sys.argv[1:] if argv is None else argv)))
    try:
        return arguments.run(arguments)
    except SessionError as error:
        print(f"langswarm_nb: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("langswarm_nb: stopped", file=sys.stderr)
        return 130


def _with_default_command(argv: list[str]) -> list[str]:
    asks_for_help = bool(argv) and argv[0] in ("-h", "--help", "--version")
    names_a_command = bool(argv) and not argv[0].startswith("-")
    return argv if asks_for_help or names_a_command else ["lab", *argv]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m langswarm_nb",
        description="Chat with language models inside Jupyter cells; keep every conversation in DuckDB.",
        epilog="Without a command, lab is run. COMMAND --help tells more.",
    )
    parser.add_argument("--version", action="version", version=f"langswarm_nb {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    lab = commands.add_parser(
        "lab",
        help="open JupyterLab on a ready notebook (the default)",
        epilog="examples:\n  python -m langswarm_nb\n  python -m langswarm_nb lab --dir work --port 9000\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    lab.add_argument(
        "--dir",
        type=Path,
        default=Path("langswarm-notebooks"),
        help="where the notebooks are put (default: %(default)s)",
    )
    lab.add_argument("--no-browser", action="store_true", help="start the server and print its address only")
    lab.add_argument("--port", type=int, help="the server's port (default: the first free one from 8888)")
    lab.add_argument("--ip", help="the address to listen on (default: this machine only)")
    lab.set_defaults(run=_lab)

    stats = commands.add_parser(
        "stats",
        help="print what a store holds",
        epilog="examples:\n  python -m langswarm_nb stats\n  python -m langswarm_nb stats --source team.duckdb\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    stats.add_argument(
        "--source",
        "--db",
        metavar="STORE",
        dest="db",
        help="path or location of the store (default: LANGSWARM_NB_DB, else your own)",
    )
    stats.add_argument("--json", action="store_true", help="print one JSON object")
    stats.set_defaults(run=_stats)
    add_import(commands)
    add_export(commands)
    add_share(commands)
    add_serve(commands)
    return parser


def _lab(arguments: argparse.Namespace) -> int:
    if importlib.util.find_spec("jupyterlab") is None:
        print('JupyterLab is not installed here. Install it: pip install "langswarm-nb[lab]"', file=sys.stderr)
        return 1
    folder = arguments.dir.resolve()
    copied = copy_notebooks(folder)
    print(f"Notebooks in {folder}" + (f" ({len(copied)} new)" if copied else ""))
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}"]
    command += [f"--LabApp.default_url=/lab/tree/{QUICK_START}"]
    command += ["--no-browser"] if arguments.no_browser else []
    command += [f"--port={arguments.port}"] if arguments.port else []
    command += [f"--ip={arguments.ip}"] if arguments.ip else []
    # In a container everybody is root, and JupyterLab would not start.
    command += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    try:
        return subprocess.run(command, check=False).returncode
    except KeyboardInterrupt:
        return 0


def copy_notebooks(folder: Path) -> list[Path]:
    """Put the package's notebooks into `folder` and return the new ones; a notebook that is there is left alone."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        missing = [path for path in sorted(_notebooks().glob("*.ipynb")) if not (folder / path.name).exists()]
        return [Path(shutil.copy(path, folder / path.name)) for path in missing]
    except OSError as error:
        raise SessionError(f"The notebooks cannot be put into {folder}: {error.strerror}. Use --dir.") from error


def _notebooks() -> Path:
    installed = Path(__file__).parent / "notebooks"
    return installed if installed.is_dir() else Path(__file__).parent.parent / "notebooks"


def _stats(arguments: argparse.Namespace) -> int:
    from .analytics.frames import sql

    row = sql(
        """
        SELECT (SELECT count(*) FROM sessions) AS sessions,
               (SELECT count(*) FROM messages) AS messages,
               (SELECT count(DISTINCT user_id) FROM sessions) AS users,
               (SELECT sum(input_tokens) FROM messages)::BIGINT AS input_tokens,
               (SELECT sum(output_tokens) FROM messages)::BIGINT AS output_tokens,
               (SELECT sum(cost_usd)::DOUBLE FROM messages) AS cost_usd,
               (SELECT count(*) FROM messages WHERE role = 'assistant' AND cost_usd IS NULL) AS unpriced,
               (SELECT max(created_at)::VARCHAR FROM messages) AS last_message_at
        """,
        source=arguments.db,
    ).iloc[0]
    numbers = {name: None if missing else value for (name, value), missing in zip(row.items(), row.isna(), strict=True)}
    if arguments.json:
        print(json.dumps(numbers, default=_plain))
        return 0
    for name, value in numbers.items():
        shown = "–" if value is None else f"{value:,}" if isinstance(_plain(value), int) else str(value)
        print(f"{name:16} {shown}")
    return 0


def _plain(value: Any) -> Any:
    """Return a numpy number as Python's own."""
    return value.item() if hasattr(value, "item") else str(value)
