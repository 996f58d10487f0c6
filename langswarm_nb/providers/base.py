"""What the sessions of all services over HTTP share: history, retries, waiting, keys."""

from __future__ import annotations

import asyncio
import os
import random
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any
from urllib.parse import urlsplit

from ..clock import new_id, now
from ..errors import ConfigurationError, ProviderAuthenticationError, ProviderError, SessionError
from ..interfaces import IProviderSession
from ..models import SessionMessage
from ..redaction import mask_secrets, without_secrets
from ..reply import ReplyDraft
from ..stream_events import Completed, ProviderEvent, Retrying
from .clients import LoopClients, step_aside
from .failures import Caller, broke_off, missing_key, nothing_came, scrub, stalled
from .request import Request

# What a configuration says to us; everything else goes into the request.
OWN_OPTIONS = frozenset(
    {
        "api",
        "base_url",
        "conversation_metadata",
        "default_headers",
        "idle_timeout_s",
        "key_variable",
        "max_retries",
        "max_retry_delay_s",
        "organization",
        "project",
        "prompt_caching",
        "provider",
        "provider_session_id",
        "reasoning_level",
        "service",
        "system_prompt",
        "thread_metadata",
        "tools",
    }
)
# These shape the client; changing one makes a new one.
_CLIENT_OPTIONS = frozenset({"api_key", "base_url", "default_headers", "idle_timeout_s", "organization", "project"})


class Secret:
    """A text that shows itself to nobody who does not ask for it."""

    __slots__ = ("_value",)

    def __init__(self, value: str | None) -> None:
        self._value = value or None

    def reveal(self) -> str | None:
        """Return the text, or None where there is none."""
        return self._value

    def __repr__(self) -> str:
        return "[key]" if self._value else "[no key]"


