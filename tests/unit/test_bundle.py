"""What `ls.share_bundle` writes: what a reader needs, and nothing else."""

from __future__ import annotations

import json
import sys
import zipfile
from fnmatch import fnmatch
from importlib.metadata import distribution
from pathlib import Path

import nbformat
import pytest
from sharing_stores import message_row, rich_session, session_row, source_of, store_at

import langswarm_nb as ls
from langswarm_nb.analytics.demo import demo_tables
from langswarm_nb.analytics.source import ArrowSource
from langswarm_nb.sharing import environment

WHEEL = f"langswarm_nb-{ls.__version__}-py3-none-any.whl"
FILES = [
    ".gitignore", "README.md", "binder/constraints.txt", f"binder/{WHEEL}", "binder/postBuild",
    "binder/requirements.txt", "binder/runtime.txt", "conversations.duckdb", "index.ipynb",
]  # fmt: skip


def two_people():
    rows = [message_row(f"s{n}", 1, "user", f"I am {name}@example.com") for n, name in enumerate(("ada", "bob"))]
    return source_of([session_row("s0", user_id="ada", title="One"), session_row("s1", user_id="bob")], rows)


def test_it_has_what_a_reader_needs_and_nothing_else(tmp_path):
    done = ls.share_bundle(tmp_path / "b", source=source_of(*rich_session()), repo="ada/chats", title="My *chats*")
    written = sorted(path.relative_to(done.path).as_posix() for path in done.path.rglob("*") if path.is_file())
    assert written == FILES == sorted(done.files)
    assert (done.sessions, done.messages) == (1, 7)

    notebook = nbformat.read(done.path / "index.ipynb", as_version=4)
    nbformat.validate(notebook)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert "ls.replay(source=" in code
    assert "ls.dashboard(source=" in code
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for said in ("# My \\*chats\\*", "How large is", "print(3 * 4)", "An older answer.", 'ls.replay("s1", '):
        assert said in prose

    readme = (done.path / "README.md").read_text()
    assert done.badge.markdown in readme
    assert ls.binder_url("ada/chats", path="index.ipynb", session="s1") in readme
    assert "Put it online" not in readme
    binder = done.path / "binder"
    assert (binder / "requirements.txt").read_text() == f"-c constraints.txt\n./binder/{WHEEL}[lab]\n"
    assert (binder / "runtime.txt").read_text() == f"python-{sys.version_info[0]}.{sys.version_info[1]}\n"
    assert (binder / "postBuild").stat().st_mode & 0o111
    # The store opens as any other, and what lies beside it meanwhile is not committed.
    assert len(ls.messages(done.path / "conversations.duckdb")) == 7
    ignored = (done.path / ".gitignore").read_text().split()
    beside = {path.name for path in done.path.iterdir()} - set(done.files) - {"binder"}
    assert beside
    assert [name for name in beside if not any(fnmatch(name, pattern) for pattern in ignored)] == []
    assert ls.share_bundle(done.path, source=source_of(*rich_session()), overwrite=True).files == done.files


def test_it_is_redacted_unless_one_says_otherwise(tmp_path):
    done = ls.share_bundle(tmp_path / "b", source=two_people())
    assert done.redacted is not None
    assert done.redacted["email"] == 2
    assert "redacted: " in str(done)
    for name in ("index.ipynb", "README.md", "conversations.duckdb"):
        assert b"ada@example.com" not in (done.path / name).read_bytes()
    plain = ls.share_bundle(tmp_path / "plain", source=two_people(), redact=False)
    assert "not redacted" in str(plain)
    assert "ada@example.com" in (plain.path / "index.ipynb").read_text().replace("\\", "")
    hidden = ls.share_bundle(tmp_path / "c", redact=["I am"], source=two_people(), title="I am here")
    assert "I am" not in (hidden.path / "index.ipynb").read_text() + (hidden.path / "README.md").read_text()


def test_only_what_was_chosen_is_in_it(tmp_path):
    done = ls.share_bundle(tmp_path / "b", {"user_id": "ada"}, redact=False, source=two_people())
    assert ls.sessions(done.path / "conversations.duckdb").session_id.tolist() == ["s0"]
    assert b"bob" not in (done.path / "conversations.duckdb").read_bytes() + (done.path / "index.ipynb").read_bytes()
    with pytest.raises(ls.ConfigurationError, match="No conversation was chosen"):
        ls.share_bundle(tmp_path / "none", {"user_id": "carol"}, source=two_people())
    assert not (tmp_path / "none").exists()


def test_what_is_in_the_trash_stays_there(tmp_path):
    sessions = [session_row("s0"), session_row("s1", status="deleted"), session_row("s2", status="archived")]
    source = source_of(sessions, [message_row(f"s{n}", 1, "user", f"word{n}") for n in range(3)])
    assert ls.share_bundle(tmp_path / "b", source=source).sessions == 2
    assert ls.export("all", tmp_path / "a.json", source=source).sessions == 2
    assert ls.export({"user_id": "u"}, tmp_path / "c.json", source=source).sessions == 2
    assert ls.export({"status": "deleted"}, tmp_path / "d.json", source=source).sessions == 1
    assert ls.export("s1", tmp_path / "e.json", source=source).sessions == 1


