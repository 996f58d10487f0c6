"""Write where this repository is into every file that says it: `python scripts/name_repository.py OWNER/NAME`.

`[project.urls]` in pyproject.toml is the one place that is read; the README's badge repeats it. A repository that moves
is named anew in the same way. The release check refuses a placeholder, and files that disagree.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = ("pyproject.toml", "README.md")
_NAME = r"[A-Za-z0-9][A-Za-z0-9._\-]*/[A-Za-z0-9][A-Za-z0-9._\-]*"
_KEPT = re.compile(rf'^Repository = "https://github\.com/({_NAME})"$', re.M)


def named(root: Path = ROOT) -> str:
    """Return the repository's name as pyproject.toml has it."""
    found = _KEPT.search((root / "pyproject.toml").read_text())
    if found is None:
        raise SystemExit('pyproject.toml has no line `Repository = "https://github.com/OWNER/NAME"`.')
    return found[1]


def rename(name: str, root: Path = ROOT) -> None:
    """Write `name` in the place of the one that stands there now."""
    if not re.fullmatch(_NAME, name):
        raise SystemExit(f"{name!r} is no repository on GitHub. Write it as OWNER/NAME.")
    old = re.compile(rf"(?<=[/`]){re.escape(named(root))}(?=[/\"`)])")
    for file in FILES:
        path = root / file
        path.write_text(old.sub(name, path.read_text()))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    rename(sys.argv[1])
    print(f"This repository is https://github.com/{named()} now.")
