"""A GGUF model in this process, through llama-cpp-python: no server, no key, no network."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..attachments import as_text, attached, names_of
from ..clock import new_id, now
from ..errors import ConfigurationError, ContextWindowExceededError, ProviderError, ProviderRefusedError
from ..interfaces import IProviderSession
from ..models import SessionMessage, Usage
from ..redaction import without_secrets
from ..reply import ReplyDraft
from ..stream_events import Completed, ProviderEvent, TextDelta, UsageUpdate
from .history import instructions, sendable

# The library's own default is 512, less than one page; what the model was trained with may not fit into memory.
CONTEXT_WINDOW = 4096
# These shape the loaded model; the others go into each request.
_MODEL_OPTIONS = frozenset(
    {"n_ctx", "n_gpu_layers", "n_threads", "n_batch", "chat_format", "seed", "use_mmap", "use_mlock", "flash_attn"}
)
_REQUEST_OPTIONS = frozenset(
    {"temperature", "top_p", "top_k", "min_p", "stop", "max_tokens", "repeat_penalty", "presence_penalty"}
    | {"frequency_penalty"}
)
_OWN_OPTIONS = frozenset({"system_prompt", "provider_session_id"})


class LocalProviderSession(IProviderSession):
    """A conversation with a model from a file; `model` is the path of the `.gguf`.

    `config` takes `system_prompt`, what the library takes to load a model (`n_ctx`, the tokens that it reads, is 4096
    unless told otherwise; `n_gpu_layers`, `n_threads`, ...) and for a reply (`temperature`, `max_tokens`, ...).
    Sessions with the same file and the same options share one loaded model, which answers one of them at a time. It
    takes attachments of text and output schemas, which the library enforces; no pictures and no tools.
    """

    def __init__(self, session_id: str, model: str, config: dict[str, Any] | None = None) -> None:
        self.session_id = session_id
        self.model = model
        self._options = dict(config or {})
        self._history: list[SessionMessage] = []
        self._loaded: _LoadedModel | None = None
        if not model:
            raise ConfigurationError("The local provider needs the path of a .gguf file as its model.", session_id)
        self._path = Path(model).expanduser()
        self._options.pop("api_key", None)
        _check_options(self._options)

    def __repr__(self) -> str:
        return f"<LocalProviderSession {self.session_id}: {self._path.name}>"

    @property
    def provider_session_id(self) -> str:
        return f"local-{self.session_id}"

    @property
    def context_window(self) -> int:
        """How many tokens the model reads."""
        return int(self._options.get("n_ctx") or CONTEXT_WINDOW)

    async def create_provider_session(self) -> None:
        """Load the model, before the first turn waits for it."""
        await self._model()

    async def restore(self, messages: Sequence[SessionMessage]) -> None:
        """Take `messages` for the conversation so far."""
        self._history = list(messages)

    async def send_message(
        self, content: str, role: str = "user", metadata: dict[str, Any] | None = None, **more: Any
    ) -> SessionMessage:
        """Return the whole reply."""
        draft = ReplyDraft()
        async for event in self.send_message_stream(content, role, metadata, **more):
            draft.add(event)
        reply = SessionMessage(new_id(), self.session_id, "assistant", "", now(), metadata=dict(metadata or {}))
        draft.fill(reply)
        return reply

    async def send_message_stream(
        self,
        content: str,
        role: str = "user",
        metadata: dict[str, Any] | None = None,
        *,
        parts: Sequence[dict[str, Any]] = (),
        output_schema: dict[str, Any] | None = None,
    ) -> AsyncGenerator[ProviderEvent, None]:
        """Yield the reply's events; leaving the stream stops the model at its next token."""
        question = SessionMessage(new_id(), self.session_id, role, content, now(), parts=list(parts))
        messages = sendable([*self._history, question])
        request = {name: value for name, value in self._options.items() if name in _REQUEST_OPTIONS}
        request["messages"] = chat_turns(messages, self._options.get("system_prompt"))
        if output_schema is not None:
            request["response_format"] = {"type": "json_object", "schema": output_schema["schema"]}
        model = await self._model()
        draft = ReplyDraft()
        async for event in _from_thread(model, request):
            draft.add(event)
            if isinstance(event, Completed):
                reply = SessionMessage(new_id(), self.session_id, "assistant", "", now())
                draft.fill(reply)
                self._history += [question, reply]
            yield event

    async def get_provider_metadata(self) -> dict[str, Any]:
        return {
            "provider": "local",
            "model": self.model,
            "provider_session_id": self.provider_session_id,
            "context_window": self.context_window,
            "options": without_secrets(self._options),
            "conversation_length": len(self._history),
        }

    async def update_provider_config(self, config: dict[str, Any]) -> None:
        """Merge `config` into the options of the turns to come; None takes one back to its default."""
        merged = {**self._options, **{name: value for name, value in config.items() if name != "api_key"}}
        merged = {name: value for name, value in merged.items() if value is not None}
        _check_options(merged)
        self._options = merged
        if _MODEL_OPTIONS & config.keys():
            await self.cleanup_provider_resources()

    async def cleanup_provider_resources(self) -> None:
        """Let go of the model; the last session that does so frees its memory."""
        loaded, self._loaded = self._loaded, None
        if loaded is not None:
            await asyncio.to_thread(_let_go, loaded)

    async def _model(self) -> _LoadedModel:
        if self._loaded is None:
            options = {name: value for name, value in self._options.items() if name in _MODEL_OPTIONS}
            options["n_ctx"] = self.context_window
            self._loaded = await asyncio.to_thread(_load, self._path, options, self.session_id)
        return self._loaded


