"""DuckDB's and the system's exceptions as StorageErrors that say what to do."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import duckdb

from ...errors import StorageCorruptError, StorageError, StorageLockedError, StorageVersionError
from ...redaction import mask_secrets

_HELD = re.compile(r"set lock on file|conflicting lock|being used by another process|already open in", re.I)
_HOLDER = re.compile(r"held in (?P<program>\S+) \(PID (?P<pid>\d+)\)")
_NEWER = re.compile(r"version number|newer version of DuckDB|storage version|older version of DuckDB", re.I)
# DuckDB recognizes other engines' files and wants the extension that reads them.
_FOREIGN = re.compile(r"not a valid DuckDB database|magic bytes|not a DuckDB|_scanner", re.I)
_FULL = re.compile(r"no space left|not enough space|disk (is )?full|file too large|could not write all bytes", re.I)
_DAMAGED = re.compile(r"corrupt|checksum|could not read enough bytes|truncat|WAL.*(failed|replay)|failed to load", re.I)
_WRONG_KEY = re.compile(r"wrong encryption key|key is explicitly specified, but|not encrypted", re.I)
_NO_KEY = re.compile(r"encrypted database .* without a key", re.I)
_INVALIDATED = re.compile(r"database has been invalidated|must be restarted|invalid connection id", re.I)


_CONFLICT = re.compile(r"\bconflict\b|could not serialize access|deadlock detected|retry count", re.I)


@contextmanager
def interrupts() -> Iterator[None]:
    """Let Ctrl-C be KeyboardInterrupt, which DuckDB makes a RuntimeError of while it works."""
    try:
        yield
    except RuntimeError as error:
        # DuckDB 2 leaves out what it comes from.
        if isinstance(error.__cause__, KeyboardInterrupt) or str(error) == "Query interrupted":
            raise KeyboardInterrupt from None
        raise


def is_conflict(error: BaseException) -> bool:
    """Return whether another process' change came first, so that the same change may succeed when made again."""
    return isinstance(error, duckdb.Error) and not is_held_elsewhere(error) and bool(_CONFLICT.search(str(error)))


def without(error: BaseException, secrets: Iterable[str]) -> BaseException:
    """Return the error, or one like it whose words show none of the secrets."""
    said = str(error)
    for secret in secrets:
        said = said.replace(secret, "[secret]")
    if said == str(error):
        return error
    return type(error)(said) if isinstance(error, duckdb.Error) else StorageError(said)


def is_held_elsewhere(error: BaseException) -> bool:
    """Return whether another program holds the file, so that trying again may succeed."""
    return isinstance(error, (duckdb.IOException, OSError)) and bool(_HELD.search(str(error)))


def needs_reopening(error: BaseException) -> bool:
    """Return whether the connection cannot be trusted any more after this."""
    fatal = (duckdb.FatalException, duckdb.InternalException, duckdb.IOException, duckdb.ConnectionException)
    return isinstance(error, fatal) or bool(_INVALIDATED.search(str(error)))


def locked(where: str, holder: str, waited_s: float) -> StorageLockedError:
    """Return the error of a store that did not come free in time."""
    return StorageLockedError(
        f"The store {where} is held by {holder} and did not come free within {waited_s:g} s. Nothing was changed. "
        "Close the other program, or let it finish, and try again.",
        error_code="locked",
    )


def holder_in(error: BaseException) -> str:
    """Return who holds the file, as DuckDB's message names it."""
    found = _HOLDER.search(str(error))
    return f"{found['program']} (process {found['pid']})" if found else "another program"


def storage_error(error: BaseException, where: str) -> StorageError:
    """Return what `error` means for the store at `where`; a StorageError comes back as it is."""
    if isinstance(error, StorageError):
        return error
    said = first_lines(error)
    if is_held_elsewhere(error):
        return locked(where, holder_in(error), 0)
    if isinstance(error, OSError) and not isinstance(error, duckdb.Error):
        return _system_error(error, where)
    if _FULL.search(said):
        return _full(where)
    if _NO_KEY.search(said):
        return StorageError(f"The store {where} is encrypted. Open it with encryption_key=...", error_code="no_key")
    if _WRONG_KEY.search(said):
        return StorageError(f"The encryption_key does not fit the store {where}: {said}", error_code="wrong_key")
    if _FOREIGN.search(said):
        return foreign(where)
    if isinstance(error, duckdb.IOException) and _NEWER.search(said):
        return StorageVersionError(
            f"A newer DuckDB wrote {where}: {said} It was left untouched. Upgrade with: pip install -U duckdb"
        )
    if isinstance(error, (duckdb.SerializationException, duckdb.InternalException)) or _DAMAGED.search(said):
        return StorageCorruptError(
            f"The store {where} is damaged: {said} Restore it from a backup, or move it away to start a new one."
        )
    if isinstance(error, duckdb.IOException):
        return StorageError(f"The store {where} cannot be used: {said} Check the path and your right to write there.")
    if isinstance(error, (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError)):
        return StorageError(f"The query cannot be run: {said}")
    return StorageError(f"The store {where} could not do it: {said}")


def foreign(where: str) -> StorageCorruptError:
    """Return the error of a file that another program made."""
    return StorageCorruptError(
        f"{where} is no DuckDB database. It was left untouched; choose another path for the store."
    )


def _system_error(error: OSError, where: str) -> StorageError:
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return _full(where)
    return StorageError(
        f"The store {where} cannot be opened for writing: {reason}. "
        "Choose a path in a folder that you may write to (storage_config={'db_path': ...} or LANGSWARM_NB_DB)."
    )


def _full(where: str) -> StorageError:
    return StorageError(
        f"There is no space left for the store {where}. What was stored before is safe. Free some space and try again.",
        error_code="disk_full",
    )


def first_lines(error: BaseException) -> str:
    """Return what the error says, without the statement."""
    # DuckDB adds the statement and a marker under it after an empty line.
    said = " ".join(str(error).split("\n\n")[0].split())
    return mask_secrets(said if said.endswith((".", "!", "?")) else said + ".")
