"""Where the peers are installed: an environment for each, made on request, outside the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "weaselish-benchmarks"
OWN = Path(__file__).parent.parent / ".venv" / "bin"  # of the working tree


class NotInstalled(Exception):
    """A tool that cannot be had here; the text says why."""


def environment(name: str, requirements: tuple[str, ...]) -> Path:
    """The `bin` of an environment that has `requirements`. Raises NotInstalled."""
    place = CACHE / name
    complete = place / "complete"
    wanted = "\n".join([sys.version, *requirements])
    if not complete.exists() or complete.read_text() != wanted:
        print(f"installing {name} …", file=sys.stderr)
        shutil.rmtree(place, ignore_errors=True)
        venv.create(place, with_pip=True)
        pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input", *requirements]
        done = subprocess.run(pip, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            last = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
            raise NotInstalled(f"{name} cannot be installed: {last}")
        complete.write_text(wanted)
    return place / "bin"


def version_of(distribution: str, bin_directory: Path) -> str:
    """The version of what is installed in an environment."""
    program = f"from importlib.metadata import version; print(version({distribution!r}))"
    return subprocess.run([bin_directory / "python", "-c", program], capture_output=True, text=True).stdout.strip()
