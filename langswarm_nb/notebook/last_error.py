"""The last exception of the notebook, told to a model: what failed, in which cell, with which names."""

from __future__ import annotations

import linecache
import re
import sys
import textwrap
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any

from IPython.core.error import UsageError

from ..errors import ConfigurationError
from ..redaction import mask_secrets

TASK = "This cell of my notebook failed. Say in plain words what went wrong and why, then show the corrected cell."
# What a model needs of a long traceback are its two ends.
MOST_FRAMES = 8
LONGEST_MESSAGE = 2_000
LONGEST_CELL = 8_000
LONGEST_LINE = 500
LONGEST_TRACEBACK = 20_000
# Of a group of exceptions: so many of each group, and groups within groups as deep as this.
MOST_IN_GROUP = 5
DEEPEST_GROUP = 3
MOST_NAMES = 12
MOST_COLUMNS = 40


@dataclass
class Failure:
    """An exception, and the cell that raised it."""

    error: BaseException
    cell: str

    def __str__(self) -> str:
        return mask_secrets(f"{type(self.error).__name__}: {_message(self.error)}").rstrip(": ")


class LastError:
    """Remembers the last exception of a shell that was the reader's own."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._failure: Failure | None = None

    def note(self, result: Any) -> None:
        """Look at a cell's result; IPython calls it after every cell."""
        error = result.error_in_exec or result.error_before_exec
        if not _is_meant(error):
            return
        info = getattr(result, "info", None)
        self._failure = Failure(error, getattr(info, "raw_cell", None) or "")

    def get(self) -> Failure:
        """Return the last failure, also one from before the magics were loaded; ConfigurationError where none is."""
        last = getattr(sys, "last_value", None)
        if self._failure is None and last is not None and _is_meant(last):
            self._failure = Failure(last, self._cell_of(last))
        if self._failure is None:
            raise ConfigurationError("No cell has failed so far. Run the one that does, then %chat fix.")
        return self._failure

    def _cell_of(self, error: BaseException) -> str:
        names = [frame.f_code.co_filename for frame, _ in _frames(error.__traceback__)]
        if isinstance(error, SyntaxError) and error.filename:
            names.append(error.filename)
        cells = [name for name in names if self._label(name)]
        return "".join(linecache.getlines(cells[0])) if cells else ""

    def _label(self, file: str) -> str:
        """Return `Cell In[3]` for the code of a cell, else ''."""
        told = self._shell.compile.format_code_name(file) if self._shell is not None else None
        return " ".join(told) if told else ""

    def prompt(self, question: str = "") -> str:
        """Return what a model is asked: the reader's `question`, else to explain and correct, and `describe()`."""
        return f"{question.strip() or TASK}\n\n{self.describe()}"

    def describe(self) -> str:
        """Return what a model should read of the last failure: the cell, the error, the names in the line that failed.

        Of the reader's variables types, shapes and columns are told; a value only where the error itself quotes it, and
        no secret that can be recognized.
        """
        failure = self.get()
        cell = _around(failure.cell, self._line_in_cell(failure.error)).strip("\n")
        parts: list[str] = []
        if cell:
            parts.append(f"The cell:\n\n{_fenced(cell, 'python')}")
        told = _shortened(self._traceback(failure.error), LONGEST_TRACEBACK)
        parts.append(f"The error:\n\n{_fenced(told, '')}")
        if names := self._names(failure.error):
            parts.append("Names in the line that failed:\n\n" + "\n".join(f"- {name}" for name in names))
        return mask_secrets("\n\n".join(parts))

    def _line_in_cell(self, error: BaseException) -> int:
        """Return the line of the cell that was run in which it failed, counted from 1; 1 where it is not known."""
        if isinstance(error, SyntaxError) and self._label(error.filename or ""):
            return error.lineno or 1
        return next((line for frame, line in _frames(error.__traceback__) if self._is_cell(frame)), 1)

    def _is_cell(self, frame: FrameType) -> bool:
        return bool(self._label(frame.f_code.co_filename))

    def _traceback(self, error: BaseException, depth: int = 0) -> str:
        chain: list[BaseException] = []
        at: BaseException | None = error
        while at is not None and at not in chain and len(chain) < 3:
            chain.append(at)
            at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)
        return "\n\nthen, while that was handled:\n\n".join(self._one(each, depth) for each in reversed(chain))

    def _one(self, error: BaseException, depth: int) -> str:
        frames = _frames(error.__traceback__)
        # A cell that is no Python was not run: then all frames are IPython's own.
        unread = len(frames) if isinstance(error, SyntaxError) else 0
        first = next((at for at, (frame, _) in enumerate(frames) if self._is_cell(frame)), unread)
        lines = [self._place(frame, line) for frame, line in frames[first:]]
        if len(lines) > MOST_FRAMES:
            half = MOST_FRAMES // 2
            lines = [*lines[:half], f"… {len(lines) - 2 * half} calls in between", *lines[-half:]]
        if isinstance(error, SyntaxError) and error.text:
            text = _shortened(error.text.strip(), LONGEST_LINE)
            lines.append(f"{self._file(error.filename or '')}, line {error.lineno}: {text}")
        lines.append(f"{type(error).__name__}: {_message(error)}")
        lines += [_shortened(str(note)) for note in getattr(error, "__notes__", ())]
        if isinstance(error, BaseExceptionGroup):
            lines += self._group(error, depth)
        return "\n".join(lines)

    def _group(self, group: BaseExceptionGroup[BaseException], depth: int) -> list[str]:
        """Return what is in a group, each exception with its own lines; the group itself says how many there are."""
        if depth >= DEEPEST_GROUP:
            return []
        lines: list[str] = []
        for at, each in enumerate(group.exceptions[:MOST_IN_GROUP], 1):
            lines += [f"  {at}.", textwrap.indent(self._traceback(each, depth + 1), "    ")]
        left_out = len(group.exceptions) - MOST_IN_GROUP
        return [*lines, f"  … and {left_out} more"] if left_out > 0 else lines

    def _place(self, frame: FrameType, line: int) -> str:
        code = frame.f_code
        function = "" if code.co_name == "<module>" else f", in {code.co_name}"
        text = _shortened(linecache.getline(code.co_filename, line).strip(), LONGEST_LINE)
        return f"{self._file(code.co_filename)}, line {line}{function}: {text}"

    def _file(self, path: str) -> str:
        # Whose machine it is is nobody's business.
        where = self._label(path) or re.sub(r"^.*[\\/](?:site-packages|lib)[\\/]", "", path)
        return where if where[:1] not in "/\\" and ":" not in where[:3] else re.split(r"[\\/]", where)[-1]

    def _names(self, error: BaseException) -> list[str]:
        own = [pair for pair in _frames(error.__traceback__) if self._label(pair[0].f_code.co_filename)]
        if not own:
            return []
        frame, line = own[-1]
        words = dict.fromkeys(re.findall(r"[^\W\d]\w*", linecache.getline(frame.f_code.co_filename, line)))
        known = {**frame.f_globals, **frame.f_locals}
        return [f"`{word}`: {_kind(known[word])}" for word in words if word in known][:MOST_NAMES]


