"""Keeping secrets and personal data out of what is stored, logged, shown and shared."""

from __future__ import annotations

from .homes import home_names
from .names import Names
from .personal import KINDS, Finding, Redacted, find, redact, redact_value
from .secrets import is_secret_name, mask_secrets, without_secrets
from .vendors import random_tokens

__all__ = [
    "KINDS",
    "Finding",
    "Names",
    "Redacted",
    "find",
    "home_names",
    "is_secret_name",
    "mask_secrets",
    "random_tokens",
    "redact",
    "redact_value",
    "without_secrets",
]
