"""`python -m langswarm_nb import`: the same as `ls.import_conversations`, for a shell."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from ..errors import SessionError

_EPILOG = """\
examples:
  python -m langswarm_nb import ~/Downloads/chatgpt-export.zip
  python -m langswarm_nb import ~/.claude/projects ~/.codex/sessions
  python -m langswarm_nb import logs.db --format llm --source team.duckdb --dry-run

formats: chatgpt, claude, claude-code, codex, llm, openai-agents, jupyter-ai, langswarm, sharegpt, lmsys, wildchat, own.
Each file's is found out by itself; --format reads only files of that one. What is there already is not doubled, so the
same export may be imported again at any time. What cannot be read is left out, and counted in the report with why.

exit status: 0 done, 1 a PATH had nothing that could be read, or it failed (a line on stderr), 2 wrong usage, 130
interrupted
"""


def add_import(commands: Any) -> None:
    """Add the command `import` to the command line."""
    parser = commands.add_parser(
        "import",
        help="bring conversations from elsewhere into a store: ChatGPT, Claude, Claude Code, Codex, llm, ...",
        description="Bring conversations from elsewhere into a store.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="an export: a file, a folder or a zip")
    parser.add_argument("--format", metavar="FORMAT", help="read only files of this format (default: found out)")
    parser.add_argument("--user", metavar="NAME", help="who owns what names no user (default: you)")
    parser.add_argument("--dry-run", action="store_true", help="write nothing; tell what would be imported")
    parser.add_argument("--json", action="store_true", help="print each report as one line of JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no report")
    parser.add_argument(
        "--source", "--db", metavar="STORE", help="the store to write to (default: LANGSWARM_NB_DB, else your own)"
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from .importing import import_conversations
    from .registry import format_named

    if arguments.format is not None:
        format_named(arguments.format)
    status = 0
    for path in arguments.paths:
        try:
            report = import_conversations(
                path,
                arguments.format,
                arguments.source,
                user_id=arguments.user,
                progress=not arguments.quiet,
                dry_run=arguments.dry_run,
            )
        except SessionError as error:
            # The other paths are read all the same.
            sys.stderr.write(f"langswarm_nb: {error}\n")
            status = 1
            continue
        if not report.conversations:
            status = 1
        if arguments.json:
            sys.stdout.write(json.dumps(report.to_dict()) + "\n")
        elif not arguments.quiet:
            sys.stdout.write(f"{report}\n")
        elif not report.conversations:
            sys.stderr.write(f"langswarm_nb: {path}: there is no conversation in it that could be read.\n")
    return status
