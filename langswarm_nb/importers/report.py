"""What an import did: counted, with what was left out and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any

_EXAMPLES = 3


@dataclass(frozen=True)
class Skipped:
    """Something that was left out: how often, why, and the first places."""

    what: str
    reason: str
    count: int
    examples: list[str]


@dataclass
class ImportReport:
    """What an import did. Shows as a table in a notebook and as lines of text when printed.

    A conversation is *imported* when it is new here, *updated* when the source had more or other messages of it than
    the store, and else *unchanged*. `files` names the format of each file that was read. `skipped` tells what was left
    out and why; `pandas.DataFrame(report.skipped)` makes a table of it. After a `dry_run` all of it is what an import
    would do; nothing was written.
    """

    path: str
    location: str = ""
    files: dict[str, str] = field(default_factory=dict)
    conversations_imported: int = 0
    conversations_updated: int = 0
    conversations_unchanged: int = 0
    messages_imported: int = 0
    messages_updated: int = 0
    messages_unchanged: int = 0
    seconds: float = 0.0
    dry_run: bool = False
    _left_out: Counter[tuple[str, str]] = field(default_factory=Counter, repr=False)
    _examples: dict[tuple[str, str], list[str]] = field(default_factory=dict, repr=False)

    def skip(self, what: str, reason: str, where: str = "", count: int = 1) -> None:
        """Count something that is left out: `what` is file, conversation, message, attachment, token count, ..."""
        self._left_out[what, reason] += count
        examples = self._examples.setdefault((what, reason), [])
        if where and len(examples) < _EXAMPLES:
            examples.append(where[:200])

    @property
    def skipped(self) -> list[Skipped]:
        """What was left out, most often first."""
        return [
            Skipped(what, reason, count, list(self._examples[what, reason]))
            for (what, reason), count in self._left_out.most_common()
        ]

    @property
    def conversations(self) -> int:
        """How many conversations were read."""
        return self.conversations_imported + self.conversations_updated + self.conversations_unchanged

    @property
    def messages(self) -> int:
        """How many messages were read."""
        return self.messages_imported + self.messages_updated + self.messages_unchanged

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON-ready values."""
        return {
            **{key: value for key, value in asdict(self).items() if not key.startswith("_")},
            "skipped": [asdict(one) for one in self.skipped],
        }

    def __str__(self) -> str:
        formats = Counter(self.files.values())
        origin = ", ".join(f"{name} ({count} file{'s' * (count > 1)})" for name, count in formats.items())
        lines = [f"{self.path}: {origin or 'nothing to import'}"]
        lines += [
            f"  {name:14} {new:>9,} imported {more:>9,} updated {same:>9,} unchanged"
            for name, new, more, same in self._rows()
        ]
        if self.dry_run:
            lines.append("  dry run: nothing was written")
        if self._left_out:
            lines.append("  left out:")
            lines += [
                f"    {skipped.count:>9,} {skipped.what}: {skipped.reason}{_shown(skipped)}" for skipped in self.skipped
            ]
        return "\n".join(lines)

    def _rows(self) -> list[tuple[str, int, int, int]]:
        return [
            ("conversations", self.conversations_imported, self.conversations_updated, self.conversations_unchanged),
            ("messages", self.messages_imported, self.messages_updated, self.messages_unchanged),
        ]

    def _repr_html_(self) -> str:
        formats = Counter(self.files.values())
        origin = ", ".join(f"{escape(name)} ({count:,} file{'s' * (count > 1)})" for name, count in formats.items())
        rows = "".join(
            f"<tr><td style='text-align:left'>{name}</td><td>{new:,}</td><td>{more:,}</td><td>{same:,}</td></tr>"
            for name, new, more, same in self._rows()
        )
        left_out = "".join(
            f"<tr><td style='text-align:left'>{escape(s.what)}</td><td>{s.count:,}</td>"
            f"<td style='text-align:left'>{escape(s.reason + _shown(s))}</td></tr>"
            for s in self.skipped
        )
        html = (
            f"<div class='lsnb-import'><p><b>{escape(self.path)}</b>: {origin or 'nothing to import'}"
            f"{f', {self.seconds:.1f} s' if self.seconds else ''}{'; dry run, nothing was written' * self.dry_run}</p>"
            "<table><thead><tr><th></th><th>imported</th><th>updated</th><th>unchanged</th></tr></thead>"
            f"<tbody>{rows}</tbody></table>"
        )
        if left_out:
            html += (
                "<p>Left out:</p><table><thead><tr><th style='text-align:left'>what</th><th>how many</th>"
                f"<th style='text-align:left'>why</th></tr></thead><tbody>{left_out}</tbody></table>"
            )
        return html + "</div>"


def _shown(skipped: Skipped) -> str:
    return f" (as in {'; '.join(skipped.examples)})" if skipped.examples else ""
