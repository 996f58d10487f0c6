"""Making Session objects: new ones, and those that the store describes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from ..clock import new_id
from ..errors import ConfigurationError, InvalidMessageError
from ..hooks import HookDispatcher
from ..interfaces import IProviderSession, ISessionStorage
from ..middleware import MiddlewareChain
from ..models import SessionConfig, SessionContext, SessionStatus
from ..providers import ProviderSessionFactory
from ..redaction import without_secrets
from ..session.session import Session
from ..session.state import stored_config, stored_context


class SessionBuilder:
    """Knows what every session of a manager works with.

    `keys` maps the providers that may be used to their keys; None means every one that is configured. `defaults` are
    keys of SessionConfig for new sessions that do not say otherwise.
    """

    def __init__(
        self,
        storage: ISessionStorage,
        factory: type[ProviderSessionFactory],
        keys: Mapping[str, str | None] | None,
        provider_config: Mapping[str, Mapping[str, Any]],
        middleware: MiddlewareChain,
        hooks: HookDispatcher,
        defaults: Mapping[str, Any],
    ) -> None:
        self._factory = factory
        self._keys = keys
        self._provider_config = provider_config
        self._defaults = dict(SessionConfig.of(dict(defaults)).__dict__) if defaults else {}
        self._surroundings: dict[str, Any] = {"storage": storage, "middleware": middleware, "hooks": hooks}

    @property
    def providers(self) -> list[str]:
        """The names of the providers that sessions may use."""
        return list(self._keys) if self._keys is not None else self._factory.list_providers()

    def config(
        self, session_config: SessionConfig | dict[str, Any] | None, provider_config: Mapping[str, Any] | None
    ) -> SessionConfig:
        """Return a new session's configuration, without any key; ConfigurationError for what makes no sense."""
        if not isinstance(session_config, SessionConfig):
            session_config = {**self._defaults, **(session_config or {})}
        config = SessionConfig.of(session_config)
        config.provider_config = {**config.provider_config, **without_secrets(provider_config or {})}
        return config

    def check(self, session_id: str, provider: str, model: str, config: SessionConfig) -> None:
        """Raise ConfigurationError unless a session could go on with this provider and model."""
        self._provider_session(session_id, provider, model, config, None)

    async def new(
        self, user_id: str, provider: str, model: str, config: SessionConfig, provider_config: Mapping[str, Any] | None
    ) -> Session:
        """Return a session that nothing is stored of yet; ConfigurationError for a wrong name or option."""
        if not user_id or not isinstance(user_id, str):
            raise InvalidMessageError("A session needs a user_id: any text that names its owner.")
        session_id = new_id()
        provider_session = self._provider_session(session_id, provider, model, config, provider_config)
        create = getattr(provider_session, "create_provider_session", None)
        if create is not None:
            created = create()
            if inspect.isawaitable(created):
                await created
        context = SessionContext(
            session_id,
            provider_context={"provider_session_id": provider_session.provider_session_id},
            user_id=user_id,
        )
        return Session(
            session_id=session_id,
            user_id=user_id,
            provider=provider,
            model=model,
            open_provider=lambda: provider_session,
            config=config,
            context=context,
            **self._surroundings,
        )

    def reopened(self, record: Mapping[str, Any]) -> Session:
        """Return the session that goes on where the stored one stopped."""
        session_id = record["session_id"]
        config, context = stored_config(record), stored_context(record)
        stored_id = record.get("provider_session_id") or context.provider_context.get("provider_session_id")

        def open_provider() -> IProviderSession:
            known = {"provider_session_id": stored_id} if stored_id else {}
            return self._provider_session(session_id, record["provider"], record["model"], config, known)

        return Session(
            session_id=session_id,
            user_id=record["user_id"],
            provider=record["provider"],
            model=record["model"],
            open_provider=open_provider,
            config=config,
            context=context,
            status=SessionStatus.from_string(record["status"]),
            created_at=record.get("created_at"),
            last_activity=record.get("last_activity"),
            message_count=record.get("message_count") or 0,
            **self._surroundings,
        )

    def _provider_session(
        self,
        session_id: str,
        provider: str,
        model: str,
        config: SessionConfig,
        provider_config: Mapping[str, Any] | None,
    ) -> IProviderSession:
        if self._keys is not None and provider not in self._keys:
            raise ConfigurationError(
                f"The provider {provider!r} is not among this manager's: {', '.join(self._keys) or 'none'}. "
                f"Add it: create_session_manager(providers={{{provider!r}: ...}})."
            )
        key = (self._keys or {}).get(provider)
        options = {
            **self._provider_config.get(provider, {}),
            **config.provider_config,
            **({"system_prompt": config.system_prompt} if config.system_prompt else {}),
            **(provider_config or {}),
            **({"api_key": key} if key else {}),
        }
        return self._factory.create(provider, session_id, model, options)
