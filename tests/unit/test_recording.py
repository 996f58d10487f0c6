"""A stored conversation that plays again: every word, at the recorded pace, and the store stays as it is."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sharing_stores import message_row, rich_session, session_row, store_at

import langswarm_nb as ls
from langswarm_nb import runtime
from langswarm_nb.clock import now
from langswarm_nb.models import SessionMessage
from langswarm_nb.stream_events import TextDelta
from langswarm_nb.widgets.recording import Recording, recorded


def reply(text: str, **fields) -> SessionMessage:
    return SessionMessage("m1", "s1", "assistant", text, now(), **fields)


async def played(message: SessionMessage, speed: float) -> list[str]:
    return [event.text async for event in recorded(message, speed) if isinstance(event, TextDelta)]


@given(st.text(max_size=200))
@settings(max_examples=40, deadline=None)
def test_every_word_is_played(text):
    pieces = asyncio.run(played(reply(text, duration_s=0.0), 1.0))
    assert "".join(pieces) == text


def test_it_takes_what_it_took_divided_by_the_speed():
    message = reply("some words " * 100, time_to_first_chunk_s=2.0, duration_s=6.0)
    begun = time.monotonic()
    pieces = asyncio.run(played(message, 8.0))
    took = time.monotonic() - begun
    assert "".join(pieces) == message.content
    assert len(pieces) > 5
    assert 0.75 <= took < 3


@pytest.fixture
def store(tmp_path):
    return store_at(tmp_path / "s.duckdb", *rich_session())


def test_a_whole_conversation_plays_and_nothing_is_written(store):
    async def watched():
        manager = runtime.default_manager(str(store))
        live = Recording(await manager.get_session("s1"), manager)
        live.speed = 200.0
        await live.load()
        whole, told = live.state.views(), []
        live.watch(told.append)
        await live.play()
        return whole, live.state.views(), told

    before = ls.messages(store), ls.events(store)
    whole, after, told = runtime.run(watched())
    assert whole == after
    assert not any("branch" in view for view in whole)
    assert [view["role"] for view in whole] == ["user", "assistant", "tool", "assistant", "user", "assistant"]
    first = next(message for message in told if message.get("order") == [])
    assert first["header"]["running"]
    begun = [view["id"] for message in told for view in message.get("messages", ()) if view["state"] == "running"]
    assert len(set(begun)) == 3
    assert any(message["kind"] == "delta" for message in told)
    assert told[-1]["header"]["running"] == ""
    for was, now_there in zip(before, (ls.messages(store), ls.events(store)), strict=True):
        assert was.equals(now_there)


def test_the_panel_reads_and_refuses_to_write(store):
    panel = ls.replay(source=store)
    sent: list[dict] = []
    panel.send = lambda content, buffers=None: sent.append(content)
    fields = {"view": "v", "text": "hi", "title": "x", "id": "m", "files": []}
    for kind in ("send", "rename", "unarchive", "edit", "set_settings", "feedback", "new_chat"):
        runtime.run(panel._fulfil(kind, f"r-{kind}", fields))
        assert sent[-1]["kind"] == "failed"
        assert "This is a recording" in sent[-1]["error"]["text"]
    message = panel._live.state.order[0]
    runtime.run(panel._fulfil("source", "r", {"view": "v", "id": message}))
    assert "How large" in sent[-1]["value"]
    assert panel._live.state.header["archived"]
    assert panel._live.state.header["title"] == "Area <of> it"
    assert ls.sessions(store).status.tolist() == ["active"]


def test_a_link_is_followed_once_and_a_wrong_one_is_told(tmp_path):
    sessions = [session_row(f"s{n}", title=f"Talk {n}") for n in range(3)]
    store = store_at(tmp_path / "s.duckdb", sessions, [message_row(f"s{n}", 1, "user", f"word{n}") for n in range(3)])

    def opened(session: str | None, link: str | None) -> tuple[str, str]:
        panel = ls.replay(session, store)
        panel.send = lambda content, buffers=None: None
        runtime.run(panel._fulfil("ready", "", {"view": "v", "link": link}))
        runtime.run(panel._fulfil("ready", "", {"view": "v", "link": "s2"}))
        header = panel._live.state.header
        return header["session"], header.get("replay", "")

    usual = ls.replay(source=store).session.session_id
    for wanted in ("s0", "s1", "s2"):
        assert opened(None, wanted)[0] == wanted
    assert opened("s1", "s0")[0] == "s1"  # the cell names one itself
    session, told = opened(None, "s9' OR true")
    assert session == usual
    assert "not here" in told


def test_what_cannot_be_replayed_says_why(tmp_path):
    empty = store_at(tmp_path / "empty.duckdb", [session_row("s1", status="deleted")], [])
    with pytest.raises(ls.SessionStateError, match="no conversation"):
        ls.replay(source=empty)
    there = store_at(tmp_path / "there.duckdb", [session_row("s1")], [message_row("s1", 1, "user", "hi")])
    with pytest.raises(ls.SessionNotFoundError):
        ls.replay("s2", there)
    with pytest.raises(ls.ConfigurationError, match="speed"):
        ls.replay(source=there, speed=0)
    with pytest.raises(ls.StorageError, match="no store"):
        ls.replay(source=tmp_path / "nowhere.duckdb")
