"""Links that open a repository on Binder."""

from __future__ import annotations

import subprocess

import pytest

import langswarm_nb as ls

HOST = "https://mybinder.org/v2"


@pytest.mark.parametrize(
    ("repo", "where"),
    [
        ("ada/notes", "gh/ada/notes/HEAD"),
        ("https://github.com/ada/notes", "gh/ada/notes/HEAD"),
        ("https://github.com/ada/notes.git", "gh/ada/notes/HEAD"),
        ("github.com/ada/notes/", "gh/ada/notes/HEAD"),
        ("git@github.com:ada/notes.git", "gh/ada/notes/HEAD"),
        ("https://github.com/ada/notes/tree/v1.2", "gh/ada/notes/v1.2"),
        ("https://gitlab.com/group/sub/notes", "gl/group%2Fsub%2Fnotes/HEAD"),
        ("https://gist.github.com/ada/0123abc", "gist/ada/0123abc/HEAD"),
        ("https://git.example.org/ada/notes.git", "git/https%3A%2F%2Fgit.example.org%2Fada%2Fnotes.git/HEAD"),
    ],
)
def test_addresses(repo, where):
    assert ls.binder_url(repo) == f"{HOST}/{where}?urlpath=lab"


def test_a_notebook_a_branch_and_a_session():
    assert ls.binder_url("a/b", "my/branch", "my dir/x.ipynb") == (
        f"{HOST}/gh/a/b/my%2Fbranch?urlpath=lab%2Ftree%2Fmy%2520dir%2Fx.ipynb"
    )
    assert ls.binder_url("https://github.com/a/b/blob/main/n/x.ipynb").endswith(
        "/a/b/main?urlpath=lab%2Ftree%2Fn%2Fx.ipynb"
    )
    assert ls.binder_url("https://gitlab.com/a/b/-/blob/main/x.ipynb").endswith(
        "a%2Fb/main?urlpath=lab%2Ftree%2Fx.ipynb"
    )
    assert ls.binder_url("a/b", session="s 1").endswith("?urlpath=lab%2Ftree%2Findex.ipynb%3Fsession%3Ds%25201")


def test_a_badge():
    badge = ls.binder_badge("a/b", label='On "Binder" [now]')
    assert badge.markdown == (
        f'[![On "Binder" \\[now\\]](https://mybinder.org/badge_logo.svg)]({HOST}/gh/a/b/HEAD?urlpath=lab)'
    )
    assert badge.html == (
        f'<a href="{badge.url}"><img src="https://mybinder.org/badge_logo.svg" alt="On &quot;Binder&quot; [now]"></a>'
    )


@pytest.mark.parametrize(
    "repo",
    ["", "notes", "a/b/c", "http://x.org/a", "ftp://x.org/a/b", "/home/ada/notes", "https://ghp_x@github.com/a/b"],
)
def test_what_binder_cannot_open(repo):
    with pytest.raises(ls.ConfigurationError):
        ls.binder_url(repo)


def test_a_path_stays_inside():
    with pytest.raises(ls.ConfigurationError, match="out of"):
        ls.binder_url("a/b", path="../x.ipynb")


@pytest.mark.parametrize(
    "remote", ["git@github.com:ada/notes.git", "https://github.com/ada/notes.git", "https://ada:t0ken@github.com/ada/notes"]
)  # fmt: skip
def test_without_a_repository_it_is_the_one_that_the_notebook_is_in(tmp_path, monkeypatch, remote):
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    with pytest.raises(ls.ConfigurationError, match="no git repository with a remote"):
        ls.binder_url()
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    with pytest.raises(ls.ConfigurationError, match="owner/name"):
        ls.binder_badge()
    subprocess.run(["git", "remote", "add", "origin", remote], check=True)
    assert ls.binder_url() == f"{HOST}/gh/ada/notes/HEAD?urlpath=lab"
    assert f"({ls.binder_url(path='a.ipynb')})" in ls.binder_badge(path="a.ipynb").markdown
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ls.ConfigurationError, match="owner/name"):
        ls.binder_url()
