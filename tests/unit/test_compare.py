"""A comparison without a browser: its sessions, its turns, its winner, what it leaves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import langswarm_nb as ls
from langswarm_nb import runtime
from langswarm_nb.widgets.compare_sessions import Numbers

FAST = {"response_delay_ms": 0}


@pytest.fixture(autouse=True)
def _store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LANGSWARM_NB_DB", str(tmp_path / "s.duckdb"))
    for key in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(key, raising=False)
    yield
    runtime.close()


def _wait(condition: Callable[[], Any]) -> Any:
    for _ in range(2000):
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError("it did not come about")


def _ask(shown: ls.Comparison, monkeypatch: pytest.MonkeyPatch, kind: str, **fields: Any) -> dict[str, Any]:
    received: list[dict[str, Any]] = []
    monkeypatch.setattr(shown, "send", lambda content, buffers=None: received.append(content))
    shown._on_request(shown, {"kind": kind, "view": "view", "rid": kind, **fields}, [])
    return _wait(lambda: [message for message in received if message["kind"] in ("answer", "failed")])[0]


def _done(shown: ls.Comparison, turns: int) -> bool:
    states = [[view["state"] for view in live.state.views() if view["role"] == "assistant"] for live in shown._lives]
    return all(found.count("complete") + found.count("error") == turns for found in states)


def test_every_model_answers_in_a_session_of_its_own_that_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = ls.compare("Hello", models=["mock/mock-model", "mock/other"], provider_config=FAST)
    _wait(lambda: _done(shown, 1) and all(column["seconds"] is not None for column in shown.columns))
    assert [column["model"] for column in shown.columns] == ["mock/mock-model", "mock/other"]
    assert {column["cost"] for column in shown.columns} == {"–"}
    assert {tuple(session.config.tags) for session in shown.sessions} == {(shown.tag,)}
    assert "Mock response to: Hello" in shown._transcript()["text/html"]
    assert repr(shown).endswith(f"ls.compare('{shown.tag}') shows it again.")

    # What is asked next goes to all; the best one is kept as an event, until another is picked.
    assert _ask(shown, monkeypatch, "send", text="And <script>now</script>?")["kind"] == "answer"
    assert _done(shown, 2)
    assert "<script" not in shown._transcript()["text/html"]
    first, second = (session.session_id for session in shown.sessions)
    for column in (first, second):
        _ask(shown, monkeypatch, "pick", column=column)
    assert shown.winner == second
    assert _ask(shown, monkeypatch, "stop", column="elsewhere")["kind"] == "failed"
    runtime.close()

    again = ls.compare(shown.tag)
    assert [session.session_id for session in again.sessions] == [first, second]
    assert again.winner == second
    assert _done(again, 2)
    other = ls.compare([second, first])
    assert [session.session_id for session in other.sessions] == [second, first]
    assert other.winner == second
    _ask(other, monkeypatch, "pick", column=second)
    assert other.winner == ""
    other.close()
    assert not any(live.listeners for live in other._lives)


def test_one_column_fails_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = ls.compare("Hello", models=["mock/a", "mock/b"], provider_config=FAST)
    _wait(lambda: _done(shown, 1))
    shown.sessions[0].provider_session.set_error_rate(1)
    assert _ask(shown, monkeypatch, "send", text="Again")["kind"] == "answer"
    failed, fine = (live.state.views()[-1] for live in shown._lives)
    assert failed["state"] == "error"
    assert fine["state"] == "complete"
    shown.sessions[0].provider_session.set_error_rate(0)
    column = shown.sessions[0].session_id
    assert _ask(shown, monkeypatch, "regenerate", column=column, id=failed["id"])["kind"] == "answer"
    assert shown._lives[0].state.views()[-1]["state"] == "complete"


def test_what_cannot_be_compared_is_said_before_anything_is_made() -> None:
    for models, says in (([], "1 to 8"), (["nobody/x"], "nobody"), ("mock/a", "list")):
        with pytest.raises(ls.ConfigurationError, match=says):
            ls.compare("Hello", models=models)
    with pytest.raises(ls.SessionError, match="empty"):
        ls.compare("  ", models=["mock/a"])
    with pytest.raises(ls.ConfigurationError, match="cannot be evaluated"):
        ls.compare("{{ nothing_like_it }}", models=["mock/a"])
    with pytest.raises(ls.SessionNotFoundError):
        ls.compare("comparison:01234567")
    assert len(ls.sessions()) == 0


def test_unknown_is_never_zero() -> None:
    assert Numbers.of([]).shown() == {"time": "–", "tokens": "– tokens", "cost": "–", "seconds": None, "dollars": None}


def test_the_page_carries_little() -> None:
    state = ls.compare("Hello", models=["mock/a"], provider_config=FAST).get_state()
    assert len(str(state["_esm"]).encode()) + len(str(state["_css"]).encode()) < 60_000
