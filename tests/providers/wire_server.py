"""A server on loopback that answers exactly what a test scripts, byte by byte, and a Conversations endpoint."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Request:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    left: threading.Event = field(default_factory=threading.Event)
    """Set when the client closed the connection before it had the whole answer."""


DROP = object()
"""A step of a script: break the connection here."""

HANG = object()
"""A step of a script: send nothing more until the client leaves."""


def sse(data: Any, event: str | None = None) -> bytes:
    """Return one server-sent event."""
    text = data if isinstance(data, str) else json.dumps(data)
    return f"{f'event: {event}' + chr(10) if event else ''}data: {text}\n\n".encode()


def typed(*events: dict[str, Any]) -> list[bytes]:
    """Return events that are named after their own type."""
    return [sse(event, event["type"]) for event in events]


@dataclass
class Answer:
    """What to send: a status, headers, and the body step by step (bytes, seconds to wait, DROP or HANG)."""

    steps: list[Any]
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})


def refusal(status: int, body: Any, **headers: str) -> Answer:
    """Return an answer that is an error with a JSON body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer([json.dumps(body).encode()], status, {"content-type": "application/json", **named})


class WireServer:
    """Runs on a thread of its own. `script` queues answers for a path; what is not scripted is conversed."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.connection_count = 0
        self.conversations: dict[str, dict[str, Any]] = {}
        self.handlers: dict[str, Callable[[Request], Answer]] = {
            "/conversations": self._create,
            "/responses": self._respond,
        }
        self._scripts: defaultdict[str, deque[Answer]] = defaultdict(deque)
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def script(self, path: str, *answers: Answer) -> None:
        """Give `answers`, one a request, to requests whose path ends so."""
        self._scripts[path].extend(answers)

    def sent_to(self, path: str) -> list[Request]:
        """Return the requests to a path, oldest first."""
        return [request for request in self.requests if request.path.endswith(path)]

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        mine = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not mine]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connection_count += 1
        try:
            while (request := await _read_request(reader)) is not None:
                self.requests.append(request)
                answer = self._answer(request)
                if not await _send(answer, request, reader, writer):
                    return
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return
        finally:
            writer.close()

    def _answer(self, request: Request) -> Answer:
        for path, answers in self._scripts.items():
            if request.path.endswith(path) and answers:
                return answers.popleft()
        for path, handle in self.handlers.items():
            if request.path.endswith(path) and request.method == "POST":
                return handle(request)
        found = self.conversations.get(request.path.rpartition("/")[2])
        if found and request.method == "GET":
            return refusal(200, found["about"])
        return refusal(404, {"error": {"message": "Not Found"}})

    def _create(self, request: Request) -> Answer:
        made = f"conv_{len(self.conversations) + 1}"
        about = {"id": made, "object": "conversation", "created_at": 1, "metadata": request.body.get("metadata") or {}}
        self.conversations[made] = {"about": about, "items": list(request.body.get("items") or [])}
        return refusal(200, about)

    def _respond(self, request: Request) -> Answer:
        kept = self.conversations.get(request.body.get("conversation") or "", {"items": []})
        if request.body.get("conversation") and "about" not in kept:
            return refusal(404, {"error": {"message": f"Conversation {request.body['conversation']} not found."}})
        kept["items"] += request.body["input"]
        heard = " | ".join(item["content"] for item in kept["items"] if item["role"] == "user")
        text = f"I heard: {heard}"
        kept["items"].append({"role": "assistant", "content": text})
        return Answer(respond(text))


def respond(text: str, **response: Any) -> list[bytes]:
    """Return the stream of a Responses API reply, word by word."""
    about = {"id": "resp_1", "object": "response", "created_at": 1, "model": "wire-model", "output": []}
    usage = {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12}
    done = {**about, "status": "completed", "usage": usage, **response}
    place = {"item_id": "m", "output_index": 0, "content_index": 0}
    words = [{"type": "response.output_text.delta", **place, "delta": f"{word} "} for word in text.split()]
    return typed(
        {"type": "response.created", "response": {**about, "status": "in_progress"}},
        *words,
        {"type": "response.completed", "response": done},
    )


async def _read_request(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, path, headers, json.loads(body) if body else None)


async def _send(answer: Answer, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Send the answer in chunks, and return whether the connection is still good."""
    headers = {**answer.headers, "transfer-encoding": "chunked"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"HTTP/1.1 {answer.status} X\r\n{lines}\r\n".encode())
    for step in answer.steps:
        if step is DROP:
            writer.transport.abort()
            return False
        if step is HANG or isinstance(step, float):
            gone = await _gone(reader.read(1), None if step is HANG else step)
            if gone:
                request.left.set()
                return False
            continue
        writer.write(f"{len(step):x}\r\n".encode() + step + b"\r\n")
        await writer.drain()
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


async def _gone(reading: Awaitable[bytes], seconds: float | None) -> bool:
    try:
        return await asyncio.wait_for(reading, seconds) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True
