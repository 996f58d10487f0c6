"""What goes between kernel and page: numbered, nothing lost, nothing doubled, no more than the page can show."""

from __future__ import annotations

import asyncio
import random
import time
from decimal import Decimal
from typing import Any

import pytest

from langswarm_nb import SessionMessage, Usage
from langswarm_nb.clock import now
from langswarm_nb.interfaces import Completed, ReasoningDelta, Retrying, TextDelta
from langswarm_nb.rendering import render_markdown
from langswarm_nb.widgets import assets, formats
from langswarm_nb.widgets.message_views import MessageViews, short_model_name
from langswarm_nb.widgets.panel_state import PanelState, difference
from langswarm_nb.widgets.reply_stream import LONGEST_WAIT_S, SHORTEST_PAUSE_S, UNDER_WAY, Pace, ReplyStream


class Page:
    """What a page does with the messages, as store.js does it."""

    def __init__(self, state: PanelState) -> None:
        self.state = state
        self.seq = 0
        self.order: list[str] = []
        self.views: dict[str, Any] = {}
        self.asked = 0

    def take(self, message: Any) -> None:
        if message["kind"] == "delta":
            self._take_delta(message)
        elif message["base"] > self.seq:
            self.resync()
        elif message["base"] == 0 or message["seq"] > self.seq:
            self._take_patch(message)

    def resync(self) -> None:
        self.asked += 1
        self._take_patch(self.state.since(self.seq))

    def _take_patch(self, patch: Any) -> None:
        if patch["base"] == 0:
            self.views = {}
        self.seq = patch["seq"]
        self.order = patch.get("order", self.order)
        self.views |= {view["id"]: dict(view) for view in patch.get("messages", ())}
        self.views = {key: self.views[key] for key in self.order}

    def _take_delta(self, delta: Any) -> None:
        if delta["seq"] <= self.seq:
            return
        if delta["seq"] != self.seq + 1:
            self.resync()
            return
        self.seq = delta["seq"]
        view = self.views[delta["id"]]
        old = view.get("tail", "").encode("utf-16-le")
        keep, back = 2 * delta["keep"], 2 * delta["back"]
        tail = old[:keep] + delta["add"].encode("utf-16-le") + (old[len(old) - back :] if back else b"")
        view["tail"] = tail.decode("utf-16-le")
        view["html"] = view.get("html", "") + "".join(delta["frozen"])


def header(**changes: Any) -> Any:
    return {"session": "s", "title": "", "running": "", **changes}


def view(message_id: str, **fields: Any) -> Any:
    return {"id": message_id, "role": "assistant", "author": "mock", "state": "complete", "html": message_id, **fields}


def running(message_id: str) -> Any:
    return {"id": message_id, "role": "assistant", "author": "mock", "state": "running"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("", "new"),
        ("old", ""),
        ("<p>one</p>", "<p>one two</p>"),
        ("aaa", "aaaa"),
        ("<p>😀</p>", "<p>😀😀</p>"),
        ("<p>a</p>", "<h1>a</h1>"),
    ],
)
def test_a_difference_gives_the_new_text(old: str, new: str) -> None:
    keep, add, back = difference(old, new)
    units = old.encode("utf-16-le")
    made = units[: 2 * keep] + add.encode("utf-16-le") + (units[len(units) - 2 * back :] if back else b"")
    assert made.decode("utf-16-le") == new


def test_a_difference_is_small_where_little_changed() -> None:
    keep, add, back = difference("<p>" + "word " * 500 + "</p>", "<p>" + "word " * 500 + "more</p>")
    assert (keep, add, back) == (2503, "more", 4)


