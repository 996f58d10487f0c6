"""The words of `%chat`: list, use, new, history, cost, model, export, help; `fix` is a question, so with `%%chat`."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

from IPython.display import HTML

from .. import runtime
from ..errors import ConfigurationError, SessionNotFoundError, SessionStateError
from ..models import SessionMetrics, SessionStatus
from ..providers import ProviderSessionFactory
from ..rendering import for_file, render_markdown, stylesheet
from .sessions import current_user

if TYPE_CHECKING:
    from .magics import ChatMagics

MOST_LISTED = 30
HELP = """\
A cell that begins with `%%chat` is sent; the reply streams in below and stays in the notebook.

```text
%%chat -m anthropic/claude-sonnet-5-5 -v answer
Which columns of this table are likely keys? {{ df }}
```

| in a cell | |
| --- | --- |
| `{{ expression }}` | the value: of a DataFrame its schema and first rows; single braces are left alone |
| `%chat fix` on a line of its own | the last error with its cell |

| option | what it does | example |
| --- | --- | --- |
| `-s NAME`, `--session` | go on in the session of this name; it is made if there is none | `%%chat -s trip` |
| `-m PROVIDER/MODEL`, `--model` | ask this model; with another one a new session begins | `%%chat -m openai/gpt-5.2` |
| `-n`, `--new` | start a new session | `%%chat -n` |
| `--system TEXT` | the system prompt of a new session | `%%chat --system "Answer in one line."` |
| `-t X`, `--temperature` | sampling temperature, where the model takes one | `%%chat -t 0.2` |
| `--max-tokens N` | the longest reply, in tokens | `%%chat --max-tokens 400` |
| `-f FORMAT`, `--format` | markdown, text, code (goes into a new cell), json, html (its source) | `%%chat -f code` |
| `-v NAME`, `--var` | put the text of the reply into this variable | `%%chat -v answer` |
| `-o NAME`, `--out` | put the whole reply, a SessionMessage, into this variable | `%%chat -o reply` |
| `--no-history` | ask without the conversation so far, in a session of its own | `%%chat --no-history` |

| command | what it does | example |
| --- | --- | --- |
| `%chat` | show the session and its numbers | `%chat` |
| `%chat list [all]` | your sessions, newest first; with `all` those in the trash, too | `%chat list` |
| `%chat use NAME` | go on in a session, by name or id | `%chat use trip` |
| `%chat new [NAME]` | start a new session | `%chat new trip` |
| `%chat history` | the conversation | `%chat history` |
| `%chat cost` | tokens and cost | `%chat cost` |
| `%chat model [PROVIDER/MODEL]` | show the models, or start a session with one | `%chat model mock/mock-markdown` |
| `%chat export [PATH] [redact]` | write the conversation to a file: .md, .html, ... | `%chat export trip.html redact` |
| `%chat fix [WORDS]` | explain the last error with its cell; takes the options above | `%chat fix -f code` |
| `%chat help` | this | `%chat help` |

`%%chat fix` asks about the last error what the cell says; a line that ends with a question mark is IPython's own.
An interrupt stops a reply and keeps what came.
"""


def _markdown(text: str) -> HTML:
    return _html(for_file(render_markdown(text)))


def _html(inner: str) -> HTML:
    return HTML(f'<div class="lsnb-md">{inner}<style>{stylesheet()}</style></div>')


def _cell(text: Any) -> str:
    """Return `text` for a cell of a Markdown table, as it is: nothing in it is markup."""
    plain = " ".join(str(text).split())
    # As entities: a backslash before a bracket would begin a formula.
    return "".join(f"&#{ord(letter)};" if letter in r"\`*_{}[]<>()#+-.:@!|~$&" else letter for letter in plain)


def unquoted(text: str | None) -> str | None:
    """Return `text` without the quotes around it, which IPython leaves there."""
    quoted = text and len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if text and quoted else text


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
    manager, user = runtime.default_manager(), current_user()
    trash = runtime.run(manager.get_user_sessions(user, status=SessionStatus.DELETED))
    # One more than is listed, and what may be left out of it.
    newest = runtime.run(manager.get_user_sessions(user, limit=MOST_LISTED + 1 + len(trash)))
    with_trash = words == ["all"]
    shown = [session for session in newest if with_trash or session.status is not SessionStatus.DELETED]
    about = ["There are more: `ls.session_browser()`."] * (len(shown) > MOST_LISTED)
    if trash and not with_trash:
        about.append(f"{len(trash)} in the trash: `%chat list all`.")
    if not shown:
        return _markdown(" ".join(["No sessions yet.", *about]))
    lines = [
        "| | name | model | messages | last activity (UTC) | status | id |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for session in shown[:MOST_LISTED]:
        mark = "→" if magics.session is not None and session.session_id == magics.session.session_id else ""
        lines.append(
            f"| {mark} | {_cell(session.config.name or '–')} | {_cell(session.provider)}/{_cell(session.model)} "
            f"| {session.message_count} | {session.last_activity:%Y-%m-%d %H:%M} "
            f"| {'in the trash' if session.status is SessionStatus.DELETED else _cell(session.status)} "
            f"| `{session.session_id}` |"
        )
    return _markdown("\n".join([*lines, "", *about]))


def _use(magics: ChatMagics, arguments: Any, words: list[str]) -> HTML:
    wanted = unquoted(" ".join(words))
    if not wanted:
        raise ConfigurationError("Say which session: %chat use NAME. %chat list shows them.")
    sessions = runtime.run(runtime.default_manager().get_user_sessions(current_user()))
    # A name may have been given again to another one.
    sessions.sort(key=lambda session: session.status is SessionStatus.DELETED)
    for session in sessions:
        if wanted in (session.config.name, session.session_id):
            if session.status is SessionStatus.DELETED:
                raise SessionStateError(
                    f"{wanted!r} is in the trash. ls.session_browser() restores it.", session.session_id
                )
            magics.session = session
            return _show(magics, arguments, [])
    raise SessionNotFoundError(f"You have no session {wanted!r}. %chat list shows them.")


def _new(magics: ChatMagics, arguments: Any, words: list[str]) -> HTML:
    arguments.new = True
    arguments.session = unquoted(" ".join(words)) or arguments.session
    magics.open_session(arguments)
    return _show(magics, arguments, [])


def _history(magics: ChatMagics, arguments: Any, words: list[str]) -> HTML:
    if magics.session is None:
        return _show(magics, arguments, [])
    messages = runtime.run(magics.session.get_messages())
    # Each on its own: what one of them leaves open must not reach into the next, nor pass for another's words.
    return _html("<hr>".join(f"<p><b>{escape(message.role)}</b></p>{message._repr_html_()}" for message in messages))


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
    from ..sharing.files import stem_of

    if magics.session is None:
        return _show(magics, arguments, [])
    redact = "redact" in words
    path = unquoted(" ".join(word for word in words if word != "redact"))
    if not path:
        path = f"{stem_of(magics.session.config.name)}.md"
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
