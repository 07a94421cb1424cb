"""clean: removes outputs that a remote holds and, after a question, outputs that exist only locally."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

from weaselish.engine import events
from weaselish.engine.broken_lock import report_broken_lock
from weaselish.engine.cache.settings import cache_settings
from weaselish.engine.output_locks import hold_output_locks
from weaselish.engine.remote.candidates import own_records
from weaselish.engine.remote.published import Published, outputs_of
from weaselish.engine.remote.resolve import OpenStore, find_remote, open_tree
from weaselish.engine.remote.tree import RemoteTree
from weaselish.engine.run.planning import explicitly_named
from weaselish.engine.run.staleness import check_staleness
from weaselish.engine.workers import run_aside
from weaselish.engine.write_paths import check_output_path, is_tracked
from weaselish.errors import InvalidProject, ProjError, UnsafePath
from weaselish.files.atomic import writing
from weaselish.files.swap import discard, recover_all
from weaselish.model.paths import ancestors, is_outside, overlap
from weaselish.model.project import Command, Remote
from weaselish.model.targets import listed_commands
from weaselish.plan.producers import reads
from weaselish.plan.selection import ALL_STEPS
from weaselish.workspace import Workspace

_ONLY_LOCAL = "exists only locally"


@dataclass(frozen=True, slots=True)
class CleanOptions:
    names: tuple[str, ...] = ()  # commands and workflows; all commands if empty
    remote: str | None = None  # the only one to ask
    dry: bool = False


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What became of one output. `kept`: why it stays, or in a dry run would stay without a question."""

    command: str
    output: str
    size: int | None = None
    remote: str | None = None  # one that holds it
    is_in_cache: bool = False  # whether that is the run cache of the user
    kept: str | None = None
    hint: str | None = None
    is_error: bool = False
    digest: str | None = None

    @property
    def is_only_local(self) -> bool:
        return self.kept == _ONLY_LOCAL


Confirm = Callable[[Sequence[Cleaned]], bool]  # outputs that exist only locally -> whether to remove them


def clean(
    workspace: Workspace, options: CleanOptions, *, confirm: Confirm, open_store: OpenStore, report: events.Reporter
) -> tuple[Cleaned, ...]:
    """Remove the outputs of the named commands. Raises UnknownName, and StoreError for a remote that was named."""
    names = options.names or tuple(workspace.project.commands)
    named = explicitly_named(workspace.project, options.names, ALL_STEPS)
    commands = [workspace.project.commands[name] for name in dict.fromkeys(listed_commands(workspace.project, names))]
    if not options.dry:
        workspace.prepare_to_change()
    report_broken_lock(workspace, report, may_replace=not options.dry)
    rows = [row for command in commands for row in _outputs(workspace, command, named, report)]
    rows = _with_remotes(workspace, rows, options, open_store, report)
    rows = [replace(row, kept="git tracks it") if _is_in_git(workspace, row) else row for row in rows]
    if options.dry:
        return tuple(rows)
    only_local = [row for row in rows if row.is_only_local]
    if only_local and confirm(only_local):
        rows = [replace(row, kept=None) if row.is_only_local else row for row in rows]
    removed: list[Cleaned] = []
    of_command: dict[str, list[Cleaned]] = {}
    for row in rows:
        of_command.setdefault(row.command, []).append(row)
    for command in commands:
        removed += _remove(workspace, command, of_command.get(command.name, []), report)
    return tuple(removed)


# -- what may be removed ----------------------------------------------------------------------------------------------


def _outputs(
    workspace: Workspace, command: Command, named: Collection[str], report: events.Reporter
) -> Iterator[Cleaned]:
    """Yield the outputs of a command that exist, without those inside another one."""
    report(events.Preparing(f"checking `{command.name}`"))
    existing = [path for path in command.all_outputs if os.path.lexists(workspace.root / path)]
    for output in existing:
        if not set(existing).isdisjoint(ancestors(output)):
            continue
        try:
            row = _output(workspace, command, output, is_named=command.name in named)
        except ProjError as error:  # it cannot be read, or an error in project.yml concerns it
            row = Cleaned(command.name, output, kept=error.message, hint=error.hint, is_error=True)
        yield row


def _output(workspace: Workspace, command: Command, output: str, *, is_named: bool) -> Cleaned:
    row = Cleaned(command.name, output)
    if kept := _refusal(workspace, command, output):
        return replace(row, kept=kept)
    if not is_named and check_staleness(workspace, command).is_unrecorded:
        hint = f"`proj clean {command.name}` asks whether to remove it"
        return replace(row, kept="no run of its command is recorded", hint=hint)
    digested = workspace.digests.of(output, "output")
    if digested is None:
        return replace(row, kept="it cannot be read")
    return replace(row, kept=_ONLY_LOCAL, size=digested.size, digest=digested.digest)


