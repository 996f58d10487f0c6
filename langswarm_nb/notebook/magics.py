"""`%chat` and `%%chat`."""

from __future__ import annotations

import asyncio
import queue
import re
from typing import Any

import nest_asyncio2
from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from IPython.display import display

from .. import runtime
from ..errors import SessionError
from ..models import SessionMessage
from ..session.session import Session
from ..stream_events import StreamEvent, TextDelta, TurnCompleted
from .cell_output import ReplyOutput
from .last_error import LastError
from .magic_commands import COMMANDS, unquoted
from .namespace import expand
from .sessions import current_user, latest_session, notebook_path, preferred_model, start_session

FORMATS = ("markdown", "text", "code", "json", "html")
# A line of a cell that stands for the last error.
_FIX_LINE = re.compile(r"^[ \t]*%chat[ \t]+fix[ \t]*$", re.MULTILINE)


@magics_class
class ChatMagics(Magics):
    """The magics of one shell; follow-up cells go on in the session of the cell before."""

    session: Session | None = None

    def __init__(self, shell: Any = None, **options: Any) -> None:
        super().__init__(shell, **options)
        self.last_error = LastError(shell)

    @magic_arguments()
    @argument("-s", "--session", help="go on in the session of this name; it is made if there is none")
    @argument("-m", "--model", help="provider/model, or a model of the current provider")
    @argument("-n", "--new", action="store_true", help="start a new session")
    @argument("--system", help="the system prompt of a new session")
    @argument("-t", "--temperature", type=float, help="sampling temperature, where the model takes one")
    @argument("--max-tokens", type=int, help="the longest reply, in tokens")
    @argument("-f", "--format", choices=FORMATS, default="markdown", help="how the reply is shown; code: a new cell")
    @argument("-v", "--var", help="put the reply's text into this variable")
    @argument("--no-history", action="store_true", help="ask without the conversation so far, in a session of its own")
    @argument("-o", "--out", help="put the reply, a SessionMessage, into this variable")
    @argument(
        "words",
        nargs="*",
        help="%%chat list, use, new, history, cost, model, export, fix, help; %%%%chat fix asks about the last error",
    )
    @line_cell_magic("chat")
    def chat(self, line: str, cell: str | None = None) -> None:
        """Chat with a language model in a cell; the reply streams in and stays in the notebook."""
        arguments = parse_argstring(self.chat, line)
        for option in ("session", "model", "system", "var", "out"):
            setattr(arguments, option, unquoted(getattr(arguments, option)))
        try:
            if cell is None:
                self._command(arguments)
            else:
                self._ask(arguments, cell)
        except SessionError as error:
            # A UsageError shows as one line, without a traceback.
            raise UsageError(str(error)) from None

    def _command(self, arguments: Any) -> None:
        words = arguments.words or ["show"]
        if words[0] == "fix":
            return self._fix(arguments, " ".join(words[1:]))
        command = COMMANDS.get(words[0])
        if command is None:
            raise UsageError(f"%chat has no command {words[0]!r}. It has: {', '.join(sorted([*COMMANDS, 'fix']))}.")
        shown = command(self, arguments, words[1:])
        if shown is not None:
            display(shown)
        return None

    def _ask(self, arguments: Any, cell: str) -> None:
        typed = cell.strip("\n")
        if arguments.words == ["fix"]:
            return self._fix(arguments, expand(typed, self._namespace))
        if arguments.words:
            raise UsageError(
                f"%%chat takes options, and the question below; {' '.join(arguments.words)!r} is neither. "
                "%chat help lists the options."
            )
        parts = [expand(part, self._namespace) for part in _FIX_LINE.split(typed)]
        if len(parts) > 1:
            # What is expanded is what was typed, never the text of an error.
            return self._send(arguments, self.last_error.describe().join(parts), typed)
        return self._send(arguments, parts[0])

    def _fix(self, arguments: Any, question: str) -> None:
        prompt = self.last_error.prompt(question)
        self._send(arguments, prompt, question.strip() or f"Explain this error: {self.last_error.get()}")

    def _send(self, arguments: Any, prompt: str, typed: str = "") -> None:
        session = self.open_session(arguments)
        output = ReplyOutput(arguments.format)
        reply = _stream_into(session, prompt, output, {"typed": typed} if typed else None)
        if arguments.var:
            self._namespace[arguments.var] = reply.content
        if arguments.out:
            self._namespace[arguments.out] = reply
        if arguments.format == "code" and self.shell is not None:
            self.shell.set_next_input(_only_code(reply.content))

    def open_session(self, arguments: Any) -> Session:
        """Return the session that the options mean, and remember it for the cells to come."""
        session = runtime.run(self._find_session(arguments))
        if not arguments.no_history:
            self.session = session
        return session

    async def _find_session(self, arguments: Any) -> Session:
        manager = runtime.default_manager()
        notebook = notebook_path(self._namespace)
        user = current_user()
        wanted = arguments.new or arguments.no_history
        if not wanted:
            session = self.session
            if arguments.session or session is None or not session.status.is_active:
                session = await latest_session(manager, user, notebook=notebook, name=arguments.session)
            if session is not None and await _adapted(session, arguments):
                return session
        provider = None
        if arguments.model and "/" not in arguments.model and self.session is not None:
            provider = self.session.provider
        return await start_session(
            manager,
            user,
            provider,
            arguments.model,
            notebook=notebook,
            name=arguments.session,
            system=arguments.system,
            provider_config=_provider_config(arguments),
        )

    @property
    def _namespace(self) -> dict[str, Any]:
        return self.shell.user_ns if self.shell is not None else {}


