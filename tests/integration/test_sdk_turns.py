"""Turns through the official SDKs over real HTTP: what the store holds afterwards."""

from __future__ import annotations

import asyncio

import pytest

import langswarm_nb as ls

ROADS = {
    "responses": ("openai", "gpt-4o", {"api": "responses"}),
    "chat": ("openai", "gpt-4o", {"api": "chat"}),
    "anthropic": ("anthropic", "claude-sonnet-4-5", {}),
}


@pytest.mark.parametrize("road", ROADS)
def test_a_streamed_turn_lands_in_its_columns(road, llm_server, tmp_path):
    provider, model, options = ROADS[road]

    async def main():
        manager = ls.create_session_manager(
            storage=tmp_path / "turns.duckdb",
            providers={provider: "sk-test-planted-key"},
            provider_config={provider: {"base_url": llm_server.url(provider)}},
        )
        async with manager:
            session = await manager.create_session(
                "ada", provider, model, provider_config={**options, "temperature": 0.2, "max_tokens": 500}
            )
            chunks = [text async for text in session.send_message_stream("Tell me about recursion, please.")]
            assert len(chunks) > 1
            return "".join(chunks), session.session_id

    text, session_id = asyncio.run(main())
    frame = ls.messages(source=tmp_path / "turns.duckdb", session_id=session_id)
    assert list(frame["role"]) == ["user", "assistant"]
    reply = frame.iloc[1]
    assert reply["content"] == text
    assert reply["finish_reason"] == "stop"
    assert reply["provider"] == provider
    assert reply["request_model"] == model
    assert reply["response_model"]
    assert reply["input_tokens"] > 0
    assert reply["output_tokens"] > 0
    assert reply["duration_s"] >= reply["time_to_first_chunk_s"] > 0
    assert reply["cost_source"] == "genai-prices"
    assert reply["cost_usd"] > 0
    assert b"sk-test-planted-key" not in (tmp_path / "turns.duckdb").read_bytes()


def test_a_stored_session_goes_on_in_another_manager(llm_server, tmp_path):
    async def turn(session_id):
        manager = ls.create_session_manager(
            storage=tmp_path / "turns.duckdb",
            providers={"openai": "sk-test"},
            provider_config={"openai": {"base_url": llm_server.url("openai"), "api": "chat"}},
        )
        async with manager:
            if session_id is None:
                session = await manager.create_session("ada", "openai", "gpt-4o")
            else:
                session = await manager.get_session(session_id)
            await session.send_message("And then?")
            return session.session_id, session.message_count

    session_id, count = asyncio.run(turn(None))
    assert count == 2
    again_id, count = asyncio.run(turn(session_id))
    assert (again_id, count) == (session_id, 4)
    tokens = ls.messages(source=tmp_path / "turns.duckdb")["input_tokens"].dropna()
    assert tokens.iloc[1] > tokens.iloc[0], "the second call carried the first turn"
