"""Outputs that a snapshot refers to instead of storing them again: those that a run on the same remote holds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial

from weaselish.archive.unpack import Limits
from weaselish.engine.remote.candidates import OutputObject, own_records
from weaselish.engine.remote.published import Published, outputs_of
from weaselish.engine.remote.tree import RemoteTree
from weaselish.engine.workers import Workers
from weaselish.errors import ProjError
from weaselish.model.paths import PathIndex
from weaselish.model.project import Command
from weaselish.plan.record import Record
from weaselish.plan.snapshot_entries import OutputEntry
from weaselish.workspace import Workspace

_READERS = 8  # commands at a time


def references(workspace: Workspace, tree: RemoteTree) -> dict[OutputEntry, Published]:
    """Return an entry for each output whose current content an intact run on the remote holds.

    Outputs of one run are referred to together, or not at all. Those behind a link are left to the files.
    """
    project = workspace.project
    commands = [one for one in project.commands.values() if one.pushed_outputs]
    commands = [one for one in commands if not project.faults_in("commands", one.name)]
    found: dict[str, dict[OutputEntry, Published]] = {}
    with Workers[tuple[str, dict[OutputEntry, Published]]](_READERS, workspace.cancel) as workers:
        for command in commands:
            workers.start(partial(_of_command, workspace, tree, command))
        while workers.running:
            name, entries = workers.wait()
            found[name] = entries
    return _without_overlaps([found[command.name] for command in commands])


def _without_overlaps(found: Sequence[dict[OutputEntry, Published]]) -> dict[OutputEntry, Published]:
    """Merge the entries of several commands. The first of those that produce the same path counts."""
    merged: dict[OutputEntry, Published] = {}
    taken = PathIndex()
    for entries in found:
        if not any(taken.overlapping(entry.path) for entry in entries):
            merged |= entries
            for entry in entries:
                taken.add(entry.path)
    return merged


def _of_command(workspace: Workspace, tree: RemoteTree, command: Command) -> tuple[str, dict[OutputEntry, Published]]:
    if any(_is_behind_link(workspace, path) for path in command.pushed_outputs):
        return command.name, {}
    for record in own_records(workspace, command):
        if {output.path for output in record.outputs} != set(command.outputs):
            continue
        run = _published(tree, record)
        if run is not None and _is_local(workspace, record):  # in this order: few requests cost less than a walk
            key, number, algorithm = record.fingerprint.key, run.record.run, record.algorithm
            digests = outputs_of(record)
            return command.name, {
                OutputEntry(path, algorithm, digests[path], key, number): run
                for path in command.pushed_outputs
                if path in run.objects
            }
    return command.name, {}


def _is_behind_link(workspace: Workspace, path: str) -> bool:
    names = path.split("/")
    return any(os.path.islink(workspace.root / "/".join(names[: count + 1])) for count in range(len(names)))


def _is_local(workspace: Workspace, record: Record) -> bool:
    """Return whether all outputs of a run are on the disk as it left them."""
    digests = workspace.digests_with(record.algorithm)
    try:
        return all(digests.digest(output.path, "output") == output.digest for output in record.outputs)
    except ProjError:  # unreadable: the walk over the files reports it
        return False


def _published(tree: RemoteTree, record: Record) -> Published | None:
    """Return a run on the remote with the outputs of a record, whose objects are all there."""
    key = record.fingerprint.key
    run = tree.run(key, record.run) if record.run else None
    runs = [run] if run is not None else [one for _, one in tree.published(key)]
    for one in runs:
        is_same = outputs_of(one.record) == outputs_of(record) and one.record.algorithm == record.algorithm
        if is_same and tree.is_intact(one):
            return one
    return None


def object_of(entry: OutputEntry, run: Published) -> OutputObject:
    """Return the object that holds an output. Raises ValueError if the run does not have it with that digest."""
    for output in run.record.outputs:
        if output.path == entry.path and output.digest == entry.digest and output.path in run.objects:
            limits = Limits(size=output.size, files=output.files)
            return OutputObject(output.path, run.objects[output.path][0], output.digest, limits)
    raise ValueError(f"run {entry.run} does not hold `{entry.path}` as the snapshot says")
