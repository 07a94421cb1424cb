"""Checks at the place of a job that its environment and its inputs are those that its key stands for."""

from __future__ import annotations

import os

from weaselish.engine.exec.document import JobDocument
from weaselish.errors import ProjError
from weaselish.model.project import Command
from weaselish.model.roles import Role
from weaselish.plan.digests import digest_bytes
from weaselish.plan.fingerprint import Fingerprint, fingerprint
from weaselish.workspace import Workspace


def command_at(document: JobDocument, role: str | None) -> Command:
    """Return the command of a job, with the values of its secrets. Removes variables that must not be set.

    `role`: that of the replica that runs here. The secrets of other roles are not here.

    Raises ProjError for a variable that is not set here, or has another value.
    """
    hidden = _hidden(document, role)
    for name, digest in document.variables:
        if name in hidden:
            continue
        value = os.environ.get(name)
        if digest is None:
            os.environ.pop(name, None)
        elif value is None:
            raise ProjError(
                f"`{document.command.name}` needs the environment variable `{name}`, which is not set here",
                hint="set it where `proj exec` runs: values of the environment are not part of a job",
            )
        elif digest_bytes(os.fsencode(value), "md5") != digest:
            raise ProjError(f"the environment variable `{name}` has another value here than where the job comes from")
    secrets = {name: os.environ.get(name, "") for name in document.secrets}
    env = tuple((name, secrets.get(name, value)) for name, value in document.command.env)
    roles = tuple(_with_secrets(one, document) if one.name == role else one for one in document.command.roles)
    return document.command._replace(env=env, roles=roles)


def _with_secrets(role: Role, document: JobDocument) -> Role:
    names = document.role_secrets.get(role.name, ())
    return role._replace(env=tuple((name, os.environ.get(name, "") if name in names else v) for name, v in role.env))


def _hidden(document: JobDocument, role: str | None) -> set[str]:
    """Return the names, as in the key, of the secrets whose values a replica of a role does not have.

    They are those of other roles, and those of the command that the role replaces.
    """
    others = {f"{name}:{one}" for name, names in document.role_secrets.items() if name != role for one in names}
    own = {name for one in document.command.roles if one.name == role for name, _ in one.env}
    return others | (own & set(document.secrets))


def verified_inputs(workspace: Workspace, command: Command, document: JobDocument, role: str | None) -> Fingerprint:
    """Return the fingerprint of the job's inputs as they are here. Raises ProjError unless it has the job's key."""
    then = document.fingerprint
    now = fingerprint(command, workspace.env, workspace.digests.of_dep, args=then.args, environment=then.environment)
    digests, hidden = dict(then.env), _hidden(document, role)
    now = now._replace(env=tuple((name, digests.get(name) if name in hidden else one) for name, one in now.env))
    if now.key == document.key:
        return now
    wanted, found = dict(then.deps), dict(now.deps)
    for path in dict.fromkeys((*wanted, *found)):
        if wanted.get(path) != found.get(path):
            raise ProjError(
                f"the input `{path}` is not what it should be: expected {wanted.get(path)}, fetched {found.get(path)}",
                hint="`proj run` sends it again",
            )
    raise ProjError("the inputs of the job are not those that its key stands for")
