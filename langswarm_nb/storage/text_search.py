"""Which sessions say something: the one meaning that a search of several words has, as DuckDB's SQL."""

from __future__ import annotations

import re
from collections.abc import Sequence

# More words than anybody types; each costs a look at every message.
MOST_WORDS = 8

_WORD = re.compile(r'"([^"]+)"?|([^\s"]+)')


def words_of(typed: str) -> list[str]:
    """Return what is looked for: single words, and phrases that stand in double quotes."""
    found = [" ".join((phrase or word).split()) for phrase, word in _WORD.findall(typed)]
    return list(dict.fromkeys(word for word in found if word))[:MOST_WORDS]


def sessions_that_say(words: Sequence[str]) -> tuple[str, list[str]]:
    """Return a query of the ids of the sessions that say every word somewhere, in any case, and its parameters.

    A word may stand in the title, the description, a tag, or any message. The query needs `sessions` and `messages`;
    its placeholders are `?`. All messages are read once, however many words there are.
    """
    said = ", ".join(f"bool_or(contains(low, lower(?))) AS said_{n}" for n in range(len(words)))
    about = "lower(concat_ws(chr(10), s.title, s.description, array_to_string(s.tags, chr(10))))"
    each = " AND ".join(f"(contains({about}, lower(?)) OR coalesce(m.said_{n}, false))" for n in range(len(words)))
    query = (
        f"SELECT s.session_id FROM sessions s LEFT JOIN (SELECT session_id, {said} FROM "
        "(SELECT session_id, lower(content) AS low FROM messages) GROUP BY session_id) m USING (session_id) "
        f"WHERE {each}"
    )
    return query, [*words, *words]


def marked(text: str, words: Sequence[str], before: int = 60, length: int = 240) -> list[tuple[str, bool]]:
    """Return a line out of `text` around the first of `words`, as pieces: (text, whether it is one of the words)."""
    pattern = re.compile("|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)), re.IGNORECASE)
    line = " ".join(text.split())
    first = pattern.search(line)
    start = max(first.start() - before, 0) if first else 0
    if start:
        # At a word's beginning, where one is near.
        space = line.find(" ", start, start + 20)
        start = space + 1 if space >= 0 else start
    shown = line[start : start + length]
    pieces = [("…", False)] if start else []
    at = 0
    for match in pattern.finditer(shown):
        pieces += [(shown[at : match.start()], False), (match[0], True)]
        at = match.end()
    pieces += [(shown[at:], False), ("…" if start + length < len(line) else "", False)]
    return [piece for piece in pieces if piece[0]]
