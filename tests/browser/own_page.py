"""A page and a panel without a JupyterLab between them. Not a test."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

import langswarm_nb as ls
from langswarm_nb import runtime


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """Give an empty page that must log no error; a policy that is broken is one."""
    shown = context.new_page()
    errors: list[str] = []
    shown.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    shown.on("pageerror", lambda error: errors.append(error.stack or str(error)))
    yield shown
    shown.close()
    assert errors == []


@pytest.fixture
def panel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ls.ChatPanel]:
    """Give a panel of this process on a new store."""
    monkeypatch.setenv("LANGSWARM_NB_DB", str(tmp_path / "chats.duckdb"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    made = ls.chat(model="mock/mock-markdown", provider_config={"response_delay_ms": 200})
    yield made
    made.close()
    runtime.close()


def carry(
    page: Page, outbox: queue.SimpleQueue[Any], say: Callable[[Any], None], until: Callable[[], object], what: object
) -> None:
    """Carry what the panel sends to the page, until something is so; or fail and tell `what`."""
    for _ in range(2000):
        while not outbox.empty():
            say(outbox.get())
        if until():
            return
        page.wait_for_timeout(20)
    raise AssertionError(what)
