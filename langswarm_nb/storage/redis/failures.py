"""What redis-py's exceptions mean, as StorageErrors that say what to do."""

from __future__ import annotations

from redis import exceptions

from ...errors import SessionError, StorageCorruptError, StorageError
from ...redaction import mask_secrets


def storage_error(error: BaseException, where: str) -> SessionError:
    """Return what `error` means for the store at `where`; a SessionError comes back as it is."""
    if isinstance(error, SessionError):
        return error
    said = mask_secrets((str(error).strip().splitlines() or [type(error).__name__])[0]).rstrip(".")
    if isinstance(error, (exceptions.AuthenticationError, exceptions.NoPermissionError)) or "NOAUTH" in said:
        return StorageError(f"{where} refused the user or the password. Check the URL.", error_code="refused")
    if isinstance(error, (exceptions.ConnectionError, exceptions.TimeoutError, OSError)):
        return StorageError(
            f"{where} cannot be reached: {said}. Check that the server runs and that the URL is right.",
            error_code="unreachable",
        )
    if "WRONGTYPE" in said:
        return StorageCorruptError(
            f"{where} holds another program's keys under the same prefix. They were left untouched; "
            "choose another key_prefix."
        )
    if isinstance(error, exceptions.OutOfMemoryError) or said.startswith("OOM"):
        return StorageError(
            f"{where} has no memory left. What was stored before is safe. Raise its maxmemory, or set a ttl.",
            error_code="disk_full",
        )
    if "MISCONF" in said:
        return StorageError(f"{where} cannot write to its disk: {said}. Free some space there.", error_code="disk_full")
    if isinstance(error, exceptions.ReadOnlyError):
        return StorageError(f"{where} is a read-only replica. Use the primary's URL.")
    return StorageError(f"{where} could not do it: {said}.")