def _is_meant(error: BaseException | None) -> bool:
    """Return whether this is an error of the reader's code: no mistyped magic, no cell that was stopped."""
    return error is not None and not isinstance(error, (UsageError, KeyboardInterrupt, SystemExit))


def _frames(traceback: TracebackType | None) -> list[tuple[FrameType, int]]:
    found: list[tuple[FrameType, int]] = []
    while traceback is not None:
        found.append((traceback.tb_frame, traceback.tb_lineno))
        traceback = traceback.tb_next
    return found


def _message(error: BaseException) -> str:
    try:
        # A syntax error's own text names the file, which its line does better.
        text = str((error.msg or "") if isinstance(error, SyntaxError) else error)
    except Exception:
        return "its message cannot be shown"
    return _shortened(text)


def _shortened(text: str, longest: int = LONGEST_MESSAGE) -> str:
    # Half a key is not recognized any more.
    return text if len(text) <= longest else f"{mask_secrets(text)[:longest]} …"


def _around(cell: str, line: int) -> str:
    """Return a cell; of a very long one what stands around `line`, counted from 1, and how much that leaves out."""
    if len(cell) <= LONGEST_CELL:
        return cell
    lines = cell.split("\n")
    first = last = min(max(line, 1), len(lines)) - 1
    room, grows = LONGEST_CELL - len(lines[first]), True
    while grows:
        grows = False
        if first > 0 and len(lines[first - 1]) < room:
            first, grows = first - 1, True
            room -= len(lines[first]) + 1
        if last < len(lines) - 1 and len(lines[last + 1]) < room:
            last, grows = last + 1, True
            room -= len(lines[last]) + 1
    shown = _shortened("\n".join(lines[first : last + 1]), LONGEST_CELL)
    before = [f"# … {first:,} lines before"] if first else []
    after = [f"# … {len(lines) - 1 - last:,} lines after"] if last < len(lines) - 1 else []
    return "\n".join([*before, shown, *after])


def _kind(value: object) -> str:
    try:
        return _kind_in_words(value)
    except Exception:
        # Somebody's class, whose shape or columns cannot be asked for.
        return type(value).__name__


def _kind_in_words(value: object) -> str:
    name = type(value).__name__
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        name += f" of shape {shape}"
        columns = getattr(value, "columns", None)
        if columns is not None:
            shown = ", ".join(map(str, list(columns)[:MOST_COLUMNS]))
            name += f", columns: {shown}{', …' if len(columns) > MOST_COLUMNS else ''}"
    elif isinstance(value, (str, bytes, list, tuple, dict, set)):
        name += f" of length {len(value)}"
    return name


def _fenced(text: str, language: str) -> str:
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"
