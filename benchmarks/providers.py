"""What the provider layer costs: python benchmarks/providers.py [--json]

A server in a process of its own streams numbered words; the same replies are read by the SDK alone and through our
provider sessions, in turn. Measured are the way from the SDK's delta to ours, the time to the first chunk, and for how
long the event loop is held up: when an SDK is brought in, and while fifty sessions stream at once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from langswarm_nb import create_session_manager
from langswarm_nb.providers import ProviderSessionFactory
from langswarm_nb.providers.base import Paced
from langswarm_nb.stream_events import TextDelta

WORDS = 200
PAUSE_S = 0.002
SESSIONS = 50


def serve(connection: Any) -> None:
    """Answer any request with a streamed reply of WORDS words, in the form that its path asks for."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.partition("content-length:")[2].split("\r\n")[0] or 0)
                body = json.loads(await reader.readexactly(length))
                name = json.dumps(body).split("session-")[1][:3]
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
                )
                for event in _reply(head.split(" ")[1], name):
                    data = f"event: {event.get('type', '')}\ndata: {json.dumps(event)}\n\n".encode()
                    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
                    await writer.drain()
                    await asyncio.sleep(PAUSE_S)
                writer.write(b"0\r\n\r\n")
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        connection.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


def _reply(path: str, name: str) -> list[dict[str, Any]]:
    words = [f"{name}-{number} " for number in range(WORDS)]
    if path.endswith("/responses"):
        about = {"id": "r", "object": "response", "created_at": 1, "model": "m", "output": []}
        usage = {"input_tokens": 1, "output_tokens": WORDS, "total_tokens": WORDS + 1}
        place = {"item_id": "m", "output_index": 0, "content_index": 0}
        return [
            {"type": "response.created", "response": {**about, "status": "in_progress"}},
            *({"type": "response.output_text.delta", **place, "delta": word} for word in words),
            {"type": "response.completed", "response": {**about, "status": "completed", "usage": usage}},
        ]
    if path.endswith("/completions"):
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        return [
            *({**chunk, "choices": [{"index": 0, "delta": {"content": word}}]} for word in words),
            {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        ]
    usage = {"input_tokens": 1, "output_tokens": 1}
    message = {"id": "m", "type": "message", "role": "assistant", "content": [], "model": "m", "usage": usage}
    return [
        {"type": "message_start", "message": {**message, "stop_reason": None, "stop_sequence": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}} for word in words),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": usage},
        {"type": "message_stop"},
    ]


class LoopWatch:
    """Notes by how much the event loop was late for a date every 5 ms.

    `busy` is how much processor time this process used in between, which a machine that is busy otherwise does not
    spoil: where it is far below the lateness, somebody else had the processor.
    """

    def __init__(self) -> None:
        self.late: list[float] = []
        self.busy: list[float] = []

    async def __aenter__(self) -> LoopWatch:
        self._task = asyncio.create_task(self._watch())
        await asyncio.sleep(0.02)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _watch(self) -> None:
        while True:
            before, used = time.perf_counter(), time.process_time()
            await asyncio.sleep(0.005)
            self.late.append(time.perf_counter() - before - 0.005)
            self.busy.append(time.process_time() - used)

    def in_ms(self) -> dict[str, float]:
        """Return the median and the worst."""
        return {
            "p50": round(statistics.median(self.late) * 1000, 1),
            "worst": round(max(self.late) * 1000, 1),
            "worst of our own": round(max(self.busy) * 1000, 1),
        }


ROADS = ("responses", "chat", "anthropic")


def session_on(road: str, port: int, number: int = 0) -> Any:
    """Return a provider session on the server."""
    name = "anthropic" if road == "anthropic" else "openai"
    config = {"api_key": "none-needed", "base_url": f"http://127.0.0.1:{port}"}
    if name == "openai":
        config["api"] = road
    return ProviderSessionFactory.create(name, f"s{number}", "claude-x" if name == "anthropic" else "m", config)


async def ours(session: Any, number: int = 0) -> AsyncGenerator[str, None]:
    """Yield a reply's texts, through us."""
    async with aclosing(session.send_message_stream(f"session-{number:03}")) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                yield event.text


async def theirs(client: Any, road: str) -> AsyncIterator[str]:
    """Yield a reply's texts, with the SDK alone."""
    said = [{"role": "user", "content": "session-000"}]
    if road == "responses":
        async for event in await client.responses.create(model="m", input=said, stream=True):
            if event.type == "response.output_text.delta":
                yield event.delta
    elif road == "chat":
        async for chunk in await client.chat.completions.create(model="m", messages=said, stream=True):
            if text := chunk.choices[0].delta.content:
                yield text
    else:
        async for event in await client.messages.create(model="m", max_tokens=9, messages=said, stream=True):
            if event.type == "content_block_delta":
                yield event.delta.text


async def first_chunk_ms(make: Callable[[], AsyncIterator[str]]) -> float:
    """Return the time from the call to the first text."""
    started = time.perf_counter()
    taken = 0.0
    async for _ in make():
        taken = taken or time.perf_counter() - started
    return taken * 1000


async def delta_way_us(session: Any) -> list[float]:
    """Return, for each text, the time from the SDK handing out its event to ours arriving, in microseconds."""
    handed: list[float] = []
    inner = Paced.__anext__

    async def noting(self: Paced) -> Any:
        event = await inner(self)
        handed.append(time.perf_counter())
        return event

    Paced.__anext__ = noting  # type: ignore[method-assign]
    try:
        return [(time.perf_counter() - handed[-1]) * 1e6 async for _ in ours(session)]
    finally:
        Paced.__anext__ = inner  # type: ignore[method-assign]


