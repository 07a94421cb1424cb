"""Recognises a remote whose directory is the project, or inside one of its outputs or deps."""

from __future__ import annotations

import os
from pathlib import Path

from weaselish.model.paths import dep_base, inside
from weaselish.model.project import Remote
from weaselish.model.urls import directory_of
from weaselish.workspace import Workspace

BESIDE = "choose a directory beside the project, such as `../remote`"


def misplaced(workspace: Workspace, remote: Remote) -> str | None:
    """Return what is wrong with a remote whose objects would change the project; None if nothing is."""
    directory = directory_of(remote.url)
    if directory is None or remote.is_user_cache:
        return None
    root = os.path.realpath(workspace.root)
    path = os.path.relpath(os.path.realpath(Path(root, os.path.expanduser(directory))), root)
    if path == ".":
        return f"remote `{remote.name}` is the directory of the project itself"
    for command in workspace.project.commands.values():
        for output in command.all_outputs:
            if inside(path, output):
                return f"remote `{remote.name}` is inside `{output}`, an output of `{command.name}`"
        for dep in command.deps:
            if inside(path, dep_base(dep)):
                return f"remote `{remote.name}` is inside `{dep}`, a dep of `{command.name}`"
    return None
