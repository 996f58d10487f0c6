"""The read API: Arrow tables for whoever analyses, and a wall in front of SQL that somebody else wrote."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from datetime import UTC

import pyarrow as pa
import pytest
from duckdb_processes import message, start

from langswarm_nb.errors import StorageError
from langswarm_nb.storage.duckdb import DuckDBSessionStorage, appending
from langswarm_nb.storage.duckdb.appending import Append


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    storage = DuckDBSessionStorage(tmp_path_factory.mktemp("query") / "sessions.duckdb")
    asyncio.run(start(storage))
    asyncio.run(storage.add_messages("s1", [message(content=str(number)) for number in range(500)]))
    yield storage
    asyncio.run(storage.close())


def test_a_table_with_times_in_utc(storage):
    table = storage.query("SELECT created_at, tags FROM sessions WHERE session_id = ?", ["s1"])
    assert table.schema.field("created_at").type == pa.timestamp("us", "UTC")
    assert table.to_pylist()[0]["created_at"].utcoffset() == UTC.utcoffset(None)
    assert storage.query("SELECT count(*) AS n FROM messages WHERE role = $role", {"role": "user"}).to_pylist() == [
        {"n": 500}
    ]


def test_batches(storage):
    batches = list(storage.query_batches("SELECT content FROM messages ORDER BY seq", rows=100))
    assert sum(batch.num_rows for batch in batches) == 500
    assert pa.Table.from_batches(batches)["content"].to_pylist() == [str(number) for number in range(500)]


def test_writing_while_a_result_is_half_read(storage):
    reader = storage.query_batches("SELECT content FROM messages ORDER BY seq", rows=10)
    next(reader)
    asyncio.run(storage.add_event("feedback", "s1", payload={"thumb": "up"}))
    assert storage.query("SELECT \"at\", payload->>'thumb' AS thumb FROM events").to_pylist()[0]["thumb"] == "up"
    reader.close()


def test_from_many_threads(storage):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(storage.query("SELECT count(*) AS n FROM messages").to_pylist()))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[{"n": 500}]] * 8


@pytest.mark.parametrize(
    "sql", ["DELETE FROM messages", "CREATE TABLE t (x INTEGER)", "SELECT nonsense FROM messages", "SELEC 1", ""]
)
def test_only_queries(storage, sql):
    with pytest.raises(StorageError):
        storage.query(sql)
    assert storage.query("SELECT count(*) AS n FROM messages").to_pylist() == [{"n": 500}]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM messages;",
        "FROM sessions",
        "DESCRIBE messages",
        "SUMMARIZE messages",
        "SHOW TABLES",
        "WITH a AS (SELECT * FROM messages) SELECT count(*) FROM a JOIN sessions USING (session_id)",
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT * FROM t",
        "SELECT role, quantile_cont(duration_s, 0.5), sum(cost_usd) FROM main.messages GROUP BY ALL",
        "SELECT config->>'$.name', row_number() OVER (ORDER BY created_at) FROM sessions",
        "SELECT unnest([1, 2]), * FROM range(3)",
        "PIVOT messages ON role IN ('user', 'assistant') USING count(*)",
        "SELECT message_count FROM session_summary",
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'messages'",
        "VALUES (1), (2)",
    ],
)
def test_what_others_may_ask(storage, sql):
    assert storage.query(sql, untrusted=True).num_columns > 0


FILE_READERS = [
    "read_text",
    "read_csv",
    "read_blob",
    "read_parquet",
    "read_json",
    "glob",
    "sniff_csv",
    "parquet_metadata",
]


@pytest.mark.parametrize(
    "sql",
    [
        *(f"SELECT * FROM {function}('/etc/hostname')" for function in FILE_READERS),
        *(f"SELECT (SELECT count(*) FROM {function}('/etc/hostname'))" for function in FILE_READERS),
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM 'https://example.com/x.parquet'",
        'WITH "/tmp/x.csv" AS (SELECT 1) SELECT * FROM "/tmp/x.csv"',
        'SELECT * FROM (WITH "/tmp/x.csv" AS (SELECT 1) SELECT 1) q, "/tmp/x.csv"',
        "SELECT list_transform([1], x -> (SELECT count(*) FROM read_text('/etc/hostname')))",
        "SELECT * FROM messages WHERE EXISTS (FROM read_text('/etc/hostname'))",
        "VALUES ((FROM read_text('/etc/hostname')))",
        "DESCRIBE SELECT * FROM read_text('/etc/hostname')",
        "SUMMARIZE '/tmp/x.csv'",
        "PIVOT (FROM read_text('/etc/hostname')) ON filename",
        "SELECT * FROM query('SELECT 1')",
        "SELECT * FROM query_table(['messages'])",
        "SELECT * FROM json_execute_serialized_sql('{}')",
        "SELECT * FROM enable_logging('QueryLog', storage := 'file', storage_path := '/tmp/lsnb-logs')",
        "SELECT * FROM force_checkpoint()",
        "SELECT * FROM duckdb_secrets()",
        "SELECT * FROM duckdb_settings()",
        "SELECT * FROM checkpoints",
        "SELECT * FROM schema_migrations",
        "SELECT * FROM system.main.messages",
        "SELECT * FROM pg_catalog.pg_settings",
        "SELECT current_setting('home_directory')",
        "SELECT write_log('x')",
        "SELECT sleep_ms(60000)",
        "SELECT getenv('HOME')",
        "WITH x AS (DELETE FROM messages RETURNING 1) SELECT * FROM x",
        "SELECT 1; DROP TABLE messages",
        "COPY messages TO '/tmp/lsnb-y.csv'",
        "COPY (SELECT 1) TO '/tmp/lsnb-y.csv'",
        "ATTACH '/tmp/lsnb-zz.duckdb' AS zz",
        "EXPORT DATABASE '/tmp/lsnb-exp'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "RESET enable_external_access",
        "PRAGMA version",
        "CALL enable_logging('QueryLog')",
        "INSERT INTO messages (message_id) VALUES ('x')",
        "UPDATE messages SET content = 'x'",
        "DELETE FROM messages",
        "MERGE INTO messages USING sessions ON false WHEN MATCHED THEN DELETE",
        "DROP TABLE messages",
        "CREATE TABLE zz AS SELECT 1",
        "CREATE MACRO m() AS 1",
        "BEGIN",
        "CHECKPOINT",
        "VACUUM",
        "USE memory",
        "PREPARE p AS SELECT 1",
        "EXPLAIN ANALYZE SELECT 1",
        "-- nothing",
        "",
    ],
)
def test_what_others_may_not_do(storage, sql):
    with pytest.raises(StorageError) as caught:
        storage.query(sql, untrusted=True)
    assert "was not run" in str(caught.value) or "cannot be read" in str(caught.value)
    assert storage.query("SELECT count(*) AS n FROM messages").to_pylist() == [{"n": 500}]


def test_the_second_wall_holds_without_the_first(storage):
    """Trusted queries are not parsed first; files are out of their reach all the same."""
    for sql in ("SELECT * FROM read_text('/etc/hostname')", "SELECT * FROM glob('/etc/*')", "FROM '/etc/passwd'"):
        with pytest.raises(StorageError):
            storage.query(sql)


def test_a_variable_of_the_notebook_is_no_table(storage):
    secrets = pa.table({"x": [1]})
    with pytest.raises(StorageError):
        storage.query("SELECT * FROM secrets")
    assert secrets.num_rows == 1


@pytest.mark.parametrize("way", ["query", "query_batches"])
def test_ctrl_c_is_what_it_is_everywhere(tmp_path, way):
    storage = DuckDBSessionStorage(tmp_path / "store.duckdb")
    storage.query("SELECT 1")

    def ask_again_and_again() -> None:
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        for _ in range(100):
            list(getattr(storage, way)("SELECT count(*) FROM range(1_000_000_000)"))

    with pytest.raises(KeyboardInterrupt):
        ask_again_and_again()
    assert storage.query("SELECT 1").num_rows == 1
    asyncio.run(storage.close())


# --- bulk loads ---


def _memory_limit(storage) -> float:
    """Return the limit in GiB."""
    number, unit = storage.query("SELECT current_setting('memory_limit') AS found").column(0)[0].as_py().split()
    return float(number) / {"MiB": 1024, "GiB": 1}[unit]


def test_a_bulk_load_larger_than_the_memory_it_is_given(tmp_path, monkeypatch):
    storage = DuckDBSessionStorage(tmp_path / "store.duckdb")
    limit = _memory_limit(storage)
    limits = []
    add = Append._add

    def add_and_look(self, ledger, name, rows):
        add(self, ledger, name, rows)
        if name == "messages":
            limits.append(_memory_limit(storage))

    monkeypatch.setattr(Append, "_add", add_and_look)
    texts = [f"word {n} " * 1_000_000 for n in range(20)]
    messages = pa.table(
        {
            "message_id": [f"m{n:02d}" for n in range(20)],
            "session_id": ["s1"] * 20,
            "seq": range(1, 21),
            "role": ["user"] * 20,
            "content": texts,
        }
    )
    sessions = pa.table({"session_id": ["s1"], "user_id": ["ada"]})
    assert storage.append_tables({"sessions": sessions, "messages": messages}).added["messages"] == 20
    stored = storage.query("SELECT sum(length(content))::BIGINT AS length FROM messages").column(0)[0].as_py()
    assert stored == sum(map(len, texts))
    monkeypatch.undo()
    # Whoever reads meanwhile is not held to what the load is held to.
    assert [*limits, _memory_limit(storage)] == pytest.approx([limit] * 2, abs=0.11)
    with pytest.raises(StorageError):
        storage.append_tables({"sessions": pa.table({"session_id": ["s2"], "created_at": ["no time"]})})
    assert _memory_limit(storage) == pytest.approx(limit, abs=0.11)
    asyncio.run(storage.close())


def test_a_bulk_load_that_was_held_to_too_little_memory_has_more(tmp_path, monkeypatch):
    storage = DuckDBSessionStorage(tmp_path / "store.duckdb")
    monkeypatch.setattr(appending, "_MEMORY_MB", 1)
    monkeypatch.setattr(appending, "_TIMES", 0)
    ids = [f"m{n}" for n in range(50_000)]
    rows = {"message_id": ids, "session_id": ["s1"] * 50_000, "seq": range(50_000), "role": ["user"] * 50_000}
    messages = pa.table({**rows, "content": [f"word {n} " * 20 for n in range(50_000)]})
    sessions = pa.table({"session_id": ["s1"], "user_id": ["ada"]})
    assert storage.append_tables({"sessions": sessions, "messages": messages}).added["messages"] == 50_000
    assert storage.query("SELECT count(*) AS n FROM messages").to_pylist() == [{"n": 50_000}]
    asyncio.run(storage.close())
