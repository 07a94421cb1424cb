"""Unrecorded outputs: they exist, but no run that wrote them is known. Only naming their step replaces them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator

from weaselish.model.paths import PLACEHOLDERS
from weaselish.model.project import Command
from weaselish.plan.producers import reads
from weaselish.plan.record import Record
from weaselish.workspace import Workspace


def is_unrecorded(workspace: Workspace, command: Command, needed: Collection[str] = ()) -> bool:
    """Return whether all outputs of `command` exist although no run is known that wrote them.

    A run is known if the command, or another producer of one of the outputs, has a record or an attempt. `needed` are
    deps of other steps: outputs that may be missing otherwise must exist for them.
    """
    if _has_run(workspace, command.name) or not have_outputs(workspace, command, needed):
        return False
    outputs = _outputs_to_exist(command, needed)
    has_other = any(_has_run(workspace, name) for output in outputs for name in workspace.producers.of(output))
    return not has_other and not records_elsewhere(workspace, command)


def records_elsewhere(workspace: Workspace, command: Command) -> tuple[Record, ...]:
    """Return records that may stand for outputs of a command of which project.lock has none, the likeliest first.

    The journals have them if git has replaced project.lock. A command that project.yml no longer has, but with the same
    outputs, may be this one under its old name.
    """
    renamed = tuple(
        record._replace(command=command.name)
        for record in records_of_removed(workspace)
        if {output.path for output in record.all_outputs} == set(command.all_outputs)
    )
    return (*workspace.records.earlier(command.name), *renamed)


def records_of_removed(workspace: Workspace) -> Iterator[Record]:
    """Yield the last records of commands that project.yml no longer has."""
    for name in workspace.records.commands:
        if name not in workspace.project.commands:
            yield from (record for record in workspace.records.last(name) if isinstance(record, Record))


def have_outputs(workspace: Workspace, command: Command, needed: Collection[str] = ()) -> bool:
    """Return whether all outputs exist that show that the command ran, and whether it has such outputs."""
    outputs = tuple(_outputs_to_exist(command, needed))
    return bool(outputs) and all(_has_content(os.path.join(workspace.root, output)) for output in outputs)


def _outputs_to_exist(command: Command, needed: Collection[str]) -> Iterator[str]:
    """Yield the outputs whose existence shows that the command ran.

    An output that the command reads itself existed before its first run: it shows nothing.
    """
    for output in command.all_outputs:
        is_optional = output in command.outputs_no_cache and bool(command.outputs)
        is_own_dep = any(reads(dep, output) for dep in command.deps)
        if not is_own_dep and (not is_optional or any(reads(dep, output) for dep in needed)):
            yield output


def _has_run(workspace: Workspace, name: str) -> bool:
    return bool(workspace.records.last(name)) or workspace.records.last_attempt(name) is not None


def _has_content(path: str) -> bool:
    """Return whether a path is a file, or a directory with a file somewhere in it that is not a placeholder."""
    if not os.path.isdir(path):
        return os.path.exists(path)
    return any(not PLACEHOLDERS.issuperset(names) for _, _, names in os.walk(path))
