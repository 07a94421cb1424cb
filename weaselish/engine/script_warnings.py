"""Warn of words in script lines that a shell would replace, where a command runs without one."""

from __future__ import annotations

import os
from collections.abc import Iterator

from weaselish.model.project import Command
from weaselish.model.script import ShellWord, shell_words
from weaselish.workspace import Workspace


def script_warnings(workspace: Workspace, command: Command) -> Iterator[tuple[int, ShellWord]]:
    """Yield (index of the script line, warning)."""
    if command.shell is not False:
        return
    directory = workspace.root / command.workdir

    def exists(path: str) -> bool:
        return os.path.exists(directory / path)  # False for any text that cannot be a path

    for index, line in enumerate(command.script):
        for word in dict.fromkeys(shell_words(line, exists)):
            yield index, word