@pytest.mark.parametrize("seed", range(20))
def test_a_page_that_loses_messages_shows_the_same_in_the_end(seed: int) -> None:
    chance = random.Random(seed)
    state = PanelState(header())
    pages = [Page(state) for _ in range(3)]
    losses = (0, 0.3, 0.9)
    for page in pages:
        page.resync()

    def tell(message: Any) -> None:
        for page, loss in zip(pages, losses, strict=True):
            if chance.random() >= loss:
                page.take(message)

    for turn in range(5):
        reply = f"reply-{turn}"
        tell(state.change(header(running=reply), messages=[view(f"question-{turn}"), running(reply)]))
        for step in range(chance.randrange(20)):
            frozen = [f"<p>{turn}-{step}</p>"] if chance.random() < 0.3 else []
            tell(state.grow(reply, frozen, "<p>" + "".join(chance.choices("ab😀 ", k=chance.randrange(12))) + "</p>"))
            if chance.random() < 0.1:
                # A note changes the running reply without losing what came.
                tell(state.change(messages=[{**state.find(reply), "note": "slow"}]))  # type: ignore[typeddict-item]
            if chance.random() < 0.1:
                late = Page(state)
                late.take(state.since(0))
                assert late.views[reply]["tail"] == state.views()[-1]["tail"]
                assert late.views[reply]["html"] == state.views()[-1]["html"]
        if chance.random() < 0.5:
            tell(state.change(header(), messages=[view(reply, html=f"whole {turn}")]))
        else:
            tell(state.change(header(), [*state.order[: 2 * turn], "edited", reply], [view("edited"), view(reply)]))
            state.change(header(), [key for key in state.order if key != "edited"])
    last = state.change(header(title="The end"))
    for page in pages:
        page.take(last)
        assert [page.views[key] for key in page.order] == state.views()
        assert page.seq == state.seq
    assert pages[0].asked <= 6


def test_a_number_that_is_not_known_gets_everything() -> None:
    state = PanelState(header())
    state.change(messages=[view("a")])
    assert state.since(99)["base"] == 0
    assert [shown["id"] for shown in state.since(99)["messages"]] == ["a"]
    assert "messages" not in state.since(state.seq)


def test_the_pace_waits_for_a_slow_page_but_not_for_ever() -> None:
    async def follow() -> list[float]:
        pace, gone = Pace(), []
        start = time.monotonic()
        for seq in range(1, UNDER_WAY + 2):
            await pace.turn()
            gone.append(time.monotonic() - start)
            pace.sent(seq)
        pace.acknowledge(UNDER_WAY + 1)
        await pace.turn()
        gone.append(time.monotonic() - start)
        return gone

    gone = asyncio.run(follow())
    assert gone[0] < SHORTEST_PAUSE_S
    assert gone[1] >= SHORTEST_PAUSE_S * 0.9
    assert gone[UNDER_WAY] - gone[UNDER_WAY - 1] >= LONGEST_WAIT_S * 0.9
    assert gone[UNDER_WAY + 1] - gone[UNDER_WAY] < LONGEST_WAIT_S * 0.9


def test_many_chunks_become_few_deltas_and_the_whole_is_the_renderers() -> None:
    text = "# Title\n\nSome *text* and `code`.\n\n" * 60
    shown: list[Any] = []
    notes: list[str] = []

    async def events() -> Any:
        yield Retrying(1, 2.0, "Too many requests.")
        yield ReasoningDelta("Hm. ")
        for start in range(0, len(text), 3):
            await asyncio.sleep(0)
            yield TextDelta(text[start : start + 3])
        await asyncio.sleep(0.3)

    async def ignore(event: Any) -> None:
        raise AssertionError(event)

    def show(frozen: tuple[str, ...], tail: str, reasoning: str | None) -> int:
        shown.append((frozen, tail, reasoning))
        return len(shown)

    stream = ReplyStream(show, notes.append)
    asyncio.run(stream.follow(events(), ignore))
    assert 1 <= len(shown) < 12
    assert shown[0][2] == "Hm. "
    assert notes == ["Too many requests. Trying again in 2 s (1).", ""]
    assert stream.finish() == render_markdown(text)
    assert stream.text == text


