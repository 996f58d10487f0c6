"""Keeping secrets and personal data out of what is stored, logged, shown and shared."""

from __future__ import annotations

from .personal import KINDS, Finding, Redacted, find, redact, redact_value
from .secrets import is_secret_name, mask_secrets, without_secrets

__all__ = [
    "KINDS",
    "Finding",
    "Redacted",
    "find",
    "is_secret_name",
    "mask_secrets",
    "redact",
    "redact_value",
    "without_secrets",
]
