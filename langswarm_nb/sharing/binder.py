"""Links that open a repository on Binder (https://mybinder.org), and badges with them."""

from __future__ import annotations

import re
import subprocess
from html import escape
from typing import NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from ..errors import ConfigurationError

HOST = "https://mybinder.org"
_NAME = r"[A-Za-z0-9][A-Za-z0-9._\-]*"
_SHORT = re.compile(rf"({_NAME})/({_NAME}?)(?:\.git)?")
_SSH = re.compile(r"(?:ssh://)?git@([\w.\-]+)[:/](.+)")


class Badge(NamedTuple):
    """A launch badge: its address, and the snippets for a README in Markdown and for a page in HTML."""

    url: str
    markdown: str
    html: str


def binder_url(
    repo: str | None = None, ref: str = "HEAD", path: str | None = None, *, session: str | None = None, host: str = HOST
) -> str:
    """Return the link that opens `repo` on Binder, in JupyterLab, on the notebook (or file) `path`.

    `repo`: "owner/name" on GitHub, the address of a repository, folder or file on GitHub or GitLab, of a gist, or of
    any git repository over https; None for the git repository that the notebook is in, by its remote. `ref`: a branch,
    tag or commit; one that stands in the address wins over "HEAD". `session`: the id of a session that the notebook's
    `ls.replay` begins with (without `path`, that of a bundle). ConfigurationError for what is no repository, and for an
    address with credentials in it.
    """
    provider, spec, told_ref, told_path = _understood((repo if repo is not None else _remote()).strip())
    ref = told_ref if told_ref and ref == "HEAD" else ref.strip()
    if not ref:
        raise ConfigurationError("ref is empty. Give a branch, a tag or a commit.")
    path = (path or told_path or "").strip("/")
    if session is not None and not path:
        path = "index.ipynb"
    address = f"{host.rstrip('/')}/v2/{provider}/{spec}/{quote(ref, safe='')}"
    if not path:
        return f"{address}?{urlencode({'urlpath': 'lab'})}"
    if ".." in path.split("/"):
        raise ConfigurationError(f"The path {path!r} leads out of the repository.")
    opened = f"lab/tree/{quote(path)}"
    if session is not None:
        opened += f"?{urlencode({'session': session}, quote_via=quote)}"
    return f"{address}?{urlencode({'urlpath': opened}, quote_via=quote, safe='')}"


def binder_badge(
    repo: str | None = None,
    ref: str = "HEAD",
    path: str | None = None,
    *,
    session: str | None = None,
    label: str = "Open on Binder",
    host: str = HOST,
) -> Badge:
    """Return the launch badge of `binder_url` with the same arguments: `url`, `markdown`, `html`."""
    url = binder_url(repo, ref, path, session=session, host=host)
    image = f"{host.rstrip('/')}/badge_logo.svg"
    words = re.sub(r"([\\\[\]])", r"\\\1", label)
    return Badge(
        url,
        f"[![{words}]({image})]({url})",
        f'<a href="{escape(url)}"><img src="{escape(image)}" alt="{escape(label)}"></a>',
    )


def _remote() -> str:
    """Return the address from which the folder's repository came, without what somebody logs in with."""
    try:
        # What stands in .git/config, as git itself understands it; nothing is asked of the remote.
        command = ["git", "ls-remote", "--get-url"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
        address = done.stdout.strip() if done.returncode == 0 else ""
    except (OSError, subprocess.TimeoutExpired):
        address = ""
    # Where there is no remote, git says the name that it would have.
    if "/" not in address:
        raise ConfigurationError(
            "This folder is in no git repository with a remote. Say which one it is: ls.binder_url('owner/name')."
        )
    return re.sub(r"^(https?://)[^/@]*@", r"\1", address)


def _understood(repo: str) -> tuple[str, str, str | None, str | None]:
    """Return Binder's name of the host, the repository in its words, and the ref and path that the address names."""
    if ssh := _SSH.fullmatch(repo):
        repo = f"https://{ssh[1]}/{ssh[2]}"
    if "://" not in repo:
        if short := _SHORT.fullmatch(repo):
            return "gh", f"{short[1]}/{short[2]}", None, None
        if re.match(r"(?:www\.)?(?:github|gitlab|gist\.github)\.com/", repo):
            repo = f"https://{repo}"
        else:
            raise _no_repository(repo)
    address = urlsplit(repo)
    if address.username or address.password:
        raise ConfigurationError("The repository's address holds credentials. Everybody would see them in the link.")
    host = (address.hostname or "").removeprefix("www.")
    parts = [part for part in address.path.split("/") if part]
    if host == "github.com" and len(parts) >= 2:
        ref, path = _inside(parts[2:], ("tree", "blob"))
        return "gh", f"{quote(parts[0])}/{quote(parts[1].removesuffix('.git'))}", ref, path
    if host == "gist.github.com" and parts:
        owner, gist = (parts[0], parts[1]) if len(parts) > 1 else ("", parts[0])
        if not owner:
            raise ConfigurationError("A gist needs its owner: https://gist.github.com/OWNER/ID.")
        return "gist", f"{quote(owner)}/{quote(gist.removesuffix('.git'))}", None, None
    if host == "gitlab.com" and len(parts) >= 2:
        end = parts.index("-") if "-" in parts else len(parts)
        ref, path = _inside(parts[end + 1 :], ("tree", "blob"))
        return "gl", quote("/".join(parts[:end]).removesuffix(".git"), safe=""), ref, path
    if address.scheme == "https" and host and parts:
        return "git", quote(f"https://{address.netloc}{address.path}", safe=""), None, None
    raise _no_repository(repo)


def _inside(rest: list[str], words: tuple[str, ...]) -> tuple[str | None, str | None]:
    if len(rest) >= 2 and rest[0] in words:
        return rest[1], "/".join(rest[2:]) or None
    return None, None


def _no_repository(repo: str) -> ConfigurationError:
    return ConfigurationError(
        f"{repo!r} is no repository that Binder opens. Give 'owner/name' on GitHub, or the address of a repository on "
        "GitHub, GitLab or any git server over https, or of a gist."
    )
