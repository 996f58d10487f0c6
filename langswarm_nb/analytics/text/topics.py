"""What conversations are about, and which are about the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ConfigurationError
from ..metrics.statement import tidy
from ..source import Source, opened
from .weights import weighted

if TYPE_CHECKING:
    import pandas as pd

Embed = Callable[[list[str]], Any]
_MOST_TALKS = 4000
_VOCABULARY = 2000
_EVERY_TALK = 10_000_000


class Topics:
    """Topics as a question: called like a function; `.sql` is the statement whose answer is sorted into topics."""

    __name__ = name = "topics"

    def statement(self, *, sample: int = _MOST_TALKS, **filters: Any) -> tuple[str, dict[str, Any]]:
        """Return the statement that weighs the words of each session, and the values to bind."""
        head, params = weighted(filters, most_talks=sample, vocabulary=_VOCABULARY)
        return (
            f"""{head}
SELECT session_id, title, word, weight, (SELECT count(*) FROM talks) AS in_all
FROM chosen LEFT JOIN weighted USING (session_id) LEFT JOIN sessions USING (session_id)
ORDER BY md5(session_id), session_id, word""",
            params,
        )

    @property
    def sql(self) -> str:
        """The statement over everything."""
        return self.statement()[0]

    @property
    def params(self) -> dict[str, Any]:
        """What `sql` needs bound."""
        return self.statement()[1]

    def __call__(
        self,
        source: Any = None,
        *,
        topics: int | None = None,
        sample: int = _MOST_TALKS,
        embed: Embed | None = None,
        **filters: Any,
    ) -> pd.DataFrame:
        """Return what people talk about: one row a topic, the largest first.

        `label` (its three most telling words), `words` (ten), `sessions` (conversations in it), `share` (of those
        looked at), `session_id` and `title` of the one nearest its middle; `looked_at` of `in_all` conversations. More
        than `sample` are sampled, the same ones every time. The same store gives the same topics.

        Conversations are the words of their questions and titles, weighed by TF-IDF, in up to twelve groups (or
        `topics`). With `embed`, a function from texts to vectors, they are grouped by meaning: `embedder()` makes one.
        """
        sql, params = self.statement(sample=sample, **filters)
        with opened(source) as opened_source:
            rows = opened_source.query(sql, params)
            texts = _texts(opened_source, rows["session_id"].unique().to_pylist()) if embed else {}
        return _as_frame(*_sorted_into_topics(rows, topics, embed, texts))


topics = Topics()


def _sorted_into_topics(rows: Any, wanted: int | None, embed: Embed | None, texts: dict[str, str]) -> tuple[Any, ...]:
    sessions = rows["session_id"].unique().to_pylist()
    number = {session: place for place, session in enumerate(sessions)}
    known = rows.filter(rows["word"].is_valid())
    words = sorted(set(known["word"].to_pylist()))
    column = {word: place for place, word in enumerate(words)}
    matrix = np.zeros((len(sessions), len(words)), np.float32)
    matrix[[number[s] for s in known["session_id"].to_pylist()], [column[w] for w in known["word"].to_pylist()]] = (
        known["weight"].to_numpy()
    )
    vectors = matrix if embed is None else _embedded(embed, [texts.get(session, "") for session in sessions])
    told = np.flatnonzero(np.linalg.norm(vectors, axis=1) > 0)
    titles = dict(zip(rows["session_id"].to_pylist(), rows["title"].to_pylist(), strict=True))
    in_all = int(rows["in_all"][0].as_py()) if rows.num_rows else 0
    found = []
    if len(told) and words:
        middles, group = _grouped(vectors[told], wanted or int(np.clip(round(np.sqrt(len(told) / 2)), 2, 12)))
        overall = matrix[told].mean(axis=0)
        for place in range(len(middles)):
            members = told[group == place]
            if not len(members):
                continue
            nearest = members[np.argmax(vectors[members] @ middles[place])]
            mean = matrix[members].mean(axis=0)
            telling = np.argsort(-(mean * np.sqrt((mean + 1e-9) / (overall + 1e-9))), kind="stable")
            top = [words[i] for i in telling[:10] if mean[i] > 0]
            found.append((top, len(members), sessions[nearest], titles[sessions[nearest]]))
    return found, len(sessions), in_all


def _grouped(vectors: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the middles and each vector's group: spherical k-means, the best of four starts with fixed seeds."""
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    count = min(count, len(np.unique(vectors.round(6), axis=0)))
    best: tuple[float, np.ndarray, np.ndarray] | None = None
    for seed in range(4):
        rng = np.random.default_rng(seed)
        chosen = [int(rng.integers(len(vectors)))]
        distance = 1 - vectors @ vectors[chosen[0]]
        while len(chosen) < count:
            weight = np.clip(distance, 0, None) ** 2
            total = weight.sum()
            chosen.append(
                int(rng.choice(len(vectors), p=weight / total)) if total > 1e-12 else int(rng.integers(len(vectors)))
            )
            distance = np.minimum(distance, 1 - vectors @ vectors[chosen[-1]])
        middles, group = vectors[chosen], np.full(len(vectors), -1)
        for _ in range(30):
            nearness = vectors @ middles.T
            closest = nearness.argmax(axis=1)
            if (closest == group).all():
                break
            group = closest
            sums = np.zeros_like(middles)
            np.add.at(sums, group, vectors)
            length = np.linalg.norm(sums, axis=1, keepdims=True)
            middles = np.where(length > 0, sums / np.maximum(length, 1e-12), middles)
        fit = float((vectors @ middles.T).max(axis=1).sum())
        if best is None or fit > best[0] + 1e-4:
            best = (fit, middles, group)
    assert best is not None
    return best[1], best[2]


