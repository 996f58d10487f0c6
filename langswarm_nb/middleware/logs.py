"""Writing down what passes, for those who run the program; never what people say unless asked."""

from __future__ import annotations

import json
import logging
from typing import Any

from ..interfaces import ISessionMiddleware
from ..models import SessionContext, SessionMessage
from ..redaction import mask_secrets, redact


class LoggingMiddleware(ISessionMiddleware):
    """Logs one line of JSON a message; the same mapping is the record's attribute `langswarm`.

    Content stays out by default. With `content=True` the first `max_characters` of it are logged, redacted.
    """

    def __init__(
        self,
        logger: logging.Logger | str = "langswarm_nb.messages",
        level: int = logging.INFO,
        content: bool = False,
        max_characters: int = 200,
    ) -> None:
        self._logger = logging.getLogger(logger) if isinstance(logger, str) else logger
        self._level = level
        self._content = content
        self._max_characters = max_characters

    async def process_message(
        self, session_id: str, message: SessionMessage, context: SessionContext
    ) -> SessionMessage | None:
        if self._logger.isEnabledFor(self._level):
            self._write(self._level, self._described(message, context))
        return None

    async def on_error(self, session_id: str, error: Exception, context: SessionContext) -> None:
        entry = {"event": "error", "session_id": session_id, "user_id": context.user_id, "error_type": _name(error)}
        self._write(logging.WARNING, {**entry, "error": mask_secrets(str(error))})

    def _described(self, message: SessionMessage, context: SessionContext) -> dict[str, Any]:
        entry = {
            "event": "message",
            "session_id": message.session_id,
            "message_id": message.message_id,
            "user_id": message.author_name or context.user_id,
            "role": message.role,
            "characters": len(message.content),
            "provider": message.provider,
            "model": message.response_model or message.request_model,
            "status": message.status if message.role == "assistant" else None,
            "duration_s": message.duration_s,
            "cost_usd": float(message.cost_usd) if message.cost_usd is not None else None,
            **{name: count for name, count in message.usage.to_dict().items() if name != "total_tokens"},
        }
        if self._content:
            # Redacted before it is cut: half a key is still half a key.
            entry["content"] = redact(message.content).text[: self._max_characters]
        return {name: value for name, value in entry.items() if value is not None}

    def _write(self, level: int, entry: dict[str, Any]) -> None:
        self._logger.log(level, "%s", json.dumps(entry, ensure_ascii=False), extra={"langswarm": entry})


def _name(error: Exception) -> str:
    return type(error).__name__
