"""Keeping personal data and keys out of conversations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ..errors import ConfigurationError, MiddlewareError
from ..interfaces import ISessionMiddleware
from ..models import SessionContext, SessionMessage
from ..redaction import KINDS, redact, redact_value


class SecurityMiddleware(ISessionMiddleware):
    """Replaces e-mail addresses, cards, phone numbers, SSNs, IBANs and API keys, on the way in and on the way out.

    The provider sees, and the store keeps, the redacted text only; text parts that a reply carries beside its text
    (reasoning, arguments of tool calls) are redacted too. The words that stream to the caller are the model's own.

    `kinds`: which of KINDS to look for. `mask`: what stands in place, `{kind}` being the kind.
    `on_find`: "redact", or "refuse" to send or keep such a message at all (MiddlewareError).
    """

    # Nearest to the provider and the store, so that no other member brings back what was taken out.
    priority = -1000

    def __init__(self, kinds: Iterable[str] | None = None, mask: str = "[{kind}]", on_find: str = "redact") -> None:
        self.kinds = tuple(KINDS if kinds is None else kinds)
        unknown = sorted(set(self.kinds) - set(KINDS))
        if unknown or on_find not in ("redact", "refuse"):
            raise ConfigurationError(
                f"SecurityMiddleware takes kinds from {', '.join(KINDS)} and on_find 'redact' or 'refuse'; "
                f"it was given {', '.join(map(repr, unknown)) or repr(on_find)}."
            )
        self.mask = mask
        self.on_find = on_find
        self.found: Counter[str] = Counter()

    async def process_message(
        self, session_id: str, message: SessionMessage, context: SessionContext
    ) -> SessionMessage | None:
        changed, counts = self._redacted(message)
        self.found.update(counts)
        if counts and self.on_find == "refuse":
            kinds = ", ".join(sorted(counts))
            raise MiddlewareError(
                f"The {message.role}'s message holds what must not be kept here: {kinds}. Take it out and send again.",
                session_id,
                error_code="personal_data",
                context={"kinds": dict(counts)},
            )
        return changed

    async def process_partial(
        self, session_id: str, message: SessionMessage, context: SessionContext
    ) -> SessionMessage | None:
        """Return the text of a reply that is still coming without what is personal in it."""
        return self._redacted(message)[0]

    def get_metrics(self) -> dict[str, int]:
        """Return how many of each kind were found."""
        return dict(self.found)

    def _redacted(self, message: SessionMessage) -> tuple[SessionMessage, Counter[str]]:
        text = redact(message.content, self.kinds, self.mask)
        parts: Any = message.parts
        counts = Counter(text.counts)
        if parts:
            parts, more = redact_value(parts, self.kinds, self.mask)
            counts.update(more)
        if not counts:
            return message, counts
        return replace(message, content=text.text, parts=parts), counts