def _embedded(embed: Embed, texts: list[str]) -> np.ndarray:
    vectors = np.asarray(embed(texts), np.float32)
    if vectors.ndim != 2 or len(vectors) != len(texts):
        raise ConfigurationError(
            f"embed must return one vector a text: {len(texts)} texts came back as an array of shape {vectors.shape}."
        )
    return np.nan_to_num(vectors)


def _texts(source: Source, sessions: Sequence[str]) -> dict[str, str]:
    rows = source.query(
        """SELECT session_id, left(string_agg(left(content, 2000), ' ' ORDER BY seq, message_id), 8000) AS said
           FROM messages WHERE role = 'user' AND coalesce(is_active_branch, true) AND content IS NOT NULL
                               AND list_contains($sessions::VARCHAR[], session_id) GROUP BY session_id""",
        {"sessions": list(sessions)},
    )
    return dict(zip(rows["session_id"].to_pylist(), rows["said"].to_pylist(), strict=True))


def _as_frame(found: list[tuple[list[str], int, str, str | None]], looked_at: int, in_all: int) -> pd.DataFrame:
    import pandas as pd

    found = sorted(found, key=lambda row: (-row[1], row[0]))
    whole = {"sessions": "Int64", "looked_at": "Int64", "in_all": "Int64"}
    return pd.DataFrame(
        {
            "label": pd.Series([", ".join(words[:3]) for words, *_ in found], dtype="str"),
            "words": pd.Series([", ".join(words) for words, *_ in found], dtype="str"),
            "sessions": [count for _, count, *_ in found],
            "share": pd.Series([count / looked_at for _, count, *_ in found], dtype="float64"),
            "session_id": pd.Series([session for *_, session, _ in found], dtype="str"),
            "title": pd.Series([title for *_, title in found], dtype="str"),
            "looked_at": [looked_at] * len(found),
            "in_all": [in_all] * len(found),
        }
    ).astype(whole)


class Similar:
    """Similarity as a question: called like a function; `.sql` is the statement for one session."""

    __name__ = name = "similar"

    def statement(self, session_id: str, *, limit: int = 10, **filters: Any) -> tuple[str, dict[str, Any]]:
        """Return the statement for `session_id`, and the values to bind."""
        head, params = weighted(filters, most_talks=_EVERY_TALK, vocabulary=_EVERY_TALK)
        sql = f"""{head},
own AS (SELECT word, weight FROM weighted WHERE session_id = $session_id),
near AS (
    SELECT w.session_id, sum(w.weight * o.weight) AS similarity,
           list(word ORDER BY w.weight * o.weight DESC, word)[:5] AS shared
    FROM weighted w JOIN own o USING (word) WHERE w.session_id != $session_id
    GROUP BY w.session_id ORDER BY similarity DESC, w.session_id LIMIT $limit
)
SELECT session_id, title, user_id, model, created_at, least(1, round(similarity, 6)) AS similarity,
       array_to_string(shared, ', ') AS shared
FROM near LEFT JOIN sessions USING (session_id) ORDER BY similarity DESC, session_id"""
        return sql, params | {"session_id": session_id, "limit": int(limit)}

    @property
    def sql(self) -> str:
        """The statement over everything."""
        return self.statement("")[0]

    @property
    def params(self) -> dict[str, Any]:
        """What `sql` needs bound."""
        return self.statement("")[1]

    def __call__(
        self, session_id: str, source: Any = None, *, limit: int = 10, embed: Embed | None = None, **filters: Any
    ) -> pd.DataFrame:
        """Return the conversations most like `session_id`, the nearest first: one row each, `limit` at most.

        `session_id`, `title`, `user_id`, `model`, `created_at`, `similarity` (the cosine, 0 to 1) and the words that
        they `shared`. By TF-IDF over the words of questions and titles; with `embed`, a function from texts to vectors,
        the hundred nearest by words are put in order of meaning: a conversation that shares no word with this one is
        not found by its meaning either. A session that is not there is like none: no rows.
        """
        sql, params = self.statement(session_id, limit=limit if embed is None else max(100, limit), **filters)
        with opened(source) as opened_source:
            frame = tidy(opened_source.query(sql, params), "UTC")
            if embed is None or frame.empty:
                return frame
            names = [session_id, *frame["session_id"]]
            texts = _texts(opened_source, names)
        vectors = _embedded(embed, [texts.get(name, "") for name in names])
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        frame["similarity"] = (vectors[1:] @ vectors[0]).clip(0, 1).round(6)
        return (
            frame.sort_values(["similarity", "session_id"], ascending=[False, True]).head(limit).reset_index(drop=True)
        )


similar = Similar()
