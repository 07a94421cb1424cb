"""What identifies the software environment of a command, for the key: files under `env_files`, and images."""

from __future__ import annotations

from collections.abc import Iterator

from weaselish.engine.run.images import images_of
from weaselish.errors import InvalidProject, Problem
from weaselish.files.digests import Digests
from weaselish.model.project import Command
from weaselish.plan.fingerprint import ENV_FILE, Environment, Fingerprint
from weaselish.workspace import Workspace


def environment_of(
    workspace: Workspace, command: Command, digests: Digests, last: Fingerprint | None = None
) -> Environment:
    """Return the digest of each file under `env_files`, and of the command's images.

    `digests` are of the algorithm of the record that the result is compared with, `last` is what went into that run.
    Raises InvalidProject with the files that are missing, and ProjError for an image that cannot be pulled.
    """
    paths = workspace.project.env_files
    found = [(path, digests.digest(path, "dep")) for path in paths]
    environment = tuple((f"{ENV_FILE}{path}", digest) for path, digest in found if digest is not None)
    if len(environment) < len(paths):
        raise InvalidProject(list(_problems(workspace, [path for path, digest in found if digest is None])))
    return (*environment, *images_of(workspace, command, last)) if command.image or command.roles else environment


def missing_env_files(workspace: Workspace) -> list[Problem]:
    """Return a problem for each file under `env_files` that does not exist."""
    missing = [path for path in workspace.project.env_files if not workspace.exists(path)]
    return list(_problems(workspace, missing))


def _problems(workspace: Workspace, missing: list[str]) -> Iterator[Problem]:
    for path in missing:
        location = workspace.locations.of(("env_files", workspace.project.env_files.index(path)))
        hint = workspace.missing_cause(path) or "create it, or remove it from `env_files`"
        yield Problem(*location, f"`{path}` under `env_files` does not exist", hint)
