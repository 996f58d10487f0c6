"""The official SDK: its client and its exceptions. Import this module in a thread (`clients.load_sdk`)."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import httpx2

from ...errors import ConfigurationError, ProviderError
from ..clients import tls_context
from ..failures import Caller, Refusal, nothing_came, refused, retry_after, timed_out, unreachable, unreadable

# An error in the middle of a stream comes with HTTP status 200: its type tells.
_STATUS_OF_TYPE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def make_client(
    *,
    api_key: str | None,
    auth_token: str | None,
    base_url: str | None,
    idle_timeout_s: float | None,
    default_headers: dict[str, str] | None = None,
) -> anthropic.AsyncAnthropic:
    """Return a client that leaves retries to us."""
    # A little longer than our own patience, which tells a stalled stream by its events.
    read = None if idle_timeout_s is None else idle_timeout_s + 5
    timeout = httpx2.Timeout(connect=10.0, read=read, write=60.0, pool=10.0)
    try:
        return anthropic.AsyncAnthropic(
            api_key=api_key,
            auth_token=auth_token,
            base_url=base_url,
            default_headers=default_headers,
            timeout=timeout,
            max_retries=0,
            http_client=anthropic.DefaultAsyncHttpxClient(verify=tls_context(), timeout=timeout),
        )
    except (httpx2.InvalidURL, anthropic.AnthropicError, TypeError) as error:
        raise ConfigurationError(f"base_url is not usable: {error}") from error


def translate(error: Exception, caller: Caller, *, began: bool) -> ProviderError:
    """Return our error for whatever a call to the SDK raised."""
    match error:
        case anthropic.APITimeoutError() | httpx2.TimeoutException():
            return timed_out(caller)
        case anthropic.APIConnectionError() | httpx2.TransportError():
            return unreachable(caller, began=began)
        case anthropic.APIStatusError():
            return refused(caller, _refusal(error))
        case AssertionError():
            return nothing_came(caller)
    return unreadable(caller)


def rehearse() -> None:
    """Run one pretended reply through the SDK, whose parsers are built on first use."""
    usage = {"input_tokens": 1, "output_tokens": 1}
    message = {"id": "m", "type": "message", "role": "assistant", "content": [], "model": "m", "usage": usage}
    events = [
        {"type": "message_start", "message": {**message, "stop_reason": None, "stop_sequence": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": usage},
        {"type": "message_stop"},
    ]
    lines = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)

    def answer(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, text=lines, headers={"content-type": "text/event-stream"})

    with httpx2.Client(transport=httpx2.MockTransport(answer)) as http:
        client = anthropic.Anthropic(api_key="none", base_url="http://rehearsal", http_client=http, max_retries=0)
        for _ in client.messages.create(
            model="m", max_tokens=1, messages=[{"role": "user", "content": "a"}], stream=True
        ):
            pass
    # The asynchronous side of the resources lives in modules of its own.
    _ = make_client(api_key="none", auth_token=None, base_url="http://rehearsal", idle_timeout_s=1.0).messages


def _refusal(error: anthropic.APIStatusError) -> Refusal:
    body: Any = error.body if isinstance(error.body, dict) else {}
    inner: Any = body.get("error") if isinstance(body.get("error"), dict) else body
    code = str(inner.get("type") or "")
    status = error.status_code if error.status_code >= 400 else _STATUS_OF_TYPE.get(code, 500)
    return Refusal(status, code, str(inner.get("message") or ""), retry_after(error.response.headers))
