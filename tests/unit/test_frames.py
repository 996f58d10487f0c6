"""The store as DataFrames: complete, typed, unknown stays unknown."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from analytics_stores import START, message_rows, store_of
from hypothesis import given, settings
from hypothesis import strategies as st

from langswarm_nb.analytics import frames
from langswarm_nb.analytics.as_stored import _in_order
from langswarm_nb.analytics.demo import demo_store
from langswarm_nb.analytics.source import ArrowSource, open_source
from langswarm_nb.errors import ConfigurationError, StorageError
from langswarm_nb.interfaces import ISessionStorage
from langswarm_nb.models import SessionConfig, SessionContext, SessionMessage, Usage
from langswarm_nb.storage.duckdb import DuckDBSessionStorage
from langswarm_nb.storage.memory import InMemorySessionStorage
from langswarm_nb.storage.schema import EVENTS, MESSAGES, SESSIONS


@pytest.fixture(scope="module")
def store():
    return demo_store(messages=2000)


def test_messages_have_every_column_with_its_type(store):
    df = frames.messages(store)
    assert list(df.columns) == list(MESSAGES)
    assert len(df) == 2000
    assert str(df["created_at"].dt.tz) == "UTC"
    for name in ("role", "status", "provider", "request_model", "finish_reason"):
        assert isinstance(df[name].dtype, pd.CategoricalDtype), name
    assert df["input_tokens"].dtype == "Int64"
    assert df["cost_usd"].dtype == "float64"
    assert df["is_active_branch"].dtype == "bool"


def test_types_do_not_depend_on_what_is_in_there(store):
    pd.testing.assert_series_equal(
        frames.messages(store).dtypes.map(lambda t: t if not isinstance(t, pd.CategoricalDtype) else "category"),
        frames.messages(ArrowSource()).dtypes.map(
            lambda t: t if not isinstance(t, pd.CategoricalDtype) else "category"
        ),
    )


def test_all_messages_come_as_they_were_stored(tmp_path):
    rows = 300_000  # some row groups, which several cores read, with holes
    path = tmp_path / "store.duckdb"
    storage = DuckDBSessionStorage(path)
    storage.query("SELECT 1")
    asyncio.run(storage.close())
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "INSERT INTO messages BY NAME SELECT md5(i::VARCHAR) AS message_id, 's' AS session_id, i AS seq, "
            f"'user' AS role, 'text' AS content, now() AS created_at FROM range({rows}) r(i)"
        )
        connection.execute("DELETE FROM messages WHERE seq % 7 = 3 OR seq BETWEEN 130_000 AND 260_000")
    storage = DuckDBSessionStorage(path)
    expected = [i for i in range(rows) if i % 7 != 3 and not 130_000 <= i <= 260_000]
    for _ in range(5):
        assert frames.messages(storage)["seq"].tolist() == expected
    asyncio.run(storage.close())


@given(st.permutations([(0, 3), (3, 4), (7, 1), (10, 5), (20, 0), (20, 2)]))
def test_stretches_are_put_in_order(stretches):
    places = [place for start, length in stretches for place in range(start, start + length)]
    table = pa.table({"text": [str(place) for place in places], "place_of_row": pa.array(places, pa.int64())})
    assert _in_order(table).to_pydict() == {"text": [str(place) for place in sorted(places)]}


def test_a_view_has_no_places_and_is_read_all_the_same(store):
    with duckdb.connect() as connection:
        rows = open_source(store).query("SELECT * FROM messages")
        connection.register("rows", rows)
        connection.execute("CREATE TABLE stored AS FROM rows; CREATE VIEW messages AS FROM stored")
        assert frames.messages(connection)["message_id"].tolist() == frames.messages(store)["message_id"].tolist()


def test_unknown_stays_unknown():
    df = frames.messages(
        store_of([{"input_tokens": None, "cost_usd": None}, {"input_tokens": 0, "cost_usd": Decimal(0)}])
    )
    assert df["input_tokens"].isna().tolist() == [True, False]
    assert df["cost_usd"].isna().tolist() == [True, False]
    sessions = frames.sessions(store_of([{"input_tokens": None, "cost_usd": None}]))
    assert sessions["cost_usd"].isna().all()
    assert sessions["input_tokens"].isna().all()
    assert sessions["unpriced_count"].tolist() == [1]


def test_one_session_comes_in_its_order():
    store = store_of(
        [
            {"session_id": "s2", "seq": 0, "content": "other"},
            {"session_id": "s1", "seq": 2, "content": "c"},
            {"session_id": "s1", "seq": 0, "content": "a"},
            {"session_id": "s1", "seq": 1, "content": "b", "is_active_branch": False},
        ]
    )
    assert frames.messages(store, session_id="s1")["content"].tolist() == ["a", "b", "c"]
    assert frames.messages(store, session_id="nobody's").empty


@settings(max_examples=15, deadline=None)
@given(message_rows)
def test_batches_are_the_same_rows_in_pieces(rows):
    store = store_of(rows)
    batches = list(frames.messages(store, batches=7))
    assert all(len(batch) == 7 for batch in batches[:-1])
    ids = [message_id for batch in batches for message_id in batch["message_id"]]
    assert ids == sorted(frames.messages(store)["message_id"])


def test_batches_of_one_session(store):
    session_id = frames.sessions(store).sort_values("message_count")["session_id"].iloc[-1]
    whole = frames.messages(store, session_id=session_id)
    assert sum(len(batch) for batch in frames.messages(store, session_id, batches=3)) == len(whole) > 3
    with pytest.raises(ConfigurationError):
        frames.messages(store, batches=0)


def test_sessions_count_what_they_hold(store):
    sessions, messages = frames.sessions(store), frames.messages(store)
    assert list(sessions.columns[: len(SESSIONS)]) == list(SESSIONS)
    active = messages[messages["is_active_branch"]]
    assert sessions["message_count"].sum() == len(active)
    assert sessions["turn_count"].sum() == (active["role"] == "user").sum()
    assert sessions["cost_usd"].sum() == pytest.approx(messages["cost_usd"].sum())
    assert sessions["created_at"].is_monotonic_increasing


def test_turns_pair_a_question_with_its_answer():
    def at(seconds: int) -> datetime:
        return START + timedelta(seconds=seconds)

    store = store_of(
        [
            {"seq": 0, "role": "system", "content": "be brief", "created_at": at(0)},
            {"seq": 1, "role": "user", "content": "one?", "created_at": at(1)},
            {"seq": 2, "content": "calling", "duration_s": 1.0, "output_tokens": 5, "created_at": at(2)},
            {"seq": 3, "role": "tool", "content": "found", "created_at": at(3)},
            {"seq": 4, "content": "1", "duration_s": 2.0, "output_tokens": 7, "created_at": at(4)},
            {"seq": 5, "content": "no", "is_active_branch": False, "created_at": at(5)},
            {"seq": 6, "role": "user", "content": "two?", "created_at": at(6)},
        ]
    )
    turns = frames.turns(store)
    assert turns["prompt"].tolist() == ["one?", "two?"]
    assert turns["turn"].tolist() == [1, 2]
    first = turns.iloc[0]
    assert (first["reply"], first["replies"], first["tool_results"]) == ("1", 2, 1)
    assert (first["output_tokens"], first["duration_s"]) == (12, 3.0)
    assert turns["replies"].tolist() == [2, 0]
    assert pd.isna(turns["output_tokens"].iloc[1])


def test_events(store):
    df = frames.events(store)
    assert list(df.columns) == list(EVENTS)
    assert df["at"].is_monotonic_increasing
    assert set(df["kind"]) == {"feedback"}


def test_sql_binds_and_only_reads(store, tmp_path):
    by_list = frames.sql("SELECT count(*) AS n FROM messages WHERE role = ?", store, ["user"])
    by_name = frames.sql("SELECT count(*) AS n FROM messages WHERE role = $role", store, {"role": "user"})
    assert by_list["n"][0] == by_name["n"][0] == (frames.messages(store)["role"] == "user").sum()
    assert frames.sql("SELECT sum(cost_usd) AS dollars FROM session_summary", store)["dollars"].dtype == "float64"
    target = tmp_path / "out.csv"
    for statement in (
        "DELETE FROM messages",
        "SELECT 1; DROP TABLE messages",
        f"COPY messages TO '{target}'",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM '/etc/hostname'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "ATTACH 'x.duckdb'",
        "no sql at all",
    ):
        with pytest.raises(StorageError):
            frames.sql(statement, store)
    assert not target.exists()
    assert len(frames.messages(store)) == 2000


def test_days_are_those_of_utc_wherever_the_machine_is():
    # DuckDB takes the machine's zone, by whichever of its names.
    assert ArrowSource().query("SELECT current_setting('TimeZone') AS zone")["zone"].to_pylist() == ["UTC"]


def test_sums_past_64_bits_are_rounded_not_refused():
    store = store_of([{"input_tokens": 2**63 - 1}] * 3)
    assert frames.sql("SELECT sum(input_tokens) AS n FROM messages", store)["n"][0] == pytest.approx(3 * 2.0**63)


# --- where frames can come from ---


async def _fill(storage: ISessionStorage) -> None:
    await storage.create_session("s1", "ada", "mock", "m", SessionConfig(tags=["x"]), SessionContext("s1"))
    for number, role in enumerate(("user", "assistant")):
        await storage.add_message(
            "s1",
            SessionMessage(
                f"m{number}", "s1", role, "hi \ud800", datetime(2026, 5, 1, 12, number, tzinfo=UTC),
                usage=Usage(input_tokens=3), cost_usd=Decimal("0.25"), metadata={"a": [1]},
            ),
        )  # fmt: skip


def test_a_storage_without_sql_has_the_same_frames():
    storage = InMemorySessionStorage()
    asyncio.run(_fill(storage))
    df = frames.messages(storage)
    assert df["content"].tolist() == ["hi ?", "hi ?"]
    assert df["input_tokens"].tolist() == [3, 3]
    assert df["metadata"].tolist() == ['{"a": [1]}'] * 2
    assert frames.sessions(storage)["tags"].tolist()[0].tolist() == ["x"]
    assert frames.sql("SELECT user_id FROM sessions", storage)["user_id"].tolist() == ["ada"]


def test_a_connection_of_ones_own():
    connection = duckdb.connect()
    connection.execute("CREATE TABLE messages AS SELECT 'm' AS message_id, 'user' AS role")
    assert frames.sql("SELECT role FROM messages", connection)["role"].tolist() == ["user"]


def test_a_default_store_that_is_not_there_is_empty(monkeypatch, tmp_path):
    monkeypatch.setenv("LANGSWARM_NB_DB", str(tmp_path / "none.duckdb"))
    assert frames.messages().empty
    assert frames.sessions().empty
    assert not (tmp_path / "none.duckdb").exists()


def test_what_is_no_source_is_said(tmp_path):
    with pytest.raises(ConfigurationError, match="no source"):
        open_source(42)
    with pytest.raises(StorageError, match="no store at"):
        open_source(tmp_path / "typo.duckdb")
    assert not (tmp_path / "typo.duckdb").exists()


def test_a_demo_store_on_disk_is_filled_once(tmp_path):
    path = tmp_path / "demo.duckdb"
    for _ in range(2):
        storage = demo_store(path, messages=300)
    assert len(frames.messages(path)) == len(frames.messages(storage)) == 300
    assert set(frames.messages(path)["source"]) == {"demo"}
    records = asyncio.run(storage.list_sessions())
    found = asyncio.run(storage.get_messages(records[0]["session_id"]))
    assert [m.seq for m in found] == sorted(m.seq for m in found if m.seq is not None)
    asyncio.run(storage.add_message(records[0]["session_id"], SessionMessage("new", "", "user", "more", START)))
    assert len(frames.messages(path)) == 301


def test_the_demo_is_the_same_every_time():
    one, two = demo_store(messages=500, seed=7), demo_store(messages=500, seed=7)
    pd.testing.assert_frame_equal(frames.messages(one), frames.messages(two))
    assert not frames.messages(one)["content"].equals(frames.messages(demo_store(messages=500, seed=8))["content"])
    assert frames.messages(one)["message_id"].is_unique
