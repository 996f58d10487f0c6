"""Scripts run in the order in which they were asked for; what waits while some run goes in one round trip."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any

from redis.exceptions import NoScriptError

_AT_MOST = 200


class OrderedScripts:
    """Belongs to one event loop and one client. A script may reach the server twice: making it so does no harm."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._waiting: list[tuple[str, Sequence[Any], asyncio.Future[Any]]] = []
        self._sender: asyncio.Task[None] | None = None

    async def run(self, script: str, arguments: Sequence[Any]) -> Any:
        """Return what the script answers."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((script, arguments, answer))
        if self._sender is None or self._sender.done():
            self._sender = loop.create_task(self._send())
        return await answer

    async def _send(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting[:_AT_MOST], self._waiting[_AT_MOST:]
            try:
                answers = await self._execute([(script, arguments) for script, arguments, _ in some])
            except Exception as error:
                answers = [error] * len(some)
            for (_, _, answer), found in zip(some, answers, strict=True):
                if answer.cancelled():
                    continue
                if isinstance(found, Exception):
                    answer.set_exception(found)
                else:
                    answer.set_result(found)

    async def _execute(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        answers = await self._pipelined(calls)
        if any(isinstance(answer, NoScriptError) for answer in answers):
            # A server that was restarted knows no scripts any more.
            for script in {script for script, _ in calls}:
                await self._client.script_load(script)
            answers = await self._pipelined(calls)
        return answers

    async def _pipelined(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        pipeline = self._client.pipeline(transaction=False)
        for script, arguments in calls:
            pipeline.evalsha(_digest(script), 0, *arguments)
        return await pipeline.execute(raise_on_error=False)


_digests: dict[str, str] = {}


def _digest(script: str) -> str:
    if script not in _digests:
        _digests[script] = hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
    return _digests[script]
