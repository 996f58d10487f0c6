"""Full-text search without an index: DuckDB scans a million messages in less time than an index takes to be kept."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ...errors import ConfigurationError
from ..metrics.statement import Filters, tidy, where
from ..source import opened

if TYPE_CHECKING:
    import pandas as pd

_MOST_WORDS = 16
_SNIPPET = 240
# Scripts that put no space between words: there a word may begin anywhere.
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]"
)
# How the statement sees a text: lower case without accents, words apart by one space.
PLAIN = "lower(strip_accents({0}))"
WORDS = r"' ' || regexp_replace({0}, '[^\p{{L}}\p{{N}}]+', ' ', 'g') || ' '"


@dataclass(frozen=True)
class Query:
    """What was typed: `wanted` are (beginning of a word, the word or phrase itself); `unwanted` must not occur."""

    wanted: tuple[tuple[str, str], ...]
    unwanted: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Query:
        """Return the parsed query; ConfigurationError where there is no word in it."""
        wanted: list[tuple[str, str]] = []
        unwanted: list[str] = []
        for minus, phrase, word in re.findall(r'(?:(?<=\s)|^)(-?)(?:"([^"]*)"?|([^\s"]+))', text):
            parts = _words(phrase or word)
            if not parts:
                continue
            if minus:
                unwanted.append(" ".join(parts))
            elif phrase:
                wanted.append((f"{' '.join(parts)} ", " ".join(parts)))
            else:
                wanted += [(_stem(part), part) for part in parts]
        wanted = list(dict.fromkeys(wanted))[:_MOST_WORDS]
        if not wanted:
            raise ConfigurationError(
                'Type a word to look for, or several. "Quotes" keep words together, -word leaves out.'
            )
        return cls(tuple(wanted), tuple(unwanted[:_MOST_WORDS]))


def _words(text: str) -> list[str]:
    plain = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    plain = unicodedata.normalize("NFC", plain).lower().encode("utf-8", "ignore").decode()
    return re.findall(r"[^\W_]+", plain)


@cache
def _stemmer() -> Any:
    """Return a function that stems English words where DuckDB's extension fts can be loaded, else None."""
    from ...storage import connecting

    connection = connecting.connect(config={"autoinstall_known_extensions": "false"})
    for attempt in (None, "duckdb_extensions"):
        try:
            if attempt:
                from duckdb_extensions import import_extension  # its wheel, where it is installed: no network

                import_extension("fts")
            connection.execute("LOAD fts")
            return lambda word: connection.cursor().execute("SELECT stem(?, 'english')", [word]).fetchall()[0][0]
        except Exception:  # whatever keeps it from loading, the scan goes without
            continue
    connection.close()
    return None


def _stem(word: str) -> str:
    """Return what the forms of `word` begin with."""
    stem = _stemmer()
    if stem is None or not word.isascii() or not word.isalpha():
        return word
    found = stem(word)
    same = next((n for n, (a, b) in enumerate(zip(found, word, strict=False)) if a != b), min(len(found), len(word)))
    return word[:same] if same >= 3 else word


class Search:
    """Search as a question: called like a function; `.sql` is the statement for one word, `.statement(...)` for any."""

    __name__ = name = "search"

    def statement(self, text: str, *, limit: int = 50, **filters: Any) -> tuple[str, dict[str, Any]]:
        """Return the statement for `text` under `filters`, and the values to bind."""
        query = Query.of(text)
        condition, params = where(Filters.of(**filters))
        params["limit"] = int(limit)
        found, kept, scores = [], [], []
        for number, (start, exact) in enumerate(query.wanted):
            params |= {f"start{number}": start.strip(), f"exact{number}": f" {exact} "}
            words = start.split()
            # A phrase may be broken by anything but letters: the text itself need only have its words.
            for place, word in enumerate(words):
                params[f"word{number}_{place}"] = word
                found.append(f"contains(plain, $word{number}_{place})")
            space = "''" if _UNSPACED.search(start) else "' '"
            begins = f"{space} || $start{number}" + (" || ' '" if start.endswith(" ") and space == "' '" else "")
            kept.append(f"contains(words, {begins})")
            # As in BM25 the tenth occurrence adds less than the second; the word itself counts more than its forms.
            count = f"((length(words) - length(replace(words, {begins}, ''))) / length({begins}))"
            scores.append(
                f"({count} / ({count} + 1.2 * (0.25 + 0.75 * length(words) / usual)))"
                f" * CASE WHEN contains(words, $exact{number}) THEN 2 ELSE 1 END"
            )
        for number, words in enumerate(query.unwanted):
            params[f"not{number}"] = f" {words} "
            kept.append(f"NOT contains(words, $not{number})")
        sql = f"""
WITH plain AS (
    SELECT x.message_id, x.session_id, x.role, x.created_at, x.content, {PLAIN.format("x.content")} AS plain,
           coalesce(x.request_model, x.response_model, p.model) AS model, p.title, p.user_id
    FROM messages x LEFT JOIN sessions p USING (session_id)
    WHERE coalesce(x.is_active_branch, true) AND x.content IS NOT NULL AND {condition}
),
found AS (SELECT *, {WORDS.format("plain")} AS words FROM plain WHERE {" AND ".join(found)}),
kept AS (SELECT *, avg(length(words)) OVER () AS usual FROM found WHERE {" AND ".join(kept)}),
best AS (
    SELECT *, {" + ".join(scores)} AS score FROM kept ORDER BY score DESC, created_at DESC, message_id LIMIT $limit
)
SELECT session_id, message_id, title, user_id, role, model, created_at, round(score, 6) AS score,
       substr(content, greatest(1, position($word0_0 IN plain) - 60), {_SNIPPET}) AS snippet
FROM best ORDER BY score DESC, created_at DESC, message_id"""
        return sql.strip(), params

    @property
    def sql(self) -> str:
        """The statement for one word over everything."""
        return self.statement("word")[0]

    @property
    def params(self) -> dict[str, Any]:
        """What `sql` needs bound."""
        return self.statement("word")[1]

    def __call__(self, text: str, source: Any = None, *, limit: int = 50, **filters: Any) -> pd.DataFrame:
        """Return the messages of active branches that have every word of `text`, best first, `limit` at most.

        One row a message: `session_id`, `message_id`, `title`, `user_id`, `role`, `model`, `created_at`, `score`,
        `snippet`. Neither case nor accents matter; a word also finds longer ones that begin with it (and, where
        DuckDB's extension fts can be loaded, its other English forms); "two words" in quotes are found together only,
        -word leaves messages out. Raises ConfigurationError when there is no word in `text`.
        """
        sql, params = self.statement(text, limit=limit, **filters)
        with opened(source) as opened_source:
            return tidy(opened_source.query(sql, params), "UTC")


search = Search()
