"""Several models side by side: each column is a conversation of its own, and a question goes to all of them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

import traitlets as t
from IPython.display import display

from .. import runtime
from ..errors import SessionError, SessionNotFoundError, SessionStateError
from ..interfaces import ISessionStorage
from ..manager.manager import SessionManager
from ..notebook.namespace import expand, names_starting_with
from ..notebook.sessions import current_user, notebook_path
from ..redaction import mask_secrets
from ..rendering import stylesheet
from ..session.session import Session
from . import compare_sessions as sessions_of
from .assets import bundle, sheet
from .chat_panel import _kind_of, _user_namespace
from .compare_sessions import Numbers
from .live import LiveConversation, live_conversation
from .page_widget import PageWidget
from .protocol import Patch
from .session_browser_widget import manager_of
from .transcript import KeptOutput, about, class_of, said_in, who

WITHOUT_KERNEL = "A comparison of models. Run this cell to go on; the replies so far are below."

_TRANSCRIPT_STYLE = """
.lsnb-side-by-side{display:flex;gap:1.5em;overflow-x:auto}
.lsnb-side-by-side>section{flex:1 1 0;min-width:18em}
"""


class Comparison(PageWidget):
    """Conversations side by side in a cell's output.

    `tag` stands on every session that was made for the comparison; `ls.compare(tag)` shows it again. `sessions` are
    the conversations, in the order of the columns; `winner` is the picked one's id, or ''.
    """

    _esm = bundle(
        *(f"chat/{part}.js" for part in ("dom", "host", "talk", "store", "message", "thread", "composer")),
        *(f"chat/extras/{part}.js" for part in ("edit", "why")),
        *(f"compare/{part}.js" for part in ("column", "compare")),
    )
    _css = stylesheet() + "\n" + sheet("chat.css", "compare/compare.css")
    # Written by nobody: it is read anew whenever a page asks for the widget's state.
    histories = t.Any(None, allow_none=True).tag(sync=True, to_json=lambda _, shown: shown._everything())
    columns = t.List(t.Dict()).tag(sync=True)
    winner = t.Unicode().tag(sync=True)
    tag = t.Unicode().tag(sync=True)
    panel_id = t.Unicode().tag(sync=True)
    height = t.Int(560).tag(sync=True)

    def __init__(
        self,
        manager: SessionManager,
        tag: str,
        sessions: Iterable[Session],
        *,
        prompt: str | None = None,
        height: int = 560,
    ) -> None:
        self._namespace = _user_namespace()
        self._manager = manager
        self._problems: dict[str, str] = {}
        self._asked: dict[str, tuple[str, str]] = {}
        self._numbers: dict[str, Numbers] = {}
        self._lives, winner = runtime.run(self._open(list(sessions), tag))
        self._by_id = {live.session.session_id: live for live in self._lives}
        panel_id = uuid4().hex
        self._kept = KeptOutput(panel_id, self._transcript, self._size, _TRANSCRIPT_STYLE)
        super().__init__(
            height=height, tag=tag, winner=winner, panel_id=panel_id, model_id=panel_id, columns=self._columns()
        )
        for live in self._lives:
            live.listeners.add(self._publish)
        if prompt is not None:
            runtime.submit(self._ask_all(expand(prompt, self._namespace), prompt, ""))

    @property
    def sessions(self) -> list[Session]:
        """The conversations, in the order of the columns."""
        return [live.session for live in self._lives]

    def __repr__(self) -> str:
        models = ", ".join(f"{session.provider}/{session.model}" for session in self.sessions)
        return f"Comparison of {models}. ls.compare({self.tag!r}) shows it again."

    def _ipython_display_(self) -> None:
        data, metadata = self._repr_mimebundle_() or ({}, {})
        display({**data, "text/plain": f"{WITHOUT_KERNEL} {self!r}"}, metadata=metadata, raw=True)
        self._kept.show()

    def _released(self) -> None:
        for live in self._lives:
            live.listeners.discard(self._publish)
        self._kept.let_go()

    async def _open(self, sessions: list[Session], tag: str) -> tuple[list[LiveConversation], str]:
        lives = [await live_conversation(session, self._manager) for session in sessions]
        for live in lives:
            self._numbers[live.session.session_id] = Numbers.of(await live.session.get_messages())
        return lives, await sessions_of.picked(sessions, tag)

    def _everything(self) -> dict[str, Patch]:
        return {live.session.session_id: live.state.since(0) for live in self._lives}

    def _columns(self) -> list[dict[str, Any]]:
        return [
            {
                "session": session.session_id,
                "model": f"{session.provider}/{session.model}",
                "problem": self._problems.get(session.session_id, ""),
                **self._numbers[session.session_id].shown(),
            }
            for session in self.sessions
        ]

    # --- turns ---

    async def _ask_all(self, text: str, typed: str, rid: str) -> None:
        lives = [live for live in self._lives if live.session.status.is_active]
        if not lives:
            raise SessionStateError("These chats are archived and read-only. Unarchive one to go on.")
        await asyncio.gather(*(self._ask(live, text, typed, rid) for live in lives))

    async def _ask(self, live: LiveConversation, text: str, typed: str, rid: str) -> None:
        session_id = live.session.session_id
        self._asked[session_id] = text, typed
        await self._measured(live, live.send(text, rid, typed))

    async def _measured(self, live: LiveConversation, turn: Any) -> None:
        """Take a turn. What kept it from beginning stands in its column; what failed later is shown by the reply."""
        session_id = live.session.session_id
        if self._problems.pop(session_id, None):
            self.columns = self._columns()
        try:
            await turn
        except SessionError as error:
            self._problems[session_id] = mask_secrets(error.message)
        finally:
            self._numbers[session_id] = Numbers.of(await live.session.get_messages())
            self.columns = self._columns()
            self._kept.update()

    # --- requests: `column` is the session that a request is about ---

    def _acknowledged(self, request: Mapping[str, Any]) -> None:
        live = self._by_id.get(request.get("column", ""))
        if live is not None:
            live.acknowledge(request.get("seq", 0))

    def _column(self, request: Mapping[str, Any]) -> LiveConversation:
        live = self._by_id.get(request.get("column", ""))
        if live is None:
            raise SessionNotFoundError("This conversation is not part of the comparison.")
        return live

    async def _do_ready(self, request: Mapping[str, Any]) -> None:
        state = self._column(request).state
        patch = state.since(request.get("have", 0) if request.get("session") == state.session else 0)
        self.send({**patch, "to": request["view"]})

    async def _do_send(self, request: Mapping[str, Any]) -> None:
        typed = str(request["text"])
        text = await asyncio.to_thread(expand, typed, self._namespace)
        await self._ask_all(text, typed, request["rid"])

    async def _do_stop_all(self, _request: Mapping[str, Any]) -> None:
        for live in self._lives:
            live.stop()

    async def _do_stop(self, request: Mapping[str, Any]) -> None:
        self._column(request).stop()

    async def _do_retry(self, request: Mapping[str, Any]) -> None:
        live = self._column(request)
        asked = self._asked.get(live.session.session_id)
        if asked is not None:
            await self._ask(live, *asked, request["rid"])

    async def _do_regenerate(self, request: Mapping[str, Any]) -> None:
        live = self._column(request)
        await self._measured(live, live.regenerate(request["id"], request["rid"]))

    async def _do_edit(self, request: Mapping[str, Any]) -> None:
        live, typed = self._column(request), str(request["text"])
        text = await asyncio.to_thread(expand, typed, self._namespace)
        await self._measured(live, live.edit(request["id"], text, request["rid"], typed))

    async def _do_switch_branch(self, request: Mapping[str, Any]) -> None:
        await self._column(request).switch_branch(request["id"])

    async def _do_feedback(self, request: Mapping[str, Any]) -> None:
        await self._column(request).rate(request["id"], request.get("rating", ""), request.get("note", ""))

    async def _do_source(self, request: Mapping[str, Any]) -> str:
        return await self._column(request).source(request["id"])

    async def _do_earlier(self, request: Mapping[str, Any]) -> None:
        await self._column(request).load_earlier()

    async def _do_complete(self, request: Mapping[str, Any]) -> list[list[str]]:
        names = names_starting_with(request.get("prefix", ""), self._namespace)
        return [[name, _kind_of(self._namespace.get(name))] for name in names]

    async def _do_pick(self, request: Mapping[str, Any]) -> None:
        live = self._column(request)
        taken_back = self.winner == live.session.session_id
        await sessions_of.pick(self.sessions, self.tag, live.session, taken_back)
        self.winner = "" if taken_back else live.session.session_id
        self._kept.update()

    # --- what the saved notebook keeps ---

    def _size(self) -> int:
        return sum(live.state.size() for live in self._lives) if self._pages else 0

    def _transcript(self) -> dict[str, str]:
        """Return the columns as a plain output of its own, which the live widget hides."""
        parts = []
        for live, column in zip(self._lives, self._columns(), strict=True):
            best = " (the best)" if self.winner == column["session"] else ""
            numbers = f"{column['time']}, {column['tokens']}, {column['cost']}"
            said = "".join(said_in(view) for view in live.state.views() if view["state"] != "running")
            problem = about(column["problem"]) if column["problem"] else ""
            parts.append(f"<section>{who(column['model'] + best)}{about(numbers)}{said}{problem}</section>")
        body = f'{about(repr(self))}<div class="lsnb-side-by-side">{"".join(parts)}</div>'
        html = f'<div class="lsnb-transcript {class_of(self.panel_id)}">{body}</div>'
        return {"text/html": html, "text/plain": repr(self)}


def compare(
    prompt_or_sessions: str | Iterable[Session | str],
    models: Iterable[str] | None = None,
    *,
    source: SessionManager | ISessionStorage | str | os.PathLike[str] | None = None,
    user_id: str | None = None,
    system: str | None = None,
    provider_config: Mapping[str, Any] | None = None,
    height: int = 560,
) -> Comparison:
    """Return several models side by side, each answering the same prompt at once.

    `prompt_or_sessions` is a prompt, which may have `{{ expression }}` in it; or sessions or their ids, which are shown
    as they are; or an earlier comparison's tag. `models` are names as in "openai/gpt-5-mini"; without them it is every
    provider that has a key. Each model has a session of its own in the store of `source`, and all bear one tag.
    `system` is their system prompt, `provider_config` their options (temperature, max_tokens, ...).
    """
    manager = manager_of(source)
    if not isinstance(prompt_or_sessions, str):
        tag, sessions = runtime.run(sessions_of.given_sessions(manager, prompt_or_sessions))
        return Comparison(manager, tag, sessions, height=height)
    if sessions_of.is_tag(prompt_or_sessions):
        tag = prompt_or_sessions.strip()
        return Comparison(manager, tag, runtime.run(sessions_of.stored_sessions(manager, tag)), height=height)
    namespace = _user_namespace()
    # Before anything is made: what cannot be evaluated is no prompt.
    if not expand(prompt_or_sessions, namespace).strip():
        raise SessionError("The prompt is empty. Write something to compare the replies to.")
    names = sessions_of.chosen_models(models, manager.providers)
    made = sessions_of.new_sessions(
        manager, user_id or current_user(), names, notebook_path(namespace), system, provider_config
    )
    tag, sessions = runtime.run(made)
    return Comparison(manager, tag, sessions, prompt=prompt_or_sessions, height=height)
