"""Is this tree fit to be released? `pip install ".[release,docs]"`, then `python scripts/release_check.py`.

Looks whether the repository has a name; builds the sdist and, from it, the wheel; looks into both; has twine check
them; installs the wheel alone into a new environment and uses it there; builds the site in strict mode. Prints what it
did and ends with 1 at the first failure.
"""

from __future__ import annotations

import email
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

import name_repository

ROOT = Path(__file__).resolve().parent.parent
LARGEST = 1_000_000
STATIC = (".js", ".css")

USE_IT = """
import importlib.metadata, sys
import langswarm_nb as ls
heavy = {"duckdb", "pandas", "plotly", "ipywidgets", "anywidget", "openai", "anthropic"} & set(sys.modules)
assert not heavy, heavy
assert ls.__version__ == importlib.metadata.version("langswarm-nb")
for name in ls.__all__:
    getattr(ls, name)

import asyncio, tempfile
from pathlib import Path
from langswarm_nb.cli import copy_notebooks

async def main(folder):
    async with ls.create_session_manager(storage=f"{folder}/a.duckdb", providers={"mock": None}) as manager:
        session = await manager.create_session("ada", "mock", "mock-model")
        assert (await session.send_message("hello")).content == "Mock response to: hello"
    assert len(copy_notebooks(Path(folder))) >= 2

with tempfile.TemporaryDirectory() as folder:
    asyncio.run(main(folder))
"""


def problems_of_repository(root: Path = ROOT) -> list[str]:
    """Return what is wrong with where this is said to be, a sentence each."""
    name = name_repository.named(root)
    if name == "OWNER/REPOSITORY":
        return ["The repository has no name yet: `python scripts/name_repository.py OWNER/NAME` fills it in."]
    badge = f"(https://mybinder.org/v2/gh/{name}/HEAD?"
    return [] if badge in (root / "README.md").read_text() else [f"The README's badge does not open {name}."]


def problems_of_wheel(wheel: Path) -> list[str]:
    """Return what is wrong with the wheel, a sentence each."""
    problems = []
    size = wheel.stat().st_size
    if size >= LARGEST:
        problems.append(f"The wheel has {size:,} bytes; {LARGEST:,} are allowed.")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = email.message_from_bytes(archive.read(next(n for n in names if n.endswith("dist-info/METADATA"))))
    package = ROOT / "langswarm_nb"
    wanted = [path.relative_to(ROOT).as_posix() for path in package.rglob("*") if path.suffix in (".py", *STATIC)]
    wanted += ["langswarm_nb/py.typed", "langswarm_nb/__init__.pyi"]
    wanted += [f"langswarm_nb/notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")]
    problems += [f"{name} is missing." for name in sorted(wanted) if name not in names]
    inside = ("langswarm_nb/", f"{'-'.join(wheel.name.split('-')[:2])}.dist-info/")
    problems += [f"{name} should not be there." for name in sorted(names) if not name.startswith(inside)]
    left_over = (".pyc", ".duckdb", ".db", ".lease", ".map")
    problems += [f"{name} should not be there." for name in sorted(names) if name.endswith(left_over)]
    if not metadata.get_payload() or "text/markdown" not in (metadata["Description-Content-Type"] or ""):
        problems.append("The description is not the README.")
    return problems


def main() -> int:
    """Run every check."""
    if problems := problems_of_repository():
        print("\n".join(problems), file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder) / "dist"
        _run("build", sys.executable, "-m", "build", "--outdir", built, ROOT)
        (wheel,) = built.glob("*.whl")
        (sdist,) = built.glob("*.tar.gz")
        _say("wheel", f"{wheel.name}, {wheel.stat().st_size:,} bytes; sdist {sdist.stat().st_size:,}")
        if problems := problems_of_wheel(wheel):
            print("\n".join(problems), file=sys.stderr)
            return 1
        _run("twine", sys.executable, "-m", "twine", "check", "--strict", wheel, sdist)
        clean = Path(folder) / "clean"
        venv.create(clean, with_pip=True)
        python = clean / "bin" / "python"
        _run("install", python, "-m", "pip", "install", "-q", wheel)
        # From a folder of its own, so that the wheel is imported and not the tree.
        _run("use", python, "-W", "error", "-c", USE_IT, folder=Path(folder))
        _run("command", clean / "bin" / "langswarm-nb", "--version", folder=Path(folder))
    _run("site", sys.executable, "-m", "zensical", "build", "--strict", "--clean")
    _say("done", "fit to be released")
    return 0


def _run(name: str, *command: object, folder: Path = ROOT) -> None:
    done = subprocess.run([str(part) for part in command], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout + done.stderr, file=sys.stderr)
        raise SystemExit(f"{name}: failed")
    _say(name, "done")


def _say(name: str, text: str) -> None:
    print(f"{name:8} {text}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
