"""A mock model that waits for the test: it says a word at a time until it is let go, then the rest at once. Not a test.

What a test wants to see of a reply that is coming it sees, however slow the page is.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from langswarm_nb.providers.mock import MockProviderSession
from langswarm_nb.stream_events import StreamEvent, TextDelta

_at_once = MockProviderSession.send_message_stream


async def a_word_at_a_time(session: MockProviderSession, *args: Any, **options: Any) -> AsyncIterator[StreamEvent]:
    """Take the place of the mock's own stream."""
    gone = Path(os.environ["LANGSWARM_NB_DB"]).with_name("let-go")
    async for event in _at_once(session, *args, **options):
        while not isinstance(event, TextDelta) and not gone.exists():  # noqa: ASYNC110 - another process lets it go
            await asyncio.sleep(0.02)
        yield event
        if not gone.exists():
            await asyncio.sleep(0.05)


def install() -> None:
    """Let the mock of this process wait."""
    MockProviderSession.send_message_stream = a_word_at_a_time  # type: ignore[method-assign]


def let_go(folder: Path) -> None:
    """Let the replies end of everybody whose store is in this folder; later ones do not wait any more."""
    (folder / "let-go").touch()
