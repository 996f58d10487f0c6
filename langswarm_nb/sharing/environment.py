"""What Binder reads from a bundle: the package, and every version as it is here."""

from __future__ import annotations

import base64
import io
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

from ..errors import ConfigurationError
from ..version import __version__

_NAME = "langswarm-nb"
_EXTRA = "lab"
_WHEEL = re.compile(r"[A-Za-z0-9_.]+-[^-]+(?:-[^-]+)?-[^-]+-[^-]+-[^-]+\.whl")
_POST_BUILD = """\
#!/usr/bin/env bash
# Runs once when the image is built: every module is compiled before the first reader waits for it.
set -euo pipefail
python -c "import langswarm_nb as ls; ls.dashboard(source='conversations.duckdb')"
# No pop-up about news on a server that lives for an hour.
jupyter labextension disable "@jupyterlab/apputils-extension:announcements"
"""


class Environment(NamedTuple):
    """The files of `binder/` by name, and in words where the package comes from."""

    files: dict[str, bytes]
    package: str


def environment_of(package: str | Path | None = None) -> Environment:
    """Return what Binder needs for the package: None for the one that runs here, a wheel's path, or a requirement."""
    files: dict[str, bytes] = {}
    wheel = _wheel_at(package)
    requirement = where = str(package)
    if package is None:
        if _is_released(here := _installed()):
            requirement, where = f"{_NAME}[{_EXTRA}]=={__version__}", f"{_NAME} {__version__} from PyPI"
        else:
            wheel = f"{_NAME.replace('-', '_')}-{__version__}-py3-none-any.whl", packed(here)
    if wheel is not None:
        name, content = wheel
        files[name] = content
        # Binder installs from the repository's root.
        requirement, where = f"./binder/{name}[{_EXTRA}]", f"the wheel in binder/ ({name})"
    files["requirements.txt"] = f"-c constraints.txt\n{requirement}\n".encode()
    files["constraints.txt"] = "".join(f"{pin}\n" for pin in sorted(_pins(), key=str.lower)).encode()
    files["runtime.txt"] = f"python-{sys.version_info[0]}.{sys.version_info[1]}\n".encode()
    files["postBuild"] = _POST_BUILD.encode()
    return Environment(files, where)


def packed(here: Distribution) -> bytes:
    """Return a wheel of the package as it runs here, the same bytes for the same files."""
    folder = Path(__file__).parents[1]
    about = f"{_NAME.replace('-', '_')}-{__version__}.dist-info"
    contents = {
        f"{folder.name}/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    contents[f"{about}/METADATA"] = (here.read_text("METADATA") or "").encode()
    contents[f"{about}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: langswarm_nb\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    record = "".join(f"{name},sha256={_digest(content)},{len(content)}\n" for name, content in contents.items())
    contents[f"{about}/RECORD"] = f"{record}{about}/RECORD,,\n".encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(sha256(content).digest()).decode().rstrip("=")


def _wheel_at(package: str | Path | None) -> tuple[str, bytes] | None:
    if package is None or not str(package).endswith(".whl") or "://" in str(package):
        return None
    path = Path(package).expanduser()
    if not path.is_file() or not _WHEEL.fullmatch(path.name):
        raise ConfigurationError(f"There is no wheel at {path}. `pip wheel --no-deps .` in the sources makes one.")
    return path.name, path.read_bytes()


def _installed() -> Distribution:
    try:
        return distribution(_NAME)
    except PackageNotFoundError:
        raise ConfigurationError(
            "langswarm_nb is not installed here, only found, so what it needs is not known. Install it, or pass "
            "package='langswarm-nb[lab]==...' or the path of a wheel."
        ) from None


def _is_released(here: Distribution) -> bool:
    # pip notes where a package came from unless it was an index.
    return here.read_text("direct_url.json") is None and here.version == __version__


def _pins() -> Iterator[str]:
    """Yield what the package needs, directly or not, as installed here: `name==version`."""
    waiting = [(_NAME, {_EXTRA})]
    seen: set[tuple[str, str]] = set()
    pinned: set[str] = set()
    while waiting:
        name, extras = waiting.pop()
        try:
            found = distribution(name)
        except PackageNotFoundError:  # not for this system, or installed by nobody
            continue
        for required in found.requires or ():
            wanted, marker = required.partition(";")[::2]
            extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)", marker)
            match = re.match(r"([A-Za-z0-9._-]+)\s*(?:\[([^\]]*)\])?", wanted.strip())
            if match is None or (extra and extra[1] not in extras):
                continue
            inner = {part.strip() for part in (match[2] or "").split(",")}
            if new := {part for part in inner if (match[1].lower(), part) not in seen}:
                seen |= {(match[1].lower(), part) for part in new}
                waiting.append((match[1], new))
        label = re.sub(r"[-_.]+", "-", name).lower()
        # Nobody else has a version that was made here.
        if label not in pinned and label != _NAME and "+" not in found.version and not _is_from_a_folder(found):
            pinned.add(label)
            yield f"{label}=={found.version}"


def _is_from_a_folder(found: Distribution) -> bool:
    return "dir_info" in json.loads(found.read_text("direct_url.json") or "{}")
