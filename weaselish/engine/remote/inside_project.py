"""Recognises remotes whose directory is inside the project, and those that must not be there."""

from __future__ import annotations

import os

from weaselish.model.paths import dep_base, inside, is_outside
from weaselish.model.project import Remote
from weaselish.model.urls import directory_of
from weaselish.workspace import Workspace

BESIDE = "choose a directory beside the project, such as `../remote`"


def path_in_project(workspace: Workspace, remote: Remote) -> str | None:
    """Return the directory of a remote, relative to the project, `.` for the project; None if it is not inside."""
    directory = directory_of(remote.url)
    if directory is None or remote.is_user_cache or "${" in directory:
        return None
    root = os.path.realpath(workspace.root)
    path = os.path.relpath(os.path.realpath(os.path.join(root, os.path.expanduser(directory))), root)
    return None if is_outside(path) else path


def misplaced(workspace: Workspace, remote: Remote) -> str | None:
    """Return what is wrong with a remote whose objects would change the project; None if nothing is."""
    path = path_in_project(workspace, remote)
    if path is None:
        return None
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
