"""The reader's variables inside a prompt: `{{ expression }}`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigurationError

_EXPRESSION = re.compile(r"\{\{(.+?)\}\}", re.S)

# How much of a table goes into a prompt: enough to know its columns and what they look like.
PREVIEW_ROWS = 5
PREVIEW_COLUMNS = 50

# Set where the page is served to visitors: what they type is text, never code of this kernel.
SERVED = "LANGSWARM_NB_SERVED"


def evaluates() -> bool:
    """Return whether `{{ expression }}` is evaluated here: not on a page that is served to visitors."""
    return not os.environ.get(SERVED)


def expand(text: str, namespace: Mapping[str, Any]) -> str:
    """Return `text` with every `{{ expression }}` replaced by its value in `namespace`.

    A DataFrame becomes its schema and a preview, a Series its type and first values, anything else its `str`.
    Single braces are left alone. ConfigurationError names an expression that cannot be evaluated. On a
    page that is served to visitors nothing is evaluated: the text is returned as it is.
    """
    if not evaluates():
        return text
    return _EXPRESSION.sub(lambda match: describe(_evaluate(match[1].strip(), namespace)), text)


def describe(value: Any) -> str:
    """Return what a model should read of `value`."""
    if _is_pandas(value, "DataFrame"):
        return _describe_frame(value)
    if _is_pandas(value, "Series"):
        return f"Series {value.name!r}, {len(value):,} values of {value.dtype}: {value.head(PREVIEW_ROWS).tolist()}"
    return str(value)


def names_starting_with(prefix: str, namespace: Mapping[str, Any], limit: int = 20) -> list[str]:
    """Return the reader's own variables that begin with `prefix`, sorted; what IPython put there is left out."""
    if not evaluates():
        return []
    hidden = {"In", "Out", "exit", "quit", "get_ipython", "open"}
    found = [name for name in namespace if name.startswith(prefix) and not name.startswith("_") and name not in hidden]
    return sorted(found)[:limit]


def _evaluate(expression: str, namespace: Mapping[str, Any]) -> Any:
    try:
        # The reader's own code in the reader's own kernel: the same right as any cell.
        return eval(expression, dict(namespace))
    except Exception as error:
        raise ConfigurationError(
            f"{{{{ {expression} }}}} cannot be evaluated: {type(error).__name__}: {error}. "
            "Run the cell that defines it, or write single braces."
        ) from error


def _is_pandas(value: Any, name: str) -> bool:
    # By name, so that pandas is not imported for a text.
    return any(cls.__name__ == name and cls.__module__.startswith("pandas") for cls in type(value).__mro__)


def _describe_frame(frame: Any) -> str:
    columns = list(frame.columns[:PREVIEW_COLUMNS])
    schema = "\n".join(f"- {name}: {frame[name].dtype}" for name in columns)
    left_out = len(frame.columns) - len(columns)
    more = f"\n- and {left_out} more" if left_out > 0 else ""
    preview = frame[columns].head(PREVIEW_ROWS).to_csv(index=False).strip()
    return (
        f"DataFrame with {len(frame):,} rows and {len(frame.columns)} columns:\n{schema}{more}\n\n"
        f"First {min(PREVIEW_ROWS, len(frame))} rows as CSV:\n{preview}"
    )
