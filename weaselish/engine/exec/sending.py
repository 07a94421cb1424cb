"""Sends a job to a remote: its inputs, as far as the remote lacks them, then its document."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from functools import partial

from weaselish.engine import events
from weaselish.engine.cache.lazy import digests_as_deps
from weaselish.engine.exec.document import JobDocument, document_of, encode
from weaselish.engine.exec.inputs import send_input
from weaselish.engine.exec.names import input_key, job_key
from weaselish.engine.remote.published import Published, outputs_of
from weaselish.engine.remote.tree import RemoteTree
from weaselish.engine.run.provenance import ProvenanceSource
from weaselish.engine.workers import Workers
from weaselish.executors.base import Job
from weaselish.plan.record import Record
from weaselish.workspace import Workspace

_UPLOADS = 4  # inputs at a time


class Sender:
    """Sends jobs of one workspace to one remote. Thread-safe."""

    def __init__(self, workspace: Workspace, tree: RemoteTree, report: events.Reporter) -> None:
        self._workspace = workspace
        self._tree = tree
        self._report = report
        self.provenance = ProvenanceSource(workspace.root)
        self._lock = threading.Lock()  # guards `_sending`
        self._sending: dict[str, threading.Lock] = {}  # key of an input -> held while it is looked up and sent
        self._sent: set[str] = set()

    def send(self, job: Job, executor: str) -> tuple[str, JobDocument]:
        """Send a job. Return its name on the remote, and its document. Raises StoreError and ProjError."""
        assert job.command is not None
        assert job.fingerprint is not None
        places = [self._found(path, digest) for path, digest in job.fingerprint.deps if digest is not None]
        self._send_inputs([(path, digest, key) for path, digest, key, is_found in places if not is_found])
        document = document_of(
            job.command,
            job.fingerprint,
            self._workspace.project.env,
            objects={path: key for path, _, key, _ in places},
            run=job.id.run,
            algorithm=self._workspace.project.digest,
            compat=self._workspace.project.compat,
            project=job.project,
            executor=executor,
            directories=self._workspace.project.directories,
            git=self.provenance.git,
            reasons=job.reasons,
            sources={one.name: one.dest for one in self._workspace.project.assets if one.name and not one.mount},
        )
        name = f"{job.id.key}-{job.id.run}"
        self._tree.store.put(job_key(name), [encode(document)], replace=True)
        return name, document

    def _found(self, path: str, digest: str) -> tuple[str, str, str, bool]:
        """Return a dep with the key of the object that holds it, and whether that is on the remote as an output."""
        for run in self._runs_with(path):
            as_deps = digests_as_deps(self._workspace, run.record)
            if path in run.objects and as_deps.get(path) == digest and self._tree.is_intact(run):
                return path, digest, run.objects[path][0], True
        return path, digest, input_key(digest), False

    def _runs_with(self, path: str) -> Iterator[Published]:
        """Yield the runs on the remote that produced the last outputs of the steps that produce a dep."""
        for name in self._workspace.producers.of(path):
            for record in self._workspace.records.last(name):
                if isinstance(record, Record) and path in outputs_of(record):
                    yield from self._published(record)

    def _published(self, record: Record) -> Iterator[Published]:
        """Yield the runs on the remote that have the outputs of a record, that of the record itself first."""
        key = record.fingerprint.key
        if (same := self._tree.run(key, record.run)) is not None:
            yield same
        yield from (run for _, run in self._tree.published(key) if outputs_of(run.record) == outputs_of(record))

    def _send_inputs(self, inputs: Sequence[tuple[str, str, str]]) -> None:
        """Store the inputs that the remote lacks, several at a time."""
        with Workers[None](_UPLOADS, self._workspace.cancel) as workers:
            for path, digest, key in inputs:
                workers.start(partial(self._send_input, path, digest, key))
            while workers.running:
                workers.wait()

    def _send_input(self, path: str, digest: str, key: str) -> None:
        with self._lock:
            lock = self._sending.setdefault(key, threading.Lock())
        with lock:
            if key in self._sent:
                return
            if self._tree.look_up(key) is None:
                passed = partial(self._passed, key)
                send_input(self._workspace, self._tree.store, path, digest, key, passed)
            self._sent.add(key)

    def _passed(self, key: str, size: int) -> None:
        self._report(events.Transferred(key, size))
