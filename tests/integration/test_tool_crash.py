"""A process that is killed while a tool runs leaves a conversation that can go on."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

import langswarm_nb as ls

CHILD = """
import asyncio, sys
import langswarm_nb as ls
from langswarm_nb.session import turn
from langswarm_nb.stream_events import Completed, TextDelta, ToolCall

turn.CHECKPOINT_EVERY_S = 0.05

class Slow(ls.IProviderSession):
    provider_session_id = "slow"
    def __init__(self, session_id, model, config): pass
    async def send_message_stream(self, content, role="user", metadata=None, *, tools=(), tool_results=()):
        for n in range(10):
            yield TextDelta(f"word-{n} ")
            await asyncio.sleep(0.03)
        yield ToolCall("c1", "wait", {})
        yield Completed("tool_calls")
    async def send_message(self, content, role="user", metadata=None): ...
    async def get_provider_metadata(self): ...
    async def update_provider_config(self, config): ...
    async def cleanup_provider_resources(self): ...

async def wait():
    print("waiting", flush=True)
    await asyncio.sleep(60)

async def main():
    ls.ProviderSessionFactory.register_provider("slow", Slow)
    manager = ls.create_session_manager(storage=sys.argv[1], providers={"slow": None})
    session = await manager.create_session("ada", "slow", "m")
    print(session.session_id, flush=True)
    session.register_tool(wait)
    await session.send_message("Go.")

asyncio.run(main())
"""


def test_killed_among_its_tools(tmp_path):
    path = str(tmp_path / "s.duckdb")
    child = subprocess.Popen([sys.executable, "-c", CHILD, path], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        session_id = child.stdout.readline().strip()
        assert child.stdout.readline().strip() == "waiting"
        time.sleep(0.3)
    finally:
        child.kill()
        child.communicate()

    async def main():
        async with ls.create_session_manager(storage=path, providers={"mock": None, "slow": None}) as manager:
            session = await manager.change_model(session_id, "mock", "mock-model")
            stored = await session.get_messages()
            said = "".join(f"word-{n} " for n in range(10))
            assert [(m.role, m.content, m.status) for m in stored] == [
                ("user", "Go.", "complete"),
                ("assistant", said, "complete"),
                ("assistant", "", "interrupted"),
            ], "what was said is there once"
            assert [m.parent_id for m in stored] == [None, stored[0].message_id, stored[1].message_id]
            reply = await session.send_message("Go on.")
            assert (reply.seq, reply.turn) == (5, 2)

    asyncio.run(main())
