"""Anthropic, and every server that speaks its messages protocol."""

from .session import AnthropicProviderSession

__all__ = ["AnthropicProviderSession"]