def _provider_config(arguments: Any) -> dict[str, Any]:
    options = {"temperature": arguments.temperature, "max_tokens": arguments.max_tokens}
    return {name: value for name, value in options.items() if value is not None}


async def _adapted(session: Session, arguments: Any) -> bool:
    """Return whether `session` now does as the options say; another model or system prompt takes a new one."""
    if arguments.system and arguments.system != session.config.system_prompt:
        return False
    if arguments.model:
        provider = session.provider if "/" not in arguments.model else None
        if preferred_model(provider, arguments.model) != (session.provider, session.model):
            return False
    options = {**session.config.provider_config, **_provider_config(arguments)}
    if options != session.config.provider_config:
        await session.update_config({"provider_config": options})
    return True


def _stream_into(
    session: Session, prompt: str, output: ReplyOutput, metadata: dict[str, Any] | None = None
) -> SessionMessage:
    """Return the reply; an interrupt stops it and returns what had come."""
    events: queue.SimpleQueue[StreamEvent | None] = queue.SimpleQueue()

    async def listen() -> None:
        try:
            async for event in session.stream(prompt, metadata=metadata):
                events.put(event)
        finally:
            events.put(None)

    turn = runtime.submit(listen())
    reply: SessionMessage | None = None
    stopped = False
    while True:
        try:
            event = events.get()
        except KeyboardInterrupt:
            stopped = True
            session.cancel()
            continue
        if event is None:
            break
        if isinstance(event, TextDelta):
            output.add(event.text)
        elif isinstance(event, TurnCompleted):
            reply = event.message
            output.finish(reply)
    error = turn.exception()
    if reply is not None and (error is None or stopped):
        return reply
    raise error or SessionError("The turn ended without a reply.", session.session_id)


def _only_code(text: str) -> str:
    """Return the fenced code of a reply, joined; the whole text where there is no fence."""
    from markdown_it import MarkdownIt

    fences = [token.content for token in MarkdownIt().parse(text) if token.type == "fence"]
    return "\n".join(fences).rstrip() if fences else text


def load_ipython_extension(ipython: Any) -> None:
    """Add the magics to `ipython` and let `asyncio.run()` work while its loop runs."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        nest_asyncio2.apply()
    unload_ipython_extension(ipython)
    magics = ChatMagics(ipython)
    ipython.register_magics(magics)
    ipython.events.register("post_run_cell", magics.last_error.note)


def unload_ipython_extension(ipython: Any) -> None:
    """Take the magics away."""
    magics = ipython.magics_manager.registry.pop("ChatMagics", None)
    if magics is not None:
        ipython.events.unregister("post_run_cell", magics.last_error.note)
    for kind in ("line", "cell"):
        ipython.magics_manager.magics[kind].pop("chat", None)
