"""Conversations as weighted words (TF-IDF), computed in DuckDB."""

from __future__ import annotations

from typing import Any

from ..metrics.statement import Filters, where
from .searching import PLAIN

# What a topic cannot be named after: English, and the commonest words of a few neighbours. Words that half of all
# conversations have are left out by counting.
_COMMON = """
a about above after again all also am an and any are as at be because been before being below between both but by
can cannot could did do does doing don down during each else ever every few for from further get give go good had
has have having he her here hers him his how however if in into is it its just know let like ll make many may me
might more most much must my need no nor not now of off ok okay on once one only or other our out over own please re
really same see she should show so some such sure tell than thank thanks that the their them then there these they
thing this those through to too two under until up use used using ve very want was way we well were what when where
which while who whom why will with would write yes you your yours der die das und oder nicht ist ein eine mit von
den dem des fur auf wie ich sie le la les un une et ou est que qui pour dans avec sur pas je vous el los las una y o
es por para con como en de del al og er det som til av pa ikke jeg
"""
STOP_WORDS = tuple(_COMMON.split())
_LETTERS = 2000  # of each message: enough to know what it is about, and a 10 MB message costs no more than others

_SPOKEN = """
spoken AS (
    SELECT x.session_id, left(x.content, {letters}) AS content
    FROM messages x LEFT JOIN sessions p USING (session_id)
    WHERE x.role = 'user' AND coalesce(x.is_active_branch, true) AND x.content IS NOT NULL AND {condition}
    -- A title says it in few words, so it counts once more.
    UNION ALL SELECT session_id, left(title, {letters}) FROM sessions WHERE title IS NOT NULL
),
talks AS MATERIALIZED (
    SELECT DISTINCT x.session_id FROM messages x LEFT JOIN sessions p USING (session_id)
    WHERE x.role = 'user' AND x.session_id IS NOT NULL AND {condition}
)"""

_WEIGHTED = """
counted AS (
    SELECT session_id, word, count(*) AS times
    FROM (SELECT session_id, unnest(string_split_regex({plain}, '[^\\p{{L}}\\p{{N}}]+')) AS word
          FROM spoken SEMI JOIN chosen USING (session_id))
    WHERE length(word) BETWEEN 2 AND 30 AND NOT list_contains($stop::VARCHAR[], word)
          AND NOT regexp_full_match(word, '[0-9]+')
    GROUP BY session_id, word
),
known AS (
    SELECT word, in_talks, ln(1 + talks / in_talks) AS rarity
    FROM (SELECT word, count(*) AS in_talks FROM counted GROUP BY word),
         (SELECT count(*) AS talks FROM chosen)
    -- A word that one conversation has joins it with no other; one that most have tells none apart.
    WHERE in_talks >= CASE WHEN talks < 20 THEN 1 WHEN talks < 1000 THEN 2 ELSE 3 END
          AND (in_talks <= 0.5 * talks OR talks < 5)
    ORDER BY in_talks * rarity DESC, word LIMIT $vocabulary
),
weighted AS (
    SELECT session_id, word, weight / sqrt(sum(weight * weight) OVER (PARTITION BY session_id)) AS weight
    FROM (SELECT session_id, word, (1 + ln(times)) * rarity AS weight FROM counted JOIN known USING (word))
)"""


def weighted(filters: dict[str, Any], *, most_talks: int, vocabulary: int) -> tuple[str, dict[str, Any]]:
    """Return common table expressions down to `weighted` (session_id, word, weight; each session of length 1).

    Of more than `most_talks` sessions those whose ids have the smallest MD5: the same ones every time, and not the
    first or the last.
    """
    condition, params = where(Filters.of(**filters))
    text = (
        "WITH"
        + _SPOKEN.format(letters=_LETTERS, condition=condition)
        + ",\nchosen AS MATERIALIZED (SELECT session_id FROM talks ORDER BY md5(session_id), session_id LIMIT $talks),"
        + _WEIGHTED.format(plain=PLAIN.format("content"))
    )
    return text, params | {"talks": most_talks, "vocabulary": vocabulary, "stop": list(STOP_WORDS)}
