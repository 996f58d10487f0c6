"""Tools in a session, with the mock provider asking for them."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd
import pytest

import langswarm_nb as ls
from langswarm_nb.session.tools import LONGEST_RESULT, Tool, result_text
from langswarm_nb.stream_events import TextDelta, ToolCall, ToolResult, TurnCompleted, TurnStarted


async def session_with(*tools, calls=(), **kwargs):
    manager = ls.create_session_manager(storage="memory", providers={"mock": None})
    session = await manager.create_session("ada", "mock", "mock-model", kwargs)
    for tool in tools:
        session.register_tool(tool)
    session.provider_session.set_tool_calls(calls)
    return session


def weather(city: str, days: int = 1) -> str:
    """Tell the weather.

    Args:
        city: The town's name.
        days: How far ahead.
    """
    return f"{city}: rain for {days}"


async def forecast(city: str) -> dict:
    """Tell more."""
    await asyncio.sleep(0)
    return {"city": city, "degrees": [9, 11]}


RAIN = {"name": "weather", "arguments": {"city": "Oslo", "days": 2}}
MORE = {"name": "forecast", "arguments": {"city": "Oslo"}}


def rows(messages):
    return [(m.role, m.tool_name, m.content) for m in messages]


def test_calls_and_results_are_messages_of_their_own():
    async def main():
        session = await session_with(weather, forecast, calls=[[RAIN, MORE], [RAIN]])
        reply = await session.send_message("Weather?")
        stored = await session.get_messages()
        assert rows(stored) == [
            ("user", None, "Weather?"),
            ("assistant", None, ""),
            ("tool", "weather", "Oslo: rain for 2"),
            ("tool", "forecast", '{"city": "Oslo", "degrees": [9, 11]}'),
            ("assistant", None, ""),
            ("tool", "weather", "Oslo: rain for 2"),
            ("assistant", None, "Mock response to: Oslo: rain for 2"),
        ]
        assert [m.seq for m in stored] == [1, 2, 3, 4, 5, 6, 7]
        assert {m.turn for m in stored} == {1}
        assert [m.parent_id for m in stored] == [None, *(m.message_id for m in stored[:-1])]
        assert [p["id"] for p in stored[1].parts] == [m.tool_call_id for m in stored[2:4]]
        assert stored[1].finish_reason == "tool_calls"
        assert all(m.usage.input_tokens is not None for m in stored if m.role == "assistant")
        assert all(m.duration_s is not None for m in stored if m.role == "tool")
        assert reply == stored[-1]
        assert session.message_count == 7
        assert session.provider_session.tools == ["weather", "forecast"]
        after = await session.send_message("Thanks.")
        assert (after.seq, after.turn) == (9, 2)

    asyncio.run(main())


def test_events_of_a_turn_with_tools():
    async def main():
        session = await session_with(weather, calls=[RAIN])
        events = [event async for event in session.stream("Weather?")]
        kinds = [type(event) for event in events]
        assert kinds[0] is TurnStarted
        assert kinds.index(ToolCall) < kinds.index(ToolResult) < kinds.index(TextDelta)
        [result] = [event for event in events if isinstance(event, ToolResult)]
        assert (result.name, result.content, result.is_error) == ("weather", "Oslo: rain for 2", False)
        assert isinstance(events[-1], TurnCompleted)
        assert events[-1].message.message_id == events[0].reply_id

    asyncio.run(main())


def fails(path: str) -> str:
    """Fail."""
    raise ValueError(f"cannot open {path} with sk-abcdefghijklmnop")


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ({"name": "fails", "arguments": {"path": "x"}}, "Error: ValueError: cannot open x with [key]"),
        ({"name": "fail", "arguments": {}}, "Error: there is no tool 'fail'. There are: fails."),
        ({"name": "fails", "arguments": {}}, "Error: ValidationError: path: Field required"),
        (
            {"name": "fails", "arguments": {"path": "x", "mode": "r"}},
            "Error: ValidationError: mode: Extra inputs are not permitted",
        ),
    ],
)
def test_what_goes_wrong_is_told_to_the_model_in_short(call, told):
    async def main():
        session = await session_with(fails, calls=[call])
        reply = await session.send_message("Do it.")
        [_, _, result, _] = await session.get_messages()
        assert (result.content, result.status) == (told, "error")
        assert reply.status == "complete"
        assert "Traceback" not in result.content
        assert __file__ not in result.content

    asyncio.run(main())


def test_arguments_that_are_no_object_are_told_to_the_model():
    async def main():
        session = await session_with(weather)
        result = await session._tools.answer(ToolCall("1", "weather", {}, invalid="{"))
        assert result.is_error
        assert "JSON" in result.content

    asyncio.run(main())


@pytest.mark.parametrize("kind", ["plain", "async"])
@pytest.mark.parametrize("place", ["tool", "session"])
@pytest.mark.parametrize(("answer", "told"), [(True, None), (False, "not allow this call."), ("too dear", "too dear")])
def test_somebody_is_asked_first(kind, place, answer, told):
    asked, called = [], []

    def plain(call):
        asked.append((call.name, call.arguments, threading.current_thread() is threading.main_thread()))
        return answer

    async def awaited(call):
        return plain(call)

    def pay(amount: int) -> str:
        called.append(amount)
        return "paid"

    async def main():
        approve = plain if kind == "plain" else awaited
        session = await session_with(calls=[{"name": "pay", "arguments": {"amount": 3}}])
        session.register_tool(pay, approve=approve if place == "tool" else None)
        if place == "session":
            session.approve_tools(approve)
        await session.send_message("Pay.")
        return (await session.get_messages())[2]

    result = asyncio.run(main())
    assert asked == [("pay", {"amount": 3}, kind == "async")]
    assert called == ([3] if told is None else [])
    assert result.content == "paid" if told is None else told in result.content


def test_an_approval_that_fails_allows_nothing(caplog):
    def broken(call):
        raise RuntimeError("no window")

    async def main():
        session = await session_with(calls=[RAIN])
        session.register_tool(weather, approve=broken)
        await session.send_message("Weather?")
        return (await session.get_messages())[2].content

    assert "did not allow" in asyncio.run(main())


def test_calls_of_one_step_run_at_a_time_and_plain_ones_do_not_block():
    def slow(n: int) -> int:
        time.sleep(0.3)
        return n

    async def main():
        session = await session_with(slow, calls=[{"name": "slow", "arguments": {"n": n}} for n in range(8)])
        began = time.perf_counter()
        await session.send_message("Go.")
        took = time.perf_counter() - began
        contents = [m.content for m in await session.get_messages() if m.role == "tool"]
        return took, contents

    took, contents = asyncio.run(main())
    assert took < 1.2
    assert contents == [str(n) for n in range(8)], "in the order of the calls"


def test_a_tool_that_takes_too_long():
    async def main():
        session = await session_with(calls=[{"name": "hang", "arguments": {}}, RAIN])
        session.register_tool(weather)

        @session.register_tool
        async def quick():
            """Not called."""

        def hang():
            time.sleep(5)

        session.register_tool(hang, timeout_s=0.1)
        reply = await session.send_message("Go.")
        assert session.tools == ["weather", "quick", "hang"]
        stored = await session.get_messages()
        return reply, [m.content for m in stored if m.role == "tool"]

    began = time.perf_counter()
    reply, contents = asyncio.run(main())
    assert time.perf_counter() - began < 3, "nothing waits for a tool that hangs"
    assert contents == ["Error: hang took longer than 0.1 s.", "Oslo: rain for 2"]
    assert reply.status == "complete"


def test_the_loop_ends_after_max_steps():
    async def main():
        session = await session_with(weather, calls=[[RAIN]] * 5, max_steps=3)
        reply = await session.send_message("Go.")
        stored = await session.get_messages()
        assert [m.role for m in stored] == ["user", "assistant", "tool", "assistant", "tool", "assistant"]
        assert (reply.status, reply.finish_reason) == ("complete", "max_steps")

    asyncio.run(main())


def test_stopping_while_tools_run_keeps_a_result_for_every_call():
    started = threading.Event()

    async def endless():
        """Run for ever."""
        started.set()
        await asyncio.Event().wait()

    async def main():
        session = await session_with(weather, endless, calls=[[RAIN, {"name": "endless"}]])
        turn = asyncio.create_task(session.send_message("Go."))
        await asyncio.to_thread(started.wait, 5)
        await asyncio.sleep(0.05)
        await session.cancel()
        with pytest.raises(ls.TurnInterruptedError):
            await turn
        stored = await session.get_messages()
        assert rows(stored) == [
            ("user", None, "Go."),
            ("assistant", None, ""),
            ("tool", "weather", "Oslo: rain for 2"),
            ("tool", "endless", "Error: the call was stopped before it was finished."),
            ("assistant", None, ""),
        ]
        assert [m.status for m in stored] == ["complete", "complete", "complete", "interrupted", "interrupted"]
        assert [m.seq for m in stored] == [1, 2, 3, 4, 5]
        session.provider_session.set_tool_calls([])
        reply = await session.send_message("Go on.")
        assert (reply.status, reply.turn, reply.seq) == ("complete", 2, 7)
        assert len([task for task in asyncio.all_tasks() if "_one" in repr(task)]) == 0

    asyncio.run(main())


def test_leaving_the_stream_while_tools_run_does_the_same():
    async def endless():
        await asyncio.Event().wait()

    async def main():
        session = await session_with(endless, calls=[{"name": "endless"}])
        events = session.stream("Go.")
        async for event in events:
            if isinstance(event, ToolCall):
                await asyncio.sleep(0.05)
                break
        await events.aclose()
        stored = await session.get_messages()
        assert [(m.role, m.status) for m in stored[1:]] == [
            ("assistant", "complete"),
            ("tool", "interrupted"),
            ("assistant", "interrupted"),
        ]

    asyncio.run(main())


def test_the_time_for_a_whole_turn_counts_tools():
    async def endless():
        await asyncio.Event().wait()

    async def main():
        session = await session_with(endless, calls=[{"name": "endless"}], timeout_s=0.2)
        with pytest.raises(ls.ProviderTimeoutError, match="timeout_s"):
            await session.send_message("Go.")
        stored = await session.get_messages()
        assert [m.status for m in stored] == ["complete", "complete", "interrupted", "error"]

    asyncio.run(main())


def test_a_new_reply_and_an_edit_go_through_tools_as_branches():
    async def main():
        session = await session_with(weather, calls=[RAIN])
        first = await session.send_message("Weather?")
        session.provider_session.set_tool_calls([RAIN])
        again = await session.regenerate(first.message_id)
        stored = await session.get_messages()
        assert [m.role for m in stored] == ["user", "assistant", "tool", "assistant"]
        assert stored[-1].message_id == again.message_id
        assert len(await session.get_all_messages()) == 7
        edited = await session.edit(stored[0].message_id, "Weather, please?")
        assert [m.role for m in await session.get_messages()] == ["user", "assistant"]
        assert edited.content == "Mock response to: Weather, please?"

    asyncio.run(main())


def test_a_stored_session_with_calls_goes_on_in_another_manager(tmp_path):
    path = tmp_path / "s.duckdb"

    async def first():
        async with ls.create_session_manager(storage=path, providers={"mock": None}) as manager:
            session = await manager.create_session("ada", "mock", "mock-model")
            session.register_tool(weather)
            session.provider_session.set_tool_calls([RAIN])
            await session.send_message("Weather?")
            return session.session_id, [m.to_dict() for m in await session.get_messages()]

    async def second(session_id):
        async with ls.create_session_manager(storage=path, providers={"mock": None}) as manager:
            session = await manager.get_session(session_id)
            stored = [m.to_dict() for m in await session.get_messages()]
            await session.send_message("And?")
            return stored, [role for role, _ in session.provider_session.history]

    session_id, before = asyncio.run(first())
    after, known = asyncio.run(second(session_id))
    assert after == before
    assert known == ["user", "assistant", "tool", "assistant", "user", "assistant"]
    frame = ls.messages(source=path, session_id=session_id)
    assert list(frame["tool_name"].dropna()) == ["weather"]


def test_tools_stay_when_the_model_is_changed():
    async def main():
        manager = ls.create_session_manager(storage="memory", providers={"mock": None})
        session = await manager.create_session("ada", "mock", "mock-model")
        session.register_tool(weather)
        session.approve_tools(lambda call: False)
        changed = await manager.change_model(session.session_id, "mock", "another")
        assert changed.tools == ["weather"]
        changed.provider_session.set_tool_calls([RAIN])
        await changed.send_message("Weather?")
        assert "not allow" in (await changed.get_messages())[2].content

    asyncio.run(main())


def test_middleware_sees_calls_and_results_and_can_withhold_them():
    class Censor(ls.ISessionMiddleware):
        seen: list[str] = []  # noqa: RUF012

        async def process_message(self, session_id, message, context):
            self.seen.append(message.role)
            if message.role == "tool":
                raise ls.MiddlewareError("no")
            return message

    async def main():
        manager = ls.create_session_manager(storage="memory", providers={"mock": None}, middleware=[Censor()])
        session = await manager.create_session("ada", "mock", "mock-model")
        session.register_tool(weather)
        session.provider_session.set_tool_calls([RAIN])
        events = [event async for event in session.stream("Weather?")]
        assert Censor.seen == ["user", "assistant", "tool", "assistant"]
        assert "rain" not in str(await session.get_messages()).replace("'rain'", "")
        assert "rain" not in str([event for event in events if isinstance(event, ToolResult)])

    asyncio.run(main())


def test_a_provider_that_takes_no_tools_says_so():
    class Plain(ls.IProviderSession):
        provider_session_id = "p"

        def __init__(self, session_id, model, config):
            pass

        async def send_message(self, content, role="user", metadata=None): ...
        async def get_provider_metadata(self): ...
        async def update_provider_config(self, config): ...
        async def cleanup_provider_resources(self): ...

    async def main():
        ls.ProviderSessionFactory.register_provider("plain", Plain)
        manager = ls.create_session_manager(storage="memory", providers={"plain": None})
        session = await manager.create_session("ada", "plain", "m")
        session.register_tool(weather)
        with pytest.raises(ls.ConfigurationError, match="takes no tools"):
            await session.send_message("Weather?")
        session.unregister_tool("weather")
        with pytest.raises(ls.ConfigurationError, match="takes no attachments"):
            await session.send_message("Look.", attachments=[b"text"])

    asyncio.run(main())


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Point:
    x: float
    y: float


def paint(schema: Colour, copy: list[Point], json: int | None = None, validate=3):
    """Paint.

    Parameters
    ----------
    schema : Colour
        Which colour.

    And more.
    """
    return schema, copy, json, validate


def test_a_schema_comes_from_signature_and_docstring():
    spec = Tool(paint, None, None, None).spec
    assert (spec["name"], spec["description"]) == ("paint", "Paint.")
    properties = spec["parameters"]["properties"]
    assert list(properties) == ["schema", "copy", "json", "validate"]
    assert spec["parameters"]["required"] == ["schema", "copy"]
    assert properties["copy"]["items"] == {"$ref": "#/$defs/Point"}
    assert properties["schema"]["description"].startswith("Which colour.")
    assert spec["parameters"]["$defs"]["Colour"]["enum"] == ["red", "blue"]


def test_arguments_arrive_as_the_types_that_were_asked_for():
    call = {"schema": "blue", "copy": [{"x": 1, "y": 2}]}
    found = asyncio.run(Tool(paint, None, None, None).call(call))
    assert found == (Colour.BLUE, [Point(1.0, 2.0)], None, 3)


@pytest.mark.parametrize(
    ("function", "name", "why"),
    [
        (lambda x: x, None, "name="),
        (lambda *xs: xs, "spread", "by position only"),
        (lambda x, /: x, "only", "by position only"),
        ("text", None, "is a function"),
    ],
)
def test_what_cannot_be_a_tool_is_said_when_it_is_registered(function, name, why):
    with pytest.raises(ls.ConfigurationError, match=why):
        Tool(function, name, None, None)


def test_a_type_that_cannot_be_sent_is_said_when_it_is_registered():
    def plot(frame: pd.DataFrame): ...

    with pytest.raises(ls.ConfigurationError, match="cannot send"):
        Tool(plot, None, None, None)


def test_results_become_text():
    assert result_text(None) == "Done."
    assert result_text([1, {"a": None}]) == '[1, {"a": null}]'
    assert result_text(Point(1, 2)) == '{"x": 1, "y": 2}'
    assert result_text(pd.DataFrame({"a": [1, 2]})) == "a\n1\n2\n"
    long = result_text("x" * (LONGEST_RESULT + 1))
    assert long.endswith(f"[cut: the first {LONGEST_RESULT} of {LONGEST_RESULT + 1} characters]")