def test_nothing_follows_on_the_end_of_a_reply() -> None:
    shown: list[str] = []

    async def events() -> Any:
        yield TextDelta("All ")
        await asyncio.sleep(2 * SHORTEST_PAUSE_S)
        # The second delta waits for its pause when the end is told.
        yield TextDelta("of ")
        await asyncio.sleep(1.5 * SHORTEST_PAUSE_S)
        yield TextDelta("it.")
        yield Completed(finish_reason="stop")
        await asyncio.sleep(4 * SHORTEST_PAUSE_S)

    def show(frozen: tuple[str, ...], tail: str, reasoning: str | None) -> int:
        shown.append(tail)
        return len(shown)

    async def end(event: Any) -> None:
        shown.append("the end")
        stream.end()

    stream = ReplyStream(show, str)
    asyncio.run(stream.follow(events(), end))
    assert shown[-1] == "the end"
    assert len(shown) >= 2
    assert stream.finish() == render_markdown("All of it.")


def test_a_view_says_what_is_unknown_with_a_dash() -> None:
    views = MessageViews()
    plain = SessionMessage("m1", "s", "assistant", "Hi *you*", now(), request_model="mock-model", provider="mock")
    shown = views.view(plain)
    assert (shown["numbers"]["time"], shown["numbers"]["tokens"], shown["numbers"]["cost"]) == ("–", "– tokens", "–")
    assert shown["html"] == render_markdown("Hi *you*")
    assert shown["author"] == "mock"
    priced = SessionMessage("m2", "s", "assistant", "x", now(), usage=Usage(10, 412), cost_usd=Decimal("0.0041"))
    priced.duration_s = 1.84
    numbers = views.view(priced)["numbers"]
    assert (numbers["time"], numbers["tokens"], numbers["cost"]) == ("1.8 s", "412 tokens", "$0.0041")


def test_alternatives_are_counted_at_their_place() -> None:
    def reply(message_id: str, parent: str) -> SessionMessage:
        return SessionMessage(message_id, "s", "assistant", "x", now(), parent_id=parent)

    everything = [reply("a", "q"), reply("b", "q"), reply("c", "other"), reply("d", "q")]
    shown = MessageViews().views([everything[1], everything[2]], everything)
    assert shown[0]["branch"] == {"at": 2, "ids": ["a", "b", "d"]}
    assert "branch" not in shown[1]


@pytest.mark.parametrize(
    ("made", "read"),
    [
        (formats.seconds(None), "–"),
        (formats.seconds(0.04), "0.0 s"),
        (formats.seconds(1.84), "1.8 s"),
        (formats.seconds(12.4), "12 s"),
        (formats.seconds(185), "3 min 5 s"),
        (formats.tokens(None), "– tokens"),
        (formats.tokens(1), "1 token"),
        (formats.tokens(1204), "1,204 tokens"),
        (formats.dollars(None), "–"),
        (formats.dollars(Decimal(0)), "$0"),
        (formats.dollars(Decimal("0.00001")), "< $0.0001"),
        (formats.dollars(Decimal("0.004")), "$0.004"),
        (formats.dollars(Decimal("0.012")), "$0.012"),
        (formats.dollars(Decimal("0.1234")), "$0.12"),
        (formats.dollars(Decimal("1234.5")), "$1,234.50"),
        (short_model_name("claude-sonnet-5-5"), "claude"),
        (short_model_name("gpt-6.1-sol"), "gpt-6.1-sol"),
    ],
)
def test_numbers_as_people_read_them(made: str, read: str) -> None:
    assert made == read


def test_what_a_panel_carries_is_small_and_whole() -> None:
    script, style = assets.script(), assets.style()
    assert len(script.encode()) + len(style.encode()) < 60_000
    assert script.rstrip().endswith("export default { render };")
    assert "/**" not in script
    assert "innerHTML" not in "".join(
        (assets._STATIC / "chat" / f"{part}.js").read_text() for part in assets.PARTS if part != "message"
    )
    assert style.count("{") == style.count("}")
    extras = assets.extras()
    assert sum(len(text.encode()) for text in extras.values()) < 40_000
    assert "innerHTML" not in extras["script"]
    assert extras["style"].count("{") == extras["style"].count("}")
