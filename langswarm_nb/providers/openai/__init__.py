"""OpenAI, and every server that speaks its protocols."""

from .session import OpenAIProviderSession

__all__ = ["OpenAIProviderSession"]
