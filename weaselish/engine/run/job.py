"""A command → the job that an executor runs: its lines split, the interpreter put in, its environment made."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from weaselish.errors import ProjError
from weaselish.executors.base import Job, Line, announcement
from weaselish.model.interpolate import put_env
from weaselish.model.project import Command
from weaselish.model.script import split_words
from weaselish.workspace import Workspace

Stdin = Literal["terminal", "inherit", "null"]
ValueOf = Callable[[str], str | None]

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


def logged_lines(command: Command, job: Job, args: tuple[str, ...] = ()) -> dict[bytes, bytes]:
    """Announcement -> how it is kept: with `${env.X}` as it is, so that no value reaches the disk."""
    if not any("${env." in line for line in command.script):
        return {}
    last = len(job.lines) - 1
    python = os.path.join(job.env["PATH"].split(os.pathsep)[0], "python")
    kept = {}
    for index, line in enumerate(job.lines):
        spelt = _Spelling(command, index, args if index == last else (), python)
        kept[announcement(line.shown)] = announcement(spelt.text(lambda name: f"${{env.{name}}}"))
    return kept


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
    spelt = _Spelling(command, index, args, python)
    argv = spelt.argv(workspace.env)
    is_as_run = command.shell is False and "${env." not in command.script[index]
    return Line(argv, shlex.join(argv) if is_as_run else spelt.text(workspace.shown_env))


class _Spelling(NamedTuple):
    """One script line with its arguments, to be spelt with one set of values of the environment or another."""

    command: Command
    number: int
    args: tuple[str, ...]
    python: str

    def argv(self, value_of: ValueOf) -> tuple[str, ...]:
        """What is executed."""
        shell = self.command.shell
        if shell is not False:
            return (shell, *_SHELL_FLAGS.get(os.path.basename(shell), ("-c",)), self.text(value_of))
        try:
            words = split_words(put_env(self.command.script[self.number], value_of))
        except ValueError as error:
            raise ProjError(
                f"`{self.command.name}`, line {self.number + 1} cannot be split into words: {str(error).lower()}",
                hint="a value of the environment holds a quote: put the reference in quotes, or use `shell: true`",
            ) from None
        return (*_with_python(words, self.python), *self.args)

    def text(self, value_of: ValueOf) -> str:
        """As it is announced."""
        if self.command.shell is False:
            return shlex.join(self.argv(value_of))
        added = f" {shlex.join(self.args)}" if self.args else ""
        return put_env(self.command.script[self.number], value_of) + added


def _with_python(words: list[str], python: str) -> list[str]:
    if words and words[0] in ("python", "python3"):
        return [python, *words[1:]]
    if words and words[0] in ("pip", "pip3"):
        return [python, "-m", "pip", *words[1:]]
    return words
