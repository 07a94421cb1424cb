"""Builds the wheel of this repository and installs it in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent


def install_wheel(scratch: Path) -> Path:
    """Return the directory of the programs `proj`, `python` and `pip` of a new environment in `scratch`."""
    _run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", scratch, ROOT)
    [wheel] = scratch.glob("weaselish-*.whl")
    venv.create(scratch / "env", with_pip=True)
    programs = scratch / "env" / "bin"
    _run(programs / "python", "-m", "pip", "install", "--quiet", wheel)
    return programs


def _run(*words: str | Path) -> None:
    done = subprocess.run(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
