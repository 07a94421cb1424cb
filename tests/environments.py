"""Virtual environments with other tools, each created once, outside the repository, by the first test that needs it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable
from hashlib import md5
from pathlib import Path

import pytest

from weaselish.load import load_project

TEMPLATES = Path(__file__).parent.parent / "templates"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "weaselish-tests"


def requirements(*names: str) -> set[str]:
    """Return what the named templates require."""
    lines = (line for name in names for line in (TEMPLATES / name / "requirements.txt").read_text().splitlines())
    return {line for line in lines if line and not line.startswith("#")}


def with_scikit_learn() -> Path:
    """Return the environment in which the templates with scikit-learn run."""
    return environment("templates", requirements("penguins", "text-classifier", "image-folder"))


def copy_template(name: str, to: Path) -> None:
    """Copy a template as a clone of the repository has it: without what a run in the template itself has left."""
    made = {path for command in load_project(TEMPLATES / name).commands.values() for path in command.all_outputs}
    skipped = {".proj", "project.lock", "__pycache__", *(path.split("/")[0] for path in made)}
    shutil.copytree(TEMPLATES / name, to, dirs_exist_ok=True, ignore=lambda folder, files: skipped.intersection(files))


def environment(name: str, requirements: Iterable[str], *, optional: bool = False) -> Path:
    """The directory of an environment that has `requirements`.

    Where they cannot be had, a failure in CI, else a skip. `optional`: always a skip that says so, and nothing is
    built from source, which can take an hour.
    """
    wanted = sorted(requirements)
    tag = md5("\n".join([sys.version, *wanted]).encode()).hexdigest()[:8]
    place = _CACHE / f"{name}-{tag}"
    place.parent.mkdir(parents=True, exist_ok=True)
    with open(place.with_name(f"{place.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "complete").exists():
            problem = _make(place, [*wanted, "--only-binary=:all:"] if optional else wanted)
            if problem is not None:
                must_be_there = os.environ.get("CI") and not optional
                (pytest.fail if must_be_there else pytest.skip)(f"{name} cannot be installed here: {problem}")
            (place / "complete").touch()
    return place


def _make(place: Path, requirements: list[str]) -> str | None:
    """Make the environment; what went wrong, if anything did."""
    shutil.rmtree(place, ignore_errors=True)
    done = create(place, "--prefer-binary", *requirements)
    if done.returncode == 0:
        return None
    return "".join((done.stderr or done.stdout).strip().splitlines()[-1:]) or f"exit code {done.returncode}"


def create(place: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Create a virtual environment, without pip, and let the pip of this one install what `words` say.

    Modules are compiled when they are imported: compiling all of them takes longer than installing them.
    """
    venv.create(place)
    pip = [sys.executable, "-m", "pip", "--python", str(place / "bin/python"), "install", "--no-compile"]
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    return subprocess.run([*pip, *quiet, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL)
