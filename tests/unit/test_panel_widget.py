"""The panel without a browser: what it takes, what it answers, what it leaves."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import langswarm_nb as ls
from langswarm_nb import runtime
from langswarm_nb.widgets import transcript
from langswarm_nb.widgets.assets import sheet
from langswarm_nb.widgets.session_browser_actions import SessionActions
from langswarm_nb.widgets.session_browser_index import SessionIndex


class Wire:
    """The other end of a panel."""

    def __init__(self, panel: ls.ChatPanel, monkeypatch: pytest.MonkeyPatch) -> None:
        self.panel = panel
        self.received: list[dict[str, Any]] = []
        monkeypatch.setattr(panel, "send", lambda content, buffers=None: self.received.append(content))
        self.say("ready", session="", have=0, version=1)
        self.wait_for(lambda message: message.get("to") == "view")

    def say(self, kind: str, **fields: Any) -> None:
        self.panel._on_request(self.panel, {"kind": kind, "view": "view", "rid": kind, **fields}, [])

    def wait_for(self, wanted: Any) -> dict[str, Any]:
        for _ in range(500):
            for message in list(self.received):
                if wanted(message):
                    return message
            time.sleep(0.01)
        raise AssertionError(self.received)

    def ask(self, kind: str, **fields: Any) -> Any:
        self.received.clear()
        self.say(kind, **fields)
        return self.wait_for(lambda message: message["kind"] in ("answer", "failed"))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LANGSWARM_NB_DB", str(tmp_path / "chats.duckdb"))
    monkeypatch.setenv("LANGSWARM_NB_USER", "reader")
    monkeypatch.setenv("JPY_SESSION_NAME", "/notebooks/a.ipynb")
    for key in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(key, raising=False)
    yield
    runtime.close()


pytestmark = pytest.mark.usefixtures("store")


def test_what_every_panel_carries_stays_small() -> None:
    state = ls.chat().get_state()
    assert sum(len(str(state[name]).encode()) for name in ("_esm", "_script", "_css")) < 60_000


def test_what_a_page_asks_again_is_done_once_and_answered_again(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(ls.chat(provider_config={"response_delay_ms": 0}), monkeypatch)
    first = wire.ask("send", text="hello")
    assert wire.ask("send", text="hello", again=True) == first
    failed = wire.ask("rename", title=["no", "title"])
    assert failed["kind"] == "failed"
    assert wire.ask("rename", title=["no", "title"], again=True) == failed
    # Asked again before it was heard at all, it is done.
    assert wire.ask("new_chat", again=True)["kind"] == "answer"
    wire.received.clear()
    wire.say("ready", session="", have=0, version=1)
    assert len(ls.messages()) == 2


def test_what_is_loaded_later_restyles_no_other_widget_of_the_page() -> None:
    def classes(*files: str) -> set[str]:
        return set(re.findall(r"\.(lsnb-[\w-]+)", sheet(*files)))

    others = classes("session_browser/session_browser.css", "compare/compare.css")
    assert classes("extras.css") & others - classes("chat.css", "header.css") == set()


def test_the_chat_in_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(ls.chat(provider_config={"response_delay_ms": 0}), monkeypatch)
    unknown = dict(wire.ask("numbers")["value"])
    assert (unknown["Replies, all versions"], unknown["Output"], unknown["Cost"]) == ("0", "– tokens", "–")
    wire.ask("send", text="Hello")
    reply = wire.panel._live.state.order[-1]
    wire.ask("regenerate", id=reply)
    known = dict(wire.ask("numbers")["value"])
    assert (known["Messages"], known["Replies, all versions"]) == ("3", "2")
    assert known["Output"] == "8 tokens"
    assert known["Cost"] == "–"


def test_an_unknown_keyword_is_refused() -> None:
    with pytest.raises(TypeError, match="colour"):
        ls.chat(colour="red")


def test_a_question_is_heard_at_once_and_answered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(ls.chat(provider_config={"response_delay_ms": 0}), monkeypatch)
    assert wire.ask("send", text="Hello")["kind"] == "answer"
    kinds = [message["kind"] for message in wire.received]
    assert kinds[0] == "heard"
    [answering] = [message for message in wire.received if message.get("answers") == "send"]
    assert [view["role"] for view in answering["messages"]] == ["user", "assistant"]
    numbers = [message["seq"] for message in wire.received if "seq" in message]
    assert numbers == sorted(set(numbers))
    last = [message for message in wire.received if message["kind"] == "patch"]
    final = {view["id"]: view for patch in last for view in patch.get("messages", ())}
    assert [view["state"] for view in final.values()] == ["complete", "complete"]
    assert len(ls.messages()) == 2


def test_the_same_notebook_goes_on_and_another_starts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    first = ls.chat()
    Wire(first, monkeypatch).ask("send", text="Hello")
    runtime.close()
    again = ls.chat()
    assert again.session.session_id == first.session.session_id
    assert [view["text"] for view in again._everything()["messages"] if view["role"] == "user"] == ["Hello"]
    assert ls.chat(new=True).session.session_id != first.session.session_id
    monkeypatch.setenv("JPY_SESSION_NAME", "/notebooks/b.ipynb")
    assert ls.chat().session.session_id != first.session.session_id
    assert ls.chat(first.session.session_id).session.session_id == first.session.session_id


@pytest.mark.parametrize(
    ("kind", "fields", "says"),
    [
        ("send", {"text": "  "}, "empty"),
        ("send", {"text": "{{ nothing }}"}, "cannot be evaluated"),
        ("edit", {"id": "nobody", "text": "x"}, "nobody"),
        ("regenerate", {"id": "nobody"}, "nobody"),
        ("open", {"session": "nowhere"}, "no session"),
        ("model", {"model": "nobody/x"}, "no provider"),
        ("dance", {}, "Restart"),
    ],
)
def test_what_cannot_be_done_says_why(
    kind: str, fields: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = Wire(ls.chat(), monkeypatch).ask(kind, **fields)
    assert answer["kind"] == "failed"
    assert says in answer["error"]["text"]
    assert len(ls.messages()) == 0


def test_two_panels_on_one_session_hear_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Wire(ls.chat(), monkeypatch)
    other = Wire(ls.chat(), monkeypatch)
    one.ask("send", text="Hello")
    other.wait_for(lambda message: any(view["state"] == "complete" for view in message.get("messages", ())))
    heard = [message for message in other.received if message["kind"] in ("patch", "delta") and "to" not in message]
    assert heard == [message for message in one.received if message["kind"] in ("patch", "delta")]


def test_what_a_cell_says_in_the_session_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(ls.chat(), monkeypatch)
    runtime.run(wire.panel.session.send_message("From a cell"))
    patch = wire.wait_for(lambda message: len(message.get("order", ())) == 2)
    assert [view["state"] for view in patch["messages"]] == ["complete", "complete"]
    # What a page has already is not sent again: somebody may be writing in its place.
    runtime.run(wire.panel.session.send_message("Once more"))
    patch = wire.wait_for(lambda message: len(message.get("order", ())) == 4)
    assert [view["id"] for view in patch["messages"]] == patch["order"][2:]


def test_a_chat_that_is_deleted_elsewhere_says_so_and_can_be_brought_back(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(ls.chat(), monkeypatch)
    wire.ask("send", text="Hello")
    session = wire.panel.session
    actions = SessionActions(runtime.default_manager(), SessionIndex(session.storage, None))

    def closed() -> str:
        header = wire.wait_for(lambda message: message.get("header", {}).get("archived") is not None)["header"]
        wire.received.clear()
        assert header["archived"] == bool(header["closed"]) == bool(header["reopen"])
        return header["closed"]

    wire.received.clear()
    runtime.run(actions.trash([session.session_id], lambda done, total: None))
    assert closed() == "This chat was deleted and is read-only."
    wire.say("unarchive")
    assert closed() == ""
    assert wire.ask("send", text="Again")["kind"] == "answer"
    wire.received.clear()
    runtime.run(session.archive())
    assert closed() == "This chat is archived and read-only."
    runtime.run(runtime.default_manager().delete_session(session.session_id))
    assert closed() == "This chat was deleted and is read-only."
    failed = wire.ask("unarchive")
    assert "deleted" in failed["error"]["text"]


def test_nothing_is_sent_while_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(ls.chat(), monkeypatch)
    wire.say("gone")
    wire.received.clear()
    runtime.run(wire.panel._live.send("Hello", "r", "Hello"))
    assert wire.received == []
    wire.say("ready", session=wire.panel.session.session_id, have=1, version=1)
    assert len(wire.wait_for(lambda message: message.get("to") == "view")["messages"]) == 2


def test_earlier_messages_come_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = ls.chat()

    async def fill() -> None:
        for n in range(90):
            await panel.session.add_message("user", f"number {n}")

    runtime.run(fill())
    wire = Wire(ls.chat(), monkeypatch)
    assert len(wire.panel._everything()["order"]) == 40
    assert wire.panel._everything()["header"]["earlier"] == 50
    wire.ask("earlier")
    assert len(wire.panel._everything()["order"]) == 80
    wire.ask("earlier")
    assert wire.panel._everything()["header"]["earlier"] == 0


def test_what_the_file_keeps_waits_for_a_page_that_has_much_to_read_and_for_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[str] = []
    monkeypatch.setattr(transcript, "display", lambda data, **_: written.append(data["text/html"]))
    monkeypatch.setattr(transcript, "_AT_ONCE", 200)
    monkeypatch.setattr(transcript, "PAUSE_S", 3600)
    panel = ls.chat(provider_config={"response_delay_ms": 0})
    panel._kept.show()
    written.clear()
    runtime.run(panel._live.send("Headless " * 50, "r", ""))
    assert len(written) == 1
    assert "Headless" in written[0]
    wire = Wire(panel, monkeypatch)
    wire.ask("send", text="Looked at", files=[])
    assert len(written) == 1
    wire.ask("keep")
    assert len(written) == 2
    assert "Looked at" in written[-1]


def test_closing_leaves_no_widget_and_no_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    from ipywidgets.widgets.widget import _instances

    before = len(_instances)
    live = None
    for _ in range(20):
        panel = ls.chat()
        live = panel._live
        panel.close()
    assert live is not None
    assert not live.listeners
    assert not live.after_turn
    assert len(_instances) == before


def test_the_panels_text_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = ls.chat()
    Wire(panel, monkeypatch).ask("send", text="Hello there")
    assert repr(panel) == "Chat panel “Hello there”: 2 messages. Run this cell to go on."


def test_a_rating_is_shown_again_after_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(ls.chat(provider_config={"response_delay_ms": 0}), monkeypatch)
    wire.ask("send", text="Hello")
    reply = ls.messages().iloc[-1]["message_id"]
    wire.ask("feedback", id=reply, rating="up", note="well said")
    wire.ask("feedback", id=reply, rating="down", note="")
    runtime.close()

    again = Wire(ls.chat(), monkeypatch)
    shown = again.wait_for(lambda message: message.get("to") == "view")["messages"]
    assert [view.get("rating") for view in shown if view["id"] == reply] == ["down"]


def test_no_key_is_in_what_a_page_or_a_saved_notebook_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    planted = "sk-planted-0123456789abcdef"
    manager = ls.create_session_manager(
        "memory", providers={"mock": planted}, provider_config={"mock": {"api_key": planted, "headers": {"x": planted}}}
    )
    panel = ls.chat(manager=manager, provider="mock", provider_config={"api_key": planted, "response_delay_ms": 0})
    wire = Wire(panel, monkeypatch)
    wire.ask("send", text="Hello")
    panel.session.provider_session.set_error_rate(1)
    wire.ask("send", text="Again")
    everything = f"{panel.get_state()}{wire.received}{panel._transcript()}{panel!r}"
    assert "Hello" in everything
    assert planted not in everything
