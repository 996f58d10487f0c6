"""A manager's options: their defaults, what the presets make of them, and the checks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import ConfigurationError
from ..hooks import AlertingHook, AuditLoggingHook, MetricsCollectionHook
from ..middleware import LoggingMiddleware, MetricsMiddleware

_DEFAULTS: dict[str, Any] = {
    "providers": None,
    "provider_config": {},
    "middleware": (),
    "hooks": (),
    "cleanup_config": {},
    "session_defaults": {},
    "cache_size": 256,
    "preset": None,
}


def _development() -> dict[str, Any]:
    return {
        # Everything that passes is logged, with its text: for a developer's own eyes.
        "middleware": (LoggingMiddleware(level=logging.DEBUG, content=True),),
        "session_defaults": {"idle_timeout_s": 600.0},
        "cache_size": 32,
    }


def _production() -> dict[str, Any]:
    return {
        "middleware": (LoggingMiddleware(), MetricsMiddleware()),
        "hooks": (MetricsCollectionHook(), AlertingHook(), AuditLoggingHook(messages=False)),
        "cleanup_config": {"archive_after_days": 30, "cleanup_interval_hours": 6},
        "session_defaults": {"timeout_s": 600.0, "idle_timeout_s": 60.0},
        "cache_size": 2000,
    }


_PRESETS: dict[str, Callable[[], dict[str, Any]]] = {"development": _development, "production": _production}


def resolved(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return every option: as given, else as the preset says, else the default; ConfigurationError for a wrong name."""
    unknown = sorted(set(config) - set(_DEFAULTS))
    if unknown:
        raise ConfigurationError(
            f"A manager has no option {', '.join(map(repr, unknown))}. It takes: {', '.join(_DEFAULTS)}."
        )
    preset = config.get("preset")
    if preset is not None and preset not in _PRESETS:
        raise ConfigurationError(f"There is no preset {preset!r}. Use one of: {', '.join(_PRESETS)}.")
    given = {name: value for name, value in config.items() if value is not None}
    options = {**_DEFAULTS, **(_PRESETS[preset]() if preset else {}), **given}
    if options["providers"] is not None:
        options["providers"] = dict(options["providers"])
    return options


def described(
    options: Mapping[str, Any], storage: str, providers: list[str], middleware: Any, hooks: Any
) -> dict[str, Any]:
    """Return a manager's options as a reader wants to see them."""
    cleanup = dict(options["cleanup_config"]) if isinstance(options["cleanup_config"], Mapping) else {}
    return {
        "preset": options["preset"],
        "storage": storage,
        "providers": providers,
        "middleware": [type(member).__name__ for member in middleware],
        "hooks": [type(hook).__name__ for hook in hooks],
        "cleanup": cleanup or "never",
        "session_defaults": dict(options["session_defaults"]),
        "cache_size": options["cache_size"],
    }
