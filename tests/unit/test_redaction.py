from __future__ import annotations

import pytest

from langswarm_nb.redaction import is_secret_name, mask_secrets, without_secrets


@pytest.mark.parametrize(
    "name", ["api_key", "API-KEY", "openai_api_key", "token", "Authorization", "headers", "password"]
)
def test_secret_names(name):
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["max_tokens", "token_count", "model", "monkey", "keyboard", "author"])
def test_names_that_are_no_secret(name):
    assert not is_secret_name(name)


def test_options_lose_their_secrets_at_any_depth():
    options = {"temperature": 1, "api_key": "k", "client": {"headers": {"a": 1}, "timeout": 3}}
    assert without_secrets(options) == {"temperature": 1, "client": {"timeout": 3}}


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abcdefgh12345678",
        "sk-ant-api03-abcdefgh12345678",
        "Bearer abcdefgh12345678",
        "ghp_abcdefgh12345678",
        "AKIAABCDEFGH12345678",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abcdefgh",
    ],
)
def test_keys_in_running_text_are_masked(secret):
    masked = mask_secrets(f"Incorrect key provided: {secret}, see the docs.")
    assert secret not in masked
    assert "abcdefgh" not in masked
    assert masked.startswith("Incorrect key provided: ")
    assert masked.endswith("see the docs.")


def test_passwords_in_urls_are_masked():
    assert mask_secrets("postgresql://ada:s3cret@db.example/x") == "postgresql://[key]@db.example/x"
