"""Which recorded run produced an artifact."""

from __future__ import annotations

from weaselish.engine.artifacts.manifest import RunReference
from weaselish.model.paths import inside
from weaselish.plan.digests import algorithm_of
from weaselish.plan.record import Record
from weaselish.workspace import Workspace


def producing_run(workspace: Workspace, path: str) -> tuple[RunReference, Record] | None:
    """Return the last recorded run that wrote what is at `path` now, None if no record vouches for it.

    Its output is the path, or contains it and is unchanged as a whole.
    """
    found: list[tuple[RunReference, Record]] = []
    for name in workspace.project.commands:
        for record in workspace.records.last(name):
            if isinstance(record, Record) and record.run:
                for output in record.all_outputs:
                    if inside(path, output.path) and _is_unchanged(workspace, output.path, output.digest):
                        reference = RunReference(name, record.fingerprint.key, record.run, output.path)
                        found.append((reference, record))
    return max(found, key=lambda pair: pair[0].run, default=None)


def _is_unchanged(workspace: Workspace, path: str, digest: str) -> bool:
    return workspace.digests_with(algorithm_of(digest)).digest(path, "output") == digest
