"""The chat panel: an anywidget that passes messages between a page and a live conversation."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from contextvars import Context, copy_context
from typing import Any
from uuid import uuid4

import anywidget
import traitlets as t
from IPython.display import display

from .. import runtime
from ..errors import SessionError
from ..manager.manager import SessionManager
from ..notebook.namespace import expand, names_starting_with
from ..notebook.sessions import notebook_path
from ..redaction import mask_secrets
from ..session.session import Session
from .assets import script, style
from .live import LiveConversation, live_conversation
from .opening import Opener
from .protocol import Patch, ToPage
from .transcript import transcript

logger = logging.getLogger(__name__)

EXAMPLES = (
    "Write a function that reads every CSV file in a folder into one DataFrame.",
    "What is the difference between the mean and the median? Show it with five numbers.",
    "Give me a checklist for cleaning a new data set.",
)

# What a front end shows that has no kernel for the panel; the transcript follows.
WITHOUT_KERNEL = "A chat panel. Run this cell to go on; the conversation so far is below."


class ChatPanel(anywidget.AnyWidget):
    """A conversation in a cell's output.

    `session` is a session, its id, or None: then the notebook's last one goes on (`reopen`), or a new one starts with
    `provider`, `model`, `system` and `provider_config` (temperature, max_tokens, ...). `height` is in pixels;
    `examples` are shown while there is nothing else.
    """

    _esm = script()
    _css = style()
    # Written by nobody: it is read anew whenever a page asks for the widget's state.
    history = t.Any(None, allow_none=True).tag(sync=True, to_json=lambda _, panel: panel._everything())
    height = t.Int(480).tag(sync=True)
    examples = t.List(t.Unicode(), list(EXAMPLES)).tag(sync=True)
    panel_id = t.Unicode().tag(sync=True)

    def __init__(
        self,
        session: Session | str | None = None,
        *,
        manager: SessionManager | None = None,
        provider: str | None = None,
        model: str | None = None,
        user_id: str | None = None,
        system: str | None = None,
        provider_config: dict[str, Any] | None = None,
        height: int = 480,
        examples: Sequence[str] = EXAMPLES,
        reopen: bool = True,
    ) -> None:
        self._namespace = _user_namespace()
        notebook = notebook_path(self._namespace)
        self._opener = Opener(manager, user_id, notebook, provider, model, system, provider_config)
        self._live = runtime.run(self._open(session, reopen))
        self._context: Context | None = None
        self._pages: set[str] = set()
        self._displayed = False
        self._watch(self._live)
        panel_id = uuid4().hex
        super().__init__(height=height, examples=list(examples), panel_id=panel_id, model_id=panel_id)
        self.on_msg(self._on_request)

    @property
    def session(self) -> Session:
        """The session that is shown."""
        return self._live.session

    def __repr__(self) -> str:
        session = self._live.session
        title = f" “{session.config.name}”" if session.config.name else ""
        return f"Chat panel{title}: {session.message_count} messages. Run this cell to go on."

    def close(self) -> None:
        """Take the panel away from every page; the conversation stays stored."""
        # Python closes a panel, too, whose making failed.
        if self.comm is not None and "_live" in vars(self):
            self.on_msg(self._on_request, remove=True)
            self._unwatch(self._live)
            self.layout.close()
        super().close()

    def _ipython_display_(self) -> None:
        self._displayed = True
        data, metadata = self._repr_mimebundle_() or ({}, {})
        display({**data, "text/plain": WITHOUT_KERNEL}, metadata=metadata, raw=True)
        display(self._transcript(), raw=True, display_id=self._transcript_id)

    async def _open(self, session: Session | str | None, reopen: bool) -> LiveConversation:
        return await self._live_on(await self._opener.first(session, reopen))

    async def _live_on(self, session: Session) -> LiveConversation:
        live = await live_conversation(session, self._opener.manager)
        live.offer_models(self._opener.models(session))
        return live

    def _everything(self) -> Patch:
        return self._live.state.since(0)

    def _publish(self, message: ToPage) -> None:
        # Who opens the panel later asks for what there is; sending it to nobody would only cost.
        if self._pages:
            self.send(message)

    def _send(self, msg: Any, buffers: Any = None) -> None:
        # A kernel with subshells may deliver a comm's messages on the shell that published on it last. Publishing in
        # the context of the page's own message keeps the panel answering while a cell runs.
        context = self._context.copy() if self._context is not None else copy_context()
        context.run(super()._send, msg, buffers)
        self._forget_shell()

    def open(self) -> None:
        super().open()
        self._forget_shell()

    def _forget_shell(self) -> None:
        # What the comm remembers of the cell that opened it would hold the page's first message back until no cell
        # runs (ipykernel 7.4); without the memory the message goes where the page sends it.
        with contextlib.suppress(TypeError):
            vars(self.comm).pop("_reply_subshell_id", None)

    def _on_request(self, _widget: object, content: Mapping[str, Any], _buffers: object) -> None:
        """Hand a page's request over; a callback that waits would hold up the whole kernel."""
        self._context = copy_context()
        kind, rid, view = content.get("kind"), content.get("rid", ""), content.get("view", "")
        if kind == "gone":
            self._pages.discard(view)
            return
        # Its `ready` may still wait behind a running cell.
        self._pages.add(view)
        if kind == "ack":
            runtime.background_loop().call_soon_threadsafe(self._live.acknowledge, content.get("seq", 0))
            return
        if kind != "ready":
            self.send({"kind": "heard", "rid": rid})
        runtime.submit(self._fulfil(str(kind), rid, content))

    async def _fulfil(self, kind: str, rid: str, content: Mapping[str, Any]) -> None:
        try:
            handle = getattr(self, f"_do_{kind}", None)
            if handle is None:
                raise SessionError(
                    f"The kernel's langswarm_nb is older than this page: it has no {kind!r}. Restart it."
                )
            value = await handle(content)
        except SessionError as error:
            self._tell_failure(rid, mask_secrets(error.message))
        except Exception as error:
            logger.exception("the panel's request %r failed", kind)
            self._tell_failure(rid, f"That did not work: {mask_secrets(str(error)) or type(error).__name__}.")
        else:
            if kind != "ready":
                self.send({"kind": "answer", "rid": rid, "value": value})

    def _tell_failure(self, rid: str, text: str) -> None:
        details = [["Session", self.session.session_id], ["Model", f"{self.session.provider}/{self.session.model}"]]
        self.send({"kind": "failed", "rid": rid, "error": {"text": text, "details": details}})

    async def _do_ready(self, request: Mapping[str, Any]) -> None:
        state = self._live.state
        patch = state.since(request.get("have", 0) if request.get("session") == state.session else 0)
        self.send({**patch, "to": request["view"]})

    async def _do_send(self, request: Mapping[str, Any]) -> None:
        typed = request["text"]
        await self._live.send(await self._expanded(typed), request["rid"], typed)

    async def _do_edit(self, request: Mapping[str, Any]) -> None:
        typed = request["text"]
        await self._live.edit(request["id"], await self._expanded(typed), request["rid"], typed)

    async def _do_regenerate(self, request: Mapping[str, Any]) -> None:
        await self._live.regenerate(request["id"], request["rid"])

    async def _do_stop(self, _request: Mapping[str, Any]) -> None:
        self._live.stop()

    async def _do_switch_branch(self, request: Mapping[str, Any]) -> None:
        await self._live.switch_branch(request["id"])

    async def _do_feedback(self, request: Mapping[str, Any]) -> None:
        await self._live.rate(request["id"], request.get("rating", ""), request.get("note", ""))

    async def _do_source(self, request: Mapping[str, Any]) -> str:
        return await self._live.source(request["id"])

    async def _do_earlier(self, _request: Mapping[str, Any]) -> None:
        await self._live.load_earlier()

    async def _do_complete(self, request: Mapping[str, Any]) -> list[list[str]]:
        names = names_starting_with(request.get("prefix", ""), self._namespace)
        return [[name, _kind_of(self._namespace.get(name))] for name in names]

    async def _do_sessions(self, request: Mapping[str, Any]) -> list[dict[str, Any]]:
        return await self._opener.earlier(request.get("text", ""))

    async def _do_open(self, request: Mapping[str, Any]) -> None:
        await self._show(await self._opener.get(request["session"]))

    async def _do_new_chat(self, _request: Mapping[str, Any]) -> None:
        await self._show(await self._opener.new())

    async def _do_model(self, request: Mapping[str, Any]) -> None:
        await self._show(await self._opener.with_model(self.session, request["model"]))

    async def _do_rename(self, request: Mapping[str, Any]) -> None:
        await self._live.rename(request["title"])

    async def _do_archive(self, _request: Mapping[str, Any]) -> None:
        await self._live.set_archived(True)

    async def _do_unarchive(self, _request: Mapping[str, Any]) -> None:
        await self._live.set_archived(False)

    async def _show(self, session: Session) -> None:
        live = await self._live_on(session)
        self._unwatch(self._live)
        self._live = live
        self._watch(live)
        self._publish(live.state.since(0))
        self._keep_transcript()

    def _watch(self, live: LiveConversation) -> None:
        live.listeners.add(self._publish)
        live.after_turn.add(self._keep_transcript)

    def _unwatch(self, live: LiveConversation) -> None:
        live.listeners.discard(self._publish)
        live.after_turn.discard(self._keep_transcript)

    @property
    def _transcript_id(self) -> str:
        return f"{self.panel_id}-transcript"

    def _transcript(self) -> dict[str, str]:
        state = self._live.state
        return transcript(self.panel_id, state.header, state.views())

    def _keep_transcript(self) -> None:
        if self._displayed:
            display(self._transcript(), raw=True, display_id=self._transcript_id, update=True)

    async def _expanded(self, text: str) -> str:
        return await asyncio.to_thread(expand, text, self._namespace)


def _user_namespace() -> Mapping[str, Any]:
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    return shell.user_ns if shell is not None else {}


def _kind_of(value: object) -> str:
    """Return what a variable is, in a few words."""
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape:
        return f"{type(value).__name__} {' × '.join(map(str, shape))}"
    return type(value).__name__
