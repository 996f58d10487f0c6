"""A widget that talks with its pages: requests in, each heard at once, done on our own loop, and answered."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from contextvars import Context, copy_context
from typing import Any

import anywidget

from .. import runtime
from ..characters import whole_characters
from ..errors import SessionError
from ..redaction import mask_secrets

logger = logging.getLogger(__name__)

# So many answers are kept for a page that did not hear them.
_KEPT_ANSWERS = 50


class PageWidget(anywidget.AnyWidget):
    """Hands the request `kind` to the coroutine `_do_<kind>`, whose value is the answer; see protocol.py.

    An answer that is bytes goes as they are; a request has none, for not every host carries them to the kernel.
    """

    def __init__(self, **traits: Any) -> None:
        self._context: Context | None = None
        self._pages: set[str] = set()
        # What was asked, with its answer or, before there is one, None.
        self._answers: dict[str, dict[str, Any] | None] = {}
        super().__init__(**traits)
        self.on_msg(self._on_request)

    def close(self) -> None:
        """Take the widget away from every page."""
        # Python closes a widget, too, whose making failed.
        if self.comm is not None and "_pages" in vars(self):
            self.on_msg(self._on_request, remove=True)
            self._released()
            self.layout.close()
        super().close()

    def open(self) -> None:
        super().open()
        self._forget_shell()

    def _released(self) -> None:
        """Let go of what the widget listens to."""

    def _page_left(self) -> None:
        """Hear that no page looks any more."""

    def _view_gone(self, view: str) -> None:
        """Hear that one view is gone."""

    def _acknowledged(self, request: Mapping[str, Any]) -> None:
        """Hear how far a page has come."""

    def _typing(self, request: Mapping[str, Any]) -> None:
        """Hear that somebody types, or is over with it."""

    def _error_details(self) -> list[list[str]]:
        """Return what is worth knowing where a request failed."""
        return []

    def _publish(self, message: Any) -> None:
        # Who opens the widget later asks for what there is; sending it to nobody would only cost.
        if self._pages:
            self.send(message)

    def _send(self, msg: Any, buffers: Any = None) -> None:
        # A kernel with subshells may deliver a comm's messages on the shell that published on it last. Publishing in
        # the context of the page's own message keeps the widget answering while a cell runs.
        context = self._context.copy() if self._context is not None else copy_context()
        try:
            context.run(super()._send, msg, buffers)
        except UnicodeEncodeError:
            context.run(super()._send, _sendable(msg), buffers)
        self._forget_shell()

    def _forget_shell(self) -> None:
        # What the comm remembers of the cell that opened it would hold the page's first message back until no cell
        # runs (ipykernel 7.4); without the memory the message goes where the page sends it.
        with contextlib.suppress(TypeError):
            vars(self.comm).pop("_reply_subshell_id", None)

    def _on_request(self, _widget: object, content: Mapping[str, Any], _buffers: object = None) -> None:
        """Hand a page's request over; a callback that waits would hold up the whole kernel."""
        self._context = copy_context()
        kind, rid, view = content.get("kind"), content.get("rid", ""), content.get("view", "")
        if kind == "gone":
            self._pages.discard(view)
            self._view_gone(view)
            if not self._pages:
                self._page_left()
            return
        # Its `ready` may still wait behind a running cell.
        self._pages.add(view)
        if kind == "ack":
            runtime.background_loop().call_soon_threadsafe(self._acknowledged, content)
            return
        if kind == "typing":
            runtime.background_loop().call_soon_threadsafe(self._typing, content)
            return
        if kind != "ready":
            self.send({"kind": "heard", "rid": rid})
            if content.get("again") and rid in self._answers:
                if (answer := self._answers[rid]) is not None:
                    self.send(answer)
                return
            self._answers[rid] = None
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
            logger.exception("the page's request %r failed", kind)
            self._tell_failure(rid, f"That did not work: {mask_secrets(str(error)) or type(error).__name__}.")
        else:
            if isinstance(value, bytes):
                self._answers.pop(rid, None)  # too large to keep, and nothing has changed by reading it
                self.send({"kind": "answer", "rid": rid, "value": len(value)}, [value])
            elif kind != "ready":
                self._answer({"kind": "answer", "rid": rid, "value": value})

    def _tell_failure(self, rid: str, text: str) -> None:
        self._answer({"kind": "failed", "rid": rid, "error": {"text": text, "details": self._error_details()}})

    def _answer(self, answer: dict[str, Any]) -> None:
        self._answers[answer["rid"]] = answer
        answered = [rid for rid, kept in list(self._answers.items()) if kept is not None]
        for rid in answered[:-_KEPT_ANSWERS]:
            self._answers.pop(rid, None)
        self.send(answer)


def _sendable(value: Any) -> Any:
    """Return a message in whose texts there is no half of a character."""
    if isinstance(value, str):
        return whole_characters(value)
    if isinstance(value, Mapping):
        return {_sendable(key): _sendable(inner) for key, inner in value.items()}
    return [_sendable(inner) for inner in value] if isinstance(value, list | tuple) else value
