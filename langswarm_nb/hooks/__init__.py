"""What hears of every event: the dispatcher, and the built-in hooks."""

from __future__ import annotations

from .alerting import Alert, AlertingHook
from .audit import AuditLoggingHook
from .cleanup import CleanupHook
from .dispatcher import HookDispatcher
from .metrics import MetricsCollectionHook

__all__ = [
    "Alert",
    "AlertingHook",
    "AuditLoggingHook",
    "CleanupHook",
    "HookDispatcher",
    "MetricsCollectionHook",
]
