"""The words of `%chat`: list, use, new, history, cost, model, export, help."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.display import HTML

from .. import runtime
from ..errors import ConfigurationError, SessionNotFoundError
from ..models import SessionMetrics
from ..providers import ProviderSessionFactory
from ..rendering import render_markdown, stylesheet
from .sessions import current_user

if TYPE_CHECKING:
    from .magics import ChatMagics

HELP = """\
| | |
| --- | --- |
| `%%chat` | send the cell's text; `{{ expression }}` puts a value into it |
| `%chat` | show the session and its numbers |
| `%chat list` | your sessions, most recent first |
| `%chat use NAME` | go on in a session, by name or id |
| `%chat new [NAME]` | start a new session |
| `%chat history` | the conversation |
| `%chat cost` | tokens and cost |
| `%chat export [PATH] [redact]` | write the conversation to a file: .md, .html, .ipynb, .json, ... |
| `%chat model [PROVIDER/MODEL]` | show the models, or start a session with one |

`%%chat?` lists the options.
"""


def _markdown(text: str) -> HTML:
    return HTML(f'<div class="lsnb-md"><style>{stylesheet()}</style>{render_markdown(text)}</div>')


def _cell(text: Any) -> str:
    """Return `text` for a cell of a Markdown table, as it is: nothing in it is markup."""
    plain = " ".join(str(text).split())
    return "".join(f"\\{letter}" if letter in r"\`*_{}[]<>()#+-.!|~$&" else letter for letter in plain)


def _show(magics: ChatMagics, arguments: Any, words: list[str]) -> HTML:
    session = magics.session
    if session is None:
        return _markdown(
            "No session yet: write `%%chat` on the first line of a cell, and your question below.\n\n" + HELP
        )
    return _markdown(
        f"**{_cell(session.config.name or 'Session')}** with {_cell(session.provider)}/{_cell(session.model)}, "
        f"{session.message_count} messages, since {session.created_at:%Y-%m-%d %H:%M} UTC\n\n"
        + _numbers(runtime.run(session.get_metrics()))
    )


def _list(magics: ChatMagics, arguments: Any, words: list[str]) -> HTML:
    sessions = runtime.run(runtime.default_manager().get_user_sessions(current_user(), limit=30))
    if not sessions:
        return _markdown("No sessions yet.")
    lines = ["| | name | model | messages | last activity (UTC) | id |", "| --- | --- | --- | --- | --- | --- |"]
    for session in sessions:
        mark = "→" if magics.session is not None and session.session_id == magics.session.session_id else ""
        lines.append(
            f"| {mark} | {_cell(session.config.name or '–')} | {_cell(session.provider)}/{_cell(session.model)} "
            f"| {session.message_count} | {session.last_activity:%Y-%m-%d %H:%M} | `{session.session_id}` |"
        )
    return _markdown("\n".join(lines))


def _use(magics: ChatMagics, arguments: Any, words: list[str]) -> HTML:
    wanted = " ".join(words)
    if not wanted:
        raise ConfigurationError("Say which session: %chat use NAME. %chat list shows them.")
    sessions = runtime.run(runtime.default_manager().get_user_sessions(current_user()))
    for session in sessions:
        if wanted in (session.config.name, session.session_id):
            magics.session = session
            return _show(magics, arguments, [])
    raise SessionNotFoundError(f"You have no session {wanted!r}. %chat list shows them.")


def _new(magics: ChatMagics, arguments: Any, words: list[str]) -> HTML:
    arguments.new = True
    arguments.session = " ".join(words) or arguments.session
    magics.open_session(arguments)
    return _show(magics, arguments, [])


def _history(magics: ChatMagics, arguments: Any, words: list[str]) -> HTML:
    if magics.session is None:
        return _show(magics, arguments, [])
    messages = runtime.run(magics.session.get_messages())
    return _markdown("\n\n---\n\n".join(f"**{message.role}**\n\n{message.content}" for message in messages))


def _cost(magics: ChatMagics, arguments: Any, words: list[str]) -> HTML:
    if magics.session is None:
        return _show(magics, arguments, [])
    return _markdown(_numbers(runtime.run(magics.session.get_metrics())))


def _model(magics: ChatMagics, arguments: Any, words: list[str]) -> HTML:
    if words:
        arguments.model, arguments.new = words[0], True
        magics.open_session(arguments)
        return _show(magics, arguments, [])
    usable = ProviderSessionFactory.configured_providers()
    lines = ["| provider | default model | |", "| --- | --- | --- |"]
    for name in ProviderSessionFactory.list_providers():
        known = ProviderSessionFactory.get_provider_info(name)
        state = "ready" if name in usable or not known["needs_key"] else f"set {known['key_variable']}"
        lines.append(f"| {_cell(name)} | {_cell(known['default_model'] or '–')} | {_cell(state)} |")
    return _markdown("\n".join(lines))


def _export(magics: ChatMagics, arguments: Any, words: list[str]) -> HTML:
    from ..sharing import export

    if magics.session is None:
        return _show(magics, arguments, [])
    redact = "redact" in words
    path = " ".join(word for word in words if word != "redact")
    if not path:
        name = re.sub(r"[^\w\-]+", "-", magics.session.config.name or "conversation").strip("-")[:60]
        path = f"{name or 'conversation'}.md"
    done = export(magics.session, path, redact=redact, source=runtime.default_manager())
    return _markdown(_cell(done))


def _help(magics: ChatMagics, arguments: Any, words: list[str]) -> HTML:
    return _markdown(HELP)


def _numbers(metrics: SessionMetrics) -> str:
    cost = f"${metrics.estimated_cost:.4f}" if metrics.estimated_cost is not None else "–"
    speed = f"{metrics.avg_response_time_ms / 1000:.1f} s" if metrics.avg_response_time_ms is not None else "–"
    return (
        "| messages | input tokens | output tokens | cost | mean reply time |\n| --- | --- | --- | --- | --- |\n"
        f"| {metrics.total_messages:,} | {metrics.input_tokens:,} | {metrics.output_tokens:,} | {_cell(cost)} "
        f"| {_cell(speed)} |"
    )


COMMANDS: dict[str, Callable[[ChatMagics, Any, list[str]], HTML]] = {
    "cost": _cost,
    "export": _export,
    "help": _help,
    "history": _history,
    "list": _list,
    "model": _model,
    "new": _new,
    "show": _show,
    "use": _use,
}
