"""Which providers there are, and how a session with one is opened."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.metadata import entry_points
from typing import Any, ClassVar

from ..errors import ConfigurationError, SessionError
from ..interfaces import IProviderSession
from ..redaction import without_secrets

ENTRY_POINT_GROUP = "langswarm_nb.providers"

ProviderFactory = Callable[[str, str, dict[str, Any]], IProviderSession]


@dataclass(frozen=True)
class _Provider:
    """One entry of the registry; `factory` may be text, "module:name", that is imported on first use."""

    factory: ProviderFactory | str
    default_config: dict[str, Any] = field(default_factory=dict)
    default_model: str | None = None
    key_variable: str | None = None
    description: str = ""
    origin: str = "registered"

    def resolved(self) -> ProviderFactory:
        if not isinstance(self.factory, str):
            return self.factory
        module, _, name = self.factory.partition(":")
        return getattr(importlib.import_module(module), name)


def _local(service: str, port: int, model: str | None) -> _Provider:
    """Return the preset of a server that people run themselves: no key, chat completions, slow to load a model."""
    config = {
        "base_url": f"http://127.0.0.1:{port}/v1",
        "api": "chat",
        "provider": service.lower().replace(" ", "").replace(".", ""),
        "service": service,
        "key_variable": None,
        "idle_timeout_s": 600.0,
    }
    return _Provider(
        f"{__package__}.openai:OpenAIProviderSession", config, model, None, f"{service} on this machine", "built in"
    )


_BUILT_IN: dict[str, _Provider] = {
    "anthropic": _Provider(
        f"{__package__}.anthropic:AnthropicProviderSession",
        default_model="claude-sonnet-5-5",
        key_variable="ANTHROPIC_API_KEY",
        description="Anthropic's Claude",
        origin="built in",
    ),
    "llamacpp": _local("llama.cpp", 8080, "default"),
    "lmstudio": _local("LM Studio", 1234, "default"),
    "local": _Provider(
        f"{__package__}.local:LocalProviderSession",
        description="A GGUF model in this process; its name is the file's path",
        origin="built in",
    ),
    "mock": _Provider(
        f"{__package__}.mock:MockProviderSession",
        default_model="mock-model",
        description="Deterministic replies without a model, a key or a network",
        origin="built in",
    ),
    "ollama": _local("Ollama", 11434, "llama3.2"),
    "openai": _Provider(
        f"{__package__}.openai:OpenAIProviderSession",
        default_model="gpt-6.1-sol",
        key_variable="OPENAI_API_KEY",
        description="OpenAI, or with base_url any server that speaks its protocols",
        origin="built in",
    ),
    "vllm": _local("vLLM", 8000, "default"),
}


class ProviderSessionFactory:
    """Opens provider sessions by the provider's name. The registry belongs to the class.

    A name that was registered comes before a built-in one, and that before a package's entry point.
    """

    _registered: ClassVar[dict[str, _Provider]] = {}

    @classmethod
    def register_provider(
        cls, name: str, factory: ProviderFactory, default_config: dict[str, Any] | None = None
    ) -> None:
        """Make `name` a provider; `factory(session_id, model, config)` returns its sessions."""
        if not name or not callable(factory):
            raise ConfigurationError(
                "register_provider takes a name and something to call: (session_id, model, config)."
            )
        cls._registered[name] = _Provider(factory, dict(default_config or {}))

    @classmethod
    def unregister_provider(cls, name: str) -> None:
        """Take a registered provider away again; a built-in one of that name shows once more."""
        cls._registered.pop(name, None)

    @classmethod
    def list_providers(cls) -> list[str]:
        """Return the names of all providers, sorted."""
        return sorted({*cls._registered, *_BUILT_IN, *_entry_points()})

    @classmethod
    def get_provider_info(cls, name: str) -> dict[str, Any]:
        """Return what is known of a provider: default model and options, its key's variable, where it comes from."""
        provider = cls._find(name)
        config = provider.default_config
        return {
            "name": name,
            "description": provider.description,
            "default_model": config.get("model") or provider.default_model,
            "key_variable": provider.key_variable,
            "needs_key": provider.key_variable is not None,
            "base_url": config.get("base_url"),
            "default_config": without_secrets(config),
            "origin": provider.origin,
        }

    @classmethod
    def configured_providers(cls, environ: Mapping[str, str] | None = None) -> list[str]:
        """Return the providers that can be used as things are: those whose key is in `environ`, and the mock."""
        environ = os.environ if environ is None else environ
        keyed = [name for name, provider in _BUILT_IN.items() if provider.key_variable]
        return [*(name for name in keyed if environ.get(_BUILT_IN[name].key_variable or "")), "mock"]

    @classmethod
    def create(
        cls, name: str, session_id: str, model: str | None = None, config: dict[str, Any] | None = None
    ) -> IProviderSession:
        """Return a new provider session; `config` is laid over the provider's default one.

        Without `model` it is the provider's default. ConfigurationError for a name that nobody has registered.
        """
        provider = cls._find(name)
        chosen = model or provider.default_model or ""
        try:
            return provider.resolved()(session_id, chosen, {**provider.default_config, **(config or {})})
        except SessionError:
            raise
        except ImportError as error:
            raise ConfigurationError(
                f"The provider {name!r} needs a package that is not installed: {error.name or error}.", session_id
            ) from error
        except Exception as error:
            raise ConfigurationError(
                f"The provider {name!r} could not be set up: {type(error).__name__}. Check its options.", session_id
            ) from error

    @classmethod
    def _find(cls, name: str) -> _Provider:
        found = cls._registered.get(name) or _BUILT_IN.get(name) or _entry_points().get(name)
        if found:
            return found
        known = cls.list_providers()
        close = get_close_matches(str(name).lower(), known, n=1)
        guess = f" Did you mean {close[0]!r}?" if close else ""
        raise ConfigurationError(
            f"There is no provider {name!r}.{guess} There are: {', '.join(known)}. "
            "Add one with ProviderSessionFactory.register_provider()."
        )


def _entry_points() -> dict[str, _Provider]:
    found = {}
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        found[entry.name] = _Provider(entry.value, description=f"from {entry.module}", origin="entry point")
    return found
