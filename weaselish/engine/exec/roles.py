"""Adopts what the replicas of a job published: their parts, united, become the outputs of the step."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from weaselish.engine.exec.adoption import outdated, remove_job
from weaselish.engine.exec.publishing import publish
from weaselish.engine.exec.result import Result, read_results
from weaselish.engine.exec.united import United
from weaselish.engine.remote.candidates import OutputObject
from weaselish.engine.remote.download import Downloader, NotPulled
from weaselish.engine.remote.published import published_run, without_remote_facts
from weaselish.engine.remote.tree import RemoteTree
from weaselish.engine.run.metrics import read_metrics
from weaselish.engine.run.provenance import ProvenanceSource
from weaselish.engine.run.recording import Recorder, not_produced
from weaselish.engine.run.staleness import Staleness
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.errors import ProjError
from weaselish.executors.base import Ending, Job, Outcome
from weaselish.files.atomic import writing
from weaselish.files.remove import remove
from weaselish.files.staging import staging_directories
from weaselish.files.swap import swap_in_all
from weaselish.model.paths import inside
from weaselish.model.project import Command
from weaselish.plan.record import Record
from weaselish.workspace import Workspace

_DOWNLOADS = 4  # parts at a time


class RolesAdopter:
    """Adopts the results of one job with roles. Create it before the job runs: it notes the inputs."""

    def __init__(
        self, workspace: Workspace, tree: RemoteTree, report: SerialReporter, provenance: ProvenanceSource, job: Job
    ) -> None:
        assert job.command is not None
        assert job.fingerprint is not None
        self._workspace = workspace
        self._tree = tree
        self._downloader = Downloader(workspace, tree, report, jobs=_DOWNLOADS)
        self._provenance = provenance
        self._job = job
        self._command: Command = job.command
        now = job.fingerprint
        self._recorder = Recorder(workspace, job.command, now.args, Staleness(now, None, (), 0))
        self._begun, self._wall = time.monotonic(), time.time()

    def adopted(self, name: str, outcome: Outcome | None) -> Outcome | None:
        """Return how the job ended: by the results of its replicas, else as its executor says.

        `name` is that of the job on the remote. Raises ProjError for outputs that cannot be united.
        """
        results = read_results(self._tree.store, name)
        parts = {
            result.outcome.replica: result
            for result in reversed(results)
            if result.outcome.succeeded and not result.run
        }
        helpers, needed = (
            [name for role in self._job.roles if role.keep_alive is kept for name in role.replica_names]
            for kept in (True, False)
        )
        is_complete = all(one in parts for one in needed) and (outcome is None or outcome.replica not in helpers)
        if is_complete:
            last = next(result.outcome for result in results if result.outcome.replica in needed)
            outcome = self._recorded(outcome or last, [parts[one] for one in [*needed, *helpers] if one in parts])
        elif outcome is not None and outcome.succeeded:
            missing = ", ".join(f"`{one}`" for one in needed if one not in parts)
            raise ProjError(f"`{self._job.name}` ended, but left no result of {missing} on the remote")
        elif outcome is not None:
            outcome = _failed(outcome, results)
        with suppress(ProjError):
            remove_job(self._tree.store, name)
        return outcome

    def _recorded(self, outcome: Outcome, parts: Sequence[Result]) -> Outcome:
        """Put the outputs in place, and publish them. Return the outcome with the record."""
        try:
            self._unite(parts)
            return Outcome(
                Ending.EXITED,
                0,
                host=outcome.host,
                image=outcome.image,
                is_limited=all(part.outcome.is_limited for part in parts),
                record=self._record(outcome),
            )
        except NotPulled as error:
            raise ProjError(f"the outputs of `{self._job.name}` cannot be fetched: {error.why}") from None

    def _unite(self, parts: Sequence[Result]) -> None:
        written: dict[str, list[tuple[str, OutputObject]]] = {}
        for part in parts:
            for one in part.kept:
                if one.path in self._command.all_outputs:
                    written.setdefault(one.path, []).append((part.outcome.replica or "", one))
        targets = [self._workspace.root / path for path in written]
        with staging_directories(targets, self._workspace.staging_notes) as places:
            united = {
                path: self._united(path, objects, staging)
                for (path, objects), staging in zip(written.items(), places, strict=True)
            }
            self._check_complete(united)
            self._workspace.cancel.check()
            self._remove_outdated(united)
            swap_in_all([(new, self._workspace.root / path) for path, new in united.items()])
        self._workspace.digests.forget()

    def _united(self, path: str, objects: Sequence[tuple[str, OutputObject]], staging: Path) -> Path:
        """Download the parts of one output, and unite them in a directory beside it. Return where the output is."""
        places = [staging / str(number) for number in range(len(objects))]
        for place in places:
            place.mkdir()
        contents = self._downloader.download_all([one for _, one in objects], places, None)
        united = United(path, staging / "united")
        for (replica, _), content, place in zip(objects, contents, places, strict=True):
            united.add(replica, content, place / path)
        return staging / "united"

    def _check_complete(self, united: Mapping[str, Path]) -> None:
        for output in self._command.outputs:
            if not any(os.path.lexists(place) for place in _places(output, united)):
                raise not_produced(self._command, output)

    def _remove_outdated(self, united: Mapping[str, Path]) -> None:
        absent = [path for path in self._command.outputs_no_cache if not any(_places(path, united))]
        for path in outdated(self._workspace, self._command, absent):
            with writing(f"`{path}`"):
                remove(self._workspace.root / path)

    def _record(self, outcome: Outcome) -> Record:
        record = self._recorder.record(self._job.id.run)
        if record is None:
            raise ProjError(f"the inputs of `{self._command.name}` changed while it ran")
        seconds = time.monotonic() - self._begun
        provenance = self._provenance.of_run(self._job.reasons, outcome, wall=self._wall, seconds=seconds)
        record = record._replace(provenance=provenance, metrics=read_metrics(self._workspace, self._command))
        published = published_run(json.loads(publish(self._tree, self._workspace, self._command, record)))
        return record if published is None else without_remote_facts(published.record)


def _places(path: str, united: Mapping[str, Path]) -> Iterator[Path]:
    """Yield where a path is: in each of the outputs that contain it."""
    for output, place in united.items():
        if inside(path, output):
            yield place / os.path.relpath(path, output) if path != output else place


def _failed(outcome: Outcome, results: Sequence[Result]) -> Outcome:
    """Return a failure as the replica's own result tells it, which knows more than the executor."""
    for result in results:
        own = result.outcome
        if outcome.ended is not Ending.TIMED_OUT and own.replica == outcome.replica is not None and not own.succeeded:
            return own._replace(attempt=outcome.attempt, image=outcome.image)
    return outcome._replace(line=None)
