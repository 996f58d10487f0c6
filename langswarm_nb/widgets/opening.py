"""Which session a panel shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from .. import runtime
from ..clock import now
from ..errors import ConfigurationError
from ..manager.manager import SessionManager
from ..models import SessionStatus
from ..notebook.sessions import current_user, latest_session, preferred_model, start_session
from ..providers import ProviderSessionFactory
from ..session.session import Session
from ..session.tools import Approval

if TYPE_CHECKING:
    from .chat_panel import ChatPanel


def chat(
    session: Session | str | None = None,
    *,
    manager: SessionManager | None = None,
    provider: str | None = None,
    model: str | None = None,
    user_id: str | None = None,
    system: str | None = None,
    new: bool = False,
    **options: Any,
) -> ChatPanel:
    """Return a chat panel on the conversation that this notebook had last, or on a new one.

    `session` is a session or its id. `provider` and `model` (or `model="provider/model"`) say whom to talk to; without
    them it is the first provider that has a key, and the mock provider where none has. `new` starts anew. `options`
    are those of ChatPanel.
    """
    from .chat_panel import ChatPanel

    return ChatPanel(
        session,
        manager=manager,
        provider=provider,
        model=model,
        user_id=user_id,
        system=system,
        reopen=not new,
        **options,
    )


class Opener:
    """Finds, makes and lists the sessions of one user in one notebook."""

    def __init__(
        self,
        manager: SessionManager | None,
        user_id: str | None,
        notebook: str | None,
        provider: str | None,
        model: str | None,
        system: str | None,
        provider_config: dict[str, Any] | None,
        tools: Sequence[Callable[..., Any]] = (),
        approve: Approval | Literal["ask"] | None = "ask",
    ) -> None:
        self.manager = manager
        self._user = user_id or current_user()
        self._notebook = notebook
        self._provider = provider
        self._model = model
        self._system = system
        self._provider_config = provider_config
        self._tools = tools
        self._approve: Approval | Literal["ask"] | None = approve

    async def first(self, session: Session | str | None, reopen: bool) -> Session:
        """Return the session to begin with."""
        if isinstance(session, Session):
            return session
        if self.manager is None:
            self.manager = runtime.default_manager()
        if session is not None:
            return await self.manager.get_session(session)
        found = await latest_session(self.manager, self._user, notebook=self._notebook) if reopen else None
        return found if found is not None and self._suits(found) else await self.new()

    async def new(self) -> Session:
        """Return a new session."""
        return await start_session(
            self._required(),
            self._user,
            self._provider,
            self._model,
            notebook=self._notebook,
            system=self._system,
            provider_config=self._provider_config,
        )

    async def get(self, session_id: str) -> Session:
        """Return the session with this id."""
        return await self._required().get_session(session_id)

    async def with_model(self, session: Session, name: str) -> Session:
        """Return the session, its next turns going to the model `name`: provider/model."""
        provider, _, model = name.partition("/")
        return await self._required().change_model(session.session_id, *preferred_model(provider, model or None))

    def equip(self, session: Session) -> Session:
        """Let the session's model call the tools, and return the session."""
        for tool in self._tools:
            session.register_tool(tool, approve=self._approve)
        return session

    async def earlier(self, text: str) -> list[dict[str, Any]]:
        """Return the user's newest sessions in which `text` occurs, as the page lists them."""
        return [
            {
                "id": record["session_id"],
                "title": record.get("title") or "Untitled",
                "model": f"{record.get('provider')}/{record.get('model')}",
                "count": record.get("message_count"),
                "when": _ago(record.get("last_activity") or record.get("created_at")),
                "archived": record.get("status") == SessionStatus.ARCHIVED,
            }
            for record in await self._records(text or None)
        ]

    async def _records(self, text: str | None) -> list[dict[str, Any]]:
        records = await self._required().storage.list_sessions(user_id=self._user, text=text, limit=30)
        return [record for record in records if record.get("status") != SessionStatus.DELETED]

    def models(self, session: Session) -> list[str]:
        """Return what the reader can choose from, each as provider/model."""
        found = [f"{session.provider}/{session.model}"]
        if self.manager is None:
            return found
        known = set(self.manager.providers)
        configured = [name for name in ProviderSessionFactory.configured_providers() if name in known]
        found += ["/".join(preferred_model(name)) for name in configured]
        if "mock" in known:
            found.append("mock/mock-markdown")
        return list(dict.fromkeys(found))

    def _suits(self, session: Session) -> bool:
        if self._provider is None and self._model is None:
            return True
        return (session.provider, session.model) == preferred_model(self._provider, self._model)

    def _required(self) -> SessionManager:
        if self.manager is None:
            raise ConfigurationError(
                "This panel knows one session only. Pass manager= to ChatPanel to open others from it."
            )
        return self.manager


def _ago(moment: datetime | None) -> str:
    """Return how long ago `moment` was, in words."""
    if moment is None:
        return ""
    minutes = int((now() - moment).total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes} min ago"
    if minutes < 24 * 60:
        return f"{minutes // 60} h ago"
    if minutes < 48 * 60:
        return "yesterday"
    return moment.astimezone().strftime("%-d %b %Y")
