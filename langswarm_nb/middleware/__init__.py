"""What sees every message on its way: the chain, and the built-in members."""

from __future__ import annotations

from .chain import MiddlewareChain
from .logs import LoggingMiddleware
from .metrics import MetricsMiddleware
from .rate_limit import RateLimitMiddleware
from .security import SecurityMiddleware

__all__ = [
    "LoggingMiddleware",
    "MetricsMiddleware",
    "MiddlewareChain",
    "RateLimitMiddleware",
    "SecurityMiddleware",
]
