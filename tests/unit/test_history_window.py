"""A conversation that is longer than the model can read, with the mock provider."""

from __future__ import annotations

import asyncio

import pytest

import langswarm_nb as ls
from langswarm_nb.clock import new_id, now
from langswarm_nb.models import SessionMessage, Usage
from langswarm_nb.session.history_window import CHARACTERS_PER_TOKEN, estimated_tokens, measured_tokens
from langswarm_nb.stream_events import HistoryLeftOut, TurnCompleted

LONG = "word " * 70  # about a hundred tokens, as estimated


async def new_session(storage="memory", **config):
    manager = ls.create_session_manager(storage=storage, providers={"mock": None})
    config = {"context_window": 1000, "provider_config": {"max_tokens": 200, "response_pattern": "ok"}, **config}
    return await manager.create_session("ada", "mock", "mock-model", config)


async def talk(session, turns, text=LONG):
    """Return what each turn said of what was left out."""
    found = []
    for number in range(turns):
        events = [event async for event in session.stream(f"{number} {text}")]
        left_out = next((event for event in events if isinstance(event, HistoryLeftOut)), None)
        [reply] = [event.message for event in events if isinstance(event, TurnCompleted)]
        assert reply.metadata.get("history") == (
            {"turns": left_out.turns, "messages": left_out.messages, "summarized": left_out.summarized}
            if left_out
            else None
        )
        found.append(left_out)
    return found


def known(session):
    return [text for _, text in session.provider_session.history]


def test_the_oldest_turns_are_left_out_and_that_is_said():
    async def main():
        session = await new_session()
        await session.send_system_message("You are brief.")
        found = await talk(session, 30)
        assert found[0] is None
        assert found[-1] is not None
        assert not found[-1].summarized
        counts = [left.turns if left else 0 for left in found]
        assert counts == sorted(counts)
        assert len(set(counts)) < 12, "cut seldom, and by more than needed"
        asked = known(session)
        assert asked[0] == "You are brief."
        assert asked[1].startswith(str(counts[-1])), "whole turns, the oldest first"
        assert len(await session.get_messages()) == 61, "what is stored stays"
        assert found[-1].messages == 2 * found[-1].turns

    asyncio.run(main())


def test_what_the_model_is_shown_never_passes_the_window():
    async def main():
        session = await new_session()
        for number in range(25):
            reply = await session.send_message(f"{number} {LONG * (1 + number % 3)}")
            assert reply.usage.input_tokens <= 800

    asyncio.run(main())


def test_a_message_that_does_not_fit_alone():
    async def main():
        session = await new_session()
        await session.send_message("Hello.")
        with pytest.raises(ls.ContextWindowExceededError, match=r"mock-model can take 760"):
            await session.send_message("word " * 2000)
        stored = await session.get_messages()
        assert [m.status for m in stored] == ["complete", "complete", "complete", "error"]
        assert (await session.send_message("Hello again.")).status == "complete"

    asyncio.run(main())


@pytest.mark.parametrize("history", [0, 1, 3])
def test_a_number_of_turns(history):
    async def main():
        session = await new_session(history=history, context_window=None)
        await session.send_system_message("You are brief.")
        found = await talk(session, 6, "hello")
        assert found[-1].turns == 5 - history
        asked = known(session)
        assert asked[0] == "You are brief."
        assert [text for text in asked if "hello" in text] == [f"{n} hello" for n in range(5 - history, 6)]

    asyncio.run(main())


def test_a_reopened_session_is_cut_where_it_was(tmp_path):
    path = tmp_path / "s.duckdb"

    async def first():
        session = await new_session(storage=path)
        left_out = (await talk(session, 12))[-1]
        shown = known(session)
        await session.storage.close()
        return session.session_id, left_out, shown

    async def second(session_id, left_out, shown):
        async with ls.create_session_manager(storage=path, providers={"mock": None}) as manager:
            session = await manager.get_session(session_id)
            assert await talk(session, 1, "hello") == [left_out]
            assert known(session) == [*shown, "0 hello", "ok"]
            await session.update_config({"context_window": 100_000})
            session = await (await reopened(manager, session_id)).get_session(session_id)
            assert await talk(session, 1, "hello") == [None], "a model that reads more is shown more"

    async def reopened(manager, session_id):
        await manager.get_session(session_id)
        return ls.create_session_manager(storage=manager.storage, providers={"mock": None})

    asyncio.run(second(*asyncio.run(first())))


