"""What is special about PostgreSQL: a server that others use too, connections that break, values it cannot keep."""

from __future__ import annotations

import asyncio
import builtins
import json
import socket
from contextlib import closing
from uuid import uuid4

import psycopg
import pytest
from test_served_storages import message, start

import langswarm_nb as ls
from langswarm_nb.errors import (
    ConfigurationError,
    StorageCorruptError,
    StorageError,
    StorageLockedError,
    StorageVersionError,
)
from langswarm_nb.storage import PostgreSQLSessionStorage


@pytest.fixture
def schema():
    return f"t{uuid4().hex}"


@pytest.fixture
def server(postgresql_url):
    with closing(psycopg.connect(postgresql_url, autocommit=True)) as connection:
        yield connection


@pytest.fixture
def using(postgresql_url, schema):
    def run(scenario, url=postgresql_url, **options):
        async def main():
            storage = PostgreSQLSessionStorage(url, schema=schema, **options)
            try:
                return await scenario(storage)
            finally:
                await storage.close()

        return asyncio.run(main())

    return run


def test_tables_stand_in_a_schema_of_their_own(using, schema, server):
    using(start)
    found = server.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema]).fetchall()
    assert {"sessions", "messages", "events", "schema_migrations"} <= {name for (name,) in found}
    types = dict(
        server.execute(
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_schema = %s AND table_name = 'messages'",
            [schema],
        ).fetchall()
    )
    assert types["created_at"] == "timestamp with time zone"
    assert types["cost_usd"] == "numeric"
    assert types["metadata"] == "json"


def test_another_programs_tables_are_left_untouched(using, schema, server):
    server.execute(f'CREATE SCHEMA "{schema}"')
    server.execute(f'CREATE TABLE "{schema}".sessions (x int)')
    with pytest.raises(StorageCorruptError, match="another program's"):
        using(start)
    found = server.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema]).fetchall()
    assert found == [("sessions",)]


def test_a_newer_store_is_refused(using, schema, server):
    using(start)
    server.execute(f"INSERT INTO \"{schema}\".schema_migrations VALUES ('m9999_from_the_future', now())")
    with pytest.raises(StorageVersionError, match="m9999_from_the_future"):
        using(start)


def test_many_processes_may_make_the_tables_at_once(postgresql_url, schema):
    async def main():
        storages = [PostgreSQLSessionStorage(postgresql_url, schema=schema) for _ in range(6)]
        await asyncio.gather(*(start(storage, f"s{number}") for number, storage in enumerate(storages)))
        counts = [len(await storage.list_sessions()) for storage in storages]
        for storage in storages:
            await storage.close()
        return counts

    assert asyncio.run(main()) == [6] * 6


def test_null_bytes_become_the_replacement_character(using, schema, server):
    async def scenario(storage):
        await start(storage, name="a\0b", tags=["t\0"], metadata={"k\0": ["\0", "\\u0000"]})
        await storage.add_message("s1", message("x\0y", metadata={"\0": {"deep": "\0"}, "text": "\\u0000"}))
        await storage.add_event("feedback", "s1", payload={"said": "\0"})
        found = [await storage.list_sessions(**conditions) for conditions in ({"tags": ["t\0"]}, {"text": "A\0B"})]
        return await storage.get_session("s1"), await storage.get_messages("s1"), found

    record, (found,), (by_tag, by_text) = using(scenario)
    assert (record["title"], record["tags"]) == ("a\ufffdb", ["t\ufffd"])
    assert record["metadata"] == {"k\ufffd": ["\ufffd", "\\u0000"]}
    assert found.content == "x\ufffdy"
    assert found.metadata == {"\ufffd": {"deep": "\ufffd"}, "text": "\\u0000"}
    assert len(by_tag) == len(by_text) == 1
    # No value is left that breaks the server's own JSON functions.
    server.execute(f"SELECT metadata ->> 'text' FROM \"{schema}\".messages").fetchall()


def test_json_keeps_its_numbers(using):
    numbers = {"big": 10**30, "tiny": 5e-324, "huge": 1.7976931348623157e308, "one": 1.0, "z": 1, "a": 2}

    async def scenario(storage):
        await start(storage)
        await storage.add_message("s1", message(metadata=numbers))
        return await storage.get_messages("s1")

    (found,) = using(scenario)
    assert list(found.metadata.items()) == list(numbers.items())
    assert isinstance(found.metadata["one"], float)


def test_a_broken_connection_is_replaced(using, server):
    async def scenario(storage):
        await start(storage)
        found = []
        for number in range(3):
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'langswarm_nb' AND pid <> pg_backend_pid()"
            )
            await storage.add_message("s1", message(str(number)))
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'langswarm_nb'"
            )
            found.append(len(await storage.get_messages("s1")))
        return found

    assert using(scenario) == [1, 2, 3]


