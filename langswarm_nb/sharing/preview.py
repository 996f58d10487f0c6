"""What redaction would take out, before anything is shared: `ls.redaction_preview`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..analytics.source import opened
from ..progress import Progress, telling
from .redactor import redactor_for
from .selection import chunks, select

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("session_id", "title", "place", "kind", "excerpt", "count")


def redaction_preview(
    which: Any = "all", source: Any = None, redact: bool | str | Iterable[str] = True, *, progress: Progress = None
) -> pd.DataFrame:
    """Return what `redact=True` would take out, one row for each place and kind.

    `session_id`, `title` (redacted); `place`, such as `message 3 · content`, `title` or `event feedback · payload`;
    `kind`: api_key, private_key, password, email, iban, card, ssn, phone, user (a pseudonym takes its place),
    attachment (binary: taken out), secret (a text of yours, or a secret of the environment); `excerpt`, the text around
    the first one, redacted; `count`. `which`, `source` and `redact` are as in `ls.export`.
    """
    import pandas as pd

    found: dict[tuple[str, str, str], list[Any]] = {}
    current = ["", ""]

    def listen(place: str, kind: str, excerpt: str) -> None:
        row = found.setdefault((current[0], place, kind), [current[1], " ".join(excerpt.split()), 0])
        row[2] += 1

    with opened(source) as store:
        selected = select(store, which)
        redactor = redactor_for(store, selected, redact or True, listen)
        silent = redactor_for(store, selected, redact or True)
        with telling(len(selected), "Searching", progress) as tell:
            for chunk in chunks(store, selected):
                for conversation in chunk.conversations():
                    current[:] = conversation.session_id, silent.text(conversation.title)
                    redactor.conversation(conversation)
                tell(chunk.tables["sessions"].num_rows)
    rows = [(key[0], row[0], key[1], key[2], row[1], row[2]) for key, row in found.items()]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"count": "int64"})
