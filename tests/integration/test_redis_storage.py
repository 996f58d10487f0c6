"""What is special about Redis: keys that expire, scripts that are forgotten, a server that others use too."""

from __future__ import annotations

import asyncio
import builtins
import gc
import json
import socket
import time
from contextlib import closing
from uuid import uuid4

import pytest
import redis
from test_served_storages import message, start

import langswarm_nb as ls
from langswarm_nb.clock import new_id
from langswarm_nb.errors import ConfigurationError, StorageCorruptError, StorageError, StorageVersionError
from langswarm_nb.storage import RedisSessionStorage


@pytest.fixture
def prefix():
    return f"t{uuid4().hex}:"


@pytest.fixture
def server(valkey_url):
    with closing(redis.Redis.from_url(valkey_url, decode_responses=True)) as client:
        yield client


@pytest.fixture
def using(valkey_url, prefix):
    def run(scenario, **options):
        async def main():
            storage = RedisSessionStorage(**{"redis_url": valkey_url, "key_prefix": prefix, **options})
            try:
                return await scenario(storage)
            finally:
                await storage.close()

        return asyncio.run(main())

    return run


async def fill(storage, session_id="s1"):
    await start(storage, session_id)
    sent = [message(str(number), session_id) for number in range(4)]
    await storage.add_messages(session_id, sent)
    await storage.set_active_branch(session_id, [m.message_id for m in sent[:3]])
    await storage.add_event("feedback", session_id)


def keys_of(server, prefix, session_id="s1"):
    return {key.removeprefix(prefix) for key in server.scan_iter(f"{prefix}*:{session_id}")}


def test_every_key_of_a_session_expires_and_activity_puts_it_off(using, server, prefix):
    async def scenario(storage):
        await fill(storage)
        keys = keys_of(server, prefix)
        first = {key: server.pttl(prefix + key) for key in keys}
        await asyncio.sleep(1.2)
        await storage.get_messages("s1")
        idle = {key: server.pttl(prefix + key) for key in keys}
        await storage.add_message("s1", message())
        return first, idle, {key: server.pttl(prefix + key) for key in keys}

    first, idle, active = using(scenario, ttl=100)
    assert {"session:s1", "messages:s1", "order:s1", "inactive:s1", "events:s1"} <= first.keys()
    for key in first:
        assert 80_000 < first[key] <= 100_000, key
        assert idle[key] < first[key] - 1_000, key
        assert active[key] > idle[key], key


def test_an_expired_session_is_gone_from_every_list(using, server, prefix):
    async def scenario(storage):
        await fill(storage)
        before = len(await storage.list_sessions(user_id="ada"))
        for key in keys_of(server, prefix):
            server.pexpire(prefix + key, 1)
        while keys_of(server, prefix):  # noqa: ASYNC110 - the server lets them expire
            await asyncio.sleep(0.01)
        await start(storage, "s2")
        after = [r["session_id"] for r in await storage.list_sessions()]
        by_user = [r["session_id"] for r in await storage.list_sessions(user_id="ada")]
        with pytest.raises(ls.SessionNotFoundError):
            await storage.add_message("s1", message())
        await storage.optimize_database()
        return before, after, by_user, await storage.get_session("s1"), (await storage.get_database_stats())["sessions"]

    assert using(scenario, ttl=100) == (1, ["s2"], ["s2"], None, 1)
    assert server.zrange(f"{prefix}user:ada", 0, -1) == ["s2"]


def test_without_a_ttl_nothing_expires(using, server, prefix):
    using(fill)
    assert {server.ttl(prefix + key) for key in keys_of(server, prefix)} == {-1}
    with pytest.raises(ConfigurationError, match="ttl"):
        RedisSessionStorage(ttl=0)


def test_deleting_leaves_no_key(using, server, prefix):
    async def scenario(storage):
        await fill(storage)
        await storage.checkpoint(message("half", role="assistant"))
        await storage.delete_session("s1")

    using(scenario)
    assert set(server.scan_iter(f"{prefix}*")) <= {f"{prefix}meta", f"{prefix}owners"}


def test_prefixes_keep_stores_apart(using, valkey_url, prefix):
    using(fill)

    async def scenario(storage):
        assert await storage.list_sessions() == []
        assert await storage.get_session("s1") is None
        await storage.optimize_database()

    using(scenario, key_prefix=f"{prefix}inner*:")
    assert len(using(lambda storage: storage.list_sessions())) == 1


def test_a_server_that_forgot_the_scripts(using, server):
    async def scenario(storage):
        await start(storage)
        for number in range(5):
            server.script_flush()
            await asyncio.gather(*(storage.add_message("s1", message(f"{number}-{n}")) for n in range(5)))
        return [m.content for m in await storage.get_messages("s1")]

    assert using(scenario) == [f"{number}-{n}" for number in range(5) for n in range(5)]


