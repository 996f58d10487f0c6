"""The login names that paths to people's own folders give away."""

from __future__ import annotations

import re
from collections.abc import Iterator

Span = tuple[int, int]

_HOME = re.compile(
    r"""(?:(?<![\w.~\-])(?:file:/{2,3})?
           (?:/(?:var|usr|export|data|System/Volumes/Data|mnt/[a-z]|cygdrive/[a-z]|[a-z]))?/(?:home|Users)/
         | (?<![A-Za-z])[A-Za-z]:[\\/]{1,4}(?:Users|USERS|users|Documents\ and\ Settings)[\\/]{1,4}
         | (?<=[\\/])(?:home|Users)\\{1,2}
         | (?<=%2F)(?:home|Users)%2F)
        (?P<name>[^\s\\/:*?"'`<>|()\[\]{},;$%&#~=]{1,64}(?:\ [A-Z][^\s\\/:*?"'`<>|()\[\]{},;]{1,64}(?=\\))?)""",
    re.X,
)
_HINTS = ("/home/", "Users", "home\\", "USERS", "users", "%2Fhome", "Documents and")
# Folders there that belong to nobody, or to everybody's container.
_NOBODY = frozenset(
    re.findall(r"\w+", "all default guest jovyan name public runner shared someone ubuntu user username vscode you")
)


def home_names(text: str) -> Iterator[Span]:
    """Yield where a path in `text` names whose home it leads to, as (start, end) of the name."""
    if not any(hint in text for hint in _HINTS):
        return
    for match in _HOME.finditer(text):
        name = match["name"].rstrip(".!")
        if name and name.lower() not in _NOBODY:
            yield match.start("name"), match.start("name") + len(name)
