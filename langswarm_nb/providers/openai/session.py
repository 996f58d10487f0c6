"""A conversation with OpenAI, or with a server that speaks one of its protocols."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from ...errors import ConfigurationError, ProviderError, ProviderRefusedError
from ...models import SessionMessage
from ...stream_events import Completed, ProviderEvent
from ..base import Paced, RemoteProviderSession, within
from ..clients import load_sdk, step_aside
from ..failures import Caller, names_model
from ..history import sendable
from ..request import Request
from . import chat, responses
from .conversation import Conversation, conversation_metadata, last_conversation

# Each next one is what a server without the one before may have.
APIS = ("conversations", "responses", "chat")

DEFAULT_MODEL = "default"


class OpenAIProviderSession(RemoteProviderSession):
    """Talks through Conversations and Responses, through Responses alone, or through chat completions.

    Without the option `api` they are tried in this order until the server has one, once; `get_provider_metadata()`
    says which it is. `thread_metadata` becomes the conversation's metadata. With `provider_session_id` a stored
    session goes on in its conversation. Without a conversation the service is asked to keep nothing (`store`, which
    can be set to True).
    """

    default_provider = "openai"
    default_service = "OpenAI"
    default_key_variable = "OPENAI_API_KEY"
    base_url_variable = "OPENAI_BASE_URL"
    official_domain = "openai.com"

    def __init__(self, session_id: str, model: str, config: dict[str, Any] | None = None) -> None:
        super().__init__(session_id, model, config)
        known = self._options.get("provider_session_id")
        self._conversation = Conversation(known if known and not known.startswith("local-") else None)
        self._absent: list[str] = []
        self._is_fresh = True
        self._served: str | None = None
        self._api = self._first_api(reopened=bool(known))
        self._metadata = conversation_metadata(
            self._options.get("thread_metadata") or self._options.get("conversation_metadata") or {}
        )

    @property
    def provider_session_id(self) -> str:
        """The conversation's id; a local one where the server keeps no conversations."""
        return self._conversation.id or f"local-{self.session_id}"

    async def create_provider_session(self) -> None:
        """Start the conversation. A service that is only out of reach now is asked again in the first turn."""
        client = await self._client()
        if self._api != "conversations" or self._conversation.id:
            return
        try:
            await self._start_conversation(client)
        except Exception as raised:
            if self._fall_back(raised, may_be_lost=False):
                return
            error = self._failure(raised, Request(()), began=False)
            if not getattr(error, "retryable", False):
                raise error from raised

    async def restore(self, messages: Sequence[SessionMessage]) -> None:
        """Take `messages` for the conversation so far.

        A session that was stored in between may have moved to another conversation than the one it was created with:
        its newest reply tells which.
        """
        await super().restore(messages)
        latest = last_conversation(messages)
        if latest and self._is_fresh and self._options.get("api") in (None, "conversations"):
            self._conversation = Conversation(latest)
            self._api = "conversations"
        self._is_fresh = False

    async def get_provider_metadata(self) -> dict[str, Any]:
        """Return what is known of the conversation, its metadata as the server has it; never a key."""
        known = await super().get_provider_metadata()
        metadata: dict[str, Any] = dict(self._metadata)
        if self._api == "conversations" and self._conversation.id:
            try:
                client = await self._client()
                kept = await within(client.conversations.retrieve(self._conversation.id), 10.0, self._caller())
                metadata = dict(kept.metadata or {})
                known["created_at"] = kept.created_at
            except Exception:
                known["metadata_source"] = "local"
        known |= {"api": self._api, "metadata": metadata, "thread_metadata": metadata}
        if self._absent:
            known["unavailable_apis"] = list(self._absent)
        return known

    async def update_provider_config(self, config: dict[str, Any]) -> None:
        await super().update_provider_config(config)
        if {"api", "base_url"} & config.keys():
            self._absent.clear()
            self._served = None
            self._api = self._first_api(reopened=False)

    async def _stream(self, request: Request) -> AsyncGenerator[ProviderEvent, None]:
        self._is_fresh = False
        await step_aside()
        client = await self._client()
        caller = self._caller(request.text)
        stream = await self._open(client, request, caller)
        conversing = self._api == "conversations"
        try:
            async with stream:
                paced = Paced(stream, self._idle_timeout(), caller)
                async with aclosing(self._read(paced)) as events:
                    async for event in events:
                        if isinstance(event, Completed):
                            await paced.run_out()
                            event = self._signed(event)
                            conversing = False
                        yield event
        finally:
            if conversing:
                self._conversation.doubt()

    async def _open(self, client: Any, request: Request, caller: Caller) -> Any:
        """Return the opened stream, of the first API that the server has."""
        stored = self._conversation.id
        while True:
            try:
                call = await self._request(client, request)
                return await within(call, self._idle_timeout(), caller)
            except Exception as error:
                # Only the conversation that was there before this turn can have been deleted meanwhile.
                if not self._fall_back(error, may_be_lost=stored == self._conversation.id):
                    raise

    async def _request(self, client: Any, request: Request) -> Awaitable[Any]:
        messages = sendable([*self._history, *request.messages])
        options = self._turn_options(request)
        model = await self._model_name(client)
        if self._api == "chat":
            body = chat.request_body(model, messages, options, official=self._is_official())
            return _call(client.chat.completions.create, body)
        if self._api == "responses":
            # Nothing looks a response up later: our own history is what the next turn sends.
            body = responses.request_body(model, messages, {"store": False, **options})
            return _call(client.responses.create, body)
        missing = self._conversation.missing(messages)
        if missing is None:
            await self._start_conversation(client)
            missing = messages
        body = responses.request_body(model, missing, options)
        return _call(client.responses.create, {**body, "conversation": self._conversation.id})

    async def _model_name(self, client: Any) -> str:
        """Return the model to ask for. "default" at a server of one's own is the first that it has."""
        if self.model != DEFAULT_MODEL or self._key_variable() is not None:
            return self.model
        if self._served is None:
            try:
                listed = await within(client.models.list(), 10.0, self._caller())
                self._served = listed.data[0].id
            except Exception:
                # llama.cpp takes any name; whoever does not will say so in answer to the request itself.
                return self.model
        return self._served or self.model

    def _fall_back(self, error: Exception, *, may_be_lost: bool) -> bool:
        """Return whether to try again: with a new conversation or with the next API, as `error` says what is absent."""
        from . import sdk

        said = sdk.missing_endpoint(error)
        if said is None:
            return False
        conversation = self._conversation.id
        if (conversation or self._api != "conversations") and names_model(said, self.model):
            return False
        if conversation and may_be_lost:
            self._conversation = Conversation()
            return True
        if self._options.get("api"):
            raise ProviderRefusedError(
                f"{self._service()} has no {self._api} API. Leave the option api out, or choose another one.",
                **self._caller().details(error_code="no_such_api"),
            ) from error
        if self._api == APIS[-1]:
            return False
        self._absent.append(self._api)
        self._api = APIS[APIS.index(self._api) + 1]
        self._conversation = Conversation()
        return True

    def _read(self, paced: Paced) -> AsyncGenerator[ProviderEvent, None]:
        if self._api == "chat":
            return chat.read_stream(paced)
        from .sdk import StreamError

        return responses.read_stream(paced, StreamError)

    async def _start_conversation(self, client: Any) -> None:
        creation = client.conversations.create(metadata=self._metadata)
        made = await within(creation, self._idle_timeout(), self._caller())
        self._conversation.started(made.id)

    def _remember(self, request: Request, reply: SessionMessage) -> None:
        super()._remember(request, reply)
        if self._api == "conversations":
            self._conversation.completed(sendable(self._history, calls_open=True))

    def _signed(self, event: Completed) -> Completed:
        known: dict[str, Any] = {**event.provider_metadata, "provider": self._provider(), "api": self._api}
        if self._api == "conversations":
            known["conversation"] = self._conversation.id
        known = {name: value for name, value in known.items() if value is not None}
        return replace(event, provider_metadata=known)

    async def _client(self) -> Any:
        key = self._resolved_key()
        if key is None:
            # A server of one's own asks for no key, and the key for another place must not go there.
            if self._key_variable() is not None and not self._base_url():
                raise self._missing_key()
            key = "none"
        sdk = await load_sdk(f"{__package__}.sdk")
        chosen = {
            name: self._options[name]
            for name in ("organization", "project", "default_headers")
            if self._options.get(name)
        }
        return await self._clients.client(
            lambda: sdk.make_client(
                api_key=key, base_url=self._base_url(), idle_timeout_s=self._idle_timeout(), **chosen
            )
        )

    def _translate(self, error: Exception, caller: Caller, *, began: bool) -> ProviderError:
        from . import sdk

        return sdk.translate(error, caller, began=began)

    def _base_url(self) -> str | None:
        url = super()._base_url()
        if url and self._key_variable() is None and urlsplit(url).path in ("", "/"):
            # The address that people know of a local server is without the version that the protocol adds.
            return url.rstrip("/") + "/v1"
        return url

    def _turn_options(self, request: Request) -> dict[str, Any]:
        ours = {
            "system_prompt": self._options.get("system_prompt"),
            "reasoning_level": self._options.get("reasoning_level"),
            "tools": self._tools(request),
            "output_schema": request.output_schema,
        }
        return {**self._request_options(), **{name: value for name, value in ours.items() if value}}

    def _first_api(self, *, reopened: bool) -> str:
        api = self._options.get("api")
        if api in (None, "auto"):
            self._options.pop("api", None)
            # It was a server without conversations when this session began.
            return "responses" if reopened and self._conversation.id is None else APIS[0]
        if api not in APIS:
            raise ConfigurationError(f"api is one of auto, {', '.join(APIS)}; it is {api!r}.", self.session_id)
        return api


def _call(create: Callable[..., Awaitable[Any]], body: dict[str, Any]) -> Awaitable[Any]:
    """Return the request; what the SDK has no keyword for goes into the body as it is, for servers that know more."""
    keywords = _keywords(getattr(create, "__func__", create))
    known = {name: value for name, value in body.items() if name in keywords}
    more = {name: value for name, value in body.items() if name not in keywords}
    if more:
        known["extra_body"] = {**more, **(known.get("extra_body") or {})}
    return create(**known, stream=True)


@cache
def _keywords(create: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(create).parameters) - {"self", "stream"}
