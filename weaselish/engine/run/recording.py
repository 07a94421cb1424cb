"""Makes the record of what a step used and produced, from the files on disk."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping

from weaselish.compat import weasel
from weaselish.engine.artifacts.pins import versions_read
from weaselish.engine.run.environment import environment_of
from weaselish.engine.run.staleness import Staleness, output_content
from weaselish.errors import ProjError, UnsafePath, listed
from weaselish.files.file_stat import Stamp
from weaselish.files.projignore import has_projignore
from weaselish.model.paths import PathIndex, is_outside
from weaselish.model.project import Command
from weaselish.plan.digests import ABSENT, is_tree
from weaselish.plan.fingerprint import Fingerprint, fingerprint
from weaselish.plan.record import Record, RecordedOutput
from weaselish.workspace import Workspace


class Recorder:
    """Compares the inputs of one step before and after it ran, and makes its record if they are the same."""

    def __init__(self, workspace: Workspace, command: Command, args: tuple[str, ...], staleness: Staleness) -> None:
        self._workspace = workspace
        self._command = command
        self._args = args
        self._begun = time.time_ns()
        self._before = inputs_of(command, staleness.now)
        self._environment = staleness.now.environment
        paths = [*self._before, *workspace.project.env_files]
        self._stamps: Mapping[str, Stamp] = {path: workspace.digests.stamp(path) for path in paths}

    def record(self, run: int) -> Record | None:
        """Return the record of a run that succeeded; None if its inputs changed while it ran, even for a moment.

        Raises ProjError if an output is missing or holds a link that leads out of the project.
        """
        digests, command = self._workspace.digests, self._command
        outputs = [self._output(path) for path in command.outputs]
        no_cache = [self._output(path) for path in command.outputs_no_cache]
        environment = environment_of(self._workspace, command, digests)
        after = fingerprint(command, self._workspace.env, digests.of_dep, args=self._args, environment=environment)
        if inputs_of(command, after) != self._before or environment != self._environment:
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
            dep_digests=self._dep_digests(outputs),
            extra=versions_read(self._workspace, command),
            dep_sizes={path: digested.size for path, _ in after.deps if (digested := digests.of(path, "dep"))},
        )
        keep_manifests(self._workspace, record)
        return with_weasel_digests(self._workspace, record)

    def adopted(self, record: Record, run: int) -> Record:
        """Return the record of a run elsewhere, whose outputs were just fetched, as that of our run."""
        record = record._replace(run=run, extra={**record.extra, **versions_read(self._workspace, self._command)})
        keep_manifests(self._workspace, record)
        return with_weasel_digests(self._workspace, record)

    def _output(self, path: str) -> RecordedOutput:
        """Return the current output. Raises ProjError if it is missing and required."""
        digested = output_content(self._workspace.digests, self._command, path)
        if digested is None and path in self._command.outputs:
            raise self._not_produced(path)
        if digested is None:
            return RecordedOutput(path, ABSENT)
        if is_tree(digested.digest) and not is_outside(path):
            self._check_links(path)
        return RecordedOutput(path, digested.digest, digested.size, digested.files)

    def _dep_digests(self, outputs: Iterable[RecordedOutput]) -> dict[str, str]:
        """Return the digests that directories with links have as deps. A .projignore may change them later."""
        digests = self._workspace.digests
        linked = [output.path for output in outputs if is_tree(output.digest) and digests.links(output.path)]
        if not linked or has_projignore(self._workspace.root):
            return {}
        return {path: digest for path in linked if (digest := digests.digest(path, "dep")) is not None}

    def _not_produced(self, output: str) -> ProjError:
        from weaselish.engine.run.produced import written_near

        written = written_near(self._workspace, output, self._begun)
        instead = f"during the run {listed(written)} appeared or changed: " if written else ""
        return not_produced(self._command, output, instead)

    def _check_links(self, output: str) -> None:
        """Raise UnsafePath for a link in an output that leads out of the project: no pull could restore it."""
        for name, target in self._workspace.digests.links(output):
            place = os.path.dirname(os.path.join(output, name))
            led = os.path.normpath(os.path.join(place, target))
            if os.path.isabs(target) or led == ".." or led.startswith("../"):
                raise UnsafePath(
                    f"output `{output}` holds a link that leads out of the project: `{name}` → `{target}`",
                    hint="copy what it leads to, or make the link relative and inside the project",
                )


def adopt(workspace: Workspace, record: Record) -> None:
    """Record a verified entry of Weasel's as our own."""
    keep_manifests(workspace, record)
    workspace.records.add(with_weasel_digests(workspace, record._replace(run=workspace.records.next_id())))


def keep_manifests(workspace: Workspace, record: Record) -> None:
    """Keep the manifests of a record's directories, so that a later reason can name what changed in them."""
    for path, digest in record.fingerprint.deps:
        if digest is not None and is_tree(digest):
            workspace.digests.keep_manifest(path, "dep", digest)
    for output in record.all_outputs:
        if is_tree(output.digest):
            workspace.digests.keep_manifest(output.path, "output", output.digest)


def with_weasel_digests(workspace: Workspace, record: Record) -> Record:
    """Return the record with Weasel's digests of its directories, under `compat: weasel`."""
    if not workspace.project.compat:
        return record
    return record._replace(weasel=weasel.digests_of(workspace.root, record))


def inputs_of(command: Command, then: Fingerprint) -> dict[str, str | None]:
    """Return the deps that the script only reads. Those that it produces itself are recorded as they are afterwards."""
    outputs = PathIndex(command.all_outputs)
    return {path: digest for path, digest in then.deps if not outputs.overlapping(path)}


def not_produced(command: Command, output: str, instead: str = "") -> ProjError:
    """Return the error for an output that a script did not write. `instead`: what it wrote, for the hint."""
    return ProjError(
        f"`{command.name}` ended without an error, but did not produce its output `{output}`",
        hint=f"{instead}correct the script or the path, or list optional outputs under `outputs_no_cache`",
    )
