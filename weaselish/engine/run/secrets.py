"""The variables that a command declares, and the values in them that nothing may show."""

from __future__ import annotations

from collections.abc import Iterator

from weaselish.model.interpolate import env_names, is_secret, put_env
from weaselish.model.project import Command
from weaselish.model.secret_refs import SecretKind, SecretRef
from weaselish.model.secret_words import secret_vars
from weaselish.resolved_secrets import resolved_secrets
from weaselish.workspace import Workspace


def declared_environment(workspace: Workspace, command: Command) -> dict[str, str]:
    """Return the variables that the project declares: those of its dotenv files, and the command's own."""
    return {**workspace.dotenv, **{name: put_env(text, workspace.env) for name, text in command.env}}


def secret_names(workspace: Workspace, command: Command) -> Iterator[str]:
    """Yield the variables of the job that have a secret's name, or a value that contains a secret."""
    yield from filter(is_secret, workspace.dotenv)
    for name, text in (*command.env, *(pair for role in command.roles for pair in role.env)):
        if is_secret(name) or any(workspace.is_secret(reference) for reference in env_names([text])):
            yield name


def secret_values(workspace: Workspace, command: Command) -> frozenset[str]:
    """Return the values that must not appear in what a command writes: of declared and of resolved secrets."""
    references = (workspace.env(name) for name in workspace.project.env if workspace.is_secret(name))
    environment = declared_environment(workspace, command)
    names = frozenset(secret_names(workspace, command))
    of_roles = (put_env(text, workspace.env) for role in command.roles for name, text in role.env if name in names)
    own = (*(environment[name] for name in names if name in environment), *of_roles)
    of_remotes = (workspace.environ.get(name) for name in _variables_of_remotes(workspace))
    return frozenset(value for value in (*references, *own, *of_remotes, *resolved_secrets()) if value)


def hidden_values(workspace: Workspace, command: Command) -> frozenset[str]:
    """Return the values that no message about the command's script may show: of secrets, and of `vars` named so."""
    return secret_values(workspace, command) | frozenset(secret_vars(workspace.project.vars))


def _variables_of_remotes(workspace: Workspace) -> Iterator[str]:
    """Yield the environment variables that the `auth` of a remote refers to."""
    for remote in workspace.project.remotes.values():
        for value in remote.auth or ():
            if isinstance(value, SecretRef) and value.kind is SecretKind.ENV:
                yield value.name