def test_all_is_all():
    async def main():
        session = await new_session(history="all")
        assert await talk(session, 20) == [None] * 20
        assert len(known(session)) == 40

    asyncio.run(main())


def test_an_unknown_window_leaves_everything():
    async def main():
        session = await new_session(context_window=None)
        assert await talk(session, 20, LONG * 3) == [None] * 20

    asyncio.run(main())


def test_calls_and_their_results_are_never_parted():
    def look(n: int) -> str:
        return f"seen {n} {LONG}"

    async def main():
        session = await new_session()
        session.register_tool(look)
        for number in range(8):
            session.provider_session.set_tool_calls([{"name": "look", "arguments": {"n": number}}] * 2)
            await session.send_message(f"turn {number}")
        roles = [role for role, _ in session.provider_session.history]
        assert roles[0] == "user"
        for place, role in enumerate(roles):
            if role == "tool":
                assert roles[place - 1] in ("assistant", "tool")
        assert any("history" in m.metadata for m in await session.get_messages())

    asyncio.run(main())


def test_a_summary_stands_for_what_is_left_out(tmp_path):
    path = tmp_path / "s.duckdb"

    async def first():
        session = await new_session(storage=path, history="summarize")
        found = await talk(session, 20)
        assert found[-1].summarized
        context = await session.get_context()
        summary = context.conversation_context["summary"]
        assert summary["text"] == "ok"
        assert summary["turns"] == found[-1].turns
        assert len(await session.get_messages()) == 40, "a summary is no message of the conversation"
        assert known(session)[0] == "Summary of the earlier conversation:\nok"
        paid = [m for m in await session.get_all_messages() if m.metadata.get("purpose") == "summary"]
        assert paid, "a summary costs what any reply costs"
        assert all(m.content == "ok" and m.usage.output_tokens and not m.is_active_branch for m in paid)
        for message in await session.get_messages():
            assert await session.get_branches(message.message_id) == [message], "a summary is no branch"
        asked_before = found[-1].turns
        await session.storage.close()
        return session.session_id, asked_before

    async def second(session_id, turns):
        async with ls.create_session_manager(storage=path, providers={"mock": None}) as manager:
            session = await manager.get_session(session_id)
            [left_out] = await talk(session, 1, "hello")
            assert left_out == HistoryLeftOut(turns, 2 * turns, summarized=True), "not summarized again"
            assert known(session)[0] == "Summary of the earlier conversation:\nok"

    asyncio.run(second(*asyncio.run(first())))


def test_a_summary_of_another_branch_does_not_count():
    async def main():
        session = await new_session(history="summarize")
        await talk(session, 12)
        first = (await session.get_messages())[0]
        await session.edit(first.message_id, "Begin anew.")
        assert known(session) == ["Begin anew.", "ok"]

    asyncio.run(main())


def test_the_policy_can_be_changed_on_the_way():
    async def main():
        session = await new_session()
        assert (await talk(session, 20))[-1] is not None
        await session.update_config({"history": "all"})
        assert await talk(session, 1, "hello") == [None]
        assert len(known(session)) == 42

    asyncio.run(main())


def test_the_services_own_count_goes_before_an_estimate():
    def message(role, content, tokens=None, **more):
        usage = Usage(input_tokens=tokens, output_tokens=10) if tokens else Usage()
        return SessionMessage(new_id(), "s", role, content, now(), usage=usage, **more)

    short = [message("user", "hi"), message("assistant", "ok", 5000)]
    assert measured_tokens(short) == 5010
    assert measured_tokens([*short, message("user", "x" * 350)]) == 5010 + estimated_tokens(message("user", "x" * 350))
    cut = [message("user", "hi"), message("assistant", "ok", 50, metadata={"history": {"turns": 2, "messages": 4}})]
    assert measured_tokens(cut) is None, "it was not shown everything"
    assert measured_tokens(cut, 4) == 60


def test_estimates():
    plain = SessionMessage(new_id(), "s", "user", "x" * 35, now())
    assert estimated_tokens(plain) == 6 + 35 / CHARACTERS_PER_TOKEN
    image = SessionMessage(new_id(), "s", "user", "", now(), parts=[{"type": "image", "data": "A" * 10**6}])
    assert estimated_tokens(image) < 5000, "a picture's letters are no text"


@pytest.mark.parametrize("history", ["none", -1, True, 1.5, None])
def test_a_wrong_policy_is_said(history):
    with pytest.raises(ls.ConfigurationError, match="history is"):
        ls.SessionConfig.of({"history": history})
