"""What a contributor's tools read: it parses, it names what there is, and it does what it says."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]


def test_the_hook_for_keys_finds_keys_and_leaves_the_tree_alone():
    hook = next(hook for hook in HOOKS if hook["id"] == "keys")
    pattern = re.compile(hook["entry"])
    planted = ["sk-ant-" + "a1" * 20, "AKIA" + "A1" * 8, "ghp_" + "x" * 36, "-----BEGIN RSA " + "PRIVATE KEY"]
    assert all(pattern.search(text) for text in planted)
    kept = [
        *ROOT.glob("notebooks/*.ipynb"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("*.md"),
        *ROOT.glob("langswarm_nb/**/*.py"),
    ]
    assert [str(path) for path in kept if pattern.search(path.read_text())] == []


def test_hooks_are_pinned():
    for hook in HOOKS:
        assert all("==" in name for name in hook.get("additional_dependencies", []))


def test_issue_forms_have_what_a_form_needs():
    for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"):
        form = yaml.safe_load(path.read_text())
        if path.stem == "config":
            continue
        assert {"name", "description", "body"} <= form.keys()
        ids = [field["id"] for field in form["body"]]
        assert len(ids) == len(set(ids))
        assert any(field.get("validations", {}).get("required") for field in form["body"])


def test_folders_that_contributing_names_are_there():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    named = re.findall(
        r"`((?:tests|docs|scripts|benchmarks|providers|storage|importers|analytics)/?[\w/]*(?:\.\w+)?)`", text
    )
    assert len(named) > 15
    missing = [name for name in named if not (ROOT / name).exists() and not (ROOT / "langswarm_nb" / name).exists()]
    assert missing == []


def test_the_packages_notebooks_are_those_of_the_repository():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    shipped = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert sorted(shipped) == sorted(f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb"))
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        assert json.loads(path.read_text())["nbformat"] == 4


def test_binder_pins_all_that_the_package_and_jupyterlab_need():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["lab"]]
    lines = (ROOT / "binder" / "constraints.txt").read_text().splitlines()
    pinned = {_normal(line.partition("==")[0]) for line in lines if "==" in line}
    assert [name for name in needed if _normal(re.split(r"[<>=~\[; ]", name)[0]) not in pinned] == []


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