def _refusal(workspace: Workspace, command: Command, output: str) -> str | None:
    """Return why an output is never removed."""
    if is_outside(output):
        return "it is outside the project"
    if (workspace.root / output).is_symlink():
        return "it is a link"
    if any(reads(dep, output) for dep in command.deps):
        return "it is also a dep of its command"
    if any(overlap(asset.dest, output) for asset in workspace.project.assets):
        return "it is also an asset"
    try:
        check_output_path(workspace, output, force=False)
    except UnsafePath as error:
        return error.message
    return None


# -- what a remote holds ----------------------------------------------------------------------------------------------


def _with_remotes(
    workspace: Workspace,
    rows: Sequence[Cleaned],
    options: CleanOptions,
    open_store: OpenStore,
    report: events.Reporter,
) -> list[Cleaned]:
    """Return the rows with the first remote that holds each output."""
    held: dict[str, Remote] = {}  # by output
    for remote in _remotes(workspace, options, report):
        open_rows = [row for row in rows if row.is_only_local and row.output not in held]
        if not open_rows:
            break
        report(events.Preparing(f"asking {_shown(remote)}"))
        tree = open_tree(workspace, remote, open_store)
        try:
            found = run_aside(partial(_held, workspace, tree, open_rows), workspace.cancel)
        except ProjError as error:
            if options.remote is not None:
                raise
            report(events.Note(f"{_shown(remote)} cannot be asked: {error.message}", error.hint))
            continue
        held |= dict.fromkeys(found, remote)
    return [_held_by(row, held[row.output]) if row.output in held else row for row in rows]


def _shown(remote: Remote) -> str:
    return "the run cache" if remote.is_user_cache else f"remote `{remote.name}`"


def _is_in_git(workspace: Workspace, row: Cleaned) -> bool:
    """Return whether an output that no remote holds is a file that the user keeps in git, such as a metrics file."""
    return row.is_only_local and is_tracked(workspace, workspace.root / row.output)


def _held_by(row: Cleaned, remote: Remote) -> Cleaned:
    return replace(row, remote=remote.name, is_in_cache=remote.is_user_cache, kept=None)


def _remotes(workspace: Workspace, options: CleanOptions, report: events.Reporter) -> Iterator[Remote]:
    if options.remote is not None:
        yield find_remote(workspace, options.remote)
        return
    for name in workspace.project.remotes:
        try:
            yield find_remote(workspace, name)
        except InvalidProject as error:
            report(events.Note(f"remote `{name}` cannot be asked: {error.message}"))
    with_cache = cache_settings(workspace)
    if with_cache is not None and with_cache[1].name not in workspace.project.remotes:
        yield with_cache[1]


def _held(workspace: Workspace, tree: RemoteTree, rows: Sequence[Cleaned]) -> list[str]:
    """Return the outputs that the remote holds as they are now, as part of a run that a record of the command names."""
    with closing(tree):
        tree.list_at_once()
        return [row.output for row in rows if any(_is_in(workspace, run, row) for run in _runs(workspace, tree, row))]


def _runs(workspace: Workspace, tree: RemoteTree, row: Cleaned) -> Iterator[Published]:
    records = own_records(workspace, workspace.project.commands[row.command])
    for key in dict.fromkeys(record.fingerprint.key for record in records):
        yield from (run for _, run in tree.published(key) if tree.is_intact(run))


def _is_in(workspace: Workspace, run: Published, row: Cleaned) -> bool:
    digest = workspace.digests_with(run.record.algorithm).digest(row.output, "output")
    return row.output in run.objects and outputs_of(run.record)[row.output] == digest


# -- removing ---------------------------------------------------------------------------------------------------------


def _remove(
    workspace: Workspace, command: Command, rows: Sequence[Cleaned], report: events.Reporter
) -> Sequence[Cleaned]:
    """Remove the outputs of one command that are not to be kept, unless another process changed them."""
    if all(row.kept for row in rows):
        return rows
    with hold_output_locks(workspace, command, report):
        recover_all([workspace.root / row.output for row in rows if not row.kept])
        workspace.digests.forget()
        results = [row if row.kept else _removed(workspace, row) for row in rows]
        workspace.digests.forget()
    return results


def _removed(workspace: Workspace, row: Cleaned) -> Cleaned:
    workspace.cancel.check()
    try:
        if not os.path.lexists(workspace.root / row.output):  # it was in an output of another command
            return row
        if workspace.digests.digest(row.output, "output") != row.digest:
            return replace(row, kept="another process has just changed it", is_error=True)
        check_output_path(workspace, row.output, force=False)
        with writing(f"`{row.output}`"):
            discard(workspace.root / row.output)
    except ProjError as error:
        return replace(row, kept=error.message, hint=error.hint, is_error=True)
    return row
