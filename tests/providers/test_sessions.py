"""Providers as sessions use them: stored, reopened, stopped in the middle."""

from __future__ import annotations

import asyncio

import pytest
from wire_server import HANG, Answer, respond

import langswarm_nb as ls
from langswarm_nb.errors import SessionError

KEY = "planted-secret-0123456789"


def open_manager(wire, storage):
    return ls.create_session_manager(
        storage=storage, providers={"openai": KEY}, provider_config={"openai": {"base_url": wire.url}}
    )


def said(wire, number):
    return [item["content"] for item in wire.sent_to("/responses")[number].body["input"]]


def test_a_session_goes_on_in_its_conversation_in_another_process(wire, tmp_path):
    async def turn(session_id, content):
        async with open_manager(wire, tmp_path / "chats.duckdb") as manager:
            if session_id:
                session = await manager.get_session(session_id)
            else:
                metadata = {"thread_metadata": {"purpose": "test"}}
                session = await manager.create_session("ada", "openai", "gpt-4o", provider_config=metadata)
                assert session.provider_session_id == "conv_1"
            reply = await session.send_message(content)
            return session.session_id, reply.content.strip(), await session.get_provider_metadata()

    session_id, _, _ = asyncio.run(turn(None, "First."))
    _, text, known = asyncio.run(turn(session_id, "Second."))
    assert text == "I heard: First. | Second."
    assert list(wire.conversations) == ["conv_1"]
    assert known["metadata"] == {"purpose": "test"}
    assert KEY.encode() not in (tmp_path / "chats.duckdb").read_bytes()


def test_a_reply_that_was_stopped_is_part_of_what_the_model_knows(wire):
    wire.script("/responses", Answer([*respond("Half a reply")[:2], HANG]))

    async def main():
        async with open_manager(wire, "memory") as manager:
            session = await manager.create_session("ada", "openai", "gpt-4o")

            async def stopped_at_once():
                async for _ in session.send_message_stream("First."):
                    session.cancel()

            with pytest.raises(SessionError):
                await stopped_at_once()
            return await session.send_message("Second.")

    asyncio.run(main())
    assert said(wire, 1) == ["First.", "Half ", "Second."]
    assert wire.sent_to("/responses")[1].body["conversation"] == "conv_2"


def test_a_system_message_reaches_the_model(wire):
    async def main():
        async with open_manager(wire, "memory") as manager:
            session = await manager.create_session("ada", "openai", "gpt-4o", {"system_prompt": "You are terse."})
            await session.send_message("First.")
            await session.send_system_message("Be kind.")
            return await session.send_message("Second.")

    asyncio.run(main())
    first, second = (request.body for request in wire.sent_to("/responses"))
    assert "terse" in str(first)
    assert "Be kind." in str(second)
    assert second["conversation"] == first["conversation"]
