"""A folder that opens on Binder with the conversations in it: `ls.share_bundle`."""

from __future__ import annotations

import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..analytics.source import Source, opened
from ..errors import ConfigurationError
from ..progress import Progress, telling
from .binder import Badge, binder_badge, binder_url
from .bundle_notebook import BundleNotebook
from .environment import Environment, environment_of
from .exports import redaction_in_words, refuse_source, target_of
from .files import refuse_existing, whole
from .formats.markdown import line
from .formats.tables import DuckDBWriter
from .formats.text_file import counted
from .redactor import Redactor, redacted_chunks, redactor_for
from .selection import select

STORE = "conversations.duckdb"
NOTEBOOK = "index.ipynb"
_OWN = (STORE, NOTEBOOK, "README.md", "binder", ".gitignore", ".ipynb_checkpoints")
# What lies beside a store while somebody looks at it, and beside a notebook.
_IGNORED = f"{STORE}.*\n.ipynb_checkpoints/\n"
_NO_REPOSITORY = "OWNER/REPOSITORY"
_LISTED = 20


@dataclass(frozen=True)
class Bundle:
    """What was written: the path, its files, how much is in it, how much of each kind was redacted, and the badge.

    `redacted` is None where nothing was; `package` says where Binder gets langswarm_nb from.
    """

    path: Path
    files: tuple[str, ...]
    sessions: int
    messages: int
    redacted: Counter[str] | None
    package: str
    badge: Badge

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        redacted = f"redacted: {redaction_in_words(self.redacted)}" if self.redacted is not None else "not redacted"
        return (
            f"{counted(self.sessions, 'session')}, {counted(self.messages, 'message')} in {self.path}; {redacted}. "
            f"Binder installs {self.package}."
        )

    __repr__ = __str__


def share_bundle(
    path: Any,
    which: Any = "all",
    redact: bool | str | Iterable[str] = True,
    source: Any = None,
    *,
    repo: str | None = None,
    title: str = "Conversations",
    package: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress = None,
) -> Bundle:
    """Write a folder (or `.zip`, by the path's end) that opens on Binder on these conversations; return what it has.

    In it: `index.ipynb`, which shows the conversations as text, replays them and opens the dashboard, without a key;
    `conversations.duckdb`, a store with them and nothing else; `binder/`, the environment with every version pinned as
    it is here; `README.md` with the badge. Make it a public repository; `repo`, "owner/name", is where it will be.

    `which`, `source`, `overwrite` and `progress` are as in `ls.export`. It is redacted unless `redact=False`;
    `redact=["..."]` hides these texts as well. Look at `ls.redaction_preview` first: what is on Binder is public.

    `package` is what Binder installs: None for this version, from PyPI if it came from there, else as a wheel that is
    packed into the bundle; or the path of a wheel; or a requirement as pip takes it. ConfigurationError where nothing
    was chosen, where the path is taken, and for a folder with other files in it even with `overwrite`.
    """
    target = target_of(path)
    refuse_existing(target, overwrite)
    _refuse_other_files(target)
    badge = binder_badge(repo or _NO_REPOSITORY, path=NOTEBOOK)
    environment = environment_of(package)
    with ExitStack() as stack:
        store = stack.enter_context(opened(source))
        refuse_source(store, target)
        selected = select(store, which)
        if not selected:
            raise ConfigurationError(
                "No conversation was chosen, so there is nothing to share. ls.sessions() lists them."
            )
        # Only False says that nothing is to be taken out; an empty list of texts does not.
        redactor = None if redact is False else redactor_for(store, selected, redact or True)
        draft = stack.enter_context(whole(target, overwrite=overwrite))
        zipped = target.suffix.lower() == ".zip"
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "bundle" if zipped else draft
        tell = stack.enter_context(telling(len(selected), f"Writing {target.name}", progress))
        sessions, messages = _fill(folder, store, selected, redactor, environment, title, repo, badge, tell)
        files = tuple(sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()))
        if zipped:
            with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
                for name in files:
                    archive.write(folder / name, name)
    counts = redactor.counts if redactor else None
    return Bundle(target, files, sessions, messages, counts, environment.package, badge)


def _fill(
    folder: Path,
    store: Source,
    selected: list[str],
    redactor: Redactor | None,
    environment: Environment,
    title: str,
    repo: str | None,
    badge: Badge,
    tell: Any,
) -> tuple[int, int]:
    """Write the bundle's files into `folder`; return the number of sessions and of messages."""
    (folder / "binder").mkdir(parents=True)
    if redactor is not None:
        title = redactor.text(title)
    notebook = BundleNotebook(STORE)
    links: list[str] = []
    sessions = messages = 0
    tables = DuckDBWriter(folder / STORE, Path(STORE), redactor is not None)
    try:
        for chunk in redacted_chunks(store, selected, redactor):
            tables.write(chunk)
            for conversation in chunk.conversations():
                notebook.add(conversation)
                if len(links) < _LISTED:
                    shown = line(conversation.title)
                    link = binder_url(repo, path=NOTEBOOK, session=conversation.session_id) if repo else ""
                    links.append(f"- [{shown}]({link})" if link else f"- {shown}")
            sessions += chunk.tables["sessions"].num_rows
            messages += chunk.tables["messages"].num_rows
            tell(chunk.tables["sessions"].num_rows)
        tables.close()
    except BaseException:
        tables.abandon()
        raise
    for name, content in environment.files.items():
        (folder / "binder" / name).write_bytes(content)
    (folder / "binder" / "postBuild").chmod(0o755)
    said = f"{counted(sessions, 'conversation')}, {counted(messages, 'message')}"
    if redactor is not None:
        said += "; secrets and personal data were taken out, and people have other names"
    (folder / ".gitignore").write_text(_IGNORED, encoding="utf-8", newline="\n")
    (folder / NOTEBOOK).write_text(notebook.text(title, said), encoding="utf-8", newline="\n")
    if sessions > len(links):
        links.append(f"- and {sessions - len(links):,} more")
    (folder / "README.md").write_text(_readme(title, said, links, badge, repo), encoding="utf-8", newline="\n")
    return sessions, messages


def _readme(title: str, said: str, links: list[str], badge: Badge, repo: str | None) -> str:
    put_online = (
        ""
        if repo
        else f"""
## Put it online

Make a public repository of this folder, and write its name into the badge's address above, in the place of
`{_NO_REPOSITORY}`. Whoever clicks it gets a machine of their own for an hour.
"""
    )
    return f"""# {line(title)}

{badge.markdown}

{said}.

[{NOTEBOOK}]({NOTEBOOK}) shows what was said, here as well. On Binder (the badge) it also replays the conversations and
opens a dashboard on them: Run → Run All Cells. It needs no account and no key, and nothing is asked of any model.

{chr(10).join(links)}

| file | what it is |
| --- | --- |
| `{NOTEBOOK}` | the conversations to read, to replay and to ask questions about |
| `{STORE}` | the conversations as tables, for DuckDB |
| `binder/` | the environment, every version pinned |
{put_online}"""


def _refuse_other_files(target: Path) -> None:
    """Raise ConfigurationError for a folder with files that no bundle has: replacing it would delete them."""
    if not target.is_dir():
        return
    others = sorted(path.name for path in target.iterdir() if not path.name.startswith(_OWN))
    if others:
        raise ConfigurationError(
            f"{target} has other files in it ({', '.join(others[:3])}), which would be lost. Write the bundle to a new "
            "folder and copy it over."
        )
