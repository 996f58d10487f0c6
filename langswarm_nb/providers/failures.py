"""From a service's failure to one of our errors: what happened and what to do, in plain words.

The modules `openai.sdk` and `anthropic.sdk` read their SDK's exceptions; here are the words and the classes.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from ..errors import (
    ContextWindowExceededError,
    ProviderAuthenticationError,
    ProviderError,
    ProviderRateLimitError,
    ProviderRefusedError,
    ProviderTimeoutError,
    ProviderUnavailableError,
)
from ..redaction import mask_secrets

_DETAIL_LENGTH = 240
_TOO_LONG = re.compile(
    r"context[ _](length|window|size)|maximum context|prompt is too long|too many (input )?tokens|"
    r"input length and `?max_tokens`? exceed|context_length_exceeded",
    re.I,
)
_NO_CREDIT = {"insufficient_quota", "billing_error", "billing_hard_limit_reached", "credit_balance_too_low"}
_POLICY = {
    "content_policy_violation",
    "content_filter",
    "invalid_prompt",
    "bio_policy",
    "image_content_policy_violation",
}
_BUSY = {"conversation_locked", "overloaded_error", "server_is_overloaded"}


@dataclass(frozen=True)
class Caller:
    """Who called whom, for the wording: `service` is the name people know it by."""

    provider: str
    service: str
    model: str
    session_id: str
    key_variable: str | None = None
    key_was_given: bool = False
    secrets: tuple[str, ...] = ()
    prompt: str = ""

    def masked(self, text: str) -> str:
        """Return `text` without this caller's secrets and without anything that looks like one."""
        for secret in self.secrets:
            text = text.replace(secret, "[key]")
        return mask_secrets(text)

    def details(self, **more: Any) -> dict[str, Any]:
        """Return the keyword arguments that every ProviderError of this caller takes."""
        return {"provider": self.provider, "session_id": self.session_id, **more}


@dataclass(frozen=True)
class Refusal:
    """What a service said when it failed: HTTP status (or the nearest one), its own code and words."""

    status: int
    code: str = ""
    text: str = ""
    retry_after: float | None = None


def missing_key(caller: Caller) -> ProviderAuthenticationError:
    """Return the error for a call that cannot be made without a key."""
    return ProviderAuthenticationError(
        f"{caller.service} needs a key. Set {caller.key_variable} and press Retry.",
        **caller.details(error_code="missing_key"),
    )


def unreachable(caller: Caller, *, began: bool = False) -> ProviderUnavailableError:
    """Return the error for a connection that failed, or that broke when the reply had begun."""
    if began:
        return broke_off(caller)
    return ProviderUnavailableError(
        f"{caller.service} could not be reached. Check the connection and the address, then press Retry.",
        **caller.details(error_code="unreachable"),
    )


def broke_off(caller: Caller) -> ProviderUnavailableError:
    """Return the error for a reply that ended before it was finished."""
    return ProviderUnavailableError(
        f"{caller.service} broke off before the reply was finished. Press Retry.",
        **caller.details(error_code="broke_off"),
    )


def nothing_came(caller: Caller) -> ProviderUnavailableError:
    """Return the error for an answer without any content."""
    return ProviderUnavailableError(
        f"{caller.service} sent an empty answer. Press Retry.", **caller.details(error_code="empty_stream")
    )


def unreadable(caller: Caller) -> ProviderUnavailableError:
    """Return the error for an answer that does not follow the protocol."""
    return ProviderUnavailableError(
        f"{caller.service} sent something that could not be read. Press Retry; if it stays so, check the address.",
        **caller.details(error_code="unreadable"),
    )


def stalled(caller: Caller, seconds: float) -> ProviderTimeoutError:
    """Return the error for a service from which nothing came for `seconds`."""
    return ProviderTimeoutError(
        f"Nothing came from {caller.service} for {spoken_time(seconds)}. "
        "Press Retry, or allow more with idle_timeout_s.",
        **caller.details(error_code="idle_timeout"),
    )


def timed_out(caller: Caller) -> ProviderTimeoutError:
    """Return the error for a connection or a request that took too long."""
    return ProviderTimeoutError(
        f"{caller.service} did not answer in time. Press Retry.", **caller.details(error_code="timeout")
    )


