"""SDKs brought in without blocking anybody, and their clients, one for each event loop."""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import ModuleType
from typing import Any

from ..errors import ConfigurationError

_loading = threading.Lock()
_loaded: dict[str, ModuleType] = {}
_gates: dict[asyncio.AbstractEventLoop, asyncio.Lock] = {}


async def load_sdk(module: str) -> Any:
    """Return our module of this name, which imports an SDK; the first time that happens in a thread.

    An SDK costs seconds to import, and its first answer a third of a second to be parsed: the module's `rehearse()`
    has both behind it before the event loop sees any of it.
    """
    if module not in _loaded:
        await asyncio.to_thread(_load, module)
    return _loaded[module]


def _load(module: str) -> None:
    with _loading:
        if module in _loaded:
            return
        with _sparing_the_collector():
            try:
                loaded = importlib.import_module(module)
            except ModuleNotFoundError as error:
                name = error.name or "its package"
                raise ConfigurationError(f"This provider needs {name}. Install it: pip install {name}") from error
            tls_context()
            loaded.rehearse()
        _loaded[module] = loaded


@contextmanager
def _sparing_the_collector() -> Iterator[None]:
    # An SDK makes hundreds of thousands of objects that all stay. The garbage collector would look through them again
    # and again, and hold up every thread for a quarter of a second each time.
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if gc.get_freeze_count() == 0:
            # Puts all there is into the oldest generation at once, without looking at any of it.
            gc.freeze()
            gc.unfreeze()
        if was_on:
            gc.enable()


def tls_context() -> Any:
    """Return the one TLS context for all clients; making one reads hundreds of certificates."""
    return _tls_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@lru_cache(maxsize=4)
def _tls_context(_file: str | None, _directory: str | None) -> Any:
    import httpx2

    return httpx2.create_ssl_context()


async def step_aside() -> None:
    """Let the rest of the loop run; of all who call this at a time, one goes on in each round, in order.

    Fifty streams with much to parse share the loop's time so, instead of taking it one after the other.
    """
    loop = asyncio.get_running_loop()
    gate = _gates.get(loop)
    if gate is None:
        for closed in [other for other in _gates if other.is_closed()]:
            del _gates[closed]
        gate = _gates[loop] = asyncio.Lock()
    async with gate:
        await asyncio.sleep(0)


class LoopClients:
    """One client for each event loop: connections cannot be carried from one loop to another."""

    def __init__(self) -> None:
        self._kept: dict[asyncio.AbstractEventLoop, tuple[Any, AsyncGenerator[Any, None]]] = {}

    async def client(self, make: Callable[[], Any]) -> Any:
        """Return the running loop's client, made by `make` if it has none yet."""
        loop = asyncio.get_running_loop()
        if loop not in self._kept:
            for closed in [other for other in self._kept if other.is_closed()]:
                del self._kept[closed]
            client = make()
            keeper = _kept_open(client)
            await anext(keeper)
            self._kept[loop] = (client, keeper)
        return self._kept[loop][0]

    async def close(self) -> None:
        """Close every client, each on its own loop."""
        here = asyncio.get_running_loop()
        while self._kept:
            loop, (_client, keeper) = self._kept.popitem()
            if loop is here:
                await keeper.aclose()
            elif loop.is_running():
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_end(keeper), loop))


async def _end(keeper: AsyncGenerator[Any, None]) -> None:
    await keeper.aclose()


async def _kept_open(client: Any) -> AsyncGenerator[Any, None]:
    # An event loop closes its suspended generators when it shuts down, and schedules the closing of one that nobody
    # refers to any more. So a client that was forgotten is closed on the loop that it belongs to.
    try:
        yield client
    finally:
        await client.close()
