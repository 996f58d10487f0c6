"""`python -m langswarm_nb export` and `share`: the same as `ls.export` and `ls.share_bundle`, for a shell."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .formats import FORMATS, format_of

_EPILOG = """\
examples:
  python -m langswarm_nb export --format md --redact --out trip.md --session 01JD...
  python -m langswarm_nb export --out everything.parquet --since 2026-01-01 --source team.duckdb

formats: markdown (md), html, ipynb, json, jsonl, openai and anthropic (JSON Lines as the providers take chats),
parquet (.parquet: one row a message; .zip or a folder: all tables), duckdb (a store).
Without --session and the filters, every session is exported. The file appears when it is whole; an existing one is
left alone without --overwrite.

exit status: 0 done, 1 failed with a line on stderr, 2 wrong usage, 130 interrupted (SIGINT, SIGTERM)
"""
_SHARE_EPILOG = """\
Secrets and personal data are taken out, and people get other names, unless --no-redact is given. Look with --preview
first: what is on Binder is public. Without --session and the filters, every session is shared.

exit status: 0 done, 1 failed with a line on stderr, 2 wrong usage, 130 interrupted (SIGINT, SIGTERM)
"""


def add_export(commands: Any) -> None:
    """Add the command `export` to the command line."""
    parser = commands.add_parser(
        "export",
        help="write conversations to a file: Markdown, HTML, a notebook, JSON, Parquet, ...",
        description="Write conversations to a file.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--format", metavar="FORMAT", help="what to write (default: told by the end of --out)")
    parser.add_argument("--out", type=Path, metavar="PATH", help="where to write (default: conversations.EXT, here)")
    _add_choice(parser)
    parser.add_argument("--redact", action="store_true", help="take secrets and personal data out, hide users' names")
    parser.add_argument(
        "--hide", action="append", metavar="TEXT", default=[], help="hide this text too; means --redact"
    )
    parser.add_argument("--preview", action="store_true", help="write nothing; show what --redact would take out")
    _add_common(parser)
    parser.set_defaults(run=_run, usage_error=parser.error)


def add_share(commands: Any) -> None:
    """Add the command `share` to the command line."""
    parser = commands.add_parser(
        "share",
        help="write a folder that opens on Binder with conversations to read, replay and explore",
        description="Write a folder (or .zip) that opens on Binder with conversations to read, replay and explore.",
        epilog=_SHARE_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("path", type=Path, metavar="PATH", help="the folder to write, or a .zip")
    _add_choice(parser)
    parser.add_argument("--hide", action="append", metavar="TEXT", default=[], help="hide this text too")
    parser.add_argument("--no-redact", action="store_true", help="share everything as it is")
    parser.add_argument("--preview", action="store_true", help="write nothing; show what redaction would take out")
    parser.add_argument("--repo", metavar="OWNER/NAME", help="where it will be on GitHub, for the badge")
    parser.add_argument("--title", default="Conversations", help="what stands above it (default: %(default)s)")
    parser.add_argument(
        "--package",
        metavar="WHEEL",
        help="a wheel, or a requirement, for Binder to install (default: this version)",
    )
    _add_common(parser)
    parser.set_defaults(run=_share, usage_error=parser.error)


def _add_choice(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--session", action="append", metavar="ID", help="this session; may be given several times")
    which.add_argument("--all", action="store_true", help="every session (the default)")
    parser.add_argument("--user", metavar="NAME", help="only sessions of this user")
    parser.add_argument("--model", metavar="NAME", help="only sessions with this model")
    parser.add_argument("--tag", action="append", metavar="TAG", help="only sessions with this tag")
    parser.add_argument("--text", metavar="WORDS", help="only sessions in which these words were said")
    parser.add_argument("--since", metavar="DATE", help="only sessions active since then, as in 2026-11-23")
    parser.add_argument("--until", metavar="DATE", help="only sessions that were begun before then")


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no summary")
    parser.add_argument(
        "--source", "--db", metavar="STORE", dest="db", help="the store (default: LANGSWARM_NB_DB, else your own)"
    )


def _run(arguments: argparse.Namespace) -> int:
    from .exports import export

    which = _which(arguments)
    redact: Any = arguments.hide or arguments.redact
    progress = False if arguments.quiet else None
    if arguments.preview:
        return _preview(which, arguments, progress)
    out = arguments.out
    if out is None:
        kind = format_of(Path("."), arguments.format or "markdown")
        out = Path(f"conversations{FORMATS[kind].suffixes[0]}")
    with _stopped_by_sigterm():
        done = export(
            which, out, arguments.format, redact, arguments.db, overwrite=arguments.overwrite, progress=progress
        )
    if not arguments.quiet:
        sys.stdout.write(f"{done}\n")
    return 0


def _share(arguments: argparse.Namespace) -> int:
    from .bundle import share_bundle

    if arguments.hide and arguments.no_redact:
        arguments.usage_error("--hide is a redaction; it goes with no --no-redact")
    which = _which(arguments)
    progress = False if arguments.quiet else None
    if arguments.preview:
        return _preview(which, arguments, progress)
    with _stopped_by_sigterm():
        done = share_bundle(
            arguments.path,
            which,
            arguments.hide or not arguments.no_redact,
            arguments.db,
            repo=arguments.repo,
            title=arguments.title,
            package=arguments.package,
            overwrite=arguments.overwrite,
            progress=progress,
        )
    if not arguments.quiet:
        sys.stdout.write(f"{done}\n")
    return 0


@contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """Have SIGTERM end the work as Ctrl-C does, so that no draft stays behind; only a kill leaves one."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, frame: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _preview(which: Any, arguments: argparse.Namespace, progress: bool | None) -> int:
    from .preview import redaction_preview

    frame = redaction_preview(which, arguments.db, arguments.hide or True, progress=progress)
    shown = frame.to_string(index=False, max_colwidth=60) if len(frame) else "Nothing was found."
    sys.stdout.write(f"{shown}\n")
    return 0


def _which(arguments: argparse.Namespace) -> Any:
    names = {"user_id": "user", "model": "model", "tags": "tag", "text": "text", "since": "since", "until": "until"}
    wanted = {column: getattr(arguments, option) for column, option in names.items() if getattr(arguments, option)}
    if arguments.session and wanted:
        arguments.usage_error("--session names the sessions; it goes with no filter")
    return arguments.session or wanted or "all"
