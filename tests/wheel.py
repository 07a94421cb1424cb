"""Builds the wheel or the sdist of this repository and installs it in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from environments import create

ROOT = Path(__file__).parent.parent


def install_wheel(scratch: Path) -> Path:
    """Return the directory of the programs `proj` and `python` of a new environment in `scratch`."""
    return _install(ROOT, scratch)


def install_sdist(scratch: Path) -> tuple[Path, Path]:
    """Return the directory of the programs of a new environment in `scratch`, and the sdist that is installed there.

    The wheel is built from the sdist alone, as pip does.
    """
    _run("build", "--sdist", "--no-isolation", "--outdir", scratch, ROOT)
    [sdist] = scratch.glob("weaselish-*.tar.gz")
    return _install(sdist, scratch), sdist


def _install(source: Path, scratch: Path) -> Path:
    _run("pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", scratch, source)
    [wheel] = scratch.glob("weaselish-*.whl")
    _succeeded(create(scratch / "env", wheel))
    return scratch / "env" / "bin"


def _run(module: str, *words: str | Path) -> None:
    _succeeded(subprocess.run([sys.executable, "-m", module, *words], capture_output=True, text=True))


def _succeeded(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout + done.stderr
