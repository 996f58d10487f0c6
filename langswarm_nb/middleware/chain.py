"""Passing messages through middleware, both ways."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

from ..errors import MiddlewareError, SessionError
from ..models import SessionContext, SessionMessage

logger = logging.getLogger(__name__)

Condition = Callable[[SessionMessage, SessionContext], bool]


class MiddlewareChain:
    """Middleware in order: a user's message passes it forwards, a reply backwards.

    A higher `priority` is nearer to the user; of equal ones the earlier added is. `roles` and `when` say which
    messages a member sees; a member may say the same itself by attributes `priority` and `roles` and a method
    `applies_to(message, context)`.
    """

    def __init__(self, members: Iterable[Any] = ()) -> None:
        self._members: list[_Member] = []
        for member in members:
            self.add(member)

    def __iter__(self) -> Any:
        return iter([member.middleware for member in self._members])

    def add(
        self,
        middleware: Any,
        priority: int | None = None,
        roles: Collection[str] | None = None,
        when: Condition | None = None,
    ) -> None:
        """Put `middleware` into its place; what is not given here, it may say itself."""
        rank = priority if priority is not None else getattr(middleware, "priority", 0)
        member = _Member(middleware, rank, roles if roles is not None else getattr(middleware, "roles", None), when)
        self._members = sorted([*self._members, member], key=lambda m: -m.priority)

    async def process(self, message: SessionMessage, context: SessionContext, *, reply: bool = False) -> SessionMessage:
        """Return what the members made of `message`; MiddlewareError, or a member's own SessionError, on a refusal.

        The id stays, whatever they make of it: it was announced, and writing a message twice is told by it.
        """
        message_id = message.message_id
        for member in reversed(self._members) if reply else self._members:
            message = await member.process("process_message", message, context)
        return message if message.message_id == message_id else replace(message, message_id=message_id)

    async def process_partial(self, message: SessionMessage, context: SessionContext) -> SessionMessage:
        """Return a reply that is still streaming as it may be kept: what members with `process_partial` make of it."""
        for member in reversed(self._members):
            if hasattr(member.middleware, "process_partial"):
                message = await member.process("process_partial", message, context)
        return message

    async def on_error(self, session_id: str, error: Exception, context: SessionContext) -> None:
        """Tell every member of a failed turn; never raises."""
        for middleware in self:
            tell = getattr(middleware, "on_error", None)
            if tell is None:
                continue
            try:
                await tell(session_id, error, context)
            except Exception:
                logger.exception("middleware %s.on_error failed", type(middleware).__name__)


@dataclass(frozen=True)
class _Member:
    middleware: Any
    priority: int
    roles: Collection[str] | None
    when: Condition | None

    async def process(self, method: str, message: SessionMessage, context: SessionContext) -> SessionMessage:
        try:
            if not self._applies_to(message, context):
                return message
            changed = await getattr(self.middleware, method)(message.session_id, message, context)
        except SessionError:
            raise
        except Exception as error:
            name = type(self.middleware).__name__
            raise MiddlewareError(f"{name} stopped the message: {error}", message.session_id) from error
        return message if changed is None else changed

    def _applies_to(self, message: SessionMessage, context: SessionContext) -> bool:
        if self.roles is not None and message.role not in self.roles:
            return False
        own = getattr(self.middleware, "applies_to", None)
        return all(condition(message, context) for condition in (self.when, own) if condition is not None)
