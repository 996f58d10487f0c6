"""Which conversations are about the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...progress import telling
from ..metrics.statement import tidy
from ..source import Source, opened
from .meaning import Embed, questions, vectors_of
from .weights import weighted

if TYPE_CHECKING:
    import pandas as pd

_EVERY_TALK = 10_000_000
_MOST_COMPARED = 4000
# Of one call of `embed`: below what the services take in one request.
_BATCH = 1000


class Similar:
    """Similarity as a question: called like a function; `.sql` is the statement for one session."""

    __name__ = name = "similar"

    def statement(
        self, session_id: str, *, limit: int = 10, others: bool = False, **filters: Any
    ) -> tuple[str, dict[str, Any]]:
        """Return the statement for `session_id`, and the values to bind.

        With `others`, conversations that share no word with it come last, the newest of them first.
        """
        head, params = weighted(filters, most_talks=_EVERY_TALK, vocabulary=_EVERY_TALK)
        rest = "(SELECT session_id FROM talks WHERE session_id != $session_id) LEFT JOIN near USING (session_id)"
        sql = f"""{head},
own AS (SELECT word, weight FROM weighted WHERE session_id = $session_id),
near AS (
    SELECT w.session_id, sum(w.weight * o.weight) AS similarity,
           list(word ORDER BY w.weight * o.weight DESC, word)[:5] AS shared
    FROM weighted w JOIN own o USING (word) WHERE w.session_id != $session_id
    GROUP BY w.session_id ORDER BY similarity DESC, w.session_id LIMIT $limit
)
SELECT session_id, title, user_id, model, created_at, round(if(similarity > 1, 1, similarity), 6) AS similarity,
       coalesce(array_to_string(shared, ', '), '') AS shared
FROM {rest if others else "near"} LEFT JOIN sessions USING (session_id)
ORDER BY similarity DESC NULLS LAST, {"created_at DESC NULLS LAST, " if others else ""}session_id LIMIT $limit"""
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
        self,
        session_id: str,
        source: Any = None,
        *,
        limit: int = 10,
        embed: Embed | None = None,
        candidates: int | None = _MOST_COMPARED,
        **filters: Any,
    ) -> pd.DataFrame:
        """Return the conversations most like `session_id`, the nearest first: one row each, `limit` at most.

        `session_id`, `title`, `user_id`, `model`, `created_at`, `similarity` (the cosine, 0 to 1) and the words that
        they `shared`. By TF-IDF over the words of questions and titles; with `embed`, a function from texts to vectors,
        by meaning. That compares so many `candidates`: the nearest by words, then the newest of those that share no
        word, so that what was said in other words is found, too. None compares all there are. `embed` gets at most a
        thousand texts at a time, and a bar says how far it is. A session that is not there is like none: no rows.
        """
        most = limit if embed is None else _EVERY_TALK if candidates is None else max(candidates, limit)
        sql, params = self.statement(session_id, limit=most, others=embed is not None, **filters)
        with opened(source) as opened_source:
            frame = tidy(opened_source.query(sql, params), "UTC")
            if embed is None or frame.empty:
                return frame
            return _by_meaning(frame, session_id, opened_source, embed, limit)


similar = Similar()


def _by_meaning(frame: pd.DataFrame, session_id: str, source: Source, embed: Embed, limit: int) -> pd.DataFrame:
    asked = questions(source, [session_id])
    if not asked:
        return frame.head(0)
    own = _directions(list(asked.values()), embed)[0]
    nearness: dict[str, float] = {}
    names = frame["session_id"].tolist()
    with telling(len(names), "Compared by meaning") as tell:
        for begin in range(0, len(names), _BATCH):
            batch = names[begin : begin + _BATCH]
            texts = questions(source, batch)
            if texts:
                nearness |= zip(texts, (_directions(list(texts.values()), embed) @ own).tolist(), strict=True)
            tell(len(batch))
    known = frame.loc[frame["session_id"].isin(list(nearness))].copy()
    known["similarity"] = [round(min(max(nearness[name], 0.0), 1.0), 6) for name in known["session_id"]]
    # Of equals, the nearer by words first: a stable sort keeps the order they came in.
    return known.sort_values("similarity", ascending=False, kind="stable").head(limit).reset_index(drop=True)


def _directions(texts: list[str], embed: Embed) -> np.ndarray:
    vectors = vectors_of(texts, embed)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
