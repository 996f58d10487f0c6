"""The public face: what is there, what it costs to import, and which way imports run."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import langswarm_nb

PACKAGE = Path(langswarm_nb.__file__).parent
HEAVY = ("duckdb", "pandas", "pyarrow", "plotly", "ipywidgets", "anywidget", "openai", "anthropic", "genai_prices")


def test_all_is_sorted_and_every_name_is_there():
    assert langswarm_nb.__all__ == sorted(langswarm_nb.__all__)
    for name in langswarm_nb.__all__:
        assert getattr(langswarm_nb, name) is not None


def test_the_stub_names_the_same_things():
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text())
    exported = next(
        ast.literal_eval(node.value)
        for node in stub.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    imported = {
        alias.asname: f"{node.module}"
        for node in stub.body
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    }
    assert sorted(exported) == langswarm_nb.__all__
    assert {name: module for name, module in imported.items() if name != "__version__"} == langswarm_nb._HOME_OF


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_thing"):
        langswarm_nb.no_such_thing  # noqa: B018


def test_importing_the_package_and_its_core_loads_nothing_heavy():
    code = (
        "import sys, langswarm_nb, langswarm_nb.manager, langswarm_nb.interfaces, langswarm_nb.storage,"
        " langswarm_nb.providers, langswarm_nb.runtime\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _imports(path: Path) -> set[str]:
    """Return the package's own modules that `path` imports when it is loaded."""
    module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    is_package = path.name == "__init__.py"
    base = module.removesuffix(".__init__").split(".") if is_package else module.split(".")[:-1]
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("langswarm_nb")}
        elif isinstance(node, ast.ImportFrom):
            start = base[: len(base) - node.level + 1] if node.level else []
            origin = ".".join([*start, *([node.module] if node.module else [])])
            if origin.split(".")[0] == "langswarm_nb":
                found |= {origin, *(f"{origin}.{alias.name}" for alias in node.names)}
    return found


def _modules() -> dict[str, Path]:
    names = {}
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        names[name] = path
    return names


def test_no_circle_of_imports():
    modules = _modules()
    graph = {name: (_imports(path) & set(modules)) - {name} for name, path in modules.items()}
    # Importing a submodule runs its packages' __init__ first, but a package does not depend on its submodules by that.
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, "circle: " + " -> ".join([*trail[trail.index(name) :], name])
        if name in done:
            return
        for needed in sorted(graph[name]):
            if not (name.startswith(f"{needed}.")):
                visit(needed, (*trail, name))
        done.add(name)

    for name in modules:
        visit(name, ())


IMPORT_EACH_ALONE = """
import importlib, os, sys
for heavy in (
    "duckdb", "pandas", "pyarrow", "plotly.graph_objects", "anywidget", "IPython", "sqlalchemy", "openai", "anthropic",
    "genai_prices", "redis.asyncio",
):
    importlib.import_module(heavy)
for name in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        try:
            importlib.import_module(name)
        except BaseException as error:
            print(f"{name}: {type(error).__name__}: {error}", flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="each module is imported in a process of its own, by fork")
def test_every_module_can_be_the_first_that_is_imported():
    names = sorted(name for name in _modules() if name != "langswarm_nb.__main__")
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_EACH_ALONE, *names], capture_output=True, text=True, check=True, timeout=280
    )
    assert done.stdout == ""


FLOORS = [
    r"characters|clock|errors|progress|version|signatures|(redaction|rendering)(\..*)?",
    r"models",
    r"stream_events",
    r"interfaces|reply|attachments",
    r"(providers|storage|middleware|hooks)(\..*)?|instruments|pricing",
    r"session(\..*)?",
    r"(manager|users)(\..*)?|runtime|analytics\.(?!dashboard)\w+(\..*)?|analytics|importers(\..*)?",
    r"testing|(notebook|widgets|sharing|serving)(\..*)?|analytics\.dashboard(\..*)?|cli|__main__",
]


def test_imports_only_go_down():
    def floor(name: str) -> int:
        short = name.removeprefix("langswarm_nb").lstrip(".")
        for number, pattern in enumerate(FLOORS):
            if re.fullmatch(pattern, short):
                return number
        raise AssertionError(f"{name} has no floor: add it to FLOORS")

    modules = _modules()
    for name, path in modules.items():
        if name == "langswarm_nb":
            continue
        for needed in _imports(path) & set(modules) - {"langswarm_nb"}:
            assert floor(needed) <= floor(name), f"{name} imports {needed} from a higher floor"


def test_the_session_knows_no_concrete_provider_or_storage():
    for path in (PACKAGE / "session").glob("*.py"):
        needed = _imports(path)
        assert not {n for n in needed if n.startswith(("langswarm_nb.providers", "langswarm_nb.storage"))}
