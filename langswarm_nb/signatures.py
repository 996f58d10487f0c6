"""Calling what others wrote with as much as it takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=512)
def _capacity(function: Callable[..., Any]) -> tuple[int | None, frozenset[str] | None]:
    """Return how many positional arguments and which keywords `function` takes; None means any."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None, None
    kinds = {p.kind for p in parameters}
    positional = sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)
    keywords = frozenset(p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD))
    return (
        None if inspect.Parameter.VAR_POSITIONAL in kinds else positional,
        None if inspect.Parameter.VAR_KEYWORD in kinds else keywords,
    )


def call_with_accepted(method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Return `method(*args, **kwargs)` without the trailing and the named arguments that it does not take."""
    function = getattr(method, "__func__", method)
    bound = int(function is not method)
    positional, keywords = _capacity(function)
    if positional is not None:
        args = args[: positional - bound]
    if keywords is not None:
        kwargs = {name: value for name, value in kwargs.items() if name in keywords}
    return method(*args, **kwargs)


def accepts(method: Callable[..., Any], keyword: str) -> bool:
    """Return whether `method` can be called with an argument of this name."""
    _, keywords = _capacity(getattr(method, "__func__", method))
    return keywords is None or keyword in keywords
