"""Refuses to write where proj must not: outside the project, or where other tools execute what they find.

Text alone does not show where links lead. So these checks are made just before something is written.
"""

from __future__ import annotations

import os
from pathlib import Path

from weaselish.errors import UnsafePath
from weaselish.model.paths import holds_own_files, is_executed_by_tools, is_outside
from weaselish.sources.git_process import GitError, run_git
from weaselish.workspace import Workspace


def check_asset_path(workspace: Workspace, dest: str, *, what: str = "asset") -> None:
    """Refuse a dest that is outside the project or in a protected location, or to which a link leads from there."""
    real = _real(workspace.root, dest)
    if is_outside(real):
        hint = None if is_outside(dest) else "a directory on its way is a link"
        raise UnsafePath(f"{what} `{dest}` leads out of the project, to `{os.path.dirname(real)}`", hint=hint)
    _check_unprotected(dest, real, what)


def check_output_path(workspace: Workspace, output: str, *, force: bool) -> None:
    """Refuse an output that is outside the project, in a protected location, or behind a link that git tracks.

    A link that git does not track was created by this user, such as one to a larger disk. `force` also allows links
    that git tracks.
    """
    if is_outside(output):
        raise UnsafePath(f"output `{output}` is outside the project, where proj never writes")
    real = _real(workspace.root, output)
    _check_unprotected(output, real, "output")
    if force or not is_outside(real):
        return
    for link in _links_above(workspace.root, output):
        if is_tracked(workspace, workspace.root / link):
            message = f"output `{output}` leads out of the project, to `{os.path.dirname(real)}`"
            raise UnsafePath(message, hint=f"git tracks the link `{link}`: `--force` writes through it")


def _real(root: Path, path: str) -> str:
    """Return the path with the links on its way followed: relative if it is inside the project, else absolute."""
    top = os.path.realpath(root)
    real = os.path.join(os.path.realpath(os.path.join(top, os.path.dirname(path))), os.path.basename(path))
    return os.path.relpath(real, top) if os.path.commonpath((real, top)) == top else real


def _check_unprotected(path: str, real: str, what: str) -> None:
    """Refuse a path that is in a location whose content other tools execute, or that a link leads there."""
    is_own = holds_own_files(path) or (holds_own_files(real) and not is_outside(real))
    if is_own or is_executed_by_tools(path) or is_executed_by_tools(real):
        hint = "other tools execute what they find there, or it is proj's own: name another path"
        raise UnsafePath(f"{what} `{path}` leads to `{real}`, where proj never writes", hint=hint)


def _links_above(root: Path, path: str) -> list[str]:
    """Return the links among the directories that contain `path`."""
    names = path.split("/")[:-1]
    above = ["/".join(names[: count + 1]) for count in range(len(names))]
    return [directory for directory in above if os.path.islink(root / directory)]


def is_tracked(workspace: Workspace, path: Path) -> bool:
    """Return whether git tracks a path. A path in a repository counts as tracked if git cannot answer."""
    try:
        words = ("ls-files", "--", f":(literal){path.name}")
        return bool(run_git(words, cwd=path.parent, cancel=workspace.cancel, settings={}))
    except GitError:
        real = Path(os.path.realpath(path.parent))
        return any(os.path.lexists(directory / ".git") for directory in (real, *real.parents))
