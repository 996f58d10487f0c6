"""The official SDK: its client and its exceptions. Import this module in a thread (`clients.load_sdk`)."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import openai

from ...errors import ConfigurationError, ProviderError
from ..clients import tls_context
from ..failures import Caller, Refusal, nothing_came, refused, retry_after, timed_out, unreachable, unreadable

# A failure in the middle of a stream has a code instead of an HTTP status.
_STATUS_OF_CODE = {
    "server_error": 500,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "invalid_api_key": 401,
    "model_not_found": 404,
    "context_length_exceeded": 400,
    "invalid_prompt": 400,
    "invalid_request_error": 400,
}


class StreamError(Exception):
    """What a server says in the middle of a stream, where the SDK raises nothing."""

    def __init__(self, code: str | None, text: str | None) -> None:
        super().__init__(f"{code or 'error'}: {text or ''}")
        self.code = code or ""
        self.text = text or ""


def make_client(
    *,
    api_key: str,
    base_url: str | None,
    idle_timeout_s: float | None,
    organization: str | None = None,
    project: str | None = None,
    default_headers: dict[str, str] | None = None,
) -> openai.AsyncOpenAI:
    """Return a client that leaves retries to us."""
    # A little longer than our own patience, which tells a stalled stream by its events.
    read = None if idle_timeout_s is None else idle_timeout_s + 5
    timeout = httpx2.Timeout(connect=10.0, read=read, write=60.0, pool=10.0)
    try:
        return openai.AsyncOpenAI(
            api_key=api_key,
            base_url=base_url,
            organization=organization,
            project=project,
            default_headers=default_headers,
            timeout=timeout,
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(verify=tls_context(), timeout=timeout),
        )
    except (httpx2.InvalidURL, openai.OpenAIError) as error:
        raise ConfigurationError(f"base_url is not usable: {error}") from error


def missing_endpoint(error: Exception) -> Refusal | None:
    """Return what the server said if it answered "not found" or "not allowed", else None."""
    if isinstance(error, openai.APIStatusError) and error.status_code in (404, 405, 501):
        return _refusal(error)
    return None


def translate(error: Exception, caller: Caller, *, began: bool) -> ProviderError:
    """Return our error for whatever a call to the SDK raised."""
    match error:
        case StreamError():
            return refused(caller, Refusal(_STATUS_OF_CODE.get(error.code, 500), error.code, error.text))
        case openai.APITimeoutError() | httpx2.TimeoutException():
            return timed_out(caller)
        case openai.APIConnectionError() | httpx2.TransportError():
            return unreachable(caller, began=began)
        case openai.APIStatusError():
            return refused(caller, _refusal(error))
        case openai.APIResponseValidationError() | json.JSONDecodeError():
            return unreadable(caller)
        case openai.APIError():
            code = error.code or error.type or ""
            status = int(code) if code.isdigit() else _STATUS_OF_CODE.get(code, 500)
            return refused(caller, Refusal(status, code, error.message))
        case AssertionError():
            return nothing_came(caller)
    return unreadable(caller)


def rehearse() -> None:
    """Run one pretended reply of each kind through the SDK, whose parsers are built on first use."""
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    part = {"type": "output_text", "text": "a", "annotations": []}
    item = {"type": "message", "id": "m", "status": "completed", "role": "assistant", "content": [part]}
    response = {"id": "r", "object": "response", "created_at": 1, "model": "m", "output": []}
    done = {**response, "status": "completed", "output": [item], "usage": usage}
    place = {"item_id": "m", "output_index": 0, "content_index": 0}
    turns = [
        {"type": "response.created", "response": {**response, "status": "in_progress"}},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
        {"type": "response.content_part.added", **place, "part": part},
        {"type": "response.output_text.delta", **place, "delta": "a"},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": done},
    ]
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choice = {"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}
    chunks = [{**chunk, "choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}]

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/conversations"):
            return httpx2.Response(200, json={"id": "c", "object": "conversation", "created_at": 1, "metadata": {}})
        events = turns if request.url.path.endswith("/responses") else chunks
        lines = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
        return httpx2.Response(200, text=lines, headers={"content-type": "text/event-stream"})

    with httpx2.Client(transport=httpx2.MockTransport(answer)) as http:
        client = openai.OpenAI(api_key="none", base_url="http://rehearsal", http_client=http, max_retries=0)
        client.conversations.create(metadata={"a": "b"})
        for _ in client.responses.create(model="m", input=[{"role": "user", "content": "a"}], stream=True):
            pass
        for _ in client.chat.completions.create(model="m", messages=[{"role": "user", "content": "a"}], stream=True):
            pass
    # The asynchronous side of the resources lives in modules of its own.
    apart = make_client(api_key="none", base_url="http://rehearsal", idle_timeout_s=1.0)
    _ = (apart.conversations, apart.responses, apart.chat.completions)


def _refusal(error: openai.APIStatusError) -> Refusal:
    body: Any = error.body if isinstance(error.body, dict) else {}
    text = body.get("message") or (error.body if isinstance(error.body, str) else "") or ""
    return Refusal(error.status_code, error.code or error.type or "", str(text), retry_after(error.response.headers))
