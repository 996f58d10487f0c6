"""What would be released: the wheel's content. `scripts/release_check.py` does the rest, which takes a minute."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def check():
    spec = importlib.util.spec_from_file_location("release_check", ROOT / "scripts" / "release_check.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_wheel_has_what_it_needs_and_is_small(wheel, check):
    assert check.problems_of_wheel(wheel) == []
    assert wheel.stat().st_size < 1_000_000


def test_the_check_sees_what_is_missing_and_what_is_too_much(wheel, check, tmp_path):
    broken = tmp_path / wheel.name
    with zipfile.ZipFile(wheel) as good, zipfile.ZipFile(broken, "w") as bad:
        for name in good.namelist():
            if not name.endswith(("py.typed", "chat.css")):
                bad.writestr(name, good.read(name))
        bad.writestr("tests/test_secret.py", "")
        bad.writestr("langswarm_nb/notebooks/team.db", "")
    problems = "\n".join(check.problems_of_wheel(broken))
    for name in ("py.typed is missing", "chat.css is missing", "test_secret.py should not", "team.db should not"):
        assert name in problems


def test_the_binder_image_needs_no_more_than_the_wheel_and_jupyterlab():
    lines = (ROOT / "binder" / "requirements.txt").read_text().split()
    assert lines == ["-c", "constraints.txt", ".[lab]"]
