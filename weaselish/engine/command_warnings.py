"""Warn of what is doubtful in one command by itself: no script, undeclared deps, absolute paths, words for a shell."""

from __future__ import annotations

import os
from collections.abc import Iterator

from weaselish.engine.run.unrecorded import records_of_removed
from weaselish.engine.script_warnings import script_warnings
from weaselish.errors import Problem
from weaselish.model.interpolate import env_names
from weaselish.model.locations import Path
from weaselish.model.paths import dep_base, inside, is_outside, normalise, overlap
from weaselish.model.project import Command
from weaselish.model.script import split_words
from weaselish.plan.producers import reads
from weaselish.workspace import Workspace

_PORTABLE = "name it relative to the project, or put the directory into a variable of `env:`"


def command_warnings(workspace: Workspace, command: Command) -> Iterator[Problem]:
    """Yield the warnings about one command by itself, without those of parsing."""
    yield from _without_script(workspace, command)
    yield from _undeclared_deps(workspace, command)
    yield from _absolute_paths(workspace, command)
    yield from _leftovers(workspace, command)
    yield from script_warnings(workspace, command)


def unset_variables(workspace: Workspace, command: Command) -> Iterator[Problem]:
    """Yield the variables of the environment that a step uses and that are not set. Only a run needs their values."""
    variables = (*command.env, *(variable for role in command.roles for variable in role.env))
    for name in sorted(env_names([*command.recorded_script, *(value for _, value in variables)])):
        if workspace.env(name) is None:
            variable = workspace.project.env.get(name, name)
            message = f"`{command.name}` uses `${{env.{name}}}`, but {variable} is not set: it counts as empty"
            yield _warning(workspace, command, message, f"set {variable} in the environment or in a dotenv file")


def _warning(
    workspace: Workspace, command: Command, message: str, hint: str | None = None, *, at: Path = ()
) -> Problem:
    location = workspace.locations.of_command(command.name, at)  # parses project.yml, if that was not needed before
    return Problem(*location, message, hint, is_warning=True)


def _without_script(workspace: Workspace, command: Command) -> Iterator[Problem]:
    if not command.recorded_script:
        yield _warning(workspace, command, f"`{command.name}` has no script: running it does nothing")


def _undeclared_deps(workspace: Workspace, command: Command) -> Iterator[Problem]:
    """Yield files of the project that a script line names and that are not among the deps."""
    if not command.all_outputs or command.no_skip:  # it always runs
        return
    for path in dict.fromkeys(_named_paths(command)):
        is_dep = any(inside(path, dep_base(dep)) for dep in command.deps)
        is_own = is_dep or any(overlap(path, output) for output in command.all_outputs)
        if not is_own and _is_file(workspace, path):
            message = f"`{command.name}` names `{path}`, which is not among its deps: `proj` ignores its changes"
            yield _warning(workspace, command, message, f"add `{path}` to deps")


def _leftovers(workspace: Workspace, command: Command) -> Iterator[Problem]:
    """Yield files that a step reads and that only a step wrote which project.yml no longer has."""
    for record in records_of_removed(workspace):
        for path in (output.path for output in record.outputs):
            is_read = any(reads(dep, path) for dep in command.deps)
            if is_read and not workspace.producers.of(path) and workspace.exists(path):
                gone = f"which only `{record.command}` wrote, a step that no longer exists"
                message = f"`{command.name}` reads `{path}`, {gone}"
                yield _warning(workspace, command, message, "delete it, unless it is to count")


def _named_paths(command: Command) -> Iterator[str]:
    """Yield each word of the script that could be a path in the project."""
    for line in (line for _, script in command.scripts for line in script):
        try:
            words = split_words(line)
        except ValueError:
            continue
        for word in words:
            path = normalise(f"{command.workdir}/{word}")
            if not word.startswith(("-", "/")) and not is_outside(path):
                yield path


def _is_file(workspace: Workspace, path: str) -> bool:
    return os.path.isfile(os.path.join(workspace.root, path))  # False for any text that cannot be a path


def _absolute_paths(workspace: Workspace, command: Command) -> Iterator[Problem]:
    seen: set[str] = set()
    for key in ("deps", "outputs", "metrics", "outputs_no_cache"):  # the last contains the metrics files
        for index, path in enumerate(getattr(workspace.parsed.commands[command.name], key)):
            if path.startswith("/") and path not in seen:
                seen.add(path)
                message = f"`{path}` is absolute: on other machines it may not exist"
                yield _warning(workspace, command, message, _PORTABLE, at=(key, index))
