"""What a caller is told when a turn ends otherwise than by a reply."""

from __future__ import annotations

from ..errors import ProviderError, ProviderTimeoutError, TurnInterruptedError
from ..models import SessionConfig, SessionMessage
from ..redaction import mask_secrets


def interrupted(reply: SessionMessage, *, nothing_came: bool) -> TurnInterruptedError:
    """Return the error of a turn that someone stopped."""
    kept = "Nothing had come yet." if nothing_came else "What had come is kept."
    return TurnInterruptedError(f"The reply was stopped. {kept}", reply.session_id)


def took_too_long(config: SessionConfig, reply: SessionMessage) -> ProviderTimeoutError:
    """Return the error of a reply that passed `timeout_s`."""
    return _timeout(f"The reply took longer than {config.timeout_s:g} s (timeout_s).", reply)


def stood_still(config: SessionConfig, reply: SessionMessage) -> ProviderTimeoutError:
    """Return the error of a stream in which nothing came for `idle_timeout_s`."""
    return _timeout(f"Nothing came for {config.idle_timeout_s:g} s (idle_timeout_s).", reply)


def unexpected(error: Exception, reply: SessionMessage) -> ProviderError:
    """Return the error in place of one that is none of ours, chained to it."""
    wrapped = ProviderError(
        f"The provider {reply.provider!r} failed: {mask_secrets(str(error)) or type(error).__name__}",
        provider=reply.provider,
        session_id=reply.session_id,
    )
    wrapped.__cause__ = error
    return wrapped


def _timeout(what: str, reply: SessionMessage) -> ProviderTimeoutError:
    return ProviderTimeoutError(
        f"{what} Try again, or raise the limit in session_config.",
        provider=reply.provider,
        session_id=reply.session_id,
    )
