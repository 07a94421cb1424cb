"""A command → the job that an executor runs: its lines split, the interpreter put in, its environment made."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from weaselish.errors import ProjError
from weaselish.executors.base import Job, Line
from weaselish.model.interpolate import put_env
from weaselish.model.project import Command
from weaselish.workspace.workspace import Workspace

Stdin = Literal["terminal", "inherit", "null"]

_SHELL_FLAGS = {"sh": ("-e", "-c"), "dash": ("-e", "-c"), "zsh": ("-e", "-c"), "bash": ("-eo", "pipefail", "-c")}


def make_job(
    workspace: Workspace,
    command: Command,
    *,
    args: tuple[str, ...] = (),
    stdin: Stdin = "null",
    keep_open: tuple[int, ...] = (),
) -> Job:
    """Raises ProjError for a line that cannot be split into words."""
    env = make_env(workspace, command)
    python = project_python(workspace.root, env)
    env["PATH"] = os.pathsep.join([os.path.dirname(python), env.get("PATH", os.defpath)])
    last = len(command.script) - 1
    return Job(
        name=command.name,
        lines=tuple(
            _line(workspace, command, index, args if index == last else (), python) for index in range(last + 1)
        ),
        workdir=str(workspace.root / command.workdir),
        env=env,
        timeout=command.timeout,
        stdin=stdin,
        keep_open=keep_open,
    )


def shown_lines(workspace: Workspace, command: Command, args: tuple[str, ...] = ()) -> list[str]:
    """The lines as they are announced: secrets masked, POSIX-quoted, the interpreter put in as Weasel does."""
    return [line.shown for line in make_job(workspace, command, args=args).lines]


def make_env(workspace: Workspace, command: Command) -> dict[str, str]:
    env = dict(workspace.environ)
    env.update((name, put_env(text, workspace.env)) for name, text in command.env)
    return env


def project_python(root: Path, environ: Mapping[str, str]) -> str:
    """The project's interpreter: of the active virtual or conda environment, of its own .venv, else our own."""
    for prefix in (environ.get("VIRTUAL_ENV"), environ.get("CONDA_PREFIX"), str(root / ".venv")):
        if prefix and os.access(python := os.path.join(prefix, "bin", "python"), os.X_OK):
            return python
    return sys.executable


def _line(workspace: Workspace, command: Command, index: int, args: tuple[str, ...], python: str) -> Line:
    text = command.script[index]
    if command.shell is not False:
        added = f" {shlex.join(args)}" if args else ""
        program = os.path.basename(command.shell)
        argv = (command.shell, *_SHELL_FLAGS.get(program, ("-c",)), put_env(text, workspace.env) + added)
        return Line(argv, put_env(text, workspace.shown_env) + added)

    def words(value_of: Callable[[str], str | None]) -> tuple[str, ...]:
        try:
            return (*_with_python(shlex.split(put_env(text, value_of)), python), *args)
        except ValueError as error:
            raise ProjError(
                f"`{command.name}`, line {index + 1} cannot be split into words: {str(error).lower()}",
                hint="a value of the environment holds a quote: put the reference in quotes, or use `shell: true`",
            ) from None

    return Line(words(workspace.env), shlex.join(words(workspace.shown_env)))


def _with_python(words: list[str], python: str) -> list[str]:
    if words and words[0] in ("python", "python3"):
        return [python, *words[1:]]
    if words and words[0] in ("pip", "pip3"):
        return [python, "-m", "pip", *words[1:]]
    return words
