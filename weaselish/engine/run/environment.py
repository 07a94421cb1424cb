"""What identifies the software environment of a project, for the key: the content of the files under `env_files`."""

from __future__ import annotations

from collections.abc import Iterator

from weaselish.errors import InvalidProject, Problem
from weaselish.files.digests import Digests
from weaselish.plan.fingerprint import ENV_FILE, Environment
from weaselish.workspace import Workspace


def environment_of(workspace: Workspace, digests: Digests) -> Environment:
    """Return the digest of each file under `env_files`. Raises InvalidProject with those that are missing.

    `digests` are of the algorithm of the record that the result is compared with.
    """
    paths = workspace.project.env_files
    found = [(path, digests.digest(path, "dep")) for path in paths]
    environment = tuple((f"{ENV_FILE}{path}", digest) for path, digest in found if digest is not None)
    if len(environment) < len(paths):
        raise InvalidProject(list(_problems(workspace, [path for path, digest in found if digest is None])))
    return environment


def missing_env_files(workspace: Workspace) -> list[Problem]:
    """Return a problem for each file under `env_files` that does not exist."""
    missing = [path for path in workspace.project.env_files if not workspace.exists(path)]
    return list(_problems(workspace, missing))


def _problems(workspace: Workspace, missing: list[str]) -> Iterator[Problem]:
    for path in missing:
        location = workspace.locations.of(("env_files", workspace.project.env_files.index(path)))
        hint = workspace.missing_cause(path) or "create it, or remove it from `env_files`"
        yield Problem(*location, f"`{path}` under `env_files` does not exist", hint)
