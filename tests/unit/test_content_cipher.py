from __future__ import annotations

import base64
import builtins
from typing import Any

import pytest

from langswarm_nb.errors import ConfigurationError, StorageError
from langswarm_nb.storage.content_cipher import ENCRYPTED, ContentCipher, open_cipher, require_key_material
from langswarm_nb.storage.schema import TABLES

KEY = bytes(range(32))


def test_what_is_encrypted_comes_back():
    cipher = ContentCipher(KEY)
    for text in ("", "hello", "Grüße 🎉", "x" * 100_000, "aes1:not really"):
        sealed = cipher.encrypt("messages", "content", "m1", text)
        assert sealed is not None
        assert text == "" or text not in sealed
        assert cipher.decrypt("messages", "content", "m1", sealed) == text
    assert cipher.encrypt("messages", "content", "m1", None) is None


def test_the_same_text_is_never_encrypted_to_the_same():
    cipher = ContentCipher(KEY)
    assert len({cipher.encrypt("messages", "content", "m1", "yes") for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("table", "column", "row"),
    [("messages", "content", "m2"), ("messages", "metadata", "m1"), ("events", "content", "m1")],
)
def test_a_value_cannot_be_moved(table, column, row):
    cipher = ContentCipher(KEY)
    sealed = cipher.encrypt("messages", "content", "m1", "yes")
    with pytest.raises(StorageError, match="changed, or moved"):
        cipher.decrypt(table, column, row, sealed)


def test_a_value_cannot_be_changed():
    cipher = ContentCipher(KEY)
    sealed = cipher.encrypt("messages", "content", "m1", "pay 10") or ""
    raw = bytearray(base64.b64decode(sealed.removeprefix("aes1:")))
    raw[-1] ^= 1
    for forged in ("aes1:" + base64.b64encode(raw).decode(), "pay 99", "aes1:", "aes1:%%%", 5):
        with pytest.raises(StorageError):
            cipher.decrypt("messages", "content", "m1", forged)


def test_without_a_key_values_stay_as_they_are():
    cipher = ContentCipher()
    row: dict[str, Any] = {"content": "hello", "role": "user"}
    cipher.encrypt_row("messages", "m1", row)
    assert row == {"content": "hello", "role": "user"}
    assert not cipher


def test_encrypted_columns_are_columns():
    for table, columns in ENCRYPTED.items():
        if table in TABLES:
            assert set(columns) <= set(TABLES[table])


def test_a_store_is_opened_with_the_key_that_made_it():
    meta: dict[str, str] = {}
    made = open_cipher("secret", meta, True, meta.update, "there")
    sealed = made.encrypt("messages", "content", "m1", "yes")
    assert (
        open_cipher("secret", meta, False, meta.update, "there").decrypt("messages", "content", "m1", sealed) == "yes"
    )
    assert "secret" not in repr(meta)
    other: dict[str, str] = {}
    open_cipher("secret", other, True, other.update, "elsewhere")
    assert other["salt"] != meta["salt"]
    kept = dict(meta)
    with pytest.raises(StorageError, match="not the one"):
        open_cipher("Secret", meta, False, meta.update, "there")
    with pytest.raises(StorageError, match="Give its encryption_key"):
        open_cipher(None, meta, False, meta.update, "there")
    assert meta == kept
    with pytest.raises(StorageError, match="not encrypted"):
        open_cipher("secret", {}, False, meta.update, "there")


def test_the_missing_library_is_named(monkeypatch):
    real_import = builtins.__import__

    def without_cryptography(name, *args, **kwargs):
        if name == "cryptography":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_cryptography)
    with pytest.raises(ConfigurationError, match=r"langswarm-nb\[encryption\]"):
        require_key_material("secret")
    require_key_material(None)
