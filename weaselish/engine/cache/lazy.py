"""Results that are in the cache but not on the disk: steps that need not run use their digests instead."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock

from weaselish.engine.cache.run_cache import RunCache, may_restore
from weaselish.engine.remote.candidates import own_records
from weaselish.engine.run.staleness import Staleness
from weaselish.files.projignore import has_projignore
from weaselish.model.project import Command
from weaselish.plan.producers import reads
from weaselish.plan.reasons import ReasonKind
from weaselish.plan.record import Record
from weaselish.plan.sequence import Step
from weaselish.workspace import Workspace


class LazyResults:
    """The steps of one run whose outputs were left in the cache. Thread-safe."""

    def __init__(self, workspace: Workspace, cache: RunCache) -> None:
        self._workspace = workspace
        self._cache = cache
        self._lock = Lock()  # guards the two below
        self._steps: dict[str, Step] = {}  # output -> the step that produces it
        self._digests: dict[str, str] = {}  # output -> digest

    def expected(self, path: str, digest: str | None) -> str | None:
        """Return the digest of a path: that on the disk, else that of an output that was left in the cache."""
        return digest or self._digests.get(path)

    def leave(self, step: Step, command: Command, staleness: Staleness) -> Record | None:
        """Leave the step's outputs in the cache if they are there. Return the cached record, or else None.

        The step must be up to date apart from outputs that are missing.
        """
        last = staleness.last
        if last is None or not may_restore(command) or last.fingerprint.key != staleness.now.key:
            return None
        if not all(_is_plainly_missing(command, reason.subject, reason.kind) for reason in staleness.reasons):
            return None
        if last.algorithm != self._workspace.project.digest or (held := self._cache.held(last)) is None:
            return None
        self.add(step, held)
        return held

    def add(self, step: Step, record: Record) -> None:
        """Note that the outputs of a step are in the cache only."""
        with self._lock:
            self._digests.update(digests_as_deps(self._workspace, record))
            self._steps.update((output.path, step) for output in record.outputs)

    def take(self, step: Step) -> None:
        """Note that the step's outputs are no longer left in the cache."""
        with self._lock:
            for path in [path for path, producer in self._steps.items() if producer == step]:
                del self._steps[path], self._digests[path]

    def steps_to_fetch(self, absent: Iterable[str]) -> list[Step]:
        """Return the steps that produce these paths."""
        with self._lock:
            return list(dict.fromkeys(self._steps[path] for path in absent if path in self._steps))

    def steps_to_know(self, command: Command) -> list[Step]:
        """Return the steps whose outputs must be on the disk before the command's key is certain.

        These are the outputs around a dep, inside it, or matched by its glob: their digests do not tell the dep's.
        """
        with self._lock:
            deps = [dep for dep in command.deps if dep not in self._digests]
            return list(
                dict.fromkeys(step for path, step in self._steps.items() if any(reads(dep, path) for dep in deps))
            )


def digests_as_deps(workspace: Workspace, record: Record) -> dict[str, str]:
    """Return output -> the digest that it has as a dep, as far as the record tells."""
    digests = {output.path: output.digest for output in record.outputs}
    return digests if has_projignore(workspace.root) else {**digests, **record.dep_digests}


def absent_deps(workspace: Workspace, staleness: Staleness) -> list[str]:
    """Return the deps that count with a digest although they are not on the disk."""
    return [path for path, digest in staleness.now.deps if digest is not None and not workspace.exists(path)]


def is_locked(workspace: Workspace, command: Command, dep: str) -> bool:
    """Return whether the command's last record names the digest of a dep."""
    return any(dict(record.fingerprint.deps).get(dep) for record in own_records(workspace, command))


def _is_plainly_missing(command: Command, subject: str | None, kind: ReasonKind) -> bool:
    return kind is ReasonKind.OUTPUT_MISSING and subject in command.outputs
