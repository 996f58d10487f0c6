"""Links that open a repository on Binder."""

from __future__ import annotations

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
