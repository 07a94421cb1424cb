"""Which commands have a matching run on a remote, for `status --remote`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from enum import StrEnum

from weaselish.engine.remote.candidates import algorithms, current_fingerprint
from weaselish.engine.remote.published import outputs_of
from weaselish.engine.remote.resolve import OpenStore, open_tree
from weaselish.engine.remote.tree import RemoteTree
from weaselish.engine.run.preview import Preview
from weaselish.engine.workers import run_aside
from weaselish.model.project import Remote
from weaselish.workspace import Workspace


class RemoteState(StrEnum):
    """Return whether a run that matches the current command is on the remote."""

    THERE = "there"
    BROKEN = "broken"  # its record is, but not all of its objects
    MISSING = "missing"
    UNKNOWN = "unknown"  # the deps are not known yet


def remote_states(
    workspace: Workspace, remote: Remote, previews: Sequence[Preview], *, open_store: OpenStore
) -> dict[str, RemoteState]:
    """Return the remote state of each previewed command that has outputs. Downloads no output."""
    tree = open_tree(workspace, remote, open_store)

    def ask() -> dict[str, RemoteState]:
        with closing(tree):
            return _remote_states(workspace, tree, previews)

    return run_aside(ask, workspace.cancel)


def _remote_states(workspace: Workspace, tree: RemoteTree, previews: Sequence[Preview]) -> dict[str, RemoteState]:
    tree.list_at_once()
    states: dict[str, RemoteState] = {}
    expected: dict[str, str] = {}  # outputs that a pull would restore -> their digests
    for preview in previews:
        command = workspace.project.commands[preview.step.command]
        if not command.pushed_outputs:
            continue
        if preview.staleness is None:
            states[preview.step] = RemoteState.UNKNOWN
            continue
        fingerprints = [
            current_fingerprint(workspace, command, expected, algorithm)
            for algorithm in algorithms(workspace, tree, command)
        ]
        published = {run.record.run: run for now in fingerprints for _, run in tree.published(now.key)}
        runs = [run for run in published.values() if outputs_of(run.record).keys() == set(command.outputs)]
        intact = [run for run in runs if tree.is_intact(run)]
        if intact:
            states[preview.step] = RemoteState.THERE
        elif runs:
            states[preview.step] = RemoteState.BROKEN
        else:
            is_open = any(path in expected for path, _ in fingerprints[0].deps)
            states[preview.step] = RemoteState.UNKNOWN if is_open else RemoteState.MISSING
        if intact and preview.reasons:
            expected |= outputs_of(intact[0].record)
    return states
