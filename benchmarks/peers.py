"""The libraries that ours is measured against, in an environment of their own, made when it is first needed."""

from __future__ import annotations

import subprocess
import sys
import venv

import platformdirs

# LangSwarm asks for much that its session storage does not use.
_INSTALLS = (["openai-agents>=0.4"], ["--no-deps", "langswarm==0.1.0"])


def interpreter() -> str:
    """Return the path of a Python that can import langswarm and agents (openai-agents)."""
    folder = platformdirs.user_cache_path("langswarm_nb") / f"peers-{sys.version_info.major}.{sys.version_info.minor}"
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not (folder / "ready").exists():
        print("installing langswarm and openai-agents into", folder, file=sys.stderr)
        venv.create(folder, clear=True, with_pip=True)
        for packages in _INSTALLS:
            command = [python, "-m", "pip", "install", *packages]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(f"{' '.join(map(str, command))} failed:\n{done.stderr[-2000:]}")
        (folder / "ready").touch()
    return str(python)
