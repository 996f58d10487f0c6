"""What is special about SQLite: one file, its locks and its damage, the pool, the disk."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from contextlib import closing

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
from langswarm_nb.storage import SQLiteSessionStorage
from langswarm_nb.storage.sql import migrations


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "sessions.db"


def using(path, scenario, **options):
    async def main():
        storage = SQLiteSessionStorage(path, **options)
        try:
            return await scenario(storage)
        finally:
            await storage.close()

    return asyncio.run(main())


def failing(path, **options):
    """Return the error of writing to the store, after checking that reading fails alike."""

    async def scenario(storage):
        with pytest.raises(StorageError) as reading:
            await storage.get_messages("s1")
        with pytest.raises(StorageError) as writing:
            await storage.add_message("s1", message())
        assert type(reading.value) is type(writing.value)
        assert (await storage.health_check())["status"] == "unhealthy"
        return writing.value

    return using(path, scenario, **options)


def test_folders_are_made_and_the_file_is_its_owners(path):
    using(path, start)
    assert path.stat().st_mode & 0o077 == 0


def test_wal_and_full_durability(path):
    async def scenario(storage):
        await start(storage)

        def look(connection, _):
            return [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "auto_vacuum")
            ]

        return await storage._read(look)

    full, incremental = 2, 2
    assert using(path, scenario) == ["wal", full, incremental]
    other = path.with_name("other.db")
    assert using(other, scenario, enable_wal=False, auto_vacuum=False) == ["delete", full, 0]


def test_a_file_in_the_way_of_the_folder(tmp_path):
    (tmp_path / "file").write_text("in the way")
    error = failing(tmp_path / "file" / "sessions.db")
    assert "file" in str(error)
    assert "Choose a path" in str(error)


def test_a_folder_in_the_way_of_the_file(path):
    path.mkdir(parents=True)
    assert "Choose a path" in str(failing(path))


def test_a_file_that_is_no_database(path):
    path.parent.mkdir()
    path.write_text("these are my notes, not a database\n" * 500)
    before = path.read_bytes()
    assert isinstance(failing(path), StorageCorruptError)
    assert path.read_bytes() == before


def test_another_programs_database(path):
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE sessions (x)")
    before = path.read_bytes()
    error = failing(path)
    assert isinstance(error, StorageCorruptError)
    assert "another program's" in str(error)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_newer_store_is_left_untouched(path):
    using(path, start, enable_wal=False)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO schema_migrations VALUES ('m9999_from_the_future', 1)")
    before = path.read_bytes()
    error = failing(path)
    assert isinstance(error, StorageVersionError)
    assert "m9999_from_the_future" in str(error)
    assert path.read_bytes() == before


def test_a_migration_that_fails_leaves_the_store_as_it_was(path, monkeypatch):
    using(path, start)

    def m0099_breaks(connection, dialect):
        connection.exec_driver_sql("CREATE TABLE half (x)")
        raise ZeroDivisionError

    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, m0099_breaks))
    failing(path)
    monkeypatch.undo()
    with closing(sqlite3.connect(path)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert "half" not in names
    assert using(path, lambda storage: storage.get_session("s1")) is not None


def test_a_truncated_store(path):
    async def fill(storage):
        await start(storage)
        await storage.add_messages("s1", [message("x" * 5000) for _ in range(200)])

    using(path, fill)
    os.truncate(path, path.stat().st_size // 2)

    async def read(storage):
        await storage.get_messages("s1")

    with pytest.raises(StorageCorruptError, match="damaged"):
        using(path, read)


def test_a_store_that_another_program_has_locked(path):
    using(path, start)

    async def scenario(storage):
        await storage.get_session("s1")
        with closing(sqlite3.connect(path, isolation_level=None)) as foreign:
            foreign.execute("BEGIN IMMEDIATE")
            began = time.monotonic()
            outcomes = await asyncio.gather(
                *(storage.add_message("s1", message()) for _ in range(5)), return_exceptions=True
            )
            waited = time.monotonic() - began
            assert await storage.get_messages("s1") == []  # readers do not wait
            foreign.execute("ROLLBACK")
        await storage.add_message("s1", message("after"))
        return outcomes, waited, await storage.get_messages("s1")

    outcomes, waited, found = using(path, scenario, pool_timeout=1)
    assert all(isinstance(outcome, StorageLockedError) for outcome in outcomes)
    assert "within 1 s" in str(outcomes[0])
    assert 0.9 < waited < 5
    assert [m.content for m in found] == ["after"]


def test_a_full_disk(path):
    async def scenario(storage):
        await start(storage)

        def limit(connection, _):
            connection.exec_driver_sql("PRAGMA max_page_count = 200")

        await storage._read(limit)
        written = []

        async def write_for_ever():
            while True:
                sent = message("x" * 20_000)
                await storage.add_message("s1", sent)
                written.append(sent.message_id)

        with pytest.raises(StorageError, match="no space left") as caught:
            await write_for_ever()
        return written, caught.value, [m.message_id for m in await storage.get_messages("s1")]

    written, error, found = using(path, scenario, pool_size=1, max_overflow=0)
    assert error.error_code == "disk_full"
    assert len(written) > 5
    assert found == written
    assert [m.message_id for m in using(path, lambda storage: storage.get_messages("s1"))] == written


def test_tidying_gives_space_back(path):
    async def scenario(storage):
        await start(storage)
        await storage.add_messages("s1", [message("x" * 5000) for _ in range(400)])
        await storage.clear_messages("s1")
        before = await storage.get_database_stats()
        tidied = await storage.optimize_database()
        return before, tidied, await storage.get_database_stats()

    for options in ({}, {"auto_vacuum": False}):
        before, tidied, after = using(path.with_name(f"{len(options)}.db"), scenario, **options)
        assert before["free_bytes"] > 1_000_000
        assert tidied["size_before_bytes"] - tidied["size_after_bytes"] > 1_000_000
        assert after["free_bytes"] == 0


def test_the_pool_bounds_the_connections(path):
    async def scenario(storage):
        await start(storage)
        together, most, guard = set(), [0], threading.Lock()

        def slow(connection, _):
            with guard:
                together.add(id(connection))
                most[0] = max(most[0], len(together))
            time.sleep(0.02)
            with guard:
                together.discard(id(connection))

        reads = [storage._read(slow) for _ in range(20)]
        writes = [storage.add_message("s1", message(str(number))) for number in range(20)]
        await asyncio.gather(*reads, *writes)
        return most[0], len(await storage.get_messages("s1"))

    assert using(path, scenario, pool_size=2, max_overflow=1) == (3, 20)
    with pytest.raises(ConfigurationError, match="pool_size"):
        SQLiteSessionStorage(path, pool_size=0)


def test_a_pool_that_is_used_up_says_so(path):
    async def scenario(storage):
        await start(storage)
        engine, _ = storage._database.opened()
        with engine.connect(), pytest.raises(StorageLockedError, match="pool_size"):
            await storage.add_message("s1", message())

    using(path, scenario, pool_size=1, max_overflow=0, pool_timeout=0.5)


def test_names_of_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOMEWHERE", "there")
    assert SQLiteSessionStorage().db_path == tmp_path / "langswarm_sessions.db"
    assert SQLiteSessionStorage("$SOMEWHERE/x.db").db_path == tmp_path / "there" / "x.db"
    assert SQLiteSessionStorage("sqlite:///rel.db").db_path == tmp_path / "rel.db"
    assert SQLiteSessionStorage("sqlite:////abs/x.db").db_path.as_posix() == "/abs/x.db"
    with pytest.raises(ConfigurationError, match="memory"):
        SQLiteSessionStorage(":memory:")
    assert list(tmp_path.iterdir()) == []  # nothing is made before it is used


def test_the_backup_is_not_the_store(path):
    async def scenario(storage):
        await start(storage)
        with pytest.raises(ConfigurationError, match="the store itself"):
            await storage.backup_database(path)
        with pytest.raises(StorageError):
            await storage.backup_database(path / "below" / "a" / "file.db")
        return await storage.get_session("s1")

    assert using(path, scenario) is not None


def test_wrong_urls_name_no_password():
    for wrong in ("mysql://ada:hunter2@db/x", "postgresql//ada:hunter2@db"):
        with pytest.raises(ls.SessionError) as caught:
            ls.create_session_manager(
                wrong if "://" in wrong else "postgresql", {} if "://" in wrong else {"url": wrong}
            )
        assert "hunter2" not in str(caught.value)


def test_one_message_costs_the_same_in_a_long_conversation(path):
    """Appending writes one row, whatever came before it."""

    async def scenario(storage):
        await start(storage)
        await storage.add_message("s1", message("warm"))

        async def pages_written():
            size = (path.with_name(f"{path.name}-wal")).stat().st_size
            await storage.add_message("s1", message("one more"))
            return (path.with_name(f"{path.name}-wal")).stat().st_size - size

        await storage._read(lambda connection, _: connection.exec_driver_sql("PRAGMA wal_autocheckpoint = 0"))
        early = await pages_written()
        await storage.add_messages("s1", [message(str(number)) for number in range(3000)])
        return early, min([await pages_written() for _ in range(3)])

    early, late = using(path, scenario, pool_size=1, max_overflow=0)
    assert late <= 2 * early
