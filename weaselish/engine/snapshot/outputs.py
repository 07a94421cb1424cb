"""Restores the outputs that a snapshot refers to, as `proj pull` does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from weaselish.engine.output_locks import hold_output_locks
from weaselish.engine.remote.candidates import OutputObject
from weaselish.engine.remote.download import NotPulled
from weaselish.engine.remote.published import Published
from weaselish.engine.remote.restore import Replaces, Restorer
from weaselish.engine.remote.tree import RemoteTree
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.engine.snapshot.download import KEEP_GOING
from weaselish.engine.snapshot.opened import outside
from weaselish.engine.snapshot.references import object_of
from weaselish.engine.write_paths import check_output_path
from weaselish.errors import ProjError, StoreError
from weaselish.files.swap import recover_all
from weaselish.load import FILE
from weaselish.model.project import Command
from weaselish.named_tuple import NamedTuple
from weaselish.plan.record import Record
from weaselish.plan.snapshot_entries import Entry, OutputEntry
from weaselish.workspace import Workspace


class Wanted(NamedTuple):
    """A run on the remote, and the objects of its outputs that the snapshot refers to."""

    run: Published
    objects: tuple[OutputObject, ...]


def wanted_runs(tree: RemoteTree, entries: Iterable[Entry]) -> list[Wanted]:
    """Return the runs that a snapshot refers to. Raises StoreError if one is missing or holds something else."""
    return [_wanted_run(tree, outputs) for outputs in _by_run(entries)]


def _by_run(entries: Iterable[Entry]) -> Iterable[Sequence[OutputEntry]]:
    groups: dict[tuple[str, int], list[OutputEntry]] = {}
    for entry in entries:
        if isinstance(entry, OutputEntry):
            groups.setdefault((entry.key, entry.run), []).append(entry)
    return groups.values()


def _wanted_run(tree: RemoteTree, outputs: Sequence[OutputEntry]) -> Wanted:
    run = tree.run(outputs[0].key, outputs[0].run)
    if run is None:
        lost = ", ".join(f"`{output.path}`" for output in outputs)
        number = outputs[0].run
        raise StoreError(f"run {number}, which holds {lost}, is no longer on the remote", hint=KEEP_GOING)
    try:
        return Wanted(run, tuple(object_of(output, run) for output in outputs))
    except ValueError as error:
        raise StoreError(f"the snapshot is damaged: {error}", hint=KEEP_GOING) from None


class OutputRestorer:
    """Restores the outputs of one snapshot in the directory of one workspace, from the remote of `tree`.

    With `keep_going`, outputs that are damaged or missing are left out: `problems` says per path what is wrong.
    """

    def __init__(
        self,
        workspace: Workspace,
        tree: RemoteTree,
        *,
        force: bool,
        jobs: int,
        keep_going: bool,
        report: SerialReporter,
    ) -> None:
        self.problems: dict[str, str] = {}
        self._keep_going = keep_going
        self._workspace = workspace
        self._tree = tree
        self._force = force
        self._jobs = jobs
        self._report = report

    def wanted(self, entries: Iterable[Entry]) -> list[Wanted]:
        """Return the runs that the snapshot refers to. Raises StoreError for one that is damaged or missing."""
        found = []
        for outputs in _by_run(entries):
            try:
                found.append(_wanted_run(self._tree, outputs))
            except StoreError as error:
                if not self._keep_going:
                    raise
                self.problems |= dict.fromkeys((output.path for output in outputs), error.message)
        return found

    def only_local(self, wanted: Iterable[Wanted]) -> list[str]:
        """Return the paths of outputs that exist only locally, and would be replaced."""
        lost = []
        restorer = self._restorer(self._workspace)
        for _, objects in wanted:
            for one in objects:
                check_output_path(self._workspace, one.path, force=self._force)
                try:
                    restorer.missing([one])
                except NotPulled:
                    lost.append(one.path)
        return lost

    def restore(self, root: Path, wanted: Iterable[Wanted]) -> list[str]:
        """Restore what is missing. `root` holds the project.yml of the snapshot by now. Return the restored paths."""
        workspace = _workspace(root, self._workspace)
        workspace.prepare_to_change()
        restorer = self._restorer(workspace)
        restored: list[str] = []
        try:
            for one in wanted:
                restored += self._restore(workspace, restorer, one)
        except NotPulled as refusal:
            hint = refusal.hint or KEEP_GOING
            raise ProjError(f"an output cannot be restored: {refusal.why}", hint=hint) from None
        finally:
            restorer.close()
            workspace.records.close()
            workspace.save()
        return restored

    def _restorer(self, workspace: Workspace) -> Restorer:
        return Restorer(
            workspace,
            self._tree,
            jobs=self._jobs,
            replaces=Replaces.ANYTHING if self._force else Replaces.STORED,
            report=self._report,
        )

    def _restore(self, workspace: Workspace, restorer: Restorer, wanted: Wanted) -> list[str]:
        record = wanted.run.record
        command = workspace.project.commands.get(record.command)
        if command is None or set(command.outputs) != {output.path for output in record.outputs}:
            command = Command(record.command, outputs=tuple(output.path for output in record.outputs))
        with hold_output_locks(workspace, command, self._report):
            for one in wanted.objects:
                check_output_path(workspace, one.path, force=self._force)
            recover_all([workspace.root / one.path for one in wanted.objects])
            workspace.digests.forget()
            missing = restorer.missing(wanted.objects)
            try:
                restorer.restore(command, record, missing)
            except NotPulled:
                if not self._keep_going:
                    raise
                return [one.path for one in missing if self._is_rescued(command, record, restorer, one)]
        return [one.path for one in missing]

    def _is_rescued(self, command: Command, record: Record, restorer: Restorer, wanted: OutputObject) -> bool:
        """Restore one output of a run of which another one is damaged. The run is not recorded as restored."""
        try:
            restorer.replace(command, record, [wanted])
        except NotPulled as refusal:
            self.problems[wanted.path] = refusal.why
            return False
        return True


def _workspace(root: Path, before: Workspace) -> Workspace:
    """Open the project that was just pulled; without one that can be used, a workspace without project.yml."""
    if (root / FILE).is_file():
        try:
            return Workspace.open(root, cancel=before.cancel)
        except ProjError:
            pass
    return outside(root, before)