def test_a_zip_is_the_same(tmp_path):
    done = ls.share_bundle(tmp_path / "b.zip", source=two_people())
    with zipfile.ZipFile(done.path) as archive:
        assert sorted(archive.namelist()) == FILES
        assert archive.getinfo("binder/postBuild").external_attr >> 16 & 0o111
    assert [path.name for path in tmp_path.iterdir()] == ["b.zip"]


def test_a_long_history_has_a_notebook_that_opens(tmp_path):
    long = "word " * 60_000
    rows = [message_row(f"s{n}", 1, "user", f"{n} {long}") for n in range(4)]
    done = ls.share_bundle(tmp_path / "b", source=source_of([session_row(f"s{n}") for n in range(4)], rows))
    assert (done.path / "index.ipynb").stat().st_size < 1_000_000
    assert "3 conversations more" in (done.path / "index.ipynb").read_text()
    assert len(ls.messages(done.path / "conversations.duckdb")) == 4


@pytest.mark.parametrize("name", ["b", "b.zip"])
def test_an_interrupt_leaves_what_was_there(tmp_path, name):
    source = ArrowSource(demo_tables(600))

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ls.share_bundle(tmp_path / name, source=source, progress=interrupt)
    assert list(tmp_path.iterdir()) == []
    ls.share_bundle(tmp_path / name, source=two_people())
    with pytest.raises(ls.ConfigurationError, match="is there already"):
        ls.share_bundle(tmp_path / name, source=source)
    with pytest.raises(KeyboardInterrupt):
        ls.share_bundle(tmp_path / name, source=source, progress=interrupt, overwrite=True)
    assert ls.share_bundle(tmp_path / name, source=two_people(), overwrite=True).sessions == 2
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_other_files_and_the_store_itself_are_not_replaced(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "thesis.md").write_text("years")
    with pytest.raises(ls.ConfigurationError, match=r"thesis\.md"):
        ls.share_bundle(folder, source=two_people(), overwrite=True)
    (folder / "thesis.md").unlink()
    store = store_at(folder / "conversations.duckdb", *rich_session())
    with pytest.raises(ls.ConfigurationError, match="the store itself"):
        ls.share_bundle(folder, source=store, overwrite=True)
    assert len(ls.messages(store)) == 7


def test_what_binder_installs(tmp_path, monkeypatch):
    released = environment.environment_of("langswarm-nb[lab]==9.9")
    assert released.files["requirements.txt"] == b"-c constraints.txt\nlangswarm-nb[lab]==9.9\n"
    (tmp_path / WHEEL).write_bytes(b"a wheel")
    assert environment.environment_of(tmp_path / WHEEL).files[WHEEL] == b"a wheel"
    with pytest.raises(ls.ConfigurationError, match="no wheel at"):
        environment.environment_of("nowhere.whl")

    pins = released.files["constraints.txt"].decode().splitlines()
    names = {pin.partition("==")[0] for pin in pins}
    assert {"duckdb", "pandas", "jupyterlab", "ipykernel", "anywidget", "fqdn"} <= names
    assert not names & {"langswarm-nb", "pytest", "ruff", "playwright", "redis", "cryptography"}
    assert len(names) == len(pins)

    # As if it had come from PyPI: then nothing is packed.
    monkeypatch.setattr(environment, "_is_released", lambda here: True)
    from_index = environment.environment_of()
    assert from_index.files["requirements.txt"].decode().endswith(f"\nlangswarm-nb[lab]=={ls.__version__}\n")
    assert set(from_index.files) == {"requirements.txt", "constraints.txt", "runtime.txt", "postBuild"}


def test_the_packed_wheel_is_the_package(tmp_path):
    here = distribution("langswarm-nb")
    content = environment.packed(here)
    assert content == environment.packed(here)
    assert len(content) < 1_000_000
    path = tmp_path / WHEEL
    path.write_bytes(content)
    package = Path(ls.__file__).parent
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        assert (
            archive.read("langswarm_nb/widgets/static/chat.css") == (package / "widgets/static/chat.css").read_bytes()
        )
    assert not [name for name in names if "__pycache__" in name]
    metadata = f"langswarm_nb-{ls.__version__}.dist-info/METADATA"
    assert names[-1].endswith("RECORD")
    assert metadata in names


def test_hostile_titles_stay_text(tmp_path):
    evil = '](javascript:alert(1)) <img src=x onerror=alert(2)> "quotes"\n# heading'
    source = source_of([session_row("s1", title=evil)], [message_row("s1", 1, "user", "hi")])
    done = ls.share_bundle(tmp_path / "b", source=source, title=evil, repo="a/b")
    for text in ((done.path / "README.md").read_text(), *_markdown(done.path / "index.ipynb")):
        assert "<img" not in text.replace("\\<", "")
        assert "](javascript" not in text.replace("\\]", "")
        assert "\n# heading" not in text


def _markdown(path: Path) -> list[str]:
    cells = json.loads(path.read_text())["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
