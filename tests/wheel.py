"""Builds the wheel of this repository and installs it in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from environments import create

ROOT = Path(__file__).parent.parent


def install_wheel(scratch: Path) -> Path:
    """Return the directory of the programs `proj` and `python` of a new environment in `scratch`."""
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    _succeeded(subprocess.run([*pip, "-w", scratch, ROOT], capture_output=True, text=True))
    [wheel] = scratch.glob("weaselish-*.whl")
    _succeeded(create(scratch / "env", wheel))
    return scratch / "env" / "bin"


def _succeeded(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout + done.stderr
