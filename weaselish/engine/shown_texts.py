"""Texts of project.yml as the console and pages show them: without the values of secrets."""

from __future__ import annotations

from collections.abc import Sequence

from weaselish.engine.run.secrets import hidden_values
from weaselish.model.interpolate import put_env
from weaselish.model.masking import masked
from weaselish.model.project import Command
from weaselish.model.secret_words import masked_line, secret_vars
from weaselish.resolved_secrets import SHORTEST
from weaselish.workspace import Workspace


def shown_text(workspace: Workspace, text: str) -> str:
    """Return a title, description or help text with `${env.X}` replaced and secrets masked."""
    hidden = frozenset(value for value in secret_vars(workspace.project.vars) if len(value) >= SHORTEST)
    return masked(put_env(text, workspace.shown_env), hidden)


def shown_lines(workspace: Workspace, command: Command, lines: Sequence[str]) -> tuple[str, ...]:
    """Return script lines of a command, of now or of an earlier run, with secrets masked."""
    hidden = hidden_values(workspace, command)
    return tuple(masked_line(line, hidden) for line in lines)


def shown_command(workspace: Workspace, command: Command) -> Command:
    """Return a command whose help and script lines can be shown."""
    roles = tuple(role._replace(script=shown_lines(workspace, command, role.script)) for role in command.roles)
    return command._replace(
        help=shown_text(workspace, command.help), script=shown_lines(workspace, command, command.script), roles=roles
    )
