"""A model in this process. With llama-cpp-python the real thing runs, on a model of a few kilobytes."""

from __future__ import annotations

import asyncio
import enum
import importlib.util
import sys
import threading
import time

import pytest

import langswarm_nb as ls
from langswarm_nb.clock import new_id, now
from langswarm_nb.models import SessionMessage
from langswarm_nb.providers.local import chat_turns
from langswarm_nb.stream_events import TextDelta

needs_library = pytest.mark.skipif(
    not (importlib.util.find_spec("llama_cpp") and importlib.util.find_spec("gguf")),
    reason="llama-cpp-python is compiled while it is installed: pip install langswarm-nb[local] gguf",
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from tiny_model import write_tiny_model

    return str(write_tiny_model(tmp_path_factory.mktemp("model") / "tiny.gguf"))


def on(model, main, **config):
    async def whole():
        manager = ls.create_session_manager(
            storage="memory", providers={"local": None}, provider_config={"local": {"n_threads": 1, "seed": 1}}
        )
        async with manager:
            return await main(await manager.create_session("ada", "local", model, None, config))

    return asyncio.run(whole())


@needs_library
def test_a_reply_streams_with_its_counts(model):
    async def main(session):
        events = [event async for event in session.stream("Hello.")]
        reply = events[-1].message
        assert sum(isinstance(event, TextDelta) for event in events) >= 10
        assert reply.content
        assert (reply.status, reply.finish_reason, reply.response_model) == ("complete", "length", "tiny.gguf")
        assert reply.usage.input_tokens > 10
        assert 18 <= reply.usage.output_tokens <= 20
        again = await session.send_message("And then?")
        assert again.usage.input_tokens > reply.usage.input_tokens + 20, "the conversation goes along"

    on(model, main, max_tokens=20)


@needs_library
def test_stopping_stops_the_model(model):
    async def main(session):
        async def stop_early():
            async for event in session.stream("Hello."):
                if isinstance(event, TextDelta):
                    session.cancel()

        with pytest.raises(ls.TurnInterruptedError):
            await stop_early()
        await asyncio.sleep(0.2)
        assert not [thread for thread in threading.enumerate() if "local model" in thread.name]
        reply = (await session.get_messages())[-1]
        assert 0 < len(reply.content) < 1000
        assert (await session.update_config({"provider_config": {"max_tokens": 5}})).history == "fit"
        assert (await session.send_message("Again.")).status == "complete"

    on(model, main, max_tokens=1900)


@needs_library
def test_sessions_share_a_model_and_take_turns(model):
    async def main():
        async with ls.create_session_manager(storage="memory", providers={"local": None}) as manager:
            sessions = [
                await manager.create_session(f"u{n}", "local", model, None, {"max_tokens": 8, "seed": 1})
                for n in range(5)
            ]
            loaded = {id(session._provider._loaded) for session in sessions}
            assert len(loaded) == 1
            late = 0.0

            async def watch():
                nonlocal late
                while True:
                    began = time.perf_counter()
                    await asyncio.sleep(0.01)
                    late = max(late, time.perf_counter() - began - 0.01)

            watching = asyncio.create_task(watch())
            replies = await asyncio.gather(*(session.send_message("Hello.") for session in sessions))
            watching.cancel()
            assert all(reply.content for reply in replies)
            assert late < 0.5
        from langswarm_nb.providers import local

        assert not local._models, "the last one has freed it"

    asyncio.run(main())


class Answer(enum.Enum):
    YES = "yes"
    NO = "no"


@needs_library
def test_a_schema_is_enforced_by_the_library(model):
    async def main(session):
        assert (await session.send_structured("Which?", Answer)) in Answer

    on(model, main, max_tokens=60)


@needs_library
def test_a_long_history_is_cut_to_what_was_loaded(model):
    async def main(session):
        for number in range(6):
            reply = await session.send_message(f"{number} " + "word " * 20)
            assert reply.status == "complete"
        assert reply.metadata["history"]["turns"] > 0
        with pytest.raises(ls.ContextWindowExceededError):
            await session.send_message("word " * 400)

    on(model, main, max_tokens=8, n_ctx=512)


@needs_library
def test_a_file_that_is_no_model(tmp_path):
    (tmp_path / "no.gguf").write_bytes(b"GGUF" + b"\0" * 100)

    async def main():
        manager = ls.create_session_manager(storage="memory", providers={"local": None})
        with pytest.raises(ls.ConfigurationError, match="could not be loaded"):
            await manager.create_session("ada", "local", str(tmp_path / "no.gguf"))

    asyncio.run(main())


def test_without_the_library_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "llama_cpp", None)

    async def main():
        manager = ls.create_session_manager(storage="memory", providers={"local": None})
        with pytest.raises(ls.ConfigurationError, match=r"langswarm-nb\[local\]"):
            await manager.create_session("ada", "local", str(tmp_path / "any.gguf"))

    asyncio.run(main())


def test_wrong_settings_are_said():
    def create(model, **config):
        return ls.ProviderSessionFactory.create("local", "s1", model, config)

    with pytest.raises(ls.ConfigurationError, match=r"path of a \.gguf"):
        create("")
    with pytest.raises(ls.ConfigurationError, match="no option 'temprature'"):
        create("m.gguf", temprature=1)


def test_turns_are_what_chat_templates_take():
    def message(role, content, **more):
        return SessionMessage(new_id(), "s1", role, content, now(), **more)

    notes = {"type": "file", "name": "n.txt", "media_type": "text/plain", "text": "milk"}
    turns = chat_turns(
        [
            message("assistant", "Welcome."),
            message("user", "One."),
            message("system", "Be brief."),
            message("user", "Two.", parts=[notes]),
            message("assistant", "Three."),
        ],
        "You are kind.",
    )
    assert turns == [
        {"role": "system", "content": "You are kind.\n\nBe brief."},
        {"role": "user", "content": 'One.\n\nTwo.\n\n<attachment name="n.txt">\nmilk\n</attachment>'},
        {"role": "assistant", "content": "Three."},
    ]
    picture = {"type": "image", "name": "dot.png", "media_type": "image/png", "data": "AA=="}
    with pytest.raises(ls.ProviderRefusedError, match=r"dot\.png"):
        chat_turns([message("user", "Look.", parts=[picture])], None)
