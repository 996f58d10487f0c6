"""The session browser without a browser: what it finds, what it does, what it refuses."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import langswarm_nb as ls
from langswarm_nb import runtime
from langswarm_nb.clock import now
from langswarm_nb.models import SessionStatus
from langswarm_nb.storage.text_search import marked, words_of
from langswarm_nb.widgets.session_browser_index import Query, SessionIndex

HOSTILE = '<img src=x onerror="alert(1)">\ud800'


class Wire:
    """The page's end of a widget."""

    def __init__(self, widget: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.widget = widget
        self.received: list[dict[str, Any]] = []
        monkeypatch.setattr(widget, "send", lambda content, buffers=None: self.received.append(content))

    def ask(self, kind: str, **fields: Any) -> Any:
        self.received.clear()
        self.widget._on_request(self.widget, {"kind": kind, "view": "view", "rid": kind, **fields}, [])
        answer = self.wait_for("answer", "failed")
        return answer["value"] if answer["kind"] == "answer" else answer["error"]["text"]

    def wait_for(self, *kinds: str) -> dict[str, Any]:
        for _ in range(1000):
            for message in list(self.received):
                if message["kind"] in kinds:
                    return message
            time.sleep(0.01)
        raise AssertionError(self.received)


async def _fill(manager: ls.SessionManager) -> dict[str, str]:
    """Make five sessions and return their ids by title."""
    sessions = [
        ("ada", "Pandas groups", ["work"], ["How do I group by month in pandas?", "Use groupby."]),
        ("ada", "Oslo", ["trip", "work"], ["Plan two days in Oslo. 100% rain, I guess_so."]),
        ("bob", "Bread", [], ["The sourdough recipe of BÄCKER Maier"]),
        ("ada", HOSTILE, ["<b>tag</b>"], [HOSTILE]),
        ("ada", None, [], []),
    ]
    ids = {}
    for user, title, tags, said in sessions:
        session = await manager.create_session(user, "mock", "mock-model", {"name": title, "tags": tags})
        for n, text in enumerate(said):
            await session.add_message("user" if n == 0 else "assistant", text)
        ids[title or "untitled"] = session.session_id
    return ids


@pytest.fixture(params=["duckdb", "memory"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ls.SessionManager]:
    storage = str(tmp_path / "s.duckdb") if request.param == "duckdb" else "memory"
    made = ls.create_session_manager(storage, providers={"mock": None})
    yield made
    runtime.run(made.close())


def _titles(manager: ls.SessionManager, user: str | None = None, **query: Any) -> list[str | None]:
    index = SessionIndex(manager.storage, user)
    rows, total = runtime.run(index.search(Query.of(query)))
    assert total >= len(rows)
    return [row["title"] for row in rows]


def test_words_are_found_in_titles_tags_and_messages_in_any_case(manager: ls.SessionManager) -> None:
    runtime.run(_fill(manager))
    assert _titles(manager, text="PANDAS month") == ["Pandas groups"]
    assert _titles(manager, text='"group by month"') == ["Pandas groups"]
    assert _titles(manager, text='"month group"') == []
    assert _titles(manager, text="bäcker") == ["Bread"]
    assert _titles(manager, text="trip") == ["Oslo"]
    # What means something to SQL's LIKE is only text here.
    assert _titles(manager, text="100%") == ["Oslo"]
    assert _titles(manager, text="%") == ["Oslo"]
    assert _titles(manager, text="guess_so '; --") == []
    assert len(_titles(manager)) == 5


def test_filters_order_pages_and_scope(manager: ls.SessionManager) -> None:
    ids = runtime.run(_fill(manager))
    assert set(_titles(manager, filters={"tag": ["work"]})) == {"Pandas groups", "Oslo"}
    assert _titles(manager, filters={"tag": ["work", "trip"]}) == ["Oslo"]
    assert _titles(manager, filters={"user": ["bob", "nobody"]}) == ["Bread"]
    assert _titles(manager, user="bob") == ["Bread"]
    assert _titles(manager, user="bob", filters={"user": ["ada"]}) == []
    assert _titles(manager, filters={"provider": ["openai"]}) == []
    assert _titles(manager, sort="messages")[0] == "Pandas groups"
    assert _titles(manager, sort="title")[-1] is None
    assert _titles(manager, sort="created")[0] is None
    tomorrow = (now() + timedelta(days=1)).isoformat()
    assert _titles(manager, filters={"since": tomorrow}) == []
    assert len(_titles(manager, filters={"until": tomorrow})) == 5
    everything = _titles(manager)
    assert [*_titles(manager, limit=2), *_titles(manager, offset=2, limit=9)] == everything
    with pytest.raises(ls.ConfigurationError, match="sorted"):
        Query.of({"sort": "1; DROP TABLE sessions"})
    with pytest.raises(ls.ConfigurationError, match="date"):
        Query.of({"filters": {"since": "soon"}})
    facets = runtime.run(SessionIndex(manager.storage, None).facets())
    assert facets["user"] == [["ada", 4], ["bob", 1]]
    assert ["work", 2] in facets["tag"]
    assert len(ids) == 5


def test_what_was_found_comes_in_pieces() -> None:
    assert words_of('two "some  phrase" two "open') == ["two", "some phrase", "open"]
    assert marked("The Sun and the moon", ["sun", "moon"]) == [
        ("The ", False),
        ("Sun", True),
        (" and the ", False),
        ("moon", True),
    ]
    pieces = marked(f"{'far ' * 90}a+b(c {'away ' * 90}", ["a+b(c"])
    assert "".join(text for text, _ in pieces).startswith("…far")
    assert ("a+b(c", True) in pieces
    assert pieces[-1] == ("…", False)


def test_rename_tag_archive_and_the_trash(manager: ls.SessionManager, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = runtime.run(_fill(manager))
    wire = Wire(ls.session_browser(manager), monkeypatch)
    oslo, bread, groups = ids["Oslo"], ids["Bread"], ids["Pandas groups"]

    assert wire.ask("rename", sessions=[oslo], title="  Two days\nin Oslo ")["done"] == [oslo]
    assert wire.ask("tag", sessions=[oslo, bread], add=["food", " "], remove=["trip"])["failed"] == 0
    found = {row["title"]: row for row in wire.ask("search", text="")["rows"]}
    assert found["Two days in Oslo"]["tags"] == ["work", "food"]
    assert found["Bread"]["tags"] == ["food"]
    assert {row["cost"] for row in found.values()} == {"–"}

    wire.ask("archive", sessions=[bread])
    assert runtime.run(manager.get_session(bread)).status is SessionStatus.ARCHIVED
    # Back from the trash a session is what it was before.
    assert set(wire.ask("trash", sessions=[bread, groups])["done"]) == {bread, groups}
    assert {row["id"] for row in wire.ask("search")["rows"]}.isdisjoint({bread, groups})
    assert wire.ask("search", filters={"status": ["deleted"]})["total"] == 2
    with pytest.raises(ls.SessionError):
        runtime.run(runtime.run(manager.get_session(groups)).send_message("Hello?"))
    wire.ask("restore", sessions=[bread, groups])
    assert runtime.run(manager.get_session(bread)).status is SessionStatus.ARCHIVED
    assert runtime.run(manager.get_session(groups)).status is SessionStatus.ACTIVE
    assert len(runtime.run(runtime.run(manager.get_session(groups)).get_messages())) == 2
    runtime.run(runtime.run(manager.get_session(groups)).send_message("It goes on."))

    # For good goes only what is in the trash.
    refused = wire.ask("purge", sessions=[oslo])
    assert refused["done"] == []
    assert "trash" in refused["problems"][0]
    wire.ask("trash", sessions=[oslo])
    assert wire.ask("purge", sessions=[oslo])["done"] == [oslo]
    with pytest.raises(ls.SessionNotFoundError):
        runtime.run(manager.get_session(oslo))
    gone = wire.ask("rename", sessions=[oslo], title="x")
    assert (gone["done"], gone["failed"]) == ([], 1)


def test_another_users_sessions_are_out_of_reach(manager: ls.SessionManager, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = runtime.run(_fill(manager))
    wire = Wire(ls.session_browser(manager, user_id="bob"), monkeypatch)
    assert [row["title"] for row in wire.ask("search", facets=True)["rows"]] == ["Bread"]
    for kind in ("rename", "tag", "archive", "unarchive", "trash", "restore", "purge"):
        assert wire.ask(kind, sessions=[ids["Oslo"]], title="mine")["done"] == []
    assert wire.ask("open", session=ids["Oslo"]) == "This session is gone."
    file = wire.ask("export", sessions=list(ids.values()), format="json")
    content = wire.widget._downloads.piece(file["token"], 0).decode()
    assert "Bread" in content
    assert "Oslo" not in content
    assert wire.ask("export", sessions=[ids["Oslo"]], format="json") == "These sessions are gone."
    assert runtime.run(manager.get_session(ids["Oslo"])).config.name == "Oslo"


def test_a_session_opens_in_a_panel_and_many_are_done_in_steps(
    manager: ls.SessionManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def many() -> list[str]:
        made = await manager.create_sessions(
            [{"user_id": "ada", "provider": "mock", "model": "mock-model"} for _ in range(45)]
        )
        return [session.session_id for session in made]

    ids = runtime.run(many())
    browser = ls.session_browser(manager)
    wire = Wire(browser, monkeypatch)
    wire.ask("open", session=ids[0])
    panel = browser._panel
    assert panel is not None
    assert browser.opened == {"session": ids[0], "panel": panel.model_id}
    wire.ask("open", session=ids[1])
    assert browser._panel is panel
    assert panel.session.session_id == ids[1]

    # All that match, page after page, and the page hears how far it is.
    assert set(wire.ask("ids", text="")) == set(ids)
    assert len(wire.ask("trash", sessions=ids)["done"]) == 45
    steps = [message for message in wire.received if message["kind"] == "progress"]
    assert [(step["done"], step["total"]) for step in steps] == [(20, 45), (40, 45)]
    assert browser.opened == {}
    assert wire.ask("search")["total"] == 0
    browser.close()
    assert panel.comm is None


def test_pages_hear_of_changes_here_and_in_other_processes(
    manager: ls.SessionManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = runtime.run(_fill(manager))
    browser = ls.session_browser(manager)
    monkeypatch.setattr("langswarm_nb.widgets.session_browser_widget.POLL_S", 0.05)
    wire = Wire(browser, monkeypatch)
    browser._on_request(browser, {"kind": "ready", "view": "view"}, [])
    wire.ask("search")
    time.sleep(0.2)
    wire.received.clear()
    # As another process does it: past this one's sessions and hooks.
    runtime.run(manager.storage.update_session(ids["Oslo"], {"title": "Bergen"}))
    wire.wait_for("changed")
    assert "Bergen" in [row["title"] for row in wire.ask("search")["rows"]]
    wire.received.clear()
    runtime.run(manager.create_session("ada", "mock", "mock-model"))
    wire.wait_for("changed")
    browser._on_request(browser, {"kind": "gone", "view": "view"}, [])
    for _ in range(500):
        if browser._watching is None:
            break
        time.sleep(0.01)
    assert browser._watching is None
    browser.close()


def test_no_store_no_source_and_what_the_file_keeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ls.StorageError, match="no store"):
        ls.session_browser(tmp_path / "typo.duckdb")
    assert not (tmp_path / "typo.duckdb").exists()
    with pytest.raises(ls.ConfigurationError, match="sessions to browse"):
        ls.session_browser(3)  # pyright: ignore[reportArgumentType]
    monkeypatch.setenv("LANGSWARM_NB_DB", str(tmp_path / "new.duckdb"))
    browser = ls.session_browser()
    wire = Wire(browser, monkeypatch)
    assert wire.ask("search", facets=True)["rows"] == []
    assert repr(browser) == "Session browser: 0 sessions. Run this cell to browse."
    shown: list[dict[str, str]] = []
    module = "langswarm_nb.widgets.session_browser_widget"
    monkeypatch.setattr(f"{module}.display", lambda data, metadata, raw: shown.append(data))
    browser._ipython_display_()
    assert "Run this cell" in shown[0]["text/plain"]


def test_the_page_carries_little_and_no_key(manager: ls.SessionManager, monkeypatch: pytest.MonkeyPatch) -> None:
    from langswarm_nb.widgets.assets import bundle  # the page's script is put together without a browser

    assert bundle("chat/dom.js")
    browser = ls.session_browser(manager)
    state = browser.get_state()
    assert len(str(state["_esm"]).encode()) + len(str(state["_css"]).encode()) < 60_000
    planted = "sk-planted-0123456789abcdef"
    session = runtime.run(manager.create_session("ada", "mock", "mock-model", provider_config={"api_key": planted}))
    wire = Wire(browser, monkeypatch)
    file = wire.ask("export", sessions=[session.session_id], format="json")
    found = json.dumps(wire.ask("search")) + wire.widget._downloads.piece(file["token"], 0).decode()
    assert session.session_id in found
    assert planted not in found
