"""Finding names that are known, as whole words, in one pass over a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_WORD = re.compile(r"[^\W_]+")
# Names of accounts that are words of every conversation: only where they stand as a name are they hidden.
_EVERYBODY = frozenset(
    re.findall(
        r"\w+",
        """
        admin administrator agent anonymous assistant bot chat client customer data default demo developer dev
        example guest jovyan local localhost me model myself name nobody none null operator owner person public
        root runner self server service session shared someone student system teacher team test tester tool ubuntu
        unknown user username vscode you
        """,
    )
)
# First names that are English words too: hidden with a capital letter only.
_WORDS_TOO = frozenset(
    re.findall(
        r"\w+",
        """
        art august autumn bill bob carol chase cliff dale dawn dean don drew eve faith frank gene grace grant guy
        harry hope hunter iris ivy jack jean joy june lance lily mark mason max may miles nick norm olive pat
        penny pierce ray reed rich rob rose ruby sandy scout skip sky sue summer ted tim victor violet wade ward
        will woody
        """,
    )
)


class Names:
    """Names to look for. One that is shorter than three letters, or a word like `user`, is never looked for.

    Upper and lower case are the same, but for names like Mark and Will, which are words too.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._starting: dict[str, list[str]] = {}
        for name in {name.strip() for name in names}:
            folded = name.casefold()
            first = _WORD.search(folded)
            if first and len(folded) >= 3 and folded not in _EVERYBODY and not folded.isdigit():
                self._starting.setdefault(first.group(), []).append(folded)
        for found in self._starting.values():
            found.sort(key=len, reverse=True)

    def find(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Yield where a name stands in `text`, as (start, end, the name in lower case), without overlaps."""
        if not self._starting:
            return
        folded = text.casefold()
        if len(folded) != len(text):  # a letter that folds into two would shift every place after it
            folded = text.lower() if len(text.lower()) == len(text) else text
        position = 0
        for word in _WORD.finditer(folded):
            if word.start() < position or word.group() not in self._starting:
                continue
            for name in self._starting[word.group()]:
                begin = word.start() - (_WORD.search(name) or word).start() if not name[0].isalnum() else word.start()
                end = begin + len(name)
                is_whole = not folded[end : end + 1].isalnum() or not name[-1].isalnum()
                if begin >= position and folded.startswith(name, begin) and is_whole:
                    if name in _WORDS_TOO and not text[begin].isupper():
                        continue
                    yield begin, end, name
                    position = end
                    break
