"""What a page shows of one conversation, numbered so that a page can say what it lacks."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from .protocol import Delta, Header, MessageView, Patch


class PanelState:
    """Header, messages in order, and the reply that streams. Every change gets the next number.

    Changed from one thread, read from any: a page that is loaded reads it on whichever thread the kernel has for it.
    """

    def __init__(self, header: Header) -> None:
        self.seq = 1
        self.header = header
        self._header_seq = 1
        self._order: list[str] = []
        self._order_seq = 1
        # The request that was answered last: a page that did not hear of it still shows it as waiting.
        self._answered = ""
        self._answered_seq = 1
        self._views: dict[str, MessageView] = {}
        self._changed: dict[str, int] = {}
        self._frozen: dict[str, list[str]] = {}
        self._guard = threading.RLock()

    @property
    def session(self) -> str:
        """The id of the session that is shown."""
        return self.header["session"]

    @property
    def order(self) -> Sequence[str]:
        """The ids that are shown, oldest first."""
        return self._order

    def views(self) -> list[MessageView]:
        """Return what is shown, oldest first."""
        with self._guard:
            return [self._whole(key) for key in self._order]

    def size(self) -> int:
        """Return how many characters of HTML and text the messages have."""
        with self._guard:
            return sum(len(view.get("html", "")) + len(view.get("text", "")) for view in self._views.values())

    def find(self, message_id: str) -> MessageView | None:
        """Return the view with this id, if it is shown."""
        return self._views.get(message_id)

    def change(
        self,
        header: Header | None = None,
        order: Sequence[str] | None = None,
        messages: Iterable[MessageView] = (),
        answers: str = "",
    ) -> Patch:
        """Take the changes and return the patch that tells of them; without `order`, new messages go to the end."""
        with self._guard:
            base = self.seq
            self.seq += 1
            if header is not None and header != self.header:
                self.header, self._header_seq = header, self.seq
            views = list(messages)
            for view in views:
                # What was merely read again stays as it is on the page, with what somebody opened or writes there.
                if view == self._views.get(view["id"]):
                    continue
                self._views[view["id"]] = view
                self._changed[view["id"]] = self.seq
                if view["state"] != "running":
                    self._frozen.pop(view["id"], None)
            new_order = list(order) if order is not None else self._with_new(views)
            if new_order != self._order:
                self._order, self._order_seq = new_order, self.seq
                self._forget_all_but(set(new_order))
            if answers:
                self._answered, self._answered_seq = answers, self.seq
            return self.since(base)

    def since(self, have: int) -> Patch:
        """Return all that changed after number `have`; everything for 0 or a number of the future."""
        with self._guard:
            if not 0 < have <= self.seq:
                have = 0
            patch: Patch = {"kind": "patch", "session": self.session, "seq": self.seq, "base": have}
            if self._header_seq > have:
                patch["header"] = self.header
            if self._order_seq > have:
                patch["order"] = list(self._order)
            if self._answered and self._answered_seq > have:
                patch["answers"] = self._answered
            if changed := [self._whole(key) for key in self._order if self._changed[key] > have]:
                patch["messages"] = changed
            return patch

    def grow(self, message_id: str, frozen: Sequence[str], tail: str, reasoning: str | None = None) -> Delta:
        """Take more of the running reply and return the delta that tells of it."""
        with self._guard:
            view = self._views[message_id]
            keep, add, back = difference(view.get("tail", ""), tail)
            self.seq += 1
            self._frozen.setdefault(message_id, []).extend(frozen)
            grown: MessageView = {**view, "tail": tail}
            if reasoning is not None:
                grown["reasoning"] = reasoning
            self._views[message_id] = grown
            self._changed[message_id] = self.seq
            delta: Delta = {
                "kind": "delta",
                "session": self.session,
                "seq": self.seq,
                "id": message_id,
                "frozen": list(frozen),
                "keep": keep,
                "add": add,
                "back": back,
            }
        if reasoning is not None:
            delta["reasoning"] = reasoning
        return delta

    def _forget_all_but(self, shown: set[str]) -> None:
        for message_id in [known for known in self._views if known not in shown]:
            del self._views[message_id], self._changed[message_id]
            self._frozen.pop(message_id, None)

    def _with_new(self, views: Sequence[MessageView]) -> list[str]:
        known = set(self._order)
        return [*self._order, *(view["id"] for view in views if view["id"] not in known)]

    def _whole(self, message_id: str) -> MessageView:
        view = self._views[message_id]
        return {**view, "html": "".join(self._frozen.get(message_id, ()))} if view["state"] == "running" else view


def difference(old: str, new: str) -> tuple[int, str, int]:
    """Return `keep`, `add`, `back`: `new` is `old[:keep] + add + old[len(old) - back:]`, in UTF-16 units."""
    shorter = min(len(old), len(new))
    keep = _common(old, new, shorter)
    back = _common(old[::-1], new[::-1], shorter - keep)
    add = new[keep : len(new) - back]
    return _utf16(old[:keep]), add, _utf16(old[len(old) - back :] if back else "")


def _common(one: str, other: str, longest: int) -> int:
    """Return how many of the first `longest` characters are the same, by halving."""
    if one[:longest] == other[:longest]:
        return longest
    low, high = 0, longest
    while high - low > 1:
        middle = (low + high) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle
    return low


def _utf16(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)
