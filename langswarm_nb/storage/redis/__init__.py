"""Conversations in Redis or Valkey."""

from __future__ import annotations

from .storage import RedisSessionStorage

__all__ = ["RedisSessionStorage"]
