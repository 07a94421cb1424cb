"""Runs on a remote that match a command's current script, deps and env: proj's by their records, Weasel's by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote_plus

from weaselish.archive.unpack import Limits
from weaselish.compat import weasel
from weaselish.engine.remote.published import Published, is_object_key, outputs_of
from weaselish.engine.remote.tree import RemoteTree
from weaselish.engine.run.environment import environment_of
from weaselish.model.paths import is_outside
from weaselish.model.project import Command
from weaselish.plan.digests import ABSENT, Algorithm, algorithm_of
from weaselish.plan.fingerprint import Fingerprint, fingerprint
from weaselish.plan.record import Origin, Record, RecordedOutput
from weaselish.records.lock_entry import LockEntry
from weaselish.stores.base import Stored
from weaselish.workspace import Workspace


@dataclass(frozen=True, slots=True)
class OutputObject:
    """The object of one output of a run. `digest` is the one in its key: Weasel's for an object of Weasel's."""

    path: str
    key: str
    digest: str
    limits: Limits
    by_weasel: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A run whose outputs may be restored. `rivals`: how many runs match, 1 if the lock file names this one."""

    record: Record
    objects: tuple[OutputObject, ...]
    rivals: int = 1


def current_fingerprint(
    workspace: Workspace, command: Command, expected: Mapping[str, str], algorithm: Algorithm
) -> Fingerprint:
    """Return the fingerprint of a run now. A missing dep counts as `expected` says, or else as the lock recorded it.

    `expected`: outputs that are not restored yet -> the digests that they will have.
    """
    known: dict[str, str | None] = {}
    for record in reversed(own_records(workspace, command)):
        if record.algorithm == algorithm:
            known.update(record.fingerprint.deps)
    coming = {path: digest for path, digest in expected.items() if digest and algorithm_of(digest) == algorithm}
    digests = workspace.digests_with(algorithm)

    def digests_of(dep: str) -> Iterable[tuple[str, str | None]]:
        for path, digest in digests.of_dep(dep):
            yield path, coming.get(path) or digest or known.get(path)

    last = next(iter(own_records(workspace, command)), None)
    environment = environment_of(workspace, command, digests, last and last.fingerprint)
    return fingerprint(command, workspace.env, digests_of, environment=environment)


def algorithms(workspace: Workspace, tree: RemoteTree, command: Command) -> Iterator[Algorithm]:
    """Yield the digest algorithms in which runs of a command may match, those of its local records first.

    The one that the project does not use comes last, and only if the remote has runs with it: it costs another read
    of all deps.
    """
    own = workspace.project.digest
    first = dict.fromkeys([*(record.algorithm for record in own_records(workspace, command)), own])
    yield from first
    other: Algorithm = "blake3" if own == "md5" else "md5"
    if other not in first and command.outputs:
        runs = tree.runs_of(command.outputs[0], compat=workspace.project.compat)
        if any(run.record.algorithm == other for run in runs):
            yield other


def own_records(workspace: Workspace, command: Command) -> list[Record]:
    """Return the last local records of a command, without entries of Weasel's."""
    return [record for record in workspace.records.last(command.name) if isinstance(record, Record)]


