"""The house rules that a tool can check."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    "command",
    [["ruff", "check"], ["ruff", "format", "--check"], ["basedpyright", "--pythonpath", sys.executable]],
    ids=["ruff", "format", "types"],
)
def test_clean(command):
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_files_stay_readable_at_one_sitting():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in [*ROOT.glob("langswarm_nb/**/*.py"), *ROOT.glob("langswarm_nb/**/*.js")]
        if (lines := len(path.read_text().splitlines())) > 420
    }
    assert not long


def test_the_readme_has_two_commands():
    readme = (ROOT / "README.md").read_text()
    blocks = re.findall(r"<!-- (start|test) -->\n```bash\n(.*?)\n```\n<!-- end -->", readme, flags=re.S)
    assert [name for name, _ in blocks] == ["start", "test"]
    assert all("\n" not in command for _, command in blocks)


def test_one_module_connects_to_duckdb():
    at_home = ROOT / "langswarm_nb" / "storage" / "connecting.py"
    elsewhere = [path for path in ROOT.glob("langswarm_nb/**/*.py") if "duckdb.connect(" in path.read_text()]
    assert elsewhere == [at_home]
