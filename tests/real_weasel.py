"""The real Weasel, in an environment of its own that is made once and kept outside the repository."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

VERSION = "1.0.1"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")  # tests may change HOME later
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Unavailable(Exception):
    """Weasel could not be installed, or does not start."""


@dataclass(frozen=True, slots=True)
class Finished:
    """One call of a tool that came to its end."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """The script lines that were announced."""
        return announced(self.out)


@dataclass(frozen=True, slots=True)
class Weasel:
    """Calls Weasel by its own command line: `weasel(project, "run", "all")`."""

    python: Path

    def __call__(self, directory: Path, *argv: str, environ: dict[str, str] | None = None) -> Finished:
        return call([self.python, "-m", "weasel", *argv], directory, environ)


def call(argv: list[str | Path], directory: Path, environ: dict[str, str] | None = None) -> Finished:
    """Run a program in a project."""
    done = subprocess.run(
        argv,
        cwd=directory,
        env=clean_environ(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    return Finished(done.returncode, plain(done.stdout), plain(done.stderr))


def clean_environ(environ: dict[str, str] | None = None) -> dict[str, str]:
    """Our environment without what would change a project or its interpreter, and with `environ`."""
    unwanted = ("VIRTUAL_ENV", "CONDA_PREFIX", "PROJ_JOBS")
    clean = {name: value for name, value in os.environ.items() if name not in unwanted}
    clean = {name: value for name, value in clean.items() if not name.endswith("CONFIG_OVERRIDES")}
    return {**clean, "PYTHONDONTWRITEBYTECODE": "1", **(environ or {})}


def plain(text: str) -> str:
    """`text` without colours."""
    return _COLOUR.sub("", text)


def announced(out: str) -> list[str]:
    """The script lines that a tool's output announces; one line of them may hold line breaks within quotes."""
    found: list[str] = []
    for line in plain(out).split("\n"):
        if line.startswith("Running command: "):
            found.append(line.removeprefix("Running command: "))
        elif found and _is_open(found[-1]):
            found[-1] += "\n" + line
    return found


def _is_open(line: str) -> bool:
    """Whether a POSIX-quoted line ends within single quotes."""
    return line.replace("'\"'\"'", "").count("'") % 2 == 1


def install() -> Weasel:
    """Return Weasel in an environment for this interpreter. The first process installs it. Raises Unavailable."""
    tag = f"{sys.version_info.major}.{sys.version_info.minor}"
    place = _CACHE / "weaselish-tests" / f"weasel-{VERSION}-python{tag}"
    weasel = Weasel(place / "bin" / "python")
    place.parent.mkdir(parents=True, exist_ok=True)
    with _locked(place.with_name(f"{place.name}.lock")):
        if not ((place / "complete").exists() and os.access(weasel.python, os.X_OK)):
            shutil.rmtree(place, ignore_errors=True)
            _make(place, weasel)
            (place / "complete").touch()
    return weasel


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(place: Path, weasel: Weasel) -> None:
    venv.create(place, with_pip=True)
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    done = call([weasel.python, "-m", "pip", "install", *quiet, f"weasel=={VERSION}"], place)
    if done.code == 0:
        done = weasel(place, "--help")
    if done.code != 0:
        last = (done.err or done.out).strip().splitlines()[-1:]
        raise Unavailable(f"Weasel {VERSION} cannot be installed: {''.join(last)}")
