"""The provider as a session shows it: what is sent through it is recorded like any other turn."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from ..interfaces import IProviderSession
from ..models import SessionMessage

if TYPE_CHECKING:
    from .session import Session


class RecordedProvider(IProviderSession):
    """Sends through the session; every other attribute is the provider's own."""

    def __init__(self, session: Session, provider: IProviderSession) -> None:
        self._session = session
        self._provider = provider

    @property
    def provider_session_id(self) -> str | None:
        return self._provider.provider_session_id

    async def send_message(
        self, content: str, role: str = "user", metadata: dict[str, Any] | None = None
    ) -> SessionMessage:
        return await self._session.send_message(content, role, metadata)

    def send_message_stream(
        self, content: str, role: str = "user", metadata: dict[str, Any] | None = None
    ) -> AsyncGenerator[str, None]:
        """Yield the reply's text as it comes."""
        return self._session.send_message_stream(content, role, metadata)

    async def get_provider_metadata(self) -> dict[str, Any]:
        return await self._provider.get_provider_metadata()

    async def update_provider_config(self, config: dict[str, Any]) -> None:
        await self._provider.update_provider_config(config)

    async def cleanup_provider_resources(self) -> None:
        await self._provider.cleanup_provider_resources()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)
