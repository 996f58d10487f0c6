"""Several processes, one file: real processes, nothing lost, nobody waits long."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
import time

import duckdb
import pytest
from duckdb_processes import Child, children, message, start, using

from langswarm_nb.errors import StorageLockedError
from langswarm_nb.storage.duckdb import DuckDBSessionStorage, unsaved


@pytest.fixture
def path(tmp_path):
    return tmp_path / "sessions.duckdb"


def test_eight_processes_lose_nothing(path):
    rounds = 20 if os.environ.get("LANGSWARM_NB_SOAK") else 1
    for turn in range(rounds):
        store = path.with_name(f"{turn}.duckdb")
        with children(*(Child(store, "write", f"s{number}", 60) for number in range(8))) as writers:
            for writer in writers:
                assert writer.hear() == "ready"
            for writer in writers:
                writer.tell()
            for writer in writers:
                assert writer.hear().startswith("took")
            for writer in writers:
                assert writer.wait(60) == 0

        async def look(storage):
            return storage.query(
                "SELECT count(*) AS n, count(DISTINCT message_id) AS ids, count(DISTINCT (session_id, seq)) AS places "
                "FROM messages"
            ).to_pylist()

        assert using(store, look) == [{"n": 480, "ids": 480, "places": 480}]


def test_a_second_kernel_writes_at_once_while_the_first_sits_idle(path):
    took = []
    for attempt in range(3):  # another process may have had the machine
        store = path.with_name(f"{attempt}.duckdb")
        with children(Child(store, "hold")) as (first,):
            assert first.hear() == "ready"

            async def write(storage):
                began = time.perf_counter()
                await start(storage)
                await storage.add_message("s1", message())
                return time.perf_counter() - began

            took.append(using(store, write))
            first.tell()
            assert first.hear() == "2", "the first one opens the file again and sees both sessions"
            assert first.wait(20) == 0
        if took[-1] < 1:
            return
    raise AssertionError(f"the first message took {took} s")


def test_an_idle_store_is_free_for_other_programs(path):
    async def scenario(storage):
        await start(storage)
        read = "import duckdb, sys; print(duckdb.connect(sys.argv[1]).sql('SELECT count(*) FROM sessions').fetchall())"
        for _ in range(30):  # a busy machine lets go of it a little later
            other = await asyncio.to_thread(
                subprocess.run, [sys.executable, "-c", read, str(path)], capture_output=True, text=True, check=False
            )
            if other.returncode == 0:
                break
        await storage.add_message("s1", message())
        return other.stdout, other.stderr

    assert using(path, scenario, idle_release_s=0.2)[0].strip() == "[(1,)]"


def test_a_file_that_another_program_holds(path):
    using(path, start)
    with children(Child(path, "foreign", 60)) as (program,):
        assert program.hear() == "ready"

        async def write(storage):
            began = time.perf_counter()
            with pytest.raises(StorageLockedError, match=rf"process {program.pid}\b") as caught:
                await storage.add_message("s1", message())
            with pytest.raises(StorageLockedError):
                await asyncio.to_thread(storage.query, "SELECT 1")
            took = time.perf_counter() - began
            health = await storage.health_check()
            program.kill()
            await asyncio.to_thread(program.wait)
            await storage.add_message("s1", message(content="later"))
            return took, health, str(caught.value), [m.content for m in await storage.get_messages("s1")]

        took, health, said, contents = using(path, write, lock_timeout_s=0.5)
    assert 0.9 < took < 20  # of the minute in which the other holds it
    assert health["status"] == "unhealthy"
    assert "within 0.5 s" in said
    assert contents == ["later"]


def wait_until_saved(storage):
    deadline = time.monotonic() + 20
    while asyncio.run(storage.health_check())["unsaved_messages"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_reply_that_could_not_be_stored_is_written_later(path, monkeypatch):
    monkeypatch.setattr(unsaved, "_AGAIN_AFTER_S", 0.1)
    using(path, start)
    replies = [message(content=str(number), role="assistant") for number in range(3)]
    with children(Child(path, "foreign", 60)) as (program,):
        assert program.hear() == "ready"

        async def write(storage):
            with pytest.raises(StorageLockedError):
                await storage.add_message("s1", replies[0])
            for reply in replies[:2]:
                storage.write_later("s1", reply)
            health = await storage.health_check()
            program.kill()
            await asyncio.to_thread(program.wait)
            await asyncio.to_thread(wait_until_saved, storage)
            return health["unsaved_messages"], [m.content for m in await storage.get_messages("s1")]

        assert using(path, write, lock_timeout_s=0.3) == (2, ["0", "1"])

    async def close_at_once(storage):
        storage.write_later("s1", replies[2])

    using(path, close_at_once)

    async def look(storage):
        return [m.content for m in await storage.get_messages("s1")]

    assert using(path, look) == ["0", "1", "2"]


def test_a_file_that_comes_free_in_time(path):
    using(path, start)
    with children(Child(path, "foreign", 1)) as (program,):
        assert program.hear() == "ready"

        async def write(storage):
            await asyncio.gather(*(storage.add_message("s1", message(content=str(n))) for n in range(5)))
            return await storage.get_messages("s1")

        assert len(using(path, write)) == 5


def test_readers_in_two_processes_take_turns(path):
    with children(Child(path, "write_until_killed", "w", 2)) as (writer,):
        assert writer.hear().startswith("durable")

        async def look(storage):
            seen = []
            for _ in range(5):
                seen.append(len(await storage.get_messages("w")))
                await asyncio.sleep(0.1)
            return seen

        seen = using(path, look)
    assert seen == sorted(seen)
    assert seen[-1] > seen[0] > 0


def writers() -> set[threading.Thread]:
    """The threads that write to stores, other tests' among them."""
    return {thread for thread in threading.enumerate() if thread.name == "langswarm_nb-writer"}


