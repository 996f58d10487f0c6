"""The calls that a model asks for in one step: run at once, each with a result that becomes a message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from ..clock import new_id, now
from ..errors import SessionError
from ..middleware import MiddlewareChain
from ..models import SessionContext, SessionMessage
from ..stream_events import StreamEvent, ToolCall, ToolResult
from .tools import Toolbox

STOPPED = "Error: the call was stopped before it was finished."
WITHHELD = "Error: the result may not be shown."


class ToolCalling:
    """Runs one step's calls. `tell` hears of each result as soon as it is there."""

    def __init__(
        self,
        tools: Toolbox,
        middleware: MiddlewareChain,
        context: SessionContext,
        tell: Callable[[StreamEvent], None],
    ) -> None:
        self._tools = tools
        self._middleware = middleware
        self._context = context
        self._tell = tell
        self._done: dict[int, SessionMessage] = {}

    async def run(self, calls: Sequence[ToolCall], asked: SessionMessage) -> None:
        """Run all calls at a time; when this is cancelled, those that are not done are stopped."""
        tasks = [asyncio.create_task(self._one(number, call, asked)) for number, call in enumerate(calls)]
        try:
            await asyncio.wait(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def results(self, calls: Sequence[ToolCall], asked: SessionMessage) -> list[SessionMessage]:
        """Return a result for every call, one behind the other; a call that was stopped has one that says so."""
        results: list[SessionMessage] = []
        previous = asked
        for number, call in enumerate(calls):
            result = self._done.get(number)
            if result is None:
                result = self._message(call, asked, STOPPED)
                result.status = "interrupted"
                self._tell(ToolResult(call.call_id, call.name, STOPPED, is_error=True))
            result = replace(result, parent_id=previous.message_id, seq=(previous.seq or 0) + 1)
            results.append(result)
            previous = result
        return results

    async def _one(self, number: int, call: ToolCall, asked: SessionMessage) -> None:
        began = now()
        result = await self._tools.answer(call)
        message = self._message(call, asked, result.content)
        message.timestamp, message.completed_at = began, now()
        message.duration_s = result.duration_s
        message.status = "error" if result.is_error else "complete"
        try:
            message = await self._middleware.process(message, self._context)
        except SessionError:
            # What a middleware refuses is neither kept nor sent.
            message.content, message.status = WITHHELD, "error"
        self._done[number] = message
        self._tell(replace(result, content=message.content, is_error=message.status == "error"))

    @staticmethod
    def _message(call: ToolCall, asked: SessionMessage, content: str) -> SessionMessage:
        return SessionMessage(
            new_id(),
            asked.session_id,
            "tool",
            content,
            now(),
            turn=asked.turn,
            tool_name=call.name,
            tool_call_id=call.call_id,
        )
