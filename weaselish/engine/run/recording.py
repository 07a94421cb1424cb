"""Makes the record of what a step used and made, from what lies on the disk."""

from __future__ import annotations

import os
from collections.abc import Mapping

from weaselish.compat import weasel
from weaselish.engine.run.staleness import Staleness
from weaselish.errors import ProjError, UnsafePath
from weaselish.files.file_stat import Stamp
from weaselish.model.paths import PathIndex
from weaselish.model.project import Command
from weaselish.plan.digests import ABSENT, is_tree
from weaselish.plan.fingerprint import Fingerprint, fingerprint
from weaselish.plan.record import Record, RecordedOutput
from weaselish.workspace import Workspace


class Recorder:
    """For one step: what its inputs looked like before it ran, and the record of it if they still do afterwards."""

    def __init__(self, workspace: Workspace, command: Command, args: tuple[str, ...], looked: Staleness) -> None:
        self._workspace = workspace
        self._command = command
        self._args = args
        self._before = _inputs(command, looked.now)
        self._stamps: Mapping[str, Stamp] = {path: workspace.digests.stamp(path) for path, _ in self._before}

    def record(self, run: int) -> Record | None:
        """The record of a run that just succeeded; None if its inputs changed meanwhile, if only for a moment.

        Raises ProjError if an output is missing or holds a link that leads out of the project.
        """
        digests, command = self._workspace.digests, self._command
        outputs = [self._made(path) for path in command.outputs]
        no_cache = [self._made(path) for path in command.outputs_no_cache]
        after = fingerprint(command, self._workspace.env, digests.of_dep, args=self._args)
        if _inputs(command, after) != self._before:
            return None
        if not all(digests.stamp(path).is_unwritten_since(stamp) for path, stamp in self._stamps.items()):
            return None
        record = Record(
            run=run,
            command=command.name,
            fingerprint=after,
            outputs=tuple(outputs),
            outputs_no_cache=tuple(no_cache),
            algorithm=self._workspace.project.digest,
            dep_sizes={path: found.size for path, _ in after.deps if (found := digests.of(path, "dep"))},
        )
        keep_manifests(self._workspace, record)
        return with_weasel_digests(self._workspace, record)

    def _made(self, path: str) -> RecordedOutput:
        """What lies at an output now."""
        found = self._workspace.digests.of(path, "output")
        if found is None and path in self._command.outputs:
            raise ProjError(
                f"`{self._command.name}` ended without an error, but did not make its output `{path}`",
                hint="correct the script or the path; what may be missing belongs into `outputs_no_cache`",
            )
        if found is None:
            return RecordedOutput(path, ABSENT)
        if is_tree(found.digest):
            self._check_links(path)
        return RecordedOutput(path, found.digest, found.size, found.files)

    def _check_links(self, output: str) -> None:
        for name, target in self._workspace.digests.links(output):
            place = os.path.dirname(os.path.join(output, name))
            led = os.path.normpath(os.path.join(place, target))
            if os.path.isabs(target) or led == ".." or led.startswith("../"):
                raise UnsafePath(
                    f"output `{output}` holds a link that leads out of the project: `{name}` → `{target}`",
                    hint="copy what it leads to, or make the link relative and inside the project",
                )


def adopt(workspace: Workspace, record: Record) -> None:
    """Give an entry of Weasel's that was verified just now a record of its own."""
    keep_manifests(workspace, record)
    workspace.records.add(with_weasel_digests(workspace, record._replace(run=workspace.records.next_id())))


def keep_manifests(workspace: Workspace, record: Record) -> None:
    """Keep what the directories of a record hold, so that a later reason can say what changed in them."""
    for path, digest in record.fingerprint.deps:
        if digest is not None and is_tree(digest):
            workspace.digests.keep_manifest(path, "dep", digest)
    for made in record.all_outputs:
        if is_tree(made.digest):
            workspace.digests.keep_manifest(made.path, "output", made.digest)


def with_weasel_digests(workspace: Workspace, record: Record) -> Record:
    """The record with Weasel's digests of what lies there, where `compat: weasel` asks for them."""
    if not workspace.project.compat:
        return record
    return record._replace(weasel=weasel.digests_of(workspace.root, record))


def _inputs(command: Command, then: Fingerprint) -> list[tuple[str, str | None]]:
    """The deps that the script only reads: those that it makes itself are recorded as they are afterwards."""
    made = PathIndex(command.all_outputs)
    return [(path, digest) for path, digest in then.deps if not made.overlapping(path)]
