"""Any provider session, seen as a stream of events."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from ..errors import ConfigurationError, ProviderRefusedError
from ..interfaces import IProviderSession
from ..models import SessionMessage
from ..signatures import accepts, call_with_accepted
from ..stream_events import Completed, ProviderEvent, Retrying, TextDelta, ToolCall, UsageUpdate

_SPOKEN = {"parts": "attachments", "tools": "tools", "tool_results": "results of tools"}


async def provider_events(
    provider: IProviderSession,
    content: str,
    role: str,
    metadata: dict[str, Any] | None,
    *,
    parts: Sequence[dict[str, Any]] = (),
    tools: Sequence[dict[str, Any]] = (),
    tool_results: Sequence[SessionMessage] = (),
    output_schema: dict[str, Any] | None = None,
) -> AsyncGenerator[ProviderEvent, None]:
    """Yield the reply's events; of a provider without a stream, its reply word by word.

    Attachments, tools and their results go to a provider whose method has the keyword for them; ConfigurationError
    says which one has not. A schema that the provider or its service cannot take becomes part of the text instead.
    """
    method = getattr(provider, "send_message_stream", None) or provider.send_message
    more = {"parts": parts, "tools": tools, "tool_results": tool_results}
    more = {name: value for name, value in more.items() if value}
    for name in more:
        if not accepts(method, name):
            raise ConfigurationError(
                f"The provider {type(provider).__name__} takes no {_SPOKEN[name]}: its {method.__name__} has no "
                f"keyword {name!r}. Choose another provider."
            )
    if output_schema is not None and accepts(method, "output_schema"):
        began = False
        try:
            async with aclosing(
                _events(provider, content, role, metadata, {**more, "output_schema": output_schema})
            ) as events:
                async for event in events:
                    began = began or not isinstance(event, Retrying)
                    yield event
            return
        except ProviderRefusedError as error:
            # A server or a model that has no such mode says so; in words it may still do it.
            if began or error.context.get("status") not in (400, 422):
                raise
    if output_schema is not None and content:
        content = f"{content}\n\n{in_words(output_schema)}"
    async with aclosing(_events(provider, content, role, metadata, more)) as events:
        async for event in events:
            yield event


def in_words(output_schema: dict[str, Any]) -> str:
    """Return the wish for a reply that fits the schema, as a model reads it."""
    schema = json.dumps(output_schema["schema"], ensure_ascii=False)
    return f"Answer with one JSON value and nothing else, no Markdown around it. It has to fit this schema:\n{schema}"


async def _events(
    provider: IProviderSession, content: str, role: str, metadata: dict[str, Any] | None, more: dict[str, Any]
) -> AsyncGenerator[ProviderEvent, None]:
    stream = getattr(provider, "send_message_stream", None)
    if stream is None:
        async for event in _spelled_out(provider, content, role, metadata, more):
            yield event
        return
    chunks = call_with_accepted(stream, content, role=role, metadata=metadata, **more)
    if inspect.isawaitable(chunks):
        chunks = await chunks
    # A stream that is left early must be closed here and now: otherwise its connection stays open until collected.
    async with aclosing(_closable(chunks)) as events:
        async for chunk in events:
            yield TextDelta(chunk) if isinstance(chunk, str) else chunk


async def restore_history(provider: IProviderSession, messages: Sequence[SessionMessage]) -> None:
    """Tell `provider` what the conversation so far is, as far as it can be told."""
    restore = getattr(provider, "restore", None)
    if restore is not None:
        done = restore(list(messages))
        if inspect.isawaitable(done):
            await done
        return
    instructions = "\n\n".join(message.content for message in messages if message.role == "system")
    if instructions:
        await provider.update_provider_config({"system_prompt": instructions})


async def _spelled_out(
    provider: IProviderSession, content: str, role: str, metadata: dict[str, Any] | None, more: dict[str, Any]
) -> AsyncGenerator[ProviderEvent, None]:
    message = await call_with_accepted(provider.send_message, content, role=role, metadata=metadata, **more)
    for call in message.parts:
        if call.get("type") == "tool_call":
            yield ToolCall(call["id"], call["name"], call.get("arguments") or {})
    for word in re.findall(r"\s*\S+|\s+$", message.content):
        yield TextDelta(word)
    yield UsageUpdate(message.usage)
    yield Completed(
        finish_reason=message.finish_reason,
        response_model=message.response_model,
        provider_message_id=message.provider_message_id or message.message_id,
        provider_metadata=dict(message.provider_metadata),
    )


class _closable:
    """An async iterator with an `aclose`, whether or not the one inside has one."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __aiter__(self) -> Any:
        return self._inner.__aiter__()

    async def aclose(self) -> None:
        close = getattr(self._inner, "aclose", None)
        if close is not None:
            await close()
