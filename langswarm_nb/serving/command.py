"""`python -m langswarm_nb serve`, as it is typed."""

from __future__ import annotations

import argparse
import importlib.util
import os
import secrets
from typing import Any

from ..errors import ConfigurationError
from ..notebook.namespace import SERVED
from ..storage.paths import VARIABLE

PORT = 8866
# Short enough to type by hand, long enough that guessing over a network leads nowhere.
_SHORTEST_TOKEN = 16

_EPILOG = """\
examples:
  python -m langswarm_nb serve
  python -m langswarm_nb serve --source team.duckdb --port 9000 --no-open
  LANGSWARM_NB_TOKEN=... python -m langswarm_nb serve --host 0.0.0.0 --no-open

Who has the token sees every conversation of the store, chats with your keys, renames and deletes. Without it there is
no answer. The connection is not encrypted: beyond this machine, put an HTTPS proxy or an SSH tunnel in front.
Each open page has a kernel of its own, which ends with it. Ctrl-C ends the server and every kernel.

exit status: 0 stopped, 1 failed with a line on stderr, 2 wrong usage
"""


def add_serve(commands: Any) -> None:
    """Add the command `serve` to the command line."""
    parser = commands.add_parser(
        "serve",
        help="show chat, sessions and dashboard as a web page",
        description="Show chat, sessions and dashboard as a web page, behind a token.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--source", metavar="STORE", help="the store (default: LANGSWARM_NB_DB, else your own)")
    parser.add_argument("--port", type=int, help=f"the port (default: the first free one from {PORT})")
    parser.add_argument(
        "--host", default="127.0.0.1", help="the address to listen on (default: %(default)s, this machine only)"
    )
    parser.add_argument(
        "--token",
        help=f"what a visitor must know, {_SHORTEST_TOKEN} characters or more (default: LANGSWARM_NB_TOKEN, else a "
        "random one). Others on this machine can read a command line; the variable they cannot.",
    )
    parser.add_argument("--user", metavar="NAME", help="whose the page's chats are (default: yours)")
    parser.add_argument(
        "--open", action=argparse.BooleanOptionalAction, default=True, help="open the page in a browser (default: yes)"
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if importlib.util.find_spec("voila") is None:
        raise ConfigurationError('Voila is not installed here. Install it: pip install "langswarm-nb[serve]"')
    token = arguments.token or os.environ.get("LANGSWARM_NB_TOKEN") or secrets.token_urlsafe(32)
    if len(token) < _SHORTEST_TOKEN:
        raise ConfigurationError(
            f"The token is too short. Use {_SHORTEST_TOKEN} characters or more, or none for a random one."
        )

    from .server import serve

    kernels = {SERVED: "1"}
    if arguments.source:
        kernels[VARIABLE] = arguments.source
    if arguments.user:
        kernels["LANGSWARM_NB_USER"] = arguments.user
    # A page's kernel has no need of it.
    os.environ.pop("LANGSWARM_NB_TOKEN", None)
    return serve(token, arguments.host, arguments.port, arguments.open, kernels)