def chat_turns(messages: Sequence[SessionMessage], system_prompt: str | None) -> list[dict[str, Any]]:
    """Return the turns as chat templates take them: instructions first, then the two sides by turns."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "system":
            continue
        role = "assistant" if message.role == "assistant" else "user"
        unreadable = [part for part in attached(message.parts) if "data" in part]
        if unreadable:
            raise ProviderRefusedError(
                f"A local model reads text; {names_of(unreadable)} is none. Attach its text, or ask another model.",
                provider="local",
                session_id=message.session_id,
                error_code="unreadable_attachment",
            )
        text = "\n\n".join([message.content, *map(as_text, attached(message.parts))])
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += f"\n\n{text}"
        elif turns or role == "user":
            turns.append({"role": role, "content": text})
    told = instructions(messages, system_prompt)
    return [{"role": "system", "content": told}, *turns] if told else turns


class _LoadedModel:
    """A model in memory. `turn` is held by whoever it answers: it can do one thing at a time."""

    def __init__(self, key: Any, llama: Any, name: str) -> None:
        self.key = key
        self.llama = llama
        self.name = name
        self.users = 0
        self.turn = threading.Lock()


_guard = threading.Lock()
_models: dict[Any, _LoadedModel] = {}


def _load(path: Path, options: Mapping[str, Any], session_id: str) -> _LoadedModel:
    try:
        import llama_cpp  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ConfigurationError(
            "A model in this process needs llama-cpp-python, which is compiled while it is installed: "
            'pip install "langswarm-nb[local]"',
            session_id,
        ) from error
    if not path.is_file():
        raise ConfigurationError(f"There is no model file {str(path)!r}. Give the path of a .gguf file.", session_id)
    key = (path.resolve(), path.stat().st_mtime_ns, tuple(sorted(options.items())))
    with _guard:
        if key not in _models:
            try:
                llama = llama_cpp.Llama(model_path=str(path), verbose=False, **options)
            except Exception as error:
                raise ConfigurationError(
                    f"{path.name} could not be loaded as a GGUF model. Check the file, and n_ctx against the memory.",
                    session_id,
                ) from error
            _models[key] = _LoadedModel(key, llama, path.name)
        _models[key].users += 1
        return _models[key]


def _let_go(model: _LoadedModel) -> None:
    with _guard:
        model.users -= 1
        if model.users > 0:
            return
        _models.pop(model.key, None)
    with model.turn:
        model.llama.close()


async def _from_thread(model: _LoadedModel, request: dict[str, Any]) -> AsyncGenerator[ProviderEvent, None]:
    """Yield the events of a reply that a thread of its own makes; left early, the thread stops at its next token."""
    loop = asyncio.get_running_loop()
    events: asyncio.Queue[ProviderEvent | Exception | None] = asyncio.Queue()
    stop = threading.Event()

    def tell(event: ProviderEvent | Exception | None) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(events.put_nowait, event)

    def work() -> None:
        try:
            while not model.turn.acquire(timeout=0.1):
                if stop.is_set():
                    return
            try:
                for event in _reply(model, request, stop):
                    tell(event)
            finally:
                model.turn.release()
        except Exception as error:
            tell(error)
        finally:
            tell(None)

    threading.Thread(target=work, name="langswarm_nb local model", daemon=True).start()
    try:
        while (event := await events.get()) is not None:
            if isinstance(event, Exception):
                raise _translated(event, model.name) from event
            yield event
    finally:
        stop.set()


def _reply(model: _LoadedModel, request: dict[str, Any], stop: threading.Event) -> Iterator[ProviderEvent]:
    llama = model.llama
    asked: int | None = None
    reason = None
    for chunk in llama.create_chat_completion(**request, stream=True):
        if stop.is_set():
            return
        # What the model has read when its first token comes is the prompt.
        asked = llama.n_tokens if asked is None else asked
        choice = chunk["choices"][0]
        if text := choice["delta"].get("content"):
            yield TextDelta(text)
        reason = choice.get("finish_reason") or reason
    usage = Usage(input_tokens=asked, output_tokens=max(llama.n_tokens - asked, 0) if asked is not None else None)
    yield UsageUpdate(usage)
    yield Completed(
        finish_reason=reason or "stop",
        response_model=model.name,
        provider_message_id=f"local-{new_id()}",
        provider_metadata={"provider": "local", "model": model.name, "usage": usage.to_dict()},
    )


def _translated(error: Exception, name: str) -> ProviderError:
    if isinstance(error, ValueError) and "exceed context window" in str(error):
        return ContextWindowExceededError(
            f"The conversation is longer than {name} can read here. Raise n_ctx, or clear older messages.",
            provider="local",
        )
    return ProviderError(f"{name} failed: {type(error).__name__}. Try again, or load it anew.", provider="local")


def _check_options(options: Mapping[str, Any]) -> None:
    unknown = sorted(set(options) - _MODEL_OPTIONS - _REQUEST_OPTIONS - _OWN_OPTIONS)
    if unknown:
        known = ", ".join(sorted(_MODEL_OPTIONS | _REQUEST_OPTIONS))
        raise ConfigurationError(f"A local model has no option {', '.join(map(repr, unknown))}. It takes: {known}.")
