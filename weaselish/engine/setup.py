"""Creates a project's virtual environment and installs its requirements: `proj clone --setup`."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from weaselish.cancel import Cancel
from weaselish.errors import Cancelled, ProjError
from weaselish.executors.base import Ending, Executor, Job, JobId, JobOutput, Line
from weaselish.named_tuple import NamedTuple

ENVIRONMENT = ".venv"  # where `python` in scripts is looked for
_PYTHON = f"{ENVIRONMENT}/bin/python"
_ACTIVATING = ("VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "PYTHONHOME")
_REQUIREMENTS = ("requirements.txt", "pyproject.toml")  # the first that exists


class _Output(NamedTuple):
    """A JobOutput that passes on everything."""

    write: Callable[[bytes], None]
    on_line: Callable[[str], None]

    def start_line(self, line: Line, program: str) -> None:
        self.on_line(line.announced)

    def replica(self, name: str) -> JobOutput:
        return self


def requirements_of(root: Path) -> str | None:
    """Return the file that names the Python packages that a project needs, if it has one."""
    return next((file for file in _REQUIREMENTS if (root / file).is_file()), None)


def setup_lines(requirements: str | None, uv: str | None = None) -> tuple[str, ...]:
    """Return the commands that create the environment and install into it. `uv` is its program, if it is to be used."""
    packages = "-r requirements.txt" if requirements == "requirements.txt" else "."
    create, install = f"python -m venv {ENVIRONMENT}", f"{_PYTHON} -m pip install {packages}"
    if uv is not None:
        create = f"uv venv --python {shlex.quote(sys.executable)} {ENVIRONMENT}"
        install = f"uv pip install --python {_PYTHON} {packages}"
    return (create, install) if requirements else (create,)


def without_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which none is active, so that `python` and pip mean the project's own."""
    return {name: value for name, value in environ.items() if name not in _ACTIVATING}


def set_up(
    root: Path,
    executor: Executor,
    *,
    on_line: Callable[[str], None],
    on_output: Callable[[bytes], None],
    cancel: Cancel,
) -> None:
    """Create `.venv`, unless it exists, and install the requirements. Raises ProjError, Cancelled."""
    uv = shutil.which("uv")
    create, *install = setup_lines(requirements_of(root), uv)
    texts = install if os.access(root / _PYTHON, os.X_OK) else [create, *install]
    lines = tuple(Line(tuple(_words(root, text, uv)), text, text) for text in texts)
    outcome = executor.run(Job(JobId("setup", "", 0), lines), output=_Output(on_output, on_line), cancel=cancel)
    if outcome.succeeded:
        return
    if outcome.ended is Ending.INTERRUPTED:
        raise Cancelled(outcome.exit_code)
    failed = texts[outcome.line or 0]
    rest = " && ".join([f"cd {shlex.quote(os.path.relpath(root))}", *texts[outcome.line or 0 :]])
    why = outcome.message or f"exit code {outcome.exit_code}"
    raise ProjError(f"the setup failed: `{failed}`: {why}", hint=f"the project itself is complete; try again: {rest}")


def _words(root: Path, text: str, uv: str | None) -> list[str]:
    """Return the words of a command, with the path of its program."""
    program, *words = shlex.split(text)
    return [{"python": sys.executable, "uv": uv or program, _PYTHON: str(root / _PYTHON)}[program], *words]
