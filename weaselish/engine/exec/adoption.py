"""Adopts what a job published: its outputs come back from the remote, all of them or none."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from weaselish.engine.exec.names import JOBS
from weaselish.engine.exec.result import Result, read_result
from weaselish.engine.remote.candidates import objects_of, own_records
from weaselish.engine.remote.download import NotPulled
from weaselish.engine.remote.published import without_remote_facts
from weaselish.engine.remote.restore import Replaces, Restorer
from weaselish.engine.remote.tree import RemoteTree
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.errors import ProjError
from weaselish.executors.base import Job, Outcome
from weaselish.model.project import Command
from weaselish.plan.digests import ABSENT
from weaselish.stores.base import Store
from weaselish.workspace import Workspace

_DOWNLOADS = 4  # objects at a time


class Adopter:
    """Adopts results for one workspace from one remote. Thread-safe. The caller holds the locks of the step."""

    def __init__(self, workspace: Workspace, tree: RemoteTree, report: SerialReporter) -> None:
        self._workspace = workspace
        self._tree = tree
        self._restorer = Restorer(workspace, tree, jobs=_DOWNLOADS, replaces=Replaces.AS_A_RUN, report=report)

    def result(self, name: str) -> Result | None:
        """Return the result of a job, None if no attempt at it left one."""
        return read_result(self._tree.store, name)

    def adopt(self, job: Job, name: str, result: Result, *, leaves_outputs: bool = False) -> Outcome:
        """Fetch the outputs of a successful result. Return the outcome with the record. Raises ProjError.

        `leaves_outputs`: only fetch its `outputs_no_cache` paths, which nothing publishes.
        """
        assert job.command is not None
        if result.run is None:
            self.remove(name)
            return result.outcome
        record = result.run.record
        if record.fingerprint.key != job.id.key:
            raise ProjError(f"the result of `{job.name}` on the remote belongs to other inputs")
        outputs = () if leaves_outputs else objects_of(job.command, result.run)
        wanted = (*outputs, *result.kept)
        try:
            missing = self._restorer.missing(wanted)
            absent = [one.path for one in record.outputs_no_cache if one.digest == ABSENT]
            old = outdated(self._workspace, job.command, absent)
            self._restorer.replace(job.command, record, missing, outdated=old)
        except NotPulled as error:
            raise ProjError(f"the outputs of `{job.name}` cannot be fetched: {error.why}", hint=error.hint) from None
        self.remove(name)
        return result.outcome._replace(record=without_remote_facts(record), is_left=leaves_outputs)

    def remove(self, name: str) -> None:
        """Delete a job that has ended from the remote. What is left after a failure, `proj gc` deletes."""
        with suppress(ProjError):
            remove_job(self._tree.store, name)

    def close(self) -> None:
        self._restorer.close()


def outdated(workspace: Workspace, command: Command, absent: Sequence[str]) -> list[str]:
    """Return those of the `outputs_no_cache` paths that an earlier run left. `absent`: this one did not write them."""
    earlier = {(one.path, one.digest) for own in own_records(workspace, command) for one in own.all_outputs}
    return [path for path in absent if (path, workspace.digests.digest(path, "output")) in earlier]


def remove_job(store: Store, name: str) -> None:
    """Delete the document of a job, so that no further attempt begins, and its results. Raises StoreError."""
    store.delete(f"{JOBS}/{name}.json")
    store.delete_many([one.key for one in store.list(f"{JOBS}/{name}")])