class Candidates:
    """Finds the candidates for commands of one workspace on one remote."""

    def __init__(self, workspace: Workspace, tree: RemoteTree) -> None:
        self._workspace = workspace
        self._tree = tree
        self._compat = workspace.project.compat

    def of(self, command: Command, now: Fingerprint, algorithm: Algorithm) -> Iterator[Candidate]:
        """Yield the runs that match: the one in the lock file first, then the newest by the store's clock.

        `algorithm`: of the digests in `now`. Lists the remote only when the first one was not good enough.
        """
        locked = self._locked(command, now, algorithm)
        if locked is not None:
            yield Candidate(locked.record, objects_of(command, locked))
        fitting = self._fitting(command, now, algorithm)
        weasels = self._of_weasel(command, now) if self._compat else []
        rivals = len(fitting) + len(weasels)
        for run in fitting:
            if locked is None or run.record.run != locked.record.run:
                yield Candidate(run.record, objects_of(command, run), rivals)
        yield from (Candidate(record, objects, rivals) for record, objects in weasels)

    def _locked(self, command: Command, now: Fingerprint, algorithm: Algorithm) -> Published | None:
        """Return the run that the lock file names, if it is published and matches."""
        for record in own_records(self._workspace, command):
            if record.run and record.fingerprint.key == now.key:
                run = self._tree.run(now.key, record.run)
                if run is not None and _fits(command, run.record, algorithm):
                    return run
        return None

    def _fitting(self, command: Command, now: Fingerprint, algorithm: Algorithm) -> list[Published]:
        """Return all matching runs. Those with the outputs in the lock file come first."""
        published = self._tree.published(now.key)
        locked = own_records(self._workspace, command)

        def by_lock(pair: tuple[Stored, Published]) -> tuple[bool, bool]:
            record = pair[1].record
            is_run = any(own.run == record.run for own in locked)
            return not is_run, not any(outputs_of(own) == outputs_of(record) for own in locked)

        published.sort(key=by_lock)  # stable: otherwise they stay newest first
        return [run for _, run in published if _fits(command, run.record, algorithm)]

    def _of_weasel(self, command: Command, now: Fingerprint) -> list[tuple[Record, tuple[OutputObject, ...]]]:
        """Return what Weasel pushed for the command: per output the object that the lock names, else the newest."""
        hashed = self._weasel_hash(command, now)
        if hashed is None or any(map(is_outside, command.outputs)):
            return []
        in_lock = self._weasel_digests_in_lock(command)
        objects = []
        for output in command.pushed_outputs:
            listed = self._tree.below(f"{quote_plus(command.as_written(output))}/{hashed}").values()
            stored = [one for one in listed if is_object_key(one.key)]
            if not stored:
                return []
            best = max(stored, key=lambda one: (one.key.endswith(f"/{in_lock.get(output)}"), one.modified))
            objects.append(OutputObject(output, best.key, best.key.rpartition("/")[2], Limits(), by_weasel=True))
        outputs = tuple(RecordedOutput(output, "") for output in command.outputs)
        absent = tuple(RecordedOutput(output, ABSENT) for output in command.outputs_no_cache)
        return [(Record(0, command.name, now, outputs, absent, origin=Origin.WEASEL), tuple(objects))]

    def _weasel_hash(self, command: Command, now: Fingerprint) -> str | None:
        """Return Weasel's command hash, None if a dep is not local."""
        deps = []
        for path, _ in now.deps:
            digest = weasel.digest(self._workspace.root / path)
            if digest is None:
                return None
            deps.append((command.as_written(path), digest))
        return weasel.command_hash(now.script, deps)

    def _weasel_digests_in_lock(self, command: Command) -> dict[str, str]:
        digests: dict[str, str] = {}
        for record in self._workspace.records.last(command.name):
            if isinstance(record, Record):
                digests |= {output.path: record.weasel.get(output.path, output.digest) for output in record.outputs}
            elif isinstance(record, LockEntry):
                digests |= {str(out.get("path")): str(out.get("md5")) for out in record.data.get("outs") or ()}
        return digests

    def why_none(self, command: Command, now: Fingerprint, expected: Mapping[str, str]) -> str:
        """Say why no run is a candidate, and whether the remote has other runs of the command."""
        awaited = [path for path, _ in now.deps if path in expected]
        if awaited:  # with links in it, a directory has another digest as a dep than as an output
            return f"which run matches depends on outputs that are not restored yet: {', '.join(awaited)}"
        others = len(self._tree.runs_of(command.outputs[0], compat=self._compat))
        if others:
            runs = "1 run" if others == 1 else f"{others} runs"
            return f"no matching run on the remote ({runs} with a different script, deps or env)"
        hashed = None if self._compat else self._weasel_hash(command, now)
        if hashed and self._tree.below(f"{quote_plus(command.as_written(command.outputs[0]))}/{hashed}"):
            return "the remote has only Weasel's own objects: `compat: weasel` in project.yml reads them"
        return "no run of it is on the remote"


def _fits(command: Command, record: Record, algorithm: Algorithm) -> bool:
    """Return whether a record has exactly the command's outputs, and digests by `algorithm`."""
    return (
        outputs_of(record).keys() == set(command.outputs)
        and {output.path for output in record.outputs_no_cache} == set(command.outputs_no_cache)
        and record.algorithm == algorithm
    )


def objects_of(command: Command, run: Published) -> tuple[OutputObject, ...]:
    """Return the objects of the outputs of a published run."""
    """Return the objects of the outputs of a published run."""
    pushed = frozenset(command.pushed_outputs)
    return tuple(
        OutputObject(
            output.path,
            run.objects[output.path][0],
            output.digest,
            Limits(size=output.size, files=output.files),
        )
        for output in run.record.outputs
        if output.path in run.objects and output.path in pushed
    )
