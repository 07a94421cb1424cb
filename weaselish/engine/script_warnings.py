"""Warn of words in script lines that a shell would replace, where a command runs without one."""

from __future__ import annotations

import os

from weaselish.errors import Problem, ProjError
from weaselish.model.locations import Path
from weaselish.model.project import Command
from weaselish.model.script import ShellWord, shell_words
from weaselish.workspace import Workspace


def script_warnings(workspace: Workspace, command: Command) -> tuple[Problem, ...]:
    """Return a warning for each such word, with its location in project.yml."""
    if command.shell is not False:
        return ()

    directory = os.path.join(workspace.root, command.workdir)

    def exists(path: str) -> bool:
        return os.path.exists(os.path.join(directory, path))  # False for any text that cannot be a path

    return tuple(
        _located(workspace, command, (*path, index), word)
        for path, script in command.scripts
        for index, line in enumerate(script)
        for word in dict.fromkeys(shell_words(line, exists))
    )


def _located(workspace: Workspace, command: Command, path: Path, word: ShellWord) -> Problem:
    try:
        location = workspace.locations.of_command(command.name, path)
    except ProjError:  # project.yml changed since it was read
        location = (0, 0)
    return Problem(*location, f"`{command.name}`: {word.message}", word.hint, is_warning=True)
