"""A ready-made embedding for `embed=` of `topics` and `similar`: small, on this machine, without a network."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from ...errors import ConfigurationError

# A conversation says what it is about at its beginning, and time grows with every letter.
_LETTERS = 1000
_BATCH = 256


def embedder() -> Callable[[list[str]], Any]:
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