async def leaving_ms(session: Any) -> float:
    """Return how long it takes to leave a reply after its first word, its connection closed."""
    texts = ours(session)
    await anext(texts)
    started = time.perf_counter()
    await texts.aclose()
    return (time.perf_counter() - started) * 1000


async def cpu_us_per_delta(make: Callable[[], AsyncIterator[str]]) -> float:
    """Return the processor time of a whole reply, divided by its texts, in microseconds."""
    started = time.process_time()
    count = 0
    async for _ in make():
        count += 1
    return (time.process_time() - started) / count * 1e6


async def bring_in(port: int) -> dict[str, Any]:
    """Return what the first session of each SDK costs the event loop."""
    found = {}
    for name, road in (("openai", "responses"), ("anthropic", "anthropic")):
        session = session_on(road, port)
        async with LoopWatch() as watch:
            started = time.perf_counter()
            await session.create_provider_session()
            took = time.perf_counter() - started
            async for _ in ours(session):
                pass
        found[name] = {"brought in after ms": round(took * 1000), "loop late ms": watch.in_ms()}
        await session.cleanup_provider_resources()
    return found


async def compare(road: str, port: int) -> dict[str, Any]:
    """Return our numbers beside the SDK's own, measured in turn."""
    session = session_on(road, port)
    client = await session._client()
    rounds = range(9)
    ways: list[float] = []
    leaving: list[float] = []
    first: dict[str, list[float]] = {"ours": [], "sdk": []}
    cpu: dict[str, list[float]] = {"ours": [], "sdk": []}
    makers: dict[str, Callable[[], AsyncIterator[str]]] = {
        "sdk": lambda: theirs(client, road),
        "ours": lambda: ours(session),
    }
    for _ in rounds:
        for name, make in makers.items():
            first[name].append(await first_chunk_ms(make))
            cpu[name].append(await cpu_us_per_delta(make))
        ways += await delta_way_us(session)
        leaving.append(await leaving_ms(session))
        await session.restore([])
    await session.cleanup_provider_resources()
    ways.sort()
    return {
        "delta: SDK to ours, us": {"p50": round(statistics.median(ways)), "p99": round(ways[int(len(ways) * 0.99)])},
        "first chunk, ms": {name: round(statistics.median(values), 1) for name, values in first.items()},
        "leaving a reply, ms": round(statistics.median(leaving), 2),
        "CPU per delta, us": {name: round(statistics.median(values)) for name, values in cpu.items()},
    }


async def fifty(road: str, port: int) -> dict[str, Any]:
    """Return how SESSIONS replies at once went."""
    sessions = [session_on(road, port, number) for number in range(SESSIONS)]

    async def one(number: int) -> bool:
        texts = [text async for text in ours(sessions[number], number)]
        return texts == [f"{number:03}-{word} " for word in range(WORDS)]

    async with LoopWatch() as watch:
        started = time.perf_counter()
        whole = await asyncio.gather(*(one(number) for number in range(SESSIONS)))
        took = time.perf_counter() - started
    closing: list[Awaitable[None]] = [session.cleanup_provider_resources() for session in sessions]
    await asyncio.gather(*closing)
    return {
        "whole and unmixed": f"{sum(whole)} of {SESSIONS}",
        "took s": round(took, 2),
        "loop late ms": watch.in_ms(),
    }


async def fifty_stored(road: str, port: int) -> dict[str, Any]:
    """Return how SESSIONS turns at once went with all that a turn does: middleware, hooks, and a store on disk."""
    provider = "anthropic" if road == "anthropic" else "openai"
    config = {"base_url": f"http://127.0.0.1:{port}", **({} if provider == "anthropic" else {"api": road})}
    with tempfile.TemporaryDirectory() as folder:
        manager = create_session_manager(
            f"{folder}/sessions.duckdb", providers={provider: "none-needed"}, provider_config={provider: config}
        )
        async with manager:
            model = "claude-x" if provider == "anthropic" else "m"
            sessions = [await manager.create_session("ada", provider, model) for _ in range(SESSIONS)]

            async def one(number: int) -> bool:
                texts = [text async for text in sessions[number].send_message_stream(f"session-{number:03}")]
                stored = [message.content for message in await sessions[number].get_messages()]
                said = "".join(f"{number:03}-{word} " for word in range(WORDS))
                return "".join(texts) == said and stored == [f"session-{number:03}", said]

            async with LoopWatch() as watch:
                started = time.perf_counter()
                whole = await asyncio.gather(*(one(number) for number in range(SESSIONS)))
                took = time.perf_counter() - started
    return {
        "whole, unmixed and stored": f"{sum(whole)} of {SESSIONS}",
        "took s": round(took, 2),
        "loop late ms": watch.in_ms(),
    }


async def measure(port: int) -> dict[str, Any]:
    result: dict[str, Any] = {"bringing in an SDK": await bring_in(port)}
    for road in ROADS:
        result[road] = {
            **await compare(road, port),
            f"{SESSIONS} at once": await fifty(road, port),
            f"{SESSIONS} sessions at once": await fifty_stored(road, port),
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    as_json = parser.parse_args().json
    here, there = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    server.start()
    try:
        result = asyncio.run(measure(here.recv()))
    finally:
        server.terminate()
        server.join()
    if as_json:
        print(json.dumps(result))
        return
    for part, numbers in result.items():
        print(part)
        for name, value in numbers.items():
            print(f"  {name}: {value}")


if __name__ == "__main__":
    main()
