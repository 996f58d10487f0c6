"""What conversations are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..source import opened
from .meaning import Embed, questions, vectors_of
from .weights import weighted

if TYPE_CHECKING:
    import pandas as pd

_MOST_TALKS = 4000
_VOCABULARY = 2000


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
            texts = questions(opened_source, rows["session_id"].unique().to_pylist()) if embed else {}
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
    vectors = matrix if embed is None else vectors_of([texts.get(session, "") for session in sessions], embed)
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