def refused(caller: Caller, refusal: Refusal) -> ProviderError:
    """Return the error for what the service said, by status, code and words, in this order of weight."""
    status, code, text = refusal.status, refusal.code, refusal.text
    details = caller.details(error_code=code or str(status), context={"status": status})
    service = caller.service
    if code in _NO_CREDIT or status == 402:
        error = ProviderRateLimitError(
            f"The {service} account has no credit left. Add credit there, or choose another provider.", **details
        )
        error.retryable = False
        return error
    if code in _BUSY or status == 529:
        return ProviderUnavailableError(f"{service} is overloaded. Wait a little, then press Retry.", **details)
    if status == 401:
        return ProviderAuthenticationError(f"{service} refused the key. {_other_key(caller)}", **details)
    if status == 403:
        return ProviderAuthenticationError(
            f"{service} does not allow this key to use {caller.model}.{_own_words(caller, text)} {_other_key(caller)}",
            **details,
        )
    if status == 429:
        wait = refusal.retry_after
        when = f"Try again in {spoken_time(wait)}." if wait else "Wait a little, then press Retry."
        return ProviderRateLimitError(f"{service} does not take more requests now. {when}", retry_after=wait, **details)
    if status in (408, 504):
        return ProviderTimeoutError(f"{service} did not answer in time. Press Retry.", **details)
    if status in (400, 413, 422) and (status == 413 or _TOO_LONG.search(f"{code} {text}")):
        return ContextWindowExceededError(
            f"The conversation is longer than {caller.model} can read. Start a new session, or clear older messages.",
            **details,
        )
    if code in _POLICY:
        return ProviderRefusedError(
            f"{service} declined this message because of its content rules. Say it in other words.", **details
        )
    if status == 404:
        return _not_found(caller, refusal, details)
    if status >= 500 or status == 409:
        return ProviderUnavailableError(
            f"{service} has a problem of its own (status {status}). Wait a little, then press Retry.", **details
        )
    return ProviderRefusedError(
        f"{service} did not accept the request.{_own_words(caller, text)} "
        "Change the model or its options, then press Retry.",
        **details,
    )


def names_model(refusal: Refusal, model: str) -> bool:
    """Return whether a 404 is about the model rather than about the address."""
    if refusal.code == "model_not_found":
        return True
    text = refusal.text.lower()
    return bool(model) and (model.lower() in text or ("model" in text and "not" in text))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds the service asks to wait, from its headers, or None."""
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return _sane(float(milliseconds) / 1000)
        value = headers.get("retry-after")
        if not value:
            return None
        try:
            return _sane(float(value))
        except ValueError:
            return _sane(parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def spoken_time(seconds: float) -> str:
    """Return a length of time as people say it."""
    for size, name in ((3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = math.ceil(seconds / size)
            return f"{count} {name}{'s' if count > 1 else ''}"
    count = seconds if 0 < seconds < 1 else math.ceil(seconds)
    return f"{count:g} second{'s' if count != 1 else ''}"


def scrub(error: BaseException, caller: Caller) -> None:
    """Take the caller's secrets out of an SDK's exception and of those that it is chained to."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        if any(secret in f"{current.args!r}{vars(current)!r}" for secret in caller.secrets):
            current.args = tuple(caller.masked(arg) if isinstance(arg, str) else arg for arg in current.args)
            for name in ("message", "body", "api_message"):
                if hasattr(current, name):
                    setattr(current, name, caller.masked(str(getattr(current, name))))
        current = current.__cause__ or current.__context__


def _sane(seconds: float) -> float | None:
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _other_key(caller: Caller) -> str:
    if caller.key_variable is None:
        return "Give the key that this server expects as api_key."
    if caller.key_was_given:
        return f"Give another one, or leave it out and set {caller.key_variable}."
    return f"Set {caller.key_variable} and press Retry."


def _own_words(caller: Caller, text: str) -> str:
    words = " ".join(caller.masked(text).split())
    # Some servers send the request back; a prompt has no place in an error.
    if not words or (len(caller.prompt) > 7 and caller.prompt[:40] in words):
        return ""
    if len(words) > _DETAIL_LENGTH:
        words = words[:_DETAIL_LENGTH].rstrip() + "…"
    return f" It says: {words.rstrip('.')}."


def _not_found(caller: Caller, refusal: Refusal, details: dict[str, Any]) -> ProviderRefusedError:
    if names_model(refusal, caller.model):
        return ProviderRefusedError(f"{caller.service} has no model {caller.model!r}. Choose another model.", **details)
    return ProviderRefusedError(
        f"{caller.service} has no model {caller.model!r}, or base_url is not its address. Check both.", **details
    )
