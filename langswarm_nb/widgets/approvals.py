"""Calls of tools that wait for the reader's word."""

from __future__ import annotations

import asyncio
import json
import unicodedata
from collections.abc import Callable
from concurrent.futures import Future

from ..clock import new_id
from ..redaction import mask_secrets
from ..stream_events import ToolCall
from .protocol import Ask

# A turn that waits for ever would hold the session.
PATIENCE_S = 600.0
LONGEST_ARGUMENTS = 20_000


class Approvals:
    """Asks on whichever loop the turn runs; `changed` hears of every question that comes or goes."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._waiting: dict[str, tuple[Ask, Future[bool | str]]] = {}
        self._always: set[str] = set()

    @property
    def asks(self) -> list[Ask]:
        """What waits for an answer, oldest first."""
        return [ask for ask, _ in list(self._waiting.values())]

    async def ask(self, call: ToolCall) -> bool | str:
        """Return True when the reader allows the call, else why it may not be made."""
        if call.name in self._always:
            return True
        key, answer = new_id(), Future[bool | str]()
        self._waiting[key] = ({"id": key, "name": call.name, "arguments": arguments_text(call)}, answer)
        self._changed()
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await asyncio.wrap_future(answer)
        except TimeoutError:
            return f"nobody answered within {PATIENCE_S / 60:.0f} minutes"
        finally:
            self._waiting.pop(key, None)
            self._changed()

    def answer(self, key: str, allow: bool, *, always: bool = False, reason: str = "") -> None:
        """Take the reader's word; one that comes after another's has no effect."""
        ask, answer = self._waiting.get(key, (None, None))
        if ask is None or answer is None or answer.done():
            return
        if allow and always:
            self._always.add(ask["name"])
        answer.set_result(allow or " ".join(reason.split())[:300])
        if allow and always:
            for other in [waiting["id"] for waiting in self.asks if waiting["name"] == ask["name"]]:
                self.answer(other, True)

    def refuse_all(self, reason: str) -> None:
        """Refuse whatever waits."""
        for ask in self.asks:
            self.answer(ask["id"], False, reason=reason)


def arguments_text(call: ToolCall) -> str:
    """Return the arguments as a person can check them: nothing invisible, nothing that turns the text around."""
    text = json.dumps(call.arguments, indent=2, ensure_ascii=False, default=str)
    seen = "".join(
        f"\\u{ord(letter):04x}" if unicodedata.category(letter) in ("Cf", "Cs") else letter
        for letter in mask_secrets(text)
    )
    if len(seen) <= LONGEST_ARGUMENTS:
        return seen
    return f"{seen[:LONGEST_ARGUMENTS]}\n… {len(seen) - LONGEST_ARGUMENTS} more characters"