def test_two_storages_of_one_process_share_the_file(path):
    async def scenario(storage):
        other = DuckDBSessionStorage(path.parent / "." / path.name)
        await start(storage)
        await other.add_message("s1", message())
        await other.close()
        return await storage.get_messages("s1"), writers() - before

    before = writers()
    messages, ours = using(path, scenario)
    assert len(messages) == 1
    assert len(ours) == 1
    assert not writers() & ours


def test_the_users_own_connection_in_the_same_process(path):
    async def scenario(storage):
        await start(storage)
        own = duckdb.connect(str(path))

        def wait_for_one_in(table):
            """What is durable is in the database a moment later, without anyone asking for it."""
            deadline = time.monotonic() + 30
            while own.execute(f"SELECT count(*) FROM {table}").fetchall() != [(1,)]:
                assert time.monotonic() < deadline
                time.sleep(0.01)

        wait_for_one_in("sessions")
        await storage.add_message("s1", message())
        wait_for_one_in("messages")
        own.close()

    using(path, scenario)


def test_a_storage_that_nobody_closed_lets_go(path):
    before = writers()
    storage = DuckDBSessionStorage(path)
    asyncio.run(start(storage))
    ours = writers() - before
    assert len(ours) == 1
    del storage
    gc.collect()
    deadline = time.monotonic() + 30
    while writers() & ours:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    duckdb.connect(str(path)).close()


def test_a_process_that_ends_without_closing_loses_nothing(path):
    child = Child(path, "leave_open")
    out, err = child.communicate(timeout=60)
    assert (child.returncode, out) == (0, "")
    assert "Traceback" not in err

    async def look(storage):
        return [m.content for m in await storage.get_messages("s1")]

    assert using(path, look) == ["waited for", "not waited for"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_goes_its_own_way(path):
    async def in_child(storage):
        await storage.add_message("s1", message(content="child"))
        await storage.close()

    async def scenario(storage):
        await start(storage)
        await storage.add_message("s1", message(content="before"))

    storage = DuckDBSessionStorage(path)
    asyncio.run(scenario(storage))
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            asyncio.run(in_child(storage))
            code = 0
        finally:
            os._exit(code)
    deadline = time.monotonic() + 30
    status = None
    while status is None and time.monotonic() < deadline:
        done, found = os.waitpid(pid, os.WNOHANG)
        status = found if done else None
        time.sleep(0.01)
    assert status == 0

    async def after():
        await storage.add_message("s1", message(content="parent"))
        found = [m.content for m in await storage.get_messages("s1")]
        await storage.close()
        return found

    assert asyncio.run(after()) == ["before", "child", "parent"]