class RemoteProviderSession(IProviderSession):
    """A conversation with a service over HTTP.

    The options that a `config` takes besides those of the request: `api_key`, `base_url`, `default_headers`,
    `idle_timeout_s` (120; None waits for ever), `max_retries` (2), `max_retry_delay_s` (30: a service that asks for
    more patience gets none, and the error says how long it wanted), `system_prompt`, `tools`, `reasoning_level`.
    """

    default_provider: str
    default_service: str
    default_key_variable: str
    base_url_variable: str
    official_domain: str

    def __init__(self, session_id: str, model: str, config: dict[str, Any] | None = None) -> None:
        options = dict(config or {})
        self.session_id = session_id
        self.model = model
        self._key = Secret(options.pop("api_key", None))
        self._options: dict[str, Any] = options
        self._history: list[SessionMessage] = []
        self._clients = LoopClients()
        if not model:
            raise ConfigurationError(f"{self._service()} needs a model's name.", session_id)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.session_id}: {self._provider()}/{self.model}>"

    @property
    def provider_session_id(self) -> str:
        return self._options.get("provider_session_id") or f"local-{self.session_id}"

    async def create_provider_session(self) -> None:
        """Make sure that there is a key and that the SDK is there, before the first turn waits for it."""
        await self._client()

    async def restore(self, messages: Sequence[SessionMessage]) -> None:
        """Take `messages` for the conversation so far, in place of what was known."""
        self._history = list(messages)

    async def send_message(
        self, content: str, role: str = "user", metadata: dict[str, Any] | None = None, **more: Any
    ) -> SessionMessage:
        """Return the whole reply, with usage and finish reason; `more` is as in `send_message_stream`."""
        started = now()
        draft = ReplyDraft()
        async for event in self.send_message_stream(content, role, metadata, **more):
            draft.add(event)
        reply = self._reply(draft)
        reply.metadata = dict(metadata or {})
        reply.completed_at = now()
        reply.duration_s = (reply.completed_at - started).total_seconds()
        reply.processing_time_ms = reply.duration_s * 1000
        return reply

    async def send_message_stream(
        self,
        content: str,
        role: str = "user",
        metadata: dict[str, Any] | None = None,
        *,
        parts: Sequence[dict[str, Any]] = (),
        tools: Sequence[dict[str, Any]] = (),
        tool_results: Sequence[SessionMessage] = (),
        output_schema: dict[str, Any] | None = None,
    ) -> AsyncGenerator[ProviderEvent, None]:
        """Yield the reply's events, the last of them Completed; only a completed turn becomes history.

        `parts` are the message's attachments; `tools` what the model may call besides those of the configuration;
        `output_schema` (`name` and `schema`) what the reply has to fit. The results of tool calls go together as
        `tool_results`, messages of the role "tool", in place of `content`; a single one may also go with
        `role="tool"` and `tool_call_id` (and `tool_name`) in `metadata`. What failed before the first chunk is tried
        again; what failed later raises at once.
        """
        question = self._question(content, role, metadata or {}, parts)
        request = Request(tuple(tool_results) or (question,), tuple(tools), output_schema)
        attempt = 0
        while True:
            draft = ReplyDraft()
            try:
                async with aclosing(self._stream(request)) as events:
                    async for event in events:
                        draft.add(event)
                        if isinstance(event, Completed):
                            self._remember(request, self._reply(draft))
                        yield event
                if draft.completed:
                    return
                raise broke_off(self._caller()) if not draft.is_empty else nothing_came(self._caller())
            except Exception as raised:
                cause = raised
            error = self._failure(cause, request, began=not draft.is_empty)
            if isinstance(error, ProviderAuthenticationError):
                # The next try shall see a key that was set meanwhile.
                await self._clients.close()
            delay = self._retry_delay(error, attempt) if draft.is_empty else None
            if delay is None:
                raise error from (cause if cause is not error else cause.__cause__)
            attempt += 1
            yield Retrying(attempt, delay, str(error))
            await asyncio.sleep(delay)

    async def get_provider_metadata(self) -> dict[str, Any]:
        """Return what is known of the conversation, JSON-ready; never a key."""
        known = {
            "provider": self._provider(),
            "model": self.model,
            "provider_session_id": self.provider_session_id,
            "base_url": mask_secrets(self._base_url() or "") or None,
            "options": without_secrets(self._request_options()),
            "conversation_length": len(self._history),
        }
        return {name: value for name, value in known.items() if value is not None}

    async def update_provider_config(self, config: dict[str, Any]) -> None:
        """Merge `config` into the options of the turns to come; None takes one back to its default."""
        changes = dict(config)
        if "api_key" in changes:
            self._key = Secret(changes["api_key"])
        if "model" in changes:
            self.model = changes.pop("model") or self.model
        if _CLIENT_OPTIONS & changes.keys():
            await self._clients.close()
        changes.pop("api_key", None)
        merged = {**self._options, **changes}
        self._options = {name: value for name, value in merged.items() if value is not None or name == "idle_timeout_s"}

    async def cleanup_provider_resources(self) -> None:
        """Close the connections; the next turn opens new ones."""
        await self._clients.close()

    @abstractmethod
    def _stream(self, request: Request) -> AsyncGenerator[ProviderEvent, None]:
        """Yield one try's events."""

    @abstractmethod
    async def _client(self) -> Any:
        """Return the SDK's client for the running loop."""

    @abstractmethod
    def _translate(self, error: Exception, caller: Caller, *, began: bool) -> ProviderError:
        """Return our error for the SDK's."""

    def _remember(self, request: Request, reply: SessionMessage) -> None:
        self._history += [*request.messages, reply]

    def _provider(self) -> str:
        return self._options.get("provider") or self.default_provider

    def _service(self) -> str:
        if name := self._options.get("service"):
            return name
        host = urlsplit(self._base_url() or "").netloc.rpartition("@")[2]
        return self.default_service if self._is_official() else f"The server at {host}"

    def _is_official(self) -> bool:
        host = urlsplit(self._base_url() or "").hostname or self.official_domain
        return host == self.official_domain or host.endswith("." + self.official_domain)

    def _base_url(self) -> str | None:
        return self._options.get("base_url") or os.environ.get(self.base_url_variable) or None

    def _key_variable(self) -> str | None:
        return self._options.get("key_variable", self.default_key_variable)

    def _resolved_key(self) -> str | None:
        variable = self._key_variable()
        return self._key.reveal() or (os.environ.get(variable) if variable else None) or None

    def _caller(self, prompt: str = "") -> Caller:
        secrets = [self._resolved_key(), *(self._options.get("default_headers") or {}).values()]
        return Caller(
            provider=self._provider(),
            service=self._service(),
            model=self.model,
            session_id=self.session_id,
            key_variable=self._key_variable(),
            key_was_given=self._key.reveal() is not None,
            # A short one is a placeholder for a server that wants any key; masking it would spoil every text.
            secrets=tuple(secret for secret in secrets if secret and len(secret) > 7),
            prompt=prompt,
        )

    def _missing_key(self) -> ProviderAuthenticationError:
        return missing_key(self._caller())

    def _idle_timeout(self) -> float | None:
        return self._options.get("idle_timeout_s", 120.0)

    def _request_options(self) -> dict[str, Any]:
        return {name: value for name, value in self._options.items() if name not in OWN_OPTIONS}

    def _tools(self, request: Request) -> list[dict[str, Any]]:
        return [*(self._options.get("tools") or []), *request.tools]

    def _question(
        self, content: str, role: str, metadata: dict[str, Any], parts: Sequence[dict[str, Any]] = ()
    ) -> SessionMessage:
        return SessionMessage(
            new_id(),
            self.session_id,
            role,
            content,
            now(),
            parts=list(parts),
            tool_call_id=metadata.get("tool_call_id"),
            tool_name=metadata.get("tool_name"),
        )

    def _reply(self, draft: ReplyDraft) -> SessionMessage:
        reply = SessionMessage(
            new_id(), self.session_id, "assistant", "", now(), provider=self._provider(), request_model=self.model
        )
        draft.fill(reply)
        return reply

    def _failure(self, error: Exception, request: Request, *, began: bool) -> SessionError:
        if isinstance(error, SessionError):
            return error
        caller = self._caller(request.text)
        scrub(error, caller)
        return self._translate(error, caller, began=began)

    def _retry_delay(self, error: SessionError, attempt: int) -> float | None:
        # A stall has cost its whole timeout already: whether that is worth another one is for people to say.
        if not isinstance(error, ProviderError) or not error.retryable or error.error_code == "idle_timeout":
            return None
        tries: int = self._options.get("max_retries", 2)
        longest: float = self._options.get("max_retry_delay_s", 30.0)
        if attempt >= tries:
            return None
        wanted = getattr(error, "retry_after", None)
        if wanted is not None:
            return wanted + random.uniform(0, 0.1) if wanted <= longest else None
        return min(0.5 * 2**attempt, longest) * random.uniform(0.5, 1.0)


class Paced:
    """An SDK's stream that raises when it stalls."""

    def __init__(self, stream: Any, idle_timeout_s: float | None, caller: Caller) -> None:
        self._events = aiter(stream)
        self._seconds = idle_timeout_s
        self._caller = caller

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        # What has arrived already would be parsed in one go, however much it is, and everybody else would wait for it.
        await step_aside()
        return await within(anext(self._events), self._seconds, self._caller)

    async def run_out(self) -> None:
        """Read what is left behind the last event: a connection is used again only when it was read to its end."""
        try:
            async with asyncio.timeout(0.05):
                async for _ in self._events:
                    pass
        except Exception:
            # The reply is complete; whatever happens after it costs at most this connection.
            return


async def within(waiting: Any, seconds: float | None, caller: Caller) -> Any:
    """Return what `waiting` gives; ProviderTimeoutError after `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            return await waiting
    except TimeoutError:
        raise stalled(caller, seconds or 0.0) from None
