"""Doing the same with many things at a time."""

from __future__ import annotations

import asyncio
from typing import Any

# Enough for a storage to write them together.
_AT_ONCE = 50


async def in_parallel(work: list[Any]) -> list[Any]:
    """Return the results of the coroutines in order, some at a time; the first error, once all have ended."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(coroutine: Any) -> Any:
        async with room:
            return await coroutine

    results = await asyncio.gather(*[one(coroutine) for coroutine in work], return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results
