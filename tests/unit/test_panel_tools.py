"""A turn with tools, as a panel shows it."""

from __future__ import annotations

import asyncio

import langswarm_nb as ls
from langswarm_nb.widgets.live import LiveConversation


def test_calls_and_results_stand_between_question_and_reply():
    def area(width: int) -> int:
        return width * width

    async def main():
        manager = ls.create_session_manager(storage="memory", providers={"mock": None})
        session = await manager.create_session("ada", "mock", "mock-model")
        session.register_tool(area)
        session.provider_session.set_tool_calls([{"name": "area", "arguments": {"width": 3}}, {"name": "volume"}])
        live = LiveConversation(session, manager)
        await live.load()
        await live._take_turn(session.stream("How large?"), "r1")
        stored = await session.get_messages()
        assert live.state.order == [message.message_id for message in stored]
        views = [live.state.find(message_id) for message_id in live.state.order]
        assert [view["role"] for view in views] == ["user", "assistant", "tool", "tool", "assistant"]
        assert views[1]["tools"]
        assert views[2]["text"] == "9"
        assert "no tool 'volume'" in views[3]["text"]
        assert not any("error" in view for view in views), "the reply did not fail"
        assert "9" in views[4]["html"]
        assert live.running == ""

    asyncio.run(main())
