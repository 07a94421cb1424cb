"""Creates the directories that a script may expect."""

from __future__ import annotations

import os

from weaselish.files.atomic import writing
from weaselish.model.paths import inside, is_outside
from weaselish.model.project import Command
from weaselish.workspace import Workspace


def make_directories(workspace: Workspace, command: Command) -> None:
    """Create the project's `directories`, and the directories that are to contain the command's outputs."""
    above = (os.path.dirname(output) for output in command.all_outputs if not is_outside(output))
    parents = [path for path in above if not any(inside(path, output) for output in command.all_outputs)]
    for directory in dict.fromkeys((*workspace.project.directories, *parents)):
        path = os.path.join(workspace.root, directory)
        if not os.path.isdir(path):
            with writing(f"directory `{directory}`"):
                os.makedirs(path, exist_ok=True)
