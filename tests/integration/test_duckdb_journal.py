"""The journal beside the database: what stands there is stored, whatever happens before the database has it."""

from __future__ import annotations

import json
import resource
import struct
import zlib
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from duckdb_processes import Child, children, message, start, using

from langswarm_nb.errors import StorageError, StorageVersionError
from langswarm_nb.models import Usage
from langswarm_nb.storage.duckdb import engine as engines
from langswarm_nb.storage.duckdb.journal import Journal
from langswarm_nb.storage.rows import message_to_row


@pytest.fixture
def path(tmp_path):
    return tmp_path / "sessions.duckdb"


@pytest.fixture
def unhurried(monkeypatch):
    """Nothing is settled for want of work, so that the tests below find the journal full."""
    monkeypatch.setattr(engines, "_SETTLE_AFTER_S", 3600)


def journal_of(path):
    return path.with_name(path.name + ".journal")


async def contents(storage, session_id="s1"):
    return [found.content for found in await storage.get_messages(session_id)]


def test_a_row_comes_back_as_it_was(path):
    said = message(
        content='a "quoted" \x00 line\n\u2028 ' + "\U0001f600",
        metadata={"n": 2**60, "nested": [None, 1.5, {"é": "ü"}]},
        usage=Usage(input_tokens=2**40, output_tokens=0),
        cost_usd=Decimal("0.000000001"),
        completed_at=datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        duration_s=0.1 + 0.2,
    )
    row = message_to_row(said)
    journal = Journal(path)
    journal.append([("messages", row)])
    journal.append([("messages", row), ("messages", row)])
    assert journal.entries() == [("messages", row)] * 3
    journal.clear()
    assert journal.entries() == []
    journal.append([("messages", row)])
    journal.close()
    assert Journal(path).entries() == [("messages", row)]


def test_a_group_that_is_not_whole_is_left_out(path):
    rows = [message_to_row(message(content=str(number))) for number in range(3)]
    journal = Journal(path)
    journal.append([("messages", row) for row in rows[:2]])
    whole = journal.size
    journal.append([("messages", rows[2])])
    end = journal.size
    journal.close()
    held = journal_of(path).read_bytes()
    assert len(Journal(path).entries()) == 3
    for length in range(whole, end):
        for rest in (b"", bytes(len(held) - length)):
            journal_of(path).write_bytes(held[:length] + rest)
            assert [row["content"] for _, row in Journal(path).entries()] == ["0", "1"]
    journal_of(path).write_bytes(held[: end - 1] + b"!" + held[end:])
    assert len(Journal(path).entries()) == 2
    for length in range(len(b"langswarm_nb journal 1\n")):
        journal_of(path).write_bytes(held[:length])
        assert Journal(path).entries() == []


def test_what_follows_on_a_journal_that_could_not_be_emptied_is_found(path):
    """As on a file system that needs new room to write over what is there, and has none."""
    rows = [message_to_row(message(content=text)) for text in ("before", "after")]
    journal = Journal(path)
    journal.append([("messages", rows[0])])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40, limits[1]))
    try:
        with suppress(OSError):
            journal.clear()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    journal.append([("messages", rows[1])])
    journal.close()
    assert [row["content"] for _, row in Journal(path).entries()] == ["after"]


def test_what_a_killed_process_left_is_found(path):
    with children(Child(path, "write_until_killed", "s1", 3)) as (writer,):
        durable = [writer.hear() for _ in range(60)]
        writer.kill()
        durable += writer.last_words()

    async def look(storage):
        stored = await contents(storage)
        await storage.add_message("s1", message(content="after"))
        return stored, await contents(storage)

    stored, later = using(path, look)
    assert {line.removeprefix("durable ") for line in durable} <= set(stored)
    assert len(stored) == len(set(stored))
    assert later == [*stored, "after"]
    assert not journal_of(path).exists()


def test_a_crash_between_database_and_journal_doubles_nothing(path, unhurried):
    """The rows are in the database, and the journal was not emptied any more."""

    async def write(storage):
        await start(storage)
        await storage.add_event("feedback", "s1", payload={"thumb": "up"})
        for number in range(3):
            await storage.add_message("s1", message(content=str(number)))
        return journal_of(path).read_bytes()

    left = using(path, write)
    journal_of(path).write_bytes(left)

    async def look(storage):
        return len(await storage.list_sessions()), len(await storage.list_events()), await contents(storage)

    assert using(path, look) == (1, 1, ["0", "1", "2"])


def test_what_is_deleted_does_not_come_back(path, unhurried):
    async def write(storage):
        for session_id in ("s1", "s2"):
            await start(storage, session_id)
            await storage.add_message(session_id, message(session_id))
        await storage.clear_messages("s1")
        await storage.delete_session("s2")
        storage._engine._drop_connection()  # as a crash: what the journal holds now is taken over
        return [record["session_id"] for record in await storage.list_sessions()], await contents(storage)

    assert using(path, write) == (["s1"], [])


def test_a_full_journal_is_settled(path, unhurried):
    async def write(storage):
        await start(storage)
        for number in range(20):
            await storage.add_message("s1", message(content=f"{number} " + "x" * 1_000_000))
        return journal_of(path).stat().st_size, len(await contents(storage))

    size, count = using(path, write)
    assert size < 10_000_000
    assert count == 20


def test_a_journal_from_a_newer_version_is_left_untouched(path):
    using(path, start)
    journal_of(path).write_bytes(b"langswarm_nb journal 2\nwhatever")
    with pytest.raises(StorageVersionError, match=r"pip install -U"):
        using(path, contents)
    assert journal_of(path).read_bytes() == b"langswarm_nb journal 2\nwhatever"


def test_a_row_that_the_database_refuses_does_not_keep_out_the_others(path, caplog):
    """Whatever put it there: the store opens, the other rows are in, and this one is set aside."""
    using(path, start)
    rows = [message_to_row(message(content=text)) for text in ("before", "my diary", "after")]
    rows[1]["parts"] = "{no json"
    journal = Journal(path)
    journal.append([("messages", row) for row in rows])
    journal.close()
    assert using(path, contents) == ["before", "after"]
    assert "diary" not in caplog.text
    assert "journal.refused" in caplog.text
    (kept,) = path.with_name("sessions.duckdb.journal.refused").read_text().splitlines()
    assert json.loads(kept)[1]["content"] == "my diary"


def test_an_encrypted_store_writes_nothing_in_the_clear(path):
    async def write(storage):
        await start(storage)
        await storage.add_message("s1", message(content="my secret plan"))
        return [file.name for file in path.parent.iterdir() if b"secret plan" in file.read_bytes()]

    assert using(path, write, encryption_key="k" * 16) == []


def test_a_damaged_length_is_no_reason_to_fail(path):
    using(path, start)
    journal = Journal(path)
    journal.append([("messages", message_to_row(message(content="kept")))])
    end = journal.size
    journal.close()
    with journal_of(path).open("r+b") as file:
        file.seek(end)
        file.write(struct.pack("<II", 2**31, zlib.crc32(b"")) + b"[[")
    assert using(path, contents) == ["kept"]


def test_a_journal_that_cannot_be_written_is_an_error(path):
    async def write(storage):
        await start(storage)
        await contents(storage)
        storage._engine._drop_connection()
        journal_of(path).unlink(missing_ok=True)
        await contents(storage)
        journal_of(path).mkdir()
        with pytest.raises(StorageError, match=r"sessions\.duckdb"):
            await storage.add_message("s1", message(content="lost"))
        journal_of(path).rmdir()
        await storage.add_message("s1", message(content="after"))
        return await contents(storage)

    assert using(path, write) == ["after"]
