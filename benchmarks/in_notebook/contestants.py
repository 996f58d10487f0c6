"""What runs in the notebook's kernel: the reply in chunks, and each way of showing one, ours and the peers'.

`show(name)` displays it where it can be displayed ahead; `ask()` makes it stream where no text box in the page does.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from langswarm_nb.providers.mock import MARKDOWN_PATTERN

LAST_WORD = "The last word."
CHUNK = 4
_asked: dict[str, Any] = {}


def reply(chunks: int) -> str:
    """Return real Markdown of about four characters a chunk: numbered sections, so that no loss goes unseen."""
    sections: list[str] = []
    while sum(map(len, sections)) < chunks * CHUNK - 500:
        sections.append(MARKDOWN_PATTERN.replace("{input}", f"part {len(sections) + 1}") + "\n")
    return "".join(sections) + LAST_WORD


def _pieces() -> list[str]:
    text, count = reply(_asked["chunks"]), _asked["chunks"]
    return [text[n * len(text) // count : (n + 1) * len(text) // count] for n in range(count)]


def _note_last(n: int) -> None:
    if n == _asked["chunks"] - 1:
        Path(os.environ["BENCH_LAST_CHUNK"]).write_text(repr(time.time()))


def _chunks() -> Iterator[str]:
    began = time.monotonic()
    for n, piece in enumerate(_pieces()):
        if _asked["rate"]:
            time.sleep(max(0, began + n / _asked["rate"] - time.monotonic()))
        _note_last(n)
        yield piece


async def _chunks_async() -> AsyncIterator[str]:
    began = time.monotonic()
    for n, piece in enumerate(_pieces()):
        # Each chunk of a real service is an event of the loop.
        await asyncio.sleep(max(0, began + n / _asked["rate"] - time.monotonic()) if _asked["rate"] else 0)
        _note_last(n)
        yield piece


def prepare(chunks: int, rate: float) -> None:
    """Say what the next reply is: so many chunks, `rate` a second, 0 for as fast as they are taken."""
    _asked.update(chunks=chunks, rate=rate)


def show(name: str) -> None:
    """Display the contestant, without a reply yet."""
    _asked["ask"] = _SHOW[name]()


def ask() -> None:
    """Stream the reply."""
    _asked["ask"]()


def _show_ours() -> None:
    from IPython.display import display

    import langswarm_nb as ls

    _offer_firehose()
    display(ls.chat(provider="firehose", model="markdown", new=True))


def _offer_firehose() -> None:
    import langswarm_nb as ls
    from langswarm_nb.interfaces import Completed, TextDelta
    from langswarm_nb.providers.mock import MockProviderSession

    class Firehose(MockProviderSession):
        async def send_message_stream(self, content: str, role: str = "user", metadata: Any = None) -> Any:
            async for piece in _chunks_async():
                yield TextDelta(piece)
            yield Completed(finish_reason="stop")

    ls.ProviderSessionFactory.register_provider("firehose", Firehose)


def make_conversation(messages: int) -> None:
    """Store a conversation of so many messages in this notebook."""
    import langswarm_nb as ls
    from langswarm_nb import runtime

    _offer_firehose()
    panel = ls.chat(provider="firehose", model="markdown", new=True)
    answer = MARKDOWN_PATTERN.replace("{input}", "something")
    turns = [
        {"role": role, "content": f"Question {n}" if role == "user" else answer}
        for n in range(messages // 2)
        for role in ("user", "assistant")
    ]
    runtime.run(panel.session.add_messages(turns))
    panel.close()


def open_conversation() -> None:
    """Show it, as a notebook that is run again does."""
    from IPython.display import display

    import langswarm_nb as ls

    _offer_firehose()
    display(ls.chat())


def _show_update_display() -> Any:
    from IPython.display import Markdown, display

    handle = display(Markdown(""), display_id=True)

    def stream() -> None:
        text = ""
        for piece in _chunks():
            text += piece
            handle.update(Markdown(text))

    return stream


def _show_chatlas() -> Any:
    from chatlas import AssistantTurn, Chat, Provider
    from chatlas.types import ContentText

    class Firehose(Provider):
        """The least that a provider of chatlas must be."""

        def chat_perform(self, *, stream: bool, **_: Any) -> Iterator[str]:
            return _chunks()

        def stream_content(self, chunk: str, completion: Any, turns: Any = ()) -> list[Any]:
            # As its own providers do it: the constructor makes words of a chunk that is blank.
            return [ContentText.model_construct(text=chunk)]

        def stream_merge_chunks(self, completion: str | None, chunk: str) -> str:
            return (completion or "") + chunk

        def stream_turn(self, completion: str, has_data_model: bool, turns: Any = ()) -> Any:
            return AssistantTurn(completion)

        def value_tokens(self, completion: Any) -> None:
            return None

        def supported_model_params(self) -> set[str]:
            return set()

    # What streaming does not call may stay abstract.
    Firehose.__abstractmethods__ = frozenset()
    chat = Chat(provider=Firehose(name="firehose", model="markdown"))
    return lambda: chat.chat("go", echo="output")


def _show_panel() -> Any:
    import panel as pn
    from IPython.display import display

    async def answer(contents: str, user: str, instance: Any) -> AsyncIterator[str]:
        message = ""
        async for piece in _chunks_async():
            message += piece
            yield message

    # From the package: nothing here comes from a network.
    pn.extension(inline=True)
    feed = pn.chat.ChatFeed(callback=answer, height=480)
    display(feed)
    return lambda: feed.send("go", user="you")


def _show_jupyter_chat_widget() -> None:
    from jupyter_chat_widget import ChatUI

    chat = ChatUI()
    chat.connect(lambda _: [chat.append(piece) for piece in _chunks()] and None)
    _asked["chat"] = chat


def _show_ipylangchat() -> None:
    from ipylangchat import ChatUIWidget
    from IPython.display import display

    class Chain:
        def stream(self, _: Any) -> Iterator[dict[str, str]]:
            return ({"answer": piece} for piece in _chunks())

    display(ChatUIWidget(Chain()))


_SHOW = {
    "ours": _show_ours,
    "update_display": _show_update_display,
    "chatlas": _show_chatlas,
    "panel": _show_panel,
    "jupyter-chat-widget": _show_jupyter_chat_widget,
    "ipylangchat": _show_ipylangchat,
}
