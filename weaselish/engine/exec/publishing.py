"""Publishes what a job produced: objects named by their content, then the record, which only one attempt can create."""

from __future__ import annotations

from functools import partial
from urllib.parse import quote_plus

from weaselish.archive.unpack import Limits
from weaselish.engine import events
from weaselish.engine.exec.document import JobDocument
from weaselish.engine.remote.candidates import OutputObject
from weaselish.engine.remote.packing import packing_of
from weaselish.engine.remote.published import Published, outputs_of, record_bytes, record_key
from weaselish.engine.remote.push_plan import NotPushed, Order, PushOptions, PushPlanner
from weaselish.engine.remote.tree import RemoteTree
from weaselish.engine.remote.upload import Uploader
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.engine.workers import Workers
from weaselish.errors import ProjError
from weaselish.model.project import Command
from weaselish.plan.record import Record, RecordedOutput
from weaselish.workspace import Workspace

_UPLOADS = 4  # objects at a time


def _ignore(event: events.Event) -> None:
    """Receive events and do nothing."""


def published_by_another(tree: RemoteTree, document: JobDocument) -> bytes | None:
    """Return the record that an earlier attempt at the same job published, None if none did."""
    run = tree.run(document.key, document.run)
    return _bytes(run.record, run) if run is not None and tree.is_intact(run) else None


def publish(tree: RemoteTree, workspace: Workspace, command: Command, record: Record) -> bytes:
    """Publish a run. Return the record as it is on the remote: that of another attempt if that one was faster.

    Raises ProjError.
    """
    if not command.outputs:
        return record_bytes(record, ())
    report = SerialReporter(_ignore)
    try:
        order = PushPlanner(workspace, tree, PushOptions(replace_unverified=True), report).order_run(
            command, record, is_complete=True
        )
        if order is not None:
            _carry_out(tree, workspace, order, report)
            return b"".join(tree.store.get(record_key(record)))
    except NotPushed as refusal:
        raise ProjError(
            f"the outputs of `{command.name}` cannot be published: {refusal.why}", hint=refusal.hint
        ) from None
    same = (run for _, run in tree.published(record.fingerprint.key) if outputs_of(run.record) == outputs_of(record))
    return _bytes(record, next(same))


def _carry_out(tree: RemoteTree, workspace: Workspace, order: Order, report: SerialReporter) -> None:
    """Store the objects, several at a time, and the record after them. Raises NotPushed."""
    with Workers[bool](_UPLOADS, workspace.cancel) as workers:
        uploader = Uploader(workspace, tree, report, workers.cancel)
        if not order.uploads:
            uploader.publish(order)
        for upload in order.uploads:
            workers.start(partial(uploader.store, upload, order))
        while workers.running:
            workers.wait()


def _bytes(record: Record, run: Published) -> bytes:
    """Encode a record with the objects of a published run, which has the same outputs."""
    return record_bytes(record, [(path, key, size) for path, (key, size) in run.objects.items()])


def keep(tree: RemoteTree, workspace: Workspace, output: RecordedOutput, folder: str) -> OutputObject:
    """Store an `outputs_no_cache` path in the folder of its attempt, for the driver alone."""
    key = f"{folder}/{quote_plus(output.path)}"
    tree.store.put(key, packing_of(workspace, tree, output))
    return OutputObject(output.path, key, output.digest, Limits(output.size, output.files))
