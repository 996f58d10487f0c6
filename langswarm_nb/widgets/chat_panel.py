"""The chat panel: an anywidget that passes messages between a page and a live conversation."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal
from uuid import uuid4

import traitlets as t
from IPython.display import display

from .. import runtime
from ..manager.manager import SessionManager
from ..notebook.namespace import evaluates, expand, names_starting_with
from ..notebook.sessions import notebook_path
from ..session.session import Session
from ..session.tools import Approval
from . import exporting
from .assets import extras, loader, script, style
from .live import LiveConversation, live_conversation
from .message_views import totals
from .opening import Opener
from .page_widget import PageWidget
from .protocol import Attachment, Patch, Setting
from .settings import settings_of
from .transcript import KeptOutput, transcript
from .transfers import Downloads, Uploads, content_of

EXAMPLES = (
    "Write a function that reads every CSV file in a folder into one DataFrame.",
    "What is the difference between the mean and the median? Show it with five numbers.",
    "Give me a checklist for cleaning a new data set.",
)

# What a front end shows that has no kernel for the panel; the transcript follows.
WITHOUT_KERNEL = "A chat panel. Run this cell to go on; the conversation so far is below."


class ChatPanel(PageWidget):
    """A conversation in a cell's output.

    `session` is a session, its id, or None: then the notebook's last one goes on (`reopen`), or a new one starts with
    `provider`, `model`, `system` and `provider_config` (temperature, max_tokens, ...). `height` is in pixels;
    `examples` are shown while there is nothing else. The model may call `tools`, functions that `register_tool` takes,
    after the reader has approved each call; with `approve=None` at once.
    """

    _esm = loader()
    _script = t.Unicode(script()).tag(sync=True)
    _css = style()
    _opener_type = Opener
    # Written by nobody: it is read anew whenever a page asks for the widget's state.
    history = t.Any(None, allow_none=True).tag(sync=True, to_json=lambda _, panel: panel._everything())
    height = t.Int(480).tag(sync=True)
    examples = t.List(t.Unicode(), list(EXAMPLES)).tag(sync=True)
    panel_id = t.Unicode().tag(sync=True)
    # Whether `{{ expression }}` in what is typed is evaluated.
    variables = t.Bool(True).tag(sync=True)

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
        tools: Sequence[Callable[..., Any]] = (),
        approve: Approval | Literal["ask"] | None = "ask",
    ) -> None:
        self._namespace = _user_namespace()
        self._notebook = notebook_path(self._namespace)
        self._opener = self._opener_type(
            manager, user_id, self._notebook, provider, model, system, provider_config, tools, approve
        )
        self._live = runtime.run(self._open(session, reopen))
        self._uploads = Uploads()
        self._downloads = Downloads()
        panel_id = uuid4().hex
        self._kept = KeptOutput(panel_id, self._transcript, self._size)
        traits = {"height": height, "examples": list(examples), "variables": evaluates()}
        super().__init__(**traits, panel_id=panel_id, model_id=panel_id)
        self._watch(self._live)

    @property
    def session(self) -> Session:
        """The session that is shown."""
        return self._live.session

    def __repr__(self) -> str:
        session = self._live.session
        title = f" “{session.config.name}”" if session.config.name else ""
        return f"Chat panel{title}: {session.message_count} messages. Run this cell to go on."

    def _released(self) -> None:
        self._unwatch(self._live)
        self._kept.let_go()

    def _ipython_display_(self) -> None:
        data, metadata = self._repr_mimebundle_() or ({}, {})
        display({**data, "text/plain": WITHOUT_KERNEL}, metadata=metadata, raw=True)
        self._kept.show()

    async def _open(self, session: Session | str | None, reopen: bool) -> LiveConversation:
        return await self._live_on(await self._opener.first(session, reopen))

    async def _live_on(self, session: Session) -> LiveConversation:
        live = await live_conversation(self._opener.equip(session), self._opener.manager)
        live.offer_models(self._opener.models(session))
        return live

    def _everything(self) -> Patch:
        return self._live.state.since(0)

    def _acknowledged(self, request: Mapping[str, Any]) -> None:
        self._live.acknowledge(request.get("seq", 0))

    def _typing(self, request: Mapping[str, Any]) -> None:
        if request.get("over"):
            self._kept.paused()
        else:
            self._kept.typed()

    def _view_gone(self, view: str) -> None:
        runtime.background_loop().call_soon_threadsafe(self._uploads.drop_view, view)

    def _error_details(self) -> list[list[str]]:
        return [["Session", self.session.session_id], ["Model", f"{self.session.provider}/{self.session.model}"]]

    async def _do_ready(self, request: Mapping[str, Any]) -> None:
        state = self._live.state
        patch = state.since(request.get("have", 0) if request.get("session") == state.session else 0)
        self.send({**patch, "to": request["view"]})

    async def _do_send(self, request: Mapping[str, Any]) -> None:
        typed, files = request["text"], request.get("files", ())
        parts = self._uploads.parts(files)
        await self._live.send(await self._expanded(typed), request["rid"], typed, parts)
        self._uploads.drop(files)

    async def _do_extras(self, _request: Mapping[str, Any]) -> dict[str, str]:
        return extras()

    async def _do_attach(self, request: Mapping[str, Any]) -> Attachment | None:
        about = (request["view"], request["file"], request["name"], int(request["size"]), int(request["at"]))
        return await self._uploads.take(*about, base64.b64decode(request["base64"]))

    async def _do_detach(self, request: Mapping[str, Any]) -> None:
        self._uploads.drop([request["file"]])

    async def _do_attachment(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return self._offered(content_of(await self._live.attachment(request["id"], request["at"])))

    async def _do_piece(self, request: Mapping[str, Any]) -> bytes:
        return self._downloads.piece(request["token"], request["at"])

    def _offered(self, data: bytes) -> dict[str, Any]:
        return {"token": self._downloads.offer(data), "bytes": len(data)}

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
        await self.show_session(await self._opener.get(request["session"]))

    async def _do_new_chat(self, _request: Mapping[str, Any]) -> None:
        await self.show_session(await self._opener.new())

    async def _do_model(self, request: Mapping[str, Any]) -> None:
        await self.show_session(await self._opener.with_model(self.session, request["model"]))

    async def _do_rename(self, request: Mapping[str, Any]) -> None:
        await self._live.rename(request["title"])

    async def _do_tags(self, request: Mapping[str, Any]) -> None:
        await self._live.set_tags(request["tags"])

    async def _do_settings(self, _request: Mapping[str, Any]) -> list[Setting]:
        return settings_of(self.session)

    async def _do_set_settings(self, request: Mapping[str, Any]) -> dict[str, str]:
        return await self._live.set_settings(request["values"])

    async def _do_numbers(self, _request: Mapping[str, Any]) -> list[list[str]]:
        return totals(await self.session.get_all_messages())

    async def _do_exports(self, _request: Mapping[str, Any]) -> dict[str, Any]:
        return {"formats": exporting.OFFERED, "folder": str(exporting.folder_of(self._notebook))}

    async def _do_export(self, request: Mapping[str, Any]) -> dict[str, Any]:
        session = self.session
        what = (session.session_id, session.config.name, request["format"], request.get("redact") is True)
        source = self._live.manager or session.storage
        if request.get("to") == "notebook":
            return await asyncio.to_thread(exporting.beside_notebook, *what, source, self._notebook)
        data, about = await asyncio.to_thread(exporting.for_page, *what, source)
        return {**about, **self._offered(data)}

    async def _do_approve(self, request: Mapping[str, Any]) -> None:
        allow, always = request.get("allow") is True, request.get("always") is True
        self._live.approvals.answer(request["id"], allow, always=always, reason=str(request.get("reason", "")))

    async def _do_archive(self, _request: Mapping[str, Any]) -> None:
        await self._live.set_archived(True)

    async def _do_unarchive(self, _request: Mapping[str, Any]) -> None:
        await self._live.set_archived(False)

    async def _do_keep(self, _request: Mapping[str, Any]) -> None:
        self._kept.paused()

    async def show_session(self, session: Session) -> None:
        """Show `session` from now on; on the package's event loop."""
        live = await self._live_on(session)
        self._unwatch(self._live)
        self._live = live
        self._watch(live)
        self._publish(live.state.since(0))
        self._kept.update()

    def _watch(self, live: LiveConversation) -> None:
        live.watch(self._publish)
        live.after_turn.add(self._kept.update)

    def _unwatch(self, live: LiveConversation) -> None:
        live.unwatch(self._publish)
        live.after_turn.discard(self._kept.update)

    def _size(self) -> int:
        return self._live.state.size() if self._pages else 0

    def _transcript(self) -> dict[str, str]:
        state = self._live.state
        return transcript(self.panel_id, state.header, state.views())

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
