"""Refuses to write where proj must not: outside the project, or where other tools execute what they find."""

from __future__ import annotations

import os
from pathlib import Path

from weaselish.errors import UnsafePath
from weaselish.model.paths import holds_own_files, is_executed_by_tools
from weaselish.sources.git_process import GitError, run_git
from weaselish.workspace import Workspace


def check_asset_path(workspace: Workspace, dest: str) -> None:
    """Refuse a dest that leads out of the project or into a protected location. Call it just before writing."""
    workspace.check_inside(dest, "asset")
    _check_unprotected(workspace.root, dest, "asset")


def check_output_path(workspace: Workspace, output: str, *, force: bool) -> None:
    """Refuse an output below a link that leads out of the project, unless the link is the user's own or with `force`.

    A link that git does not track is the user's own, such as one to a larger disk. Call it just before writing.
    """
    _check_unprotected(workspace.root, output, "output")
    link = _link_out(workspace.root, output)
    if link is not None and not force and _is_tracked(workspace, link):
        target = os.path.realpath(workspace.root / link)
        message = f"output `{output}` leads out of the project, to `{target}`"
        raise UnsafePath(message, hint=f"git tracks the link `{link}`: `--force` writes through it")


def _check_unprotected(root: Path, path: str, what: str) -> None:
    """Refuse a path that is, or leads through links into, a location whose content other tools execute."""
    real = os.path.join(os.path.realpath((root / path).parent), os.path.basename(path))
    inside = os.path.relpath(real, root)
    is_own = not inside.startswith("..") and holds_own_files(inside)
    if is_own or is_executed_by_tools(path) or is_executed_by_tools(real if inside.startswith("..") else inside):
        hint = "other tools execute what they find there, or it is proj's own: name another path"
        raise UnsafePath(f"{what} `{path}` leads to `{inside}`, where proj never writes", hint=hint)


def _link_out(root: Path, path: str) -> str | None:
    """Return the outermost directory on the way to `path` that is a link out of the project."""
    names = path.split("/")[:-1]
    for count in range(1, len(names) + 1):
        directory = "/".join(names[:count])
        if os.path.islink(root / directory) and not Path(os.path.realpath(root / directory)).is_relative_to(root):
            return directory
    return None


def _is_tracked(workspace: Workspace, path: str) -> bool:
    try:
        words = ("ls-files", "--error-unmatch", "--", f":(literal){path}")
        run_git(words, cwd=workspace.root, cancel=workspace.cancel, settings={})
    except GitError:
        return False
    return True
