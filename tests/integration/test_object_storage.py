"""A lake whose files are in object storage."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from duckdb_processes import message, start
from object_storage import ObjectStorage

import langswarm_nb as ls
from langswarm_nb.errors import ConfigurationError, StorageError
from langswarm_nb.storage.duckdb import DuckDBSessionStorage, extensions, registry


@pytest.fixture(scope="module")
def objects():
    server = ObjectStorage()
    yield server
    server.stop()


@pytest.fixture
def lake(objects, lake_server, monkeypatch, tmp_path):
    """What a storage of a new lake takes, for somebody whose DuckDB keeps the key of the bucket."""
    monkeypatch.setenv("HOME", str(tmp_path))
    objects.remember_secret(tmp_path)
    name = f"t{uuid4().hex}"
    return {"location": lake_server.location(name), "data_path": f"s3://{objects.bucket}/{name}/"}


def folder_of(lake) -> str:
    return lake["data_path"].split("/", 3)[3]


def test_two_machines_and_what_is_left_of_a_deleted_user(lake, objects, monkeypatch):
    async def scenario() -> list[str]:
        first = DuckDBSessionStorage(**lake)
        await start(first)
        await first.add_messages("s1", [message(content=f"word-{i}") for i in range(20)])
        await first.optimize_database()
        with monkeypatch.context() as patch:
            patch.setattr(registry, "_engines", {})
            second = DuckDBSessionStorage(location=lake["location"])  # the lake remembers where its files are
        await second.add_message("s1", message(content="from the second"))
        seen = ls.messages(source=first)["content"].tolist()
        manager = ls.create_session_manager(first, providers={"mock": None})
        await first.optimize_database()
        assert any(name.startswith(folder_of(lake)) and b"word-" in row for name, row in objects.objects().items())
        await manager.delete_user("ada")
        await second.close()
        await manager.close()
        return seen

    before = set(objects.objects())
    seen = asyncio.run(scenario())
    assert seen == [*(f"word-{i}" for i in range(20)), "from the second"]
    left = {name: content for name, content in objects.objects().items() if name not in before}
    assert left
    assert not any(b"word-" in content or b"from the second" in content for content in left.values())


def test_statements_reach_no_other_object(lake, objects):
    objects.put("private.txt", b"a secret of somebody else")
    storage = DuckDBSessionStorage(**lake)
    with pytest.raises(StorageError) as refused:
        storage.query(f"SELECT * FROM read_text('s3://{objects.bucket}/private.txt')")
    assert "somebody else" not in str(refused.value)
    asyncio.run(storage.close())


@pytest.mark.parametrize(
    ("data_path", "name"), [("s3://our-bucket/chats/", "httpfs"), ("az://our-container/chats/", "azure")]
)
def test_what_is_missing_is_named_with_its_command(tmp_path, monkeypatch, data_path, name):
    found = extensions.load
    monkeypatch.setattr(extensions, "load", lambda connection, wanted: wanted != name and found(connection, wanted))
    storage = DuckDBSessionStorage(f"ducklake:{tmp_path / 'chats.ducklake'}", data_path=data_path)
    with pytest.raises(ConfigurationError, match=rf"{data_path[:5]}.* extension {name}.*INSTALL {name}"):
        storage.query("SELECT 1")
    asyncio.run(storage.close())
