"""Every exception of the package.

    SessionError
    ├── SessionNotFoundError
    ├── SessionStateError               archived, deleted, or busy in a way that forbids the call
    ├── SessionPermissionError          also a PermissionError
    ├── TurnInterruptedError            stopped before the reply was whole; what had come is kept
    ├── InvalidMessageError             also a ValueError: empty or unusable content
    ├── ConfigurationError              also a ValueError: unknown provider, option or status
    ├── MiddlewareError
    ├── StorageError
    │   ├── StorageLockedError
    │   ├── StorageVersionError
    │   └── StorageCorruptError
    └── ProviderError
        ├── ProviderAuthenticationError
        ├── ProviderRateLimitError      with `retry_after` in seconds
        ├── ProviderTimeoutError
        ├── ProviderUnavailableError
        ├── ProviderRefusedError        unknown model, bad parameter, content policy
        └── ContextWindowExceededError

A message says what happened, to which session, and what to do about it; never a key, never a prompt.
"""

from __future__ import annotations

from typing import Any


class SessionError(Exception):
    """Root of the tree; `str()` is one sentence or two that a person can act on."""

    def __init__(
        self,
        message: str,
        session_id: str | None = None,
        error_code: str | None = None,
        context: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.session_id = session_id
        self.error_code = error_code
        self.context = context or {}


class SessionNotFoundError(SessionError):
    """No session has this id, or the caller may not know that it exists."""


class SessionStateError(SessionError):
    """The session's status forbids the call."""


class SessionPermissionError(SessionError, PermissionError):
    """The user may not do this in this session."""


class TurnInterruptedError(SessionError):
    """The turn was stopped before the reply was whole; what had come is stored."""


class InvalidMessageError(SessionError, ValueError):
    """The content cannot be sent."""


class ConfigurationError(SessionError, ValueError):
    """A name or an option is wrong; nothing was done."""


class MiddlewareError(SessionError):
    """A middleware refused the message or failed on it."""


class StorageError(SessionError):
    """The store could not do what was asked."""


class StorageLockedError(StorageError):
    """Another process holds the store and did not give it up in time."""


class StorageVersionError(StorageError):
    """A newer version of the package wrote the store; it was left untouched."""


class StorageCorruptError(StorageError):
    """The file is damaged or is no store of ours."""


class ProviderError(SessionError):
    """A provider's call failed; `retryable` says whether the same call may succeed later."""

    retryable = False

    def __init__(self, message: str, *, provider: str | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.provider = provider


class ProviderAuthenticationError(ProviderError):
    """The key is missing or was refused."""


class ProviderRateLimitError(ProviderError):
    """Too many requests, or no quota left."""

    retryable = True

    def __init__(self, message: str, *, retry_after: float | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.retry_after = retry_after


class ProviderTimeoutError(ProviderError):
    """No answer, or no further part of it, within the time allowed."""

    retryable = True


class ProviderUnavailableError(ProviderError):
    """The service could not be reached, was overloaded, or broke off."""

    retryable = True


class ProviderRefusedError(ProviderError):
    """The service understood the request and turned it down."""


class ContextWindowExceededError(ProviderError):
    """The conversation is longer than the model can read."""
