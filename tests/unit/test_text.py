"""What was said: search, similar conversations, topics. Numbers against plain Python over the same rows."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter

import duckdb
import numpy as np
import pytest
from analytics_stores import store_of
from hypothesis import given, settings
from hypothesis import strategies as st

from langswarm_nb.analytics import frames, text
from langswarm_nb.analytics.demo import demo_store
from langswarm_nb.analytics.text import searching, similarity, weights
from langswarm_nb.errors import ConfigurationError


@pytest.fixture(scope="module")
def store():
    return demo_store(messages=3000)


@pytest.fixture
def without_stems(monkeypatch):
    monkeypatch.setattr(searching, "_stemmer", lambda: None)


def said(*contents: str, **more):
    return store_of([{"content": content, "role": "user", **more} for content in contents])


def found(words: str, store) -> set[str]:
    return set(text.search(words, store)["snippet"])


def test_every_word_in_any_order_case_and_accent(without_stems):
    store = said("Café au lait, please", "a cafe", "LAIT cafés", "decafé lait")
    assert found("lait CAFÉ", store) == {"Café au lait, please", "LAIT cafés"}


def test_words_begin_there_and_phrases_hold_together(without_stems):
    store = said("a part of it", "art is long", "of\n\nart!", "artful dodger")
    assert found("art", store) == {"art is long", "of\n\nart!", "artful dodger"}
    assert found('"of art"', store) == {"of\n\nart!"}
    assert found("art -long -artful", store) == {"of\n\nart!"}


def test_scripts_without_spaces_are_found_inside(without_stems):
    store = said("今日は天気がいい", "奥斯陆的天气怎么样?", "weather")
    assert found("天気", store) == {"今日は天気がいい"}


def test_the_word_itself_and_more_of_it_come_first(without_stems):
    store = said("plan", "planning the garden in the rain " * 5, "plan plan a plan", "nothing")
    ranked = text.search("plan", store)
    assert ranked["snippet"].iloc[0] == "plan plan a plan"
    assert ranked["snippet"].iloc[-1].startswith("planning")
    assert ranked["score"].is_monotonic_decreasing


def test_stems_where_the_extension_is_there():
    store = said("We were running late", "a runner", "ruin", "she runs")
    if duckdb.__version__.startswith("1.5."):  # the one whose extensions the tests install
        assert found("runs", store) == {"We were running late", "a runner", "she runs"}
    else:
        assert {"she runs"} <= found("runs", store) <= {"We were running late", "a runner", "she runs"}


def test_without_a_word_it_says_what_to_type(store):
    for nothing in ("", "  ", '""', "-", "...", "-word"):
        with pytest.raises(ConfigurationError, match="Type a word"):
            text.search(nothing, store)


def test_search_takes_the_filters_and_reads_active_branches_only(store):
    every = frames.messages(store).merge(frames.sessions(store)[["session_id", "user_id"]], on="session_id")
    has = every["content"].fillna("").str.lower().str.contains(r"\bquery", regex=True) & every["is_active_branch"]
    assert len(text.search("query", store, limit=10_000)) == has.sum() > 50
    mine = has & (every["user_id"] == "user-003")
    assert len(text.search("query", store, limit=10_000, user_id="user-003")) == mine.sum()
    early = has & (every["created_at"] < "2026-06-01")
    assert len(text.search("query", store, limit=10_000, end="2026-06-01")) == early.sum()
    assert len(text.search("query", store, limit=7)) == 7


def plain_words(content: str) -> list[str]:
    bare = "".join(c for c in unicodedata.normalize("NFD", content.lower()) if not unicodedata.combining(c))
    return re.findall(r"[^\W_]+", bare)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.text("abcé -.\n\"'%_\\=<>$", max_size=12), min_size=1, max_size=8),
    st.sampled_from(["a", "b", "ab", "ca"]),
)
def test_search_is_what_looking_at_each_message_finds(contents, word):
    store = said(*contents)
    expected = [c for c in contents if any(w.startswith(word) for w in plain_words(c))]
    assert len(text.search(word, store)) == len(expected)


@settings(max_examples=20, deadline=None)
@given(st.text(max_size=30))
def test_nothing_that_is_typed_is_fatal_or_part_of_the_statement(typed):
    store = said("'; DROP TABLE messages; -- $start0 %")
    try:
        sql, _ = text.search.statement(typed)
    except ConfigurationError:
        return
    words = [word for word in plain_words(typed) if len(word) > 12]
    assert not [word for word in words if word in sql]
    text.search(typed, store)
    assert len(frames.messages(store)) == 1


@pytest.mark.parametrize("question", [text.search, text.topics, text.similar], ids=lambda q: q.name)
def test_its_sql_is_there_to_run(question, store):
    frames.sql(question.sql, store, params=question.params)


# --- words of a conversation ---


def by_hand(talks: dict[str, str]) -> dict[tuple[str, str], float]:
    counts = {
        name: Counter(
            w for w in plain_words(said) if 2 <= len(w) <= 30 and w not in weights.STOP_WORDS and not w.isdigit()
        )
        for name, said in talks.items()
    }
    in_talks = Counter(word for words in counts.values() for word in words)
    n = len(talks)
    result = {}
    for name, words in counts.items():
        own = {
            word: (1 + math.log(times)) * math.log(1 + n / in_talks[word])
            for word, times in words.items()
            if in_talks[word] <= 0.5 * n or n < 5
        }
        length = math.sqrt(sum(weight * weight for weight in own.values()))
        result |= {(name, word): weight / length for word, weight in own.items()}
    return result


TALKS = {
    "s1": "Roast a pumpkin with sage, and a second pumpkin",
    "s2": "pumpkin soup with sage butter",
    "s3": "pandas groupby month and a plot",
    "s4": "plot a pandas frame by month, 2026",
    "s5": "Who was Ada Lovelace?",
    "s6": "the of and",
}


def talks_store():
    return store_of([{"session_id": name, "role": "user", "content": said} for name, said in TALKS.items()])


def test_words_weigh_what_they_weigh_by_hand():
    sql, params = text.topics.statement()
    rows = talks_store().query(sql, params).to_pylist()
    found = {(row["session_id"], row["word"]): row["weight"] for row in rows if row["word"]}
    assert found == pytest.approx(by_hand(TALKS))


def test_similar_is_the_cosine_of_these_weights():
    expected = by_hand(TALKS)
    words = {word for _, word in expected}
    cosine = {
        name: sum(expected.get(("s1", word), 0) * expected.get((name, word), 0) for word in words) for name in TALKS
    }
    near = text.similar("s1", talks_store())
    assert dict(zip(near["session_id"], near["similarity"], strict=True)) == pytest.approx(
        {name: round(value, 6) for name, value in cosine.items() if value > 0 and name != "s1"}
    )
    assert near["session_id"].iloc[0] == "s2"
    assert set(near["shared"].iloc[0].split(", ")) == {"pumpkin", "sage"}
    assert text.similar("nobody", talks_store()).empty


def test_topics_are_the_groups_that_are_there():
    store = store_of(
        [
            {"session_id": f"{kind}{number}", "role": "user", "content": f"{words} {number}"}
            for kind, words in (
                ("cook", "roast pumpkin sage"),
                ("code", "pandas groupby plot"),
                ("trip", "train oslo hotel"),
            )
            for number in range(8)
        ]
    )
    topics = text.topics(store, topics=3)
    assert topics["sessions"].tolist() == [8, 8, 8]
    assert {frozenset(label.split(", ")) for label in topics["label"]} == {
        frozenset({"roast", "pumpkin", "sage"}),
        frozenset({"pandas", "groupby", "plot"}),
        frozenset({"train", "oslo", "hotel"}),
    }
    assert topics["share"].sum() == pytest.approx(1)


def test_the_same_store_gives_the_same_topics(store):
    first = text.topics(store)
    assert first.equals(text.topics(store))
    assert 2 <= len(first) <= 12
    assert first["sessions"].sum() <= first["looked_at"].iloc[0] == first["in_all"].iloc[0] == 346
    assert first["sessions"].is_monotonic_decreasing
    sample = text.topics(store, sample=100)
    assert (sample["looked_at"].iloc[0], sample["in_all"].iloc[0]) == (100, 346)
    assert text.topics(store, user_id="user-003")["in_all"].iloc[0] < 346


def test_nothing_said_has_no_topics():
    assert text.topics(store_of([])).empty
    assert text.topics(said("the of and")).empty
    assert text.topics(said("one question about pumpkins"))["sessions"].tolist() == [1]


def test_any_embedding_will_do():
    def embed(texts: list[str]) -> list[list[float]]:
        return [[float("pumpkin" in t), float("pandas" in t), 0.1] for t in texts]

    store = talks_store()
    assert sorted(text.topics(store, topics=2, embed=embed)["sessions"]) == [2, 4]
    assert text.similar("s1", store, embed=embed)["session_id"].iloc[0] == "s2"
    with pytest.raises(ConfigurationError, match="one vector a text"):
        text.topics(store, embed=lambda texts: np.zeros(3))


def test_what_was_said_in_other_words_is_found_by_its_meaning(monkeypatch):
    meanings = {"boil spaghetti": (1, 0), "pasta in salted water": (1, 0.2), "join tables": (0, 1), "boil eggs": (0, 1)}
    batches: list[int] = []

    def embed(texts: list[str]) -> list[tuple[float, float]]:
        batches.append(len(texts))
        return [meanings[said] for said in texts]

    store = store_of([{"session_id": said, "role": "user", "content": said} for said in meanings])
    near = text.similar("boil spaghetti", store, embed=embed)
    assert near["session_id"].tolist() == ["pasta in salted water", "boil eggs", "join tables"]
    assert near["shared"].tolist() == ["", "boil", ""]
    assert near["similarity"].tolist() == pytest.approx([1 / math.sqrt(1.04), 0, 0], abs=1e-6)
    # The nearest by words come first where not all are compared.
    assert text.similar("boil spaghetti", store, embed=embed, limit=1, candidates=1)["shared"].tolist() == ["boil"]
    # In portions it is the same.
    batches.clear()
    monkeypatch.setattr(similarity, "_BATCH", 2)
    assert text.similar("boil spaghetti", store, embed=embed, candidates=None).equals(near)
    assert batches == [1, 2, 1]
    assert text.similar("nobody", store, embed=embed).empty


def test_the_embedding_that_comes_along_knows_what_is_meant_and_asks_nobody(monkeypatch):
    import socket

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("it wants the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    embed = text.embedder()
    said = ["How do I boil spaghetti?", "Best way to cook pasta", "Join two tables in SQL", "\ud800" + "x" * 10_000, ""]
    vectors = np.asarray(embed(said))
    assert vectors.shape == (5, 256)
    pasta, cook, tables = (vector / np.linalg.norm(vector) for vector in vectors[:3])
    assert pasta @ cook > 0.3 > pasta @ tables
    questions = [*said[:3], "SELECT with a LEFT JOIN", "Sauce for noodles"]
    store = store_of([{"session_id": f"s{n}", "role": "user", "content": asked} for n, asked in enumerate(questions)])
    assert text.topics(store, topics=2, embed=embed)["sessions"].tolist() == [3, 2]


def test_without_the_extra_it_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"langswarm-nb\[embeddings\]"):
        text.embedder()
