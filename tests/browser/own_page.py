"""A page and a panel without a JupyterLab between them. Not a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page

import langswarm_nb as ls
from langswarm_nb import runtime


@contextmanager
def quiet_page(context: BrowserContext) -> Iterator[Page]:
    """Give an empty page that must log no error; a policy that is broken is one."""
    shown = context.new_page()
    errors: list[str] = []
    shown.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    shown.on("pageerror", lambda error: errors.append(error.stack or str(error)))
    yield shown
    shown.close()
    assert errors == []


@contextmanager
def own_panel(folder: Path, monkeypatch: pytest.MonkeyPatch, delay_ms: int) -> Iterator[ls.ChatPanel]:
    """Give a panel on a new store in the folder, whose replies take `delay_ms` to come."""
    monkeypatch.setenv("LANGSWARM_NB_DB", str(folder / "chats.duckdb"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    made = ls.chat(model="mock/mock-markdown", provider_config={"response_delay_ms": delay_ms})
    yield made
    made.close()
    runtime.close()
