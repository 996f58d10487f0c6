"""Where replies come from: one module for each kind of service, and the factory that opens sessions with them.

The concrete providers and their SDKs are imported when a session first uses one.
"""

from .factory import ProviderSessionFactory

__all__ = ["ProviderSessionFactory"]
