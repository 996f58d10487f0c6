"""Encryption at rest of what people and models said: AES-256-GCM, one nonce a value.

Encrypted are the columns of `ENCRYPTED`: the texts, what hangs on them, and a session's settings (they hold the
system prompt). In the clear stay ids, owners, models, tags, times, tokens and cost: what a server filters and sums.
Each value is bound to its table, column and row, so that values cannot be swapped; the key is derived from the
user's secret with scrypt and a salt of the store's own.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any

from ..errors import ConfigurationError, StorageError

ENCRYPTED: dict[str, tuple[str, ...]] = {
    "sessions": ("title", "description", "config", "context", "metadata"),
    "messages": ("content", "parts", "metadata", "provider_metadata", "error_message"),
    "events": ("payload",),
    "checkpoints": ("message",),
}

_MARK = "aes1:"
_NONCE_BYTES = 12
_SCRYPT = {"n": 2**15, "r": 8, "p": 1, "length": 32}
_CHECK = "langswarm_nb"


class ContentCipher:
    """Encrypts and decrypts single values; without a key both return what they are given."""

    def __init__(self, key: bytes | None = None) -> None:
        self._aes = _aes(key) if key is not None else None

    def __bool__(self) -> bool:
        return self._aes is not None

    def encrypt(self, table: str, column: str, row_id: str, text: str | None) -> str | None:
        """Return `text` as it is stored; None stays None."""
        if self._aes is None or text is None:
            return text
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._aes.encrypt(nonce, text.encode(), _place(table, column, row_id))
        return _MARK + base64.b64encode(nonce + sealed).decode()

    def decrypt(self, table: str, column: str, row_id: str, stored: Any) -> Any:
        """Return the text behind `stored`; StorageError where it was changed or moved."""
        if self._aes is None or stored is None:
            return stored
        from cryptography.exceptions import InvalidTag

        try:
            raw = base64.b64decode(stored[len(_MARK) :] if stored.startswith(_MARK) else "", validate=True)
            return self._aes.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _place(table, column, row_id)).decode()
        except (InvalidTag, ValueError, AttributeError) as error:
            raise StorageError(
                f"{column} of {row_id} in {table} is not what was stored there: it was changed, or moved from another "
                "row. Restore it from a backup."
            ) from error

    def encrypt_row(self, table: str, row_id: str, row: MutableMapping[str, Any]) -> None:
        """Encrypt the row's content columns in place."""
        for column in self.columns(table):
            if column in row:
                row[column] = self.encrypt(table, column, row_id, row[column])

    def decrypt_row(self, table: str, row_id: str, row: MutableMapping[str, Any]) -> None:
        """Decrypt the row's content columns in place."""
        for column in self.columns(table):
            if column in row:
                row[column] = self.decrypt(table, column, row_id, row[column])

    def columns(self, table: str) -> tuple[str, ...]:
        """Return the names of the table's encrypted columns."""
        return ENCRYPTED.get(table, ()) if self._aes is not None else ()

    def decrypt_columns(self, table: str, row_ids: Sequence[str], columns: MutableMapping[str, Sequence[Any]]) -> None:
        """Decrypt the content columns, whole, in place."""
        for column in self.columns(table):
            pairs = zip(row_ids, columns[column], strict=True)
            columns[column] = [self.decrypt(table, column, row_id, stored) for row_id, stored in pairs]


def open_cipher(
    encryption_key: str | None,
    meta: dict[str, str],
    is_new: bool,
    remember: Callable[[dict[str, str]], None],
    where: str,
) -> ContentCipher:
    """Return the cipher of a store.

    `meta` is what the store says of itself; `remember` writes to it, for a new store only. StorageError for a wrong
    key, for a key where the store has none, and for none where it has one; nothing is changed then.
    """
    if "salt" not in meta:
        if encryption_key is None:
            return ContentCipher()
        if not is_new:
            raise StorageError(
                f"The store {where} is not encrypted, and encryption_key was given. Leave it out, or choose another "
                "place for an encrypted store."
            )
        salt = secrets.token_bytes(16)
        cipher = ContentCipher(_derived(encryption_key, salt))
        check = cipher.encrypt("meta", "key_check", "key_check", _CHECK) or ""
        remember({"salt": salt.hex(), "key_check": check})
        return cipher
    if encryption_key is None:
        raise StorageError(f"The store {where} is encrypted. Give its encryption_key.")
    cipher = ContentCipher(_derived(encryption_key, bytes.fromhex(meta["salt"])))
    try:
        cipher.decrypt("meta", "key_check", "key_check", meta["key_check"])
    except StorageError:
        raise StorageError(
            f"The encryption_key is not the one that the store {where} was made with. Nothing was changed.",
            error_code="wrong_key",
        ) from None
    return cipher


def require_key_material(encryption_key: str | None) -> None:
    """Raise ConfigurationError for an empty key, or where the library that encrypts is missing."""
    if encryption_key is None:
        return
    if not encryption_key:
        raise ConfigurationError("encryption_key is empty. Give a secret, or None for a store in the clear.")
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            "encryption_key needs the package cryptography. Install it with: pip install 'langswarm-nb[encryption]'"
        ) from error


def _derived(encryption_key: str, salt: bytes) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return Scrypt(salt=salt, **_SCRYPT).derive(encryption_key.encode())


def _aes(key: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def _place(table: str, column: str, row_id: str) -> bytes:
    return f"{table}/{column}/{row_id}".encode()
