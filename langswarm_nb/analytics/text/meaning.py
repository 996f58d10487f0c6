"""Conversations as vectors: what `embed=` of `topics` and `similar` takes, and a ready-made one.

That one is small, on this machine, without a network.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ConfigurationError
from ..source import Source

Embed = Callable[[list[str]], Any]

# A conversation says what it is about at its beginning, and time grows with every letter.
_LETTERS = 1000
_BATCH = 256


def embedder() -> Embed:
    """Return a function from texts to vectors of 256 numbers, near each other where the texts mean the same.

    It is WordLlama, static embeddings whose 16 MB of weights come with the package (extra `embeddings`): no download,
    no GPU. English works best. The first thousand letters of a text count. ConfigurationError without the extra.
    """
    if importlib.util.find_spec("wordllama") is None:
        raise ConfigurationError(
            'WordLlama is not installed here. Install it: pip install "langswarm-nb[embeddings]", or give embed= a '
            "function of your own from a list of texts to as many vectors."
        )
    model = _model()

    def embed(texts: list[str]) -> Any:
        # A tokenizer refuses half a surrogate pair.
        plain = [text[:_LETTERS].encode("utf-8", "replace").decode() for text in texts]
        return model.embed(plain, batch_size=_BATCH)

    return embed


@cache
def _model() -> Any:
    import wordllama

    # It looks for its tokenizer in another folder than the one that it comes in, and would download it.
    home = Path(wordllama.__file__).parent
    return wordllama.WordLlama.load(cache_dir=home, disable_download=True)


def vectors_of(texts: list[str], embed: Embed) -> np.ndarray:
    """Return what `embed` makes of the texts as one array, a row a text; ConfigurationError for another shape."""
    vectors = np.asarray(embed(texts), np.float32)
    if vectors.ndim != 2 or len(vectors) != len(texts):
        raise ConfigurationError(
            f"embed must return one vector a text: {len(texts)} texts came back as an array of shape {vectors.shape}."
        )
    return np.nan_to_num(vectors)


def questions(source: Source, sessions: Sequence[str]) -> dict[str, str]:
    """Return what was asked in these sessions, by their ids; those in which nothing was asked are left out."""
    rows = source.query(
        """SELECT session_id, left(string_agg(left(content, 2000), ' ' ORDER BY seq, message_id), 8000) AS said
           FROM messages SEMI JOIN (SELECT unnest($sessions::VARCHAR[]) AS session_id) USING (session_id)
           WHERE role = 'user' AND coalesce(is_active_branch, true) AND content IS NOT NULL GROUP BY session_id""",
        {"sessions": list(sessions)},
    )
    return dict(zip(rows["session_id"].to_pylist(), rows["said"].to_pylist(), strict=True))