def test_a_broken_connection_is_replaced(using, server):
    async def scenario(storage):
        await start(storage)
        for number in range(5):
            server.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            await storage.add_message("s1", message(str(number)))
            server.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            await storage.get_messages("s1")
        return [m.content for m in await storage.get_messages("s1")]

    assert using(scenario) == list("01234")


def test_many_readers_share_a_bounded_number_of_connections(using, server):
    async def scenario(storage):
        await fill(storage)
        found = await asyncio.gather(*(storage.get_messages("s1") for _ in range(300)))
        return {len(each) for each in found}, len(server.client_list())

    lengths, clients = using(scenario)
    assert lengths == {3}
    assert clients <= 40


def test_a_message_is_stored_whole_or_not_at_all(using, server, prefix):
    """What the scripts write to several keys agrees at every moment that another client can see."""
    seen = []

    async def scenario(storage):
        await start(storage)
        writing = asyncio.gather(*(storage.add_message("s1", message(str(n))) for n in range(200)))
        while not writing.done():
            with server.pipeline(transaction=True) as both:
                seen.append(both.hlen(f"{prefix}messages:s1").zcard(f"{prefix}order:s1").execute())
            await asyncio.sleep(0)
        await writing

    using(scenario)
    assert len({length for length, _ in seen}) > 1
    assert all(length == ordered for length, ordered in seen)


def test_the_newest_messages_are_read_without_the_rest(using, server):
    async def scenario(storage):
        await start(storage)
        sent = [message(f"{number} " + "x" * 1000) for number in range(1000)]
        await storage.add_messages("s1", sent)
        await storage.set_active_branch("s1", [m.message_id for m in sent[:995]])
        before = server.info("stats")["total_net_output_bytes"]
        found = await storage.get_messages("s1", limit=3)
        return [m.content.split()[0] for m in found], server.info("stats")["total_net_output_bytes"] - before

    found, sent_bytes = using(scenario)
    assert found == ["992", "993", "994"]
    assert sent_bytes < 100_000


def test_other_programs_keys(using, server, prefix):
    server.set(f"{prefix}meta", "mine")
    with pytest.raises(StorageCorruptError, match="key_prefix"):
        using(start)
    assert list(server.scan_iter(f"{prefix}*")) == [f"{prefix}meta"]


def test_a_newer_store_is_refused(using, server, prefix):
    using(start)
    server.hset(f"{prefix}meta", "version", 99)
    with pytest.raises(StorageVersionError, match="99"):
        using(lambda storage: storage.get_session("s1"))


def test_a_server_that_is_not_there(valkey_url):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    async def ask():
        storage = RedisSessionStorage(f"redis://ada:hunter2@127.0.0.1:{port}/3")
        with pytest.raises(StorageError, match="cannot be reached") as caught:
            await storage.add_message("s1", message())
        health = await storage.health_check()
        await storage.close()
        return health, "\n".join([str(caught.value), repr(storage), json.dumps(health)])

    began = time.monotonic()
    health, said = asyncio.run(ask())
    assert time.monotonic() - began < 30
    assert health["status"] == "unhealthy"
    assert "hunter2" not in said
    assert f"127.0.0.1:{port}" in said


def test_wrong_urls():
    for wrong in ("http://ada:hunter2@x", "nonsense hunter2", "redis://ada:hunter2@x:port"):
        with pytest.raises(ConfigurationError) as caught:
            RedisSessionStorage(wrong)
        assert "hunter2" not in str(caught.value)


def test_one_loop_after_the_other_and_none_closed(valkey_url, prefix):
    """Scripts that call asyncio.run several times, and drop the storage."""
    storage = RedisSessionStorage(valkey_url, prefix)
    asyncio.run(start(storage))
    for number in range(3):
        asyncio.run(storage.add_message("s1", message(str(number), message_id=new_id())))
    assert len(asyncio.run(storage.get_messages("s1"))) == 3
    del storage
    gc.collect()


def test_health_tells_what_survives_a_power_cut(using):
    health = using(lambda storage: storage.health_check())
    assert health["server"] == "valkey"
    assert health["append_only"] is True


def test_the_missing_library_is_named(monkeypatch):
    import sys

    real_import = builtins.__import__

    def without_redis(name, *args, **kwargs):
        if name.split(".")[0] == "redis" and not (args and args[0] and args[0].get("__package__") == name):
            level = args[3] if len(args) > 3 else kwargs.get("level", 0)
            if level == 0:
                raise ImportError(name)
        return real_import(name, *args, **kwargs)

    for name in ("store", "failures", "ordered_scripts"):
        monkeypatch.delitem(sys.modules, f"langswarm_nb.storage.redis.{name}", raising=False)
    monkeypatch.setattr(builtins, "__import__", without_redis)
    with pytest.raises(ConfigurationError, match=r"langswarm-nb\[redis\]"):
        RedisSessionStorage()
