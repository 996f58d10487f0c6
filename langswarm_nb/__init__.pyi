from typing import Any

from .analytics.dashboard import dashboard as dashboard
from .analytics.demo import demo_store as demo_store
from .analytics.frames import events as events
from .analytics.frames import messages as messages
from .analytics.frames import sessions as sessions
from .analytics.frames import sql as sql
from .analytics.frames import turns as turns
from .errors import ConfigurationError as ConfigurationError
from .errors import ContextWindowExceededError as ContextWindowExceededError
from .errors import InvalidMessageError as InvalidMessageError
from .errors import MiddlewareError as MiddlewareError
from .errors import ProviderAuthenticationError as ProviderAuthenticationError
from .errors import ProviderError as ProviderError
from .errors import ProviderRateLimitError as ProviderRateLimitError
from .errors import ProviderRefusedError as ProviderRefusedError
from .errors import ProviderTimeoutError as ProviderTimeoutError
from .errors import ProviderUnavailableError as ProviderUnavailableError
from .errors import SessionError as SessionError
from .errors import SessionNotFoundError as SessionNotFoundError
from .errors import SessionPermissionError as SessionPermissionError
from .errors import SessionStateError as SessionStateError
from .errors import StorageCorruptError as StorageCorruptError
from .errors import StorageError as StorageError
from .errors import StorageLockedError as StorageLockedError
from .errors import StorageVersionError as StorageVersionError
from .errors import TurnInterruptedError as TurnInterruptedError
from .hooks import AlertingHook as AlertingHook
from .hooks import AuditLoggingHook as AuditLoggingHook
from .hooks import CleanupHook as CleanupHook
from .hooks import MetricsCollectionHook as MetricsCollectionHook
from .importers.importing import import_conversations as import_conversations
from .interfaces import IProviderSession as IProviderSession
from .interfaces import ISession as ISession
from .interfaces import ISessionLifecycleHook as ISessionLifecycleHook
from .interfaces import ISessionManager as ISessionManager
from .interfaces import ISessionMiddleware as ISessionMiddleware
from .interfaces import ISessionStorage as ISessionStorage
from .manager import SessionManager as SessionManager
from .manager import create_session_manager as create_session_manager
from .manager.shared import create_simple_session as create_simple_session
from .manager.shared import get_global_session_manager as get_global_session_manager
from .manager.shared import get_or_create_session as get_or_create_session
from .manager.shared import set_global_session_manager as set_global_session_manager
from .middleware import LoggingMiddleware as LoggingMiddleware
from .middleware import MetricsMiddleware as MetricsMiddleware
from .middleware import RateLimitMiddleware as RateLimitMiddleware
from .middleware import SecurityMiddleware as SecurityMiddleware
from .models import SessionConfig as SessionConfig
from .models import SessionContext as SessionContext
from .models import SessionMessage as SessionMessage
from .models import SessionMetrics as SessionMetrics
from .models import SessionStatus as SessionStatus
from .models import Usage as Usage
from .providers import ProviderSessionFactory as ProviderSessionFactory
from .session import Session as Session
from .sharing import binder_badge as binder_badge
from .sharing import binder_url as binder_url
from .sharing import export as export
from .sharing import redaction_preview as redaction_preview
from .sharing import share_bundle as share_bundle
from .storage import DuckDBSessionStorage as DuckDBSessionStorage
from .storage import InMemorySessionStorage as InMemorySessionStorage
from .storage import PostgreSQLSessionStorage as PostgreSQLSessionStorage
from .storage import RedisSessionStorage as RedisSessionStorage
from .storage import SQLiteSessionStorage as SQLiteSessionStorage
from .storage import StorageFactory as StorageFactory
from .version import __version__ as __version__
from .widgets import ChatPanel as ChatPanel
from .widgets import Comparison as Comparison
from .widgets import SessionBrowser as SessionBrowser
from .widgets import chat as chat
from .widgets import compare as compare
from .widgets import replay as replay
from .widgets import session_browser as session_browser

__all__ = [
    "AlertingHook",
    "AuditLoggingHook",
    "ChatPanel",
    "CleanupHook",
    "Comparison",
    "ConfigurationError",
    "ContextWindowExceededError",
    "DuckDBSessionStorage",
    "IProviderSession",
    "ISession",
    "ISessionLifecycleHook",
    "ISessionManager",
    "ISessionMiddleware",
    "ISessionStorage",
    "InMemorySessionStorage",
    "InvalidMessageError",
    "LoggingMiddleware",
    "MetricsCollectionHook",
    "MetricsMiddleware",
    "MiddlewareError",
    "PostgreSQLSessionStorage",
    "ProviderAuthenticationError",
    "ProviderError",
    "ProviderRateLimitError",
    "ProviderRefusedError",
    "ProviderSessionFactory",
    "ProviderTimeoutError",
    "ProviderUnavailableError",
    "RateLimitMiddleware",
    "RedisSessionStorage",
    "SQLiteSessionStorage",
    "SecurityMiddleware",
    "Session",
    "SessionBrowser",
    "SessionConfig",
    "SessionContext",
    "SessionError",
    "SessionManager",
    "SessionMessage",
    "SessionMetrics",
    "SessionNotFoundError",
    "SessionPermissionError",
    "SessionStateError",
    "SessionStatus",
    "StorageCorruptError",
    "StorageError",
    "StorageFactory",
    "StorageLockedError",
    "StorageVersionError",
    "TurnInterruptedError",
    "Usage",
    "__version__",
    "binder_badge",
    "binder_url",
    "chat",
    "compare",
    "create_session_manager",
    "create_simple_session",
    "dashboard",
    "demo_store",
    "events",
    "export",
    "get_global_session_manager",
    "get_or_create_session",
    "import_conversations",
    "messages",
    "redaction_preview",
    "replay",
    "session_browser",
    "sessions",
    "set_global_session_manager",
    "share_bundle",
    "sql",
    "turns",
]

def load_ipython_extension(ipython: Any) -> None: ...
def unload_ipython_extension(ipython: Any) -> None: ...
