"""A store that is of no use to who takes the file."""

from __future__ import annotations

import asyncio
import os
import traceback
from pathlib import Path

import pytest
from duckdb_processes import message, start, using

from langswarm_nb.errors import ConfigurationError, StorageError
from langswarm_nb.storage.duckdb import DuckDBSessionStorage, encrypted

KEY = "correct horse 'battery' staple"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "sessions.duckdb"


needs_extension = pytest.mark.skipif(
    not encrypted.is_available() and not os.environ.get("CI"), reason="DuckDB's extension httpfs is not installed"
)


async def write_a_secret(storage):
    await start(storage)
    await storage.add_messages("s1", [message(content=f"the treasure is under the oak {n}") for n in range(600)])
    await storage.checkpoint(message(content="the treasure, so far", role="assistant"))
    return b"".join(file.read_bytes() for file in Path(storage.location).parent.iterdir())


@needs_extension
def test_nothing_is_readable_in_file_and_log(path):
    while_open = using(path, write_a_secret, encryption_key=KEY)
    at_rest = b"".join(file.read_bytes() for file in path.parent.iterdir())
    for seen in (while_open, at_rest):
        assert len(seen) > 10_000
        for secret in (b"treasure", b"under the oak", KEY.encode()):
            assert secret not in seen


@needs_extension
def test_everything_works_as_in_the_clear(path, tmp_path):
    using(path, write_a_secret, encryption_key=KEY)

    async def look(storage):
        await storage.add_message("s1", message(content="last"))
        messages = await storage.get_messages("s1")
        count = storage.query("SELECT count(*) AS n FROM main.messages", untrusted=True).to_pylist()
        await storage.optimize_database()
        await storage.backup_database(tmp_path / "copy.duckdb")
        return len(messages), messages[-2].status, count, (await storage.health_check())["status"]

    # The half-written reply of the first one, who closed, was folded in.
    assert using(path, look, encryption_key=KEY) == (602, "interrupted", [{"n": 602}], "healthy")

    async def count(storage):
        return len(await storage.get_messages("s1"))

    assert using(tmp_path / "copy.duckdb", count, encryption_key=KEY) == 602


@needs_extension
@pytest.mark.parametrize("key", ["wrong", None])
def test_a_wrong_key_and_none(path, key):
    using(path, write_a_secret, encryption_key=KEY)
    before = path.read_bytes()
    with pytest.raises(StorageError, match="encryption_key") as caught:
        using(path, start, encryption_key=key)
    said = "".join(traceback.format_exception(caught.value))
    assert "'wrong'" not in said
    assert path.read_bytes() == before


@needs_extension
def test_a_key_for_a_store_in_the_clear(path):
    using(path, start)
    with pytest.raises(StorageError, match="encryption_key does not fit"):
        using(path, start, encryption_key=KEY)


def test_without_the_extension_nothing_is_written(path, monkeypatch):
    monkeypatch.setattr(encrypted, "_EXTENSION", "no_such_extension")
    with pytest.raises(StorageError, match="INSTALL"):
        using(path, start, encryption_key=KEY)
    assert not path.exists()


def test_keys_that_make_no_sense(path):
    for location, key in ((path, ""), (":memory:", "k")):
        with pytest.raises(ConfigurationError):
            DuckDBSessionStorage(location, encryption_key=key)
    one = DuckDBSessionStorage(path, encryption_key="a")
    with pytest.raises(ConfigurationError, match="another encryption_key"):
        DuckDBSessionStorage(path, encryption_key="b")
    assert "'a'" not in repr(one)
    asyncio.run(one.close())
