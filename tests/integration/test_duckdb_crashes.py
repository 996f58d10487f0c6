"""What breaks in real life: killed processes, full disks, damaged and foreign files. Nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import os
import random
import re
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import pytest
from duckdb_processes import Child, children, message, start, using

from langswarm_nb.clock import new_id
from langswarm_nb.errors import StorageCorruptError, StorageError, StorageVersionError
from langswarm_nb.storage.duckdb import DuckDBSessionStorage, journal


@pytest.fixture
def path(tmp_path):
    return tmp_path / "sessions.duckdb"


async def contents(storage, session_id="s1"):
    return [found.content for found in await storage.get_messages(session_id)]


async def write_until_it_fails(storage) -> tuple[list[str], StorageError]:
    """Return what was durable before the error, and the error."""
    written: list[str] = []
    while True:
        content = f"{len(written)} {os.urandom(20_000).hex()}"
        try:
            await storage.add_message("s1", message(content=content))
        except StorageError as error:
            return written, error
        written.append(content.split()[0])


@pytest.mark.parametrize("seed", range(20 if os.environ.get("LANGSWARM_NB_SOAK") else 3))
def test_kill_9_loses_nothing_that_was_durable(path, seed):
    moment = random.Random(seed)
    durable: list[str] = []
    for life in range(3):
        with children(Child(path, "write_until_killed", f"life-{life}", 6)) as (writer,):
            durable.append(f"{life} {writer.hear().removeprefix('durable ')}")
            time.sleep(moment.random() * 0.6)
            writer.kill()
            durable += [f"{life} {line.removeprefix('durable ')}" for line in writer.last_words()]

    async def look(storage):
        return [f"{life} {text}" for life in range(3) for text in await contents(storage, f"life-{life}")]

    stored = using(path, look)
    assert len(stored) == len(set(stored)), "a message is there twice"
    assert set(durable) <= set(stored), "a message that was durable is gone"
    # Each of the six may have been killed before it could say so, and one while saying it.
    assert len(stored) <= len(durable) + 3 * (6 + 1), "more came besides than was in flight"


def test_a_killed_writers_reply_is_recovered(path):
    reply = new_id()
    with children(Child(path, "checkpoint_and_wait", "s1", reply)) as (writer,):
        assert writer.hear() == "ready"

    async def look(storage):
        (found,) = await storage.get_messages("s1")
        left = storage.query("SELECT count(*) AS n FROM checkpoints").to_pylist()
        # What comes late, from wherever, does not double it.
        await storage.add_message("s1", found)
        return found, left, len(await storage.get_messages("s1"))

    found, left, count = using(path, look)
    assert (found.message_id, found.content, found.status) == (reply, "Once upon a time", "interrupted")
    assert found.role == "assistant"
    assert left == [{"n": 0}]
    assert count == 1
    assert not list(path.parent.glob("*.alive"))


def test_the_reply_of_a_living_writer_is_left_alone(path):
    with children(Child(path, "checkpoint_and_wait", "s1", new_id())) as (writer,):
        assert writer.hear() == "ready"
        for _ in range(2):
            assert using(path, contents) == []
        writer.tell("finish")
        assert writer.hear() == "finished"
        assert using(path, contents) == ["Once upon a time."]


def test_a_full_disk(path):
    async def fill(storage):
        await start(storage)
        await storage.add_message("s1", message(content="before"))
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)
        size = sum(file.stat().st_size for file in path.parent.iterdir())
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 200_000, limit[1]))
        try:
            written, error = await write_until_it_fails(storage)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        await storage.add_message("s1", message(content="after"))
        return written, error, [text.split()[0] for text in await contents(storage)]

    written, error, stored = using(path, fill)
    assert stored == ["before", *written, "after"]
    assert "no space left" in str(error)


def test_full_for_real(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root may mount a small disk; test_a_full_disk is the same with a limit")
    try:
        path = folder / "sessions.duckdb"

        async def fill(storage):
            await start(storage)
            written, error = await write_until_it_fails(storage)
            await asyncio.gather(
                *(storage.add_message("s1", message(content=os.urandom(20_000).hex())) for _ in range(3)),
                return_exceptions=True,
            )
            return written, error

        written, error = using(path, fill)
        assert "no space left" in str(error)
        subprocess.run(["mount", "-o", "remount,size=30m", str(folder)], check=True)

        async def go_on(storage):
            await storage.add_message("s1", message(content="after"))
            return [text.split()[0] for text in await contents(storage) if " " in text or text == "after"]

        assert using(path, go_on) == [*written, "after"]
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_folder_that_cannot_be_written():
    """Root may write anywhere but in /proc; everybody else may not here either."""
    if not Path("/proc/self").exists():
        pytest.skip("this system has no /proc")

    async def write(storage):
        with pytest.raises(StorageError, match=r"cannot be opened for writing: .*LANGSWARM_NB_DB"):
            await start(storage)
        return await storage.health_check()

    assert using(Path("/proc/langswarm_nb/sessions.duckdb"), write)["status"] == "unhealthy"


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_read_only_folder():
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o555)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            if os.geteuid() == 0:  # root may write everywhere
                os.setuid(65534)
            using(folder / "sessions.duckdb", start)
        except BaseException as error:
            os.write(writing, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    os.close(writing)
    with os.fdopen(reading) as said:
        assert re.match("StorageError: .*Choose a path in a folder that you may write to", said.read())
    folder.rmdir()


@pytest.mark.parametrize("kind", ["text", "sqlite", "random", "folder", "other-duckdb"])
def test_a_foreign_file_is_refused_untouched(path, kind):
    if kind == "text":
        path.write_text("Dear diary,\n" * 1000)
    elif kind == "random":
        path.write_bytes(os.urandom(100_000))
    elif kind == "folder":
        path.mkdir()
    elif kind == "sqlite":
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE messages (x)")
        connection.commit()
        connection.close()
    else:
        with duckdb.connect(str(path)) as connection:
            connection.execute("CREATE TABLE messages (x INTEGER)")
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StorageError, match=r"sessions\.duckdb") as caught:
        using(path, start)
    if kind != "folder":
        assert isinstance(caught.value, StorageCorruptError)
    assert (path.read_bytes() if path.is_file() else None) == before


@pytest.mark.parametrize("keep", [0.3, 0.7, 0.95])
def test_a_truncated_file(path, keep):
    async def fill(storage):
        await start(storage)
        await storage.add_messages("s1", [message(content=os.urandom(2000).hex()) for _ in range(2000)])

    using(path, fill)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    before = path.read_bytes()

    async def look(storage):
        return await contents(storage)

    with pytest.raises(StorageError, match=r"sessions\.duckdb"):
        using(path, look)
    path.write_bytes(whole)
    assert before == whole[: len(before)]
    assert len(using(path, look)) == 2000


def test_a_store_from_a_newer_version_is_left_untouched(path):
    using(path, start)
    with duckdb.connect(str(path)) as connection:
        connection.execute("INSERT INTO schema_migrations VALUES ('m9999_from_the_future', now())")
    before = path.read_bytes()
    with pytest.raises(StorageVersionError, match=r"m9999_from_the_future.*pip install -U"):
        using(path, contents)
    assert path.read_bytes() == before


def test_one_failure_does_not_harm_the_others_of_its_group(path):
    async def scenario(storage):
        await start(storage)
        good = [storage.add_message("s1", message(content=str(number))) for number in range(10)]
        bad = [storage.add_message("nobody", message("nobody")), storage.update_session("nobody", {"title": "x"})]
        outcomes = await asyncio.gather(*good[:5], *bad, *good[5:], return_exceptions=True)
        return [type(outcome).__name__ for outcome in outcomes], await contents(storage)

    outcomes, stored = using(path, scenario)
    assert outcomes == ["NoneType"] * 5 + ["SessionNotFoundError"] * 2 + ["NoneType"] * 5
    assert stored == [str(number) for number in range(10)]


def test_what_is_queued_together_is_made_durable_together(path, monkeypatch):
    synced = []
    monkeypatch.setattr(journal, "_sync", lambda file: synced.append(os.fdatasync(file)))

    async def scenario(storage):
        await start(storage)
        counts = []
        for together in (1, 50):
            synced.clear()
            await asyncio.gather(*(storage.add_message("s1", message(content="x" * 50)) for _ in range(together)))
            counts.append(len(synced))
        return counts, len(await contents(storage))

    (single, fifty), count = using(path, scenario)
    assert count == 51
    assert single == 1
    assert 1 <= fifty < 25


def test_a_backup_is_a_store(path, tmp_path):
    copy = tmp_path / "backup" / "copy.duckdb"

    async def scenario(storage):
        await start(storage)
        await storage.add_message("s1", message(content="kept"))
        assert await storage.backup_database(copy) == str(copy)
        await storage.add_message("s1", message(content="later"))
        return await contents(storage)

    assert using(path, scenario) == ["kept", "later"]
    assert using(copy, contents) == ["kept"]


def test_a_closed_storage_says_so(path):
    storage = DuckDBSessionStorage(path)
    asyncio.run(storage.close())
    for call in (start(storage), storage.get_messages("s1")):
        with pytest.raises(StorageError, match="is closed"):
            asyncio.run(call)
    assert asyncio.run(storage.health_check())["status"] == "unhealthy"


def test_nothing_is_left_behind(tmp_path):
    """No thread, no warning, no open file after close, whatever went before."""
    script = """
import asyncio, os, sys, threading
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from duckdb_processes import message, start, using
async def scenario(storage):
    await start(storage)
    await asyncio.gather(*(storage.add_message("s1", message()) for _ in range(5)))
    storage.query("SELECT count(*) FROM messages")
    next(iter(storage.query_batches("SELECT * FROM messages", rows=1)))
using(Path(sys.argv[1]), scenario)
assert threading.enumerate() == [threading.main_thread()], threading.enumerate()
held = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
assert not [name for name in held if "sessions" in name], held
"""
    command = [
        sys.executable,
        "-X",
        "dev",
        "-W",
        "error",
        "-c",
        script,
        tmp_path / "sessions.duckdb",
        Path(__file__).parent,
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
