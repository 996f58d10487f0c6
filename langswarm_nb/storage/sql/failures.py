"""What the engines' exceptions mean, as StorageErrors that say what to do."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ...errors import SessionError, StorageCorruptError, StorageError, StorageLockedError
from ...redaction import mask_secrets

# What concerns everybody: trying one change after the other would only make each wait again.
WHOLE_STORE = frozenset({"locked", "unreachable", "refused", "pool_exhausted", "disk_full"})


def storage_error(error: BaseException, where: str, waited_s: float) -> SessionError:
    """Return what `error` means for the store at `where`; a SessionError comes back as it is."""
    if isinstance(error, SessionError):
        return error
    if isinstance(error, PoolTimeout):
        return StorageLockedError(
            f"No connection to {where} came free within {waited_s:g} s. Raise pool_size or max_overflow.",
            error_code="pool_exhausted",
        )
    if isinstance(error, OSError):
        return _unwritable(where, error.strerror or str(error))
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(cause, sqlite3.Error):
        return _of_sqlite(cause, where, waited_s)
    if getattr(cause, "sqlstate", None) or type(cause).__module__.startswith("psycopg"):
        return _of_postgresql(cause, where, waited_s)
    return StorageError(f"The store {where} could not do it: {said(cause)}")


def is_disconnect(error: BaseException) -> bool:
    """Return whether the connection broke, so that the same change may succeed on a new one."""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def said(error: BaseException) -> str:
    """Return the first line of what the error says, without secrets and without the statement."""
    if isinstance(error, SQLAlchemyError) and not isinstance(error, DBAPIError):
        text = str(error.args[0]) if error.args else type(error).__name__
    else:
        text = str(error)
    first = mask_secrets((text.strip().splitlines() or [type(error).__name__])[0].strip())
    return first if first.endswith((".", "!", "?")) else f"{first}."


def _of_sqlite(error: sqlite3.Error, where: str, waited_s: float) -> StorageError:
    code = getattr(error, "sqlite_errorname", "")
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StorageLockedError(
            f"Another program has the store {where} locked, and did not let go within {waited_s:g} s. Nothing was "
            "changed. Close it, or let it finish, and try again.",
            error_code="locked",
        )
    if code.startswith("SQLITE_NOTADB"):
        return StorageCorruptError(
            f"{where} is no SQLite database. It was left untouched; choose another path for the store."
        )
    if code.startswith("SQLITE_CORRUPT"):
        return StorageCorruptError(
            f"The store {where} is damaged: {said(error)} Restore it from a backup, or move it away to start a new one."
        )
    if code.startswith("SQLITE_FULL"):
        return StorageError(
            f"There is no space left for the store {where}. What was stored before is safe. "
            "Free some space and try again.",
            error_code="disk_full",
        )
    if code.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM")):
        return _unwritable(where, said(error).rstrip("."))
    return StorageError(f"The store {where} could not do it: {said(error)}")


def _of_postgresql(error: BaseException, where: str, waited_s: float) -> StorageError:
    state = getattr(error, "sqlstate", None) or ""
    text = str(error)
    if state.startswith("28") or "password authentication failed" in text or "no password supplied" in text:
        return StorageError(f"{where} refused the user or the password. Check the URL.", error_code="refused")
    if state == "55P03":
        return StorageLockedError(f"Something in {where} stayed locked for {waited_s:g} s. Try again.")
    if state == "53300" or "too many clients" in text or "remaining connection slots" in text:
        return StorageError(f"{where} has no connection left. Lower pool_size, or raise its max_connections.")
    if state == "42501":
        return StorageError(f"The user may not do this in {where}: {said(error)} Grant the right, or use another user.")
    if state.startswith("53"):
        return StorageError(f"{where} has run out of space or memory: {said(error)}", error_code="disk_full")
    if not state or state.startswith(("08", "57P")):
        return StorageError(
            f"{where} cannot be reached: {said(error)} Check that the server runs and that the URL is right.",
            error_code="unreachable",
        )
    return StorageError(f"{where} could not do it: {said(error)}")


def _unwritable(where: str, reason: str) -> StorageError:
    return StorageError(
        f"The store {where} cannot be opened for writing: {reason}. "
        "Choose a path in a folder that you may write to (storage_config={'db_path': ...})."
    )
