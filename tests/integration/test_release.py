"""What would be released: the wheel's content. `scripts/release_check.py` does the rest, which takes a minute."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import langswarm_nb as ls

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
    sys.path.insert(0, str(ROOT / "scripts"))
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


def test_nothing_is_released_before_the_repository_has_a_name(check, tmp_path):
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    check.name_repository.rename("OWNER/REPOSITORY", tmp_path)
    assert "has no name yet" in check.problems_of_repository(tmp_path)[0]
    for name in ("ada/notes", "ada/other.notes"):
        check.name_repository.rename(name, tmp_path)
        assert check.problems_of_repository(tmp_path) == []
        assert check.name_repository.named(tmp_path) == name
        link = ls.binder_badge(name, path="notebooks/01-quickstart.ipynb").markdown
        assert link in (tmp_path / "README.md").read_text()
    (tmp_path / "README.md").write_text("# No badge")
    assert "does not open" in check.problems_of_repository(tmp_path)[0]
    with pytest.raises(SystemExit, match="OWNER/NAME"):
        check.name_repository.rename("notes", tmp_path)


def test_the_binder_image_needs_no_more_than_the_wheel_and_jupyterlab():
    lines = (ROOT / "binder" / "requirements.txt").read_text().split()
    assert lines == ["-c", "constraints.txt", ".[lab]"]
