"""A conversation with Anthropic, or with a server that speaks its protocol."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from ...errors import ProviderError
from ...stream_events import Completed, ProviderEvent
from ..base import Paced, RemoteProviderSession, within
from ..clients import load_sdk, step_aside
from ..failures import Caller
from ..history import sendable
from ..request import Request
from .messages import request_body
from .stream import read_stream


class AnthropicProviderSession(RemoteProviderSession):
    """Keeps the history itself and streams every reply.

    Besides the common options: `conversation_metadata` (kept and shown, not sent), `thinking` (True or the API's own
    form), `prompt_caching` ("auto": where the conversation is long enough to be cached). `temperature`, `top_p` and
    `top_k` go only to the models that take them; what was left out is named in the reply's `provider_metadata`.
    """

    default_provider = "anthropic"
    default_service = "Anthropic"
    default_key_variable = "ANTHROPIC_API_KEY"
    base_url_variable = "ANTHROPIC_BASE_URL"
    official_domain = "anthropic.com"

    async def get_provider_metadata(self) -> dict[str, Any]:
        known = await super().get_provider_metadata()
        metadata = self._options.get("conversation_metadata") or self._options.get("thread_metadata") or {}
        return {**known, "api": "messages", "metadata": metadata, "conversation_metadata": metadata}

    async def _stream(self, request: Request) -> AsyncGenerator[ProviderEvent, None]:
        await step_aside()
        client = await self._client()
        caller = self._caller(request.text)
        body, left_out = request_body(
            self.model, sendable([*self._history, *request.messages]), self._turn_options(request)
        )
        # The SDK warns of a model's end of life through `warnings`, which a notebook hides and a strict program turns
        # into an exception. The name in the body is what the service sees; it says itself what it no longer has.
        body["extra_body"] = {**(body.get("extra_body") or {}), "model": body.pop("model")}
        stream = await within(client.messages.create(**body, model="", stream=True), self._idle_timeout(), caller)
        async with stream:
            paced = Paced(stream, self._idle_timeout(), caller)
            async with aclosing(read_stream(paced)) as events:
                async for event in events:
                    if isinstance(event, Completed):
                        await paced.run_out()
                        known: dict[str, Any] = {**event.provider_metadata, "provider": self._provider()}
                        if left_out:
                            known["left_out"] = left_out
                        event = replace(event, provider_metadata=known)
                    yield event

    def _turn_options(self, request: Request) -> dict[str, Any]:
        names = ("system_prompt", "reasoning_level", "prompt_caching")
        ours = {name: self._options[name] for name in names if self._options.get(name) is not None}
        asked = {"tools": self._tools(request), "output_schema": request.output_schema}
        return {**self._request_options(), **ours, **{name: value for name, value in asked.items() if value}}

    async def _client(self) -> Any:
        key = self._resolved_key()
        token = None if key else os.environ.get("ANTHROPIC_AUTH_TOKEN") or None
        if key is None and token is None:
            if self._is_official():
                raise self._missing_key()
            key = "none"
        sdk = await load_sdk(f"{__package__}.sdk")
        return await self._clients.client(
            lambda: sdk.make_client(
                api_key=key,
                auth_token=token,
                base_url=self._base_url(),
                idle_timeout_s=self._idle_timeout(),
                default_headers=self._options.get("default_headers"),
            )
        )

    def _translate(self, error: Exception, caller: Caller, *, began: bool) -> ProviderError:
        from . import sdk

        return sdk.translate(error, caller, began=began)