def test_the_pool_bounds_the_connections(using, schema, server):
    async def scenario(storage):
        await start(storage)
        most = 0
        work = [storage.add_message("s1", message(str(n))) for n in range(30)]
        work += [storage.get_messages("s1") for _ in range(30)]
        tasks = [asyncio.ensure_future(each) for each in work]
        while not all(task.done() for task in tasks):
            (count,) = server.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'langswarm_nb'"
            ).fetchone()
            most = max(most, count)
            await asyncio.sleep(0.005)
        await asyncio.gather(*tasks)
        return most, len(await storage.get_messages("s1"))

    most, stored = using(scenario, pool_size=1, max_overflow=1)
    assert most <= 2
    assert stored == 30


def test_a_table_that_stays_locked(using, schema, server):
    async def scenario(storage):
        await start(storage)
        server.execute("BEGIN")
        server.execute(f'LOCK TABLE "{schema}".messages IN EXCLUSIVE MODE')
        with pytest.raises(StorageLockedError):
            await storage.add_message("s1", message("refused"))
        server.execute("ROLLBACK")
        await storage.add_message("s1", message("stored"))
        return await storage.get_messages("s1")

    assert [m.content for m in using(scenario, pool_timeout=1)] == ["stored"]


def test_a_session_that_is_deleted_while_it_is_written_to(postgresql_url, schema):
    """Whatever the order: no message stays without its session."""

    async def main():
        one, other = (PostgreSQLSessionStorage(postgresql_url, schema=schema) for _ in range(2))
        for number in range(15):
            session_id = f"s{number}"
            await start(one, session_id)
            await asyncio.gather(
                *(one.add_message(session_id, message(str(n), session_id)) for n in range(3)),
                other.delete_session(session_id),
                *(other.add_message(session_id, message(str(n), session_id)) for n in range(3)),
                return_exceptions=True,
            )
        stats = await one.get_database_stats()
        await one.close()
        await other.close()
        return stats

    stats = asyncio.run(main())
    assert (stats["sessions"], stats["messages"]) == (0, 0)


def test_times_are_utc_whatever_the_servers_zone(using, postgresql_url):
    zoned = f"{postgresql_url}&options=-c%20timezone%3DAsia/Kolkata"

    async def scenario(storage):
        await start(storage)
        sent = message()
        await storage.add_message("s1", sent)
        tables = await asyncio.to_thread(storage.export_tables)
        return sent, await storage.get_messages("s1"), tables["messages"]["created_at"][0].as_py()

    sent, (found,), exported = using(scenario, url=zoned)
    assert sent.timestamp == found.timestamp == exported


def test_large_texts_in_tables(using):
    async def scenario(storage):
        await start(storage)
        await storage.add_messages("s1", [message(letter * 5_000_000) for letter in "abcdefgh"])
        return await asyncio.to_thread(storage.export_tables)

    found = using(scenario)["messages"]["content"].to_pylist()
    assert sorted((text[0], len(text)) for text in found) == [(letter, 5_000_000) for letter in "abcdefgh"]


def test_errors_name_no_password(postgresql_url):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    async def ask(url):
        storage = PostgreSQLSessionStorage(url)
        with pytest.raises(StorageError) as caught:
            await storage.get_session("s1")
        health = await storage.health_check()
        await storage.close()
        return "\n".join([str(caught.value), repr(storage), json.dumps(health)])

    said = asyncio.run(ask(f"postgresql://ada:hunter2@127.0.0.1:{port}/chats"))
    assert "hunter2" not in said
    assert f"127.0.0.1:{port}/chats cannot be reached" in said
    for wrong in ("postgresql://ada:hunter2@host:notaport/x", "nonsense hunter2", "mysql://ada:hunter2@host/x"):
        with pytest.raises(ConfigurationError) as caught:
            PostgreSQLSessionStorage(wrong)
        assert "hunter2" not in str(caught.value)


def test_a_database_that_is_not_there(postgresql_url):
    async def ask():
        storage = PostgreSQLSessionStorage(postgresql_url.replace("/postgres?", "/nowhere?"))
        with pytest.raises(StorageError, match="nowhere") as caught:
            await storage.get_session("s1")
        await storage.close()
        return str(caught.value)

    assert "does not exist" in asyncio.run(ask())


def test_the_missing_driver_is_named(monkeypatch):
    real_import = builtins.__import__

    def without_psycopg(name, *args, **kwargs):
        if name == "psycopg":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_psycopg)
    with pytest.raises(ls.ConfigurationError, match=r"langswarm-nb\[postgresql\]"):
        ls.create_session_manager("postgresql://localhost/chats")
