"""Sessions and messages in DuckDB: a file that several kernels share."""

from .storage import DuckDBSessionStorage

__all__ = ["DuckDBSessionStorage"]
