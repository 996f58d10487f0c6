"""Chat with language models inside Jupyter cells; keep every conversation in DuckDB; read it back as DataFrames.

    import langswarm_nb as ls

    ls.chat()          # a chat panel in the cell's output
    ls.messages()      # every message as a DataFrame
    ls.dashboard()     # what it cost, how fast it was, when people ask

Everything is loaded on first use: importing the package brings in none of duckdb, pandas, plotly, ipywidgets or the
providers' SDKs.
"""

from __future__ import annotations

import importlib
from typing import Any

from .version import __version__ as __version__

# Where each public name lives; `__init__.pyi` tells type checkers the same.
_HOMES = {
    "analytics.dashboard": "dashboard",
    "analytics.demo": "demo_store",
    "analytics.frames": "events messages sessions sql turns",
    "errors": """
        ConfigurationError
        ContextWindowExceededError
        InvalidMessageError
        MiddlewareError
        ProviderAuthenticationError
        ProviderError
        ProviderRateLimitError
        ProviderRefusedError
        ProviderTimeoutError
        ProviderUnavailableError
        SessionError
        SessionNotFoundError
        SessionPermissionError
        SessionStateError
        StorageCorruptError
        StorageError
        StorageLockedError
        StorageVersionError
        TurnInterruptedError
    """,
    "hooks": "AlertingHook AuditLoggingHook CleanupHook MetricsCollectionHook",
    "importers.importing": "import_conversations",
    "interfaces": "IProviderSession ISession ISessionLifecycleHook ISessionManager ISessionMiddleware ISessionStorage",
    "manager": "SessionManager create_session_manager",
    "middleware": "LoggingMiddleware MetricsMiddleware RateLimitMiddleware SecurityMiddleware",
    "models": "SessionConfig SessionContext SessionMessage SessionMetrics SessionStatus Usage",
    "providers": "ProviderSessionFactory",
    "session": "Session",
    "manager.shared": """
        create_simple_session
        get_global_session_manager
        get_or_create_session
        set_global_session_manager
    """,
    "storage": """
        DuckDBSessionStorage
        InMemorySessionStorage
        PostgreSQLSessionStorage
        RedisSessionStorage
        SQLiteSessionStorage
        StorageFactory
    """,
    "widgets": "ChatPanel Comparison SessionBrowser chat compare replay session_browser",
    "sharing": "binder_badge binder_url export redaction_preview share_bundle",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = sorted([*_HOME_OF, "__version__"])  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOME_OF[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(ipython: Any) -> None:
    """Add `%chat` and `%%chat`, and make `asyncio.run()` usable in cells: `%load_ext langswarm_nb`."""
    from .notebook.magics import load_ipython_extension as load

    load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """Take the magics away again."""
    from .notebook.magics import unload_ipython_extension as unload

    unload(ipython)
