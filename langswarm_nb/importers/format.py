"""What an importer is: how its files are known, and how they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .conversation import Conversation
from .inputs import Entry
from .report import ImportReport

Reader = Callable[[Sequence[Entry], ImportReport], Iterator[Conversation]]


@dataclass(frozen=True)
class Format:
    """One format. `detects` looks at a file's name and first bytes; `read` gets all files of this format together."""

    name: str
    label: str
    detects: Callable[[Entry], bool]
    read: Reader


def one_by_one(read: Callable[[Entry, ImportReport], Iterator[Conversation]]) -> Reader:
    """Return the reader of a format whose files have nothing to do with each other.

    A file that breaks off is reported, and what was read of it before is kept.
    """

    def read_all(entries: Sequence[Entry], report: ImportReport) -> Iterator[Conversation]:
        for entry in entries:
            yield from guarded(entry, report, read(entry, report))
            entry.finish()

    return read_all


def guarded(entry: Entry, report: ImportReport, found: Iterator[Conversation]) -> Iterator[Conversation]:
    """Yield what is found; what the file's own faults raise ends it with a line in the report."""
    try:
        yield from found
    except GeneratorExit:
        raise
    except MemoryError:
        report.skip("file", "one of its values is larger than this machine's memory", entry.name)
    except Exception as error:
        # Whatever a hostile file makes its reader raise, the other files are read.
        report.skip("file", f"it breaks off: {type(error).__name__}: {error}"[:300], entry.name)


def attempt(convert: Callable[[], Conversation | None], report: ImportReport, where: str) -> Iterator[Conversation]:
    """Yield the conversation that `convert` returns; one that cannot be understood is counted in the report."""
    try:
        found = convert()
    except (AttributeError, ArithmeticError, KeyError, LookupError, RecursionError, TypeError, ValueError) as error:
        report.skip("conversation", f"it cannot be understood: {type(error).__name__}: {error}"[:200], where)
        return
    if found is None:
        return
    if not found.messages:
        report.skip("conversation", "it has no messages", where)
        return
    yield found
