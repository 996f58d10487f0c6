"""What was said: full-text search, similar conversations, topics.

    text.search("duckdb quantiles")                 # messages with both words, best first
    text.similar(session_id)                        # conversations about the same
    text.topics(start="2026-10-01")                 # what people talk about
    text.topics(embed=text.embedder())              # the same, by meaning (extra `embeddings`)
    text.similar(session_id, embed=text.embedder(), candidates=None)   # of all that there are

Each takes a source and the filters of the metrics, returns a tidy DataFrame, and has its SQL as `.sql`.
"""

from .meaning import embedder
from .searching import search
from .similarity import similar
from .topics import topics

__all__ = ["embedder", "search", "similar", "topics"]
