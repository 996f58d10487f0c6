"""Which session a notebook goes on with: the one that it had before its kernel was restarted."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping, Sequence
from typing import Any

from ..interfaces import ISessionStorage
from ..manager.manager import SessionManager
from ..models import SessionConfig, SessionStatus
from ..providers import ProviderSessionFactory
from ..session.session import Session

# Without a pause the mock's reply is there at once, and nobody sees that replies stream.
MOCK_DELAY_MS = 1_200


def current_user() -> str:
    """Return the name under which this person's sessions are kept: LANGSWARM_NB_USER, else the login name."""
    named = os.environ.get("LANGSWARM_NB_USER")
    if named:
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "me"


def notebook_path(namespace: Mapping[str, Any] | None = None) -> str | None:
    """Return the path of the notebook that runs here, or None where the front end does not tell.

    Jupyter Server sets JPY_SESSION_NAME; VS Code leaves a variable in the user's namespace.
    """
    told = (namespace or {}).get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    return str(told) if told else None


def preferred_model(provider: str | None = None, model: str | None = None) -> tuple[str, str]:
    """Return the provider and model to chat with: what is asked for, else the first provider that has a key, else mock.

    `model` may name both, as in `anthropic/claude-...`, where the first part is a provider.
    """
    if model and provider is None and "/" in model:
        first, _, rest = model.partition("/")
        if first in ProviderSessionFactory.list_providers():
            provider, model = first, rest
    if provider is None:
        provider = ProviderSessionFactory.configured_providers()[0]
    return provider, model or ProviderSessionFactory.get_provider_info(provider)["default_model"] or "default"


async def latest_session(
    manager: SessionManager, user_id: str, *, notebook: str | None = None, name: str | None = None
) -> Session | None:
    """Return the user's most recently active open session of this notebook, or of this name, or None."""
    records = await manager.storage.list_sessions(user_id=user_id, status=str(SessionStatus.ACTIVE))
    for record in records:
        if record.get("title") == name if name else record.get("notebook_path") == notebook:
            return await manager.get_session(record["session_id"])
    return None


async def start_session(
    manager: SessionManager,
    user_id: str,
    provider: str | None = None,
    model: str | None = None,
    *,
    notebook: str | None = None,
    name: str | None = None,
    system: str | None = None,
    provider_config: dict[str, Any] | None = None,
    tags: Sequence[str] = (),
) -> Session:
    """Return a new session that remembers its notebook."""
    provider, model = preferred_model(provider, model)
    if provider == "mock":
        provider_config = {"response_delay_ms": MOCK_DELAY_MS, **(provider_config or {})}
    config = SessionConfig(name=name, system_prompt=system, tags=list(tags))
    session = await manager.create_session(user_id, provider, model, config, provider_config)
    if notebook and type(manager.storage).update_session is not ISessionStorage.update_session:
        await manager.storage.update_session(session.session_id, {"notebook_path": notebook})
    return session
