"""Reads an object to find out what it unpacks to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from weaselish.archive.gzip import BrokenArchive
from weaselish.archive.unpack import unpack
from weaselish.engine import events
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.errors import NotInStore, UnsafePath
from weaselish.files.staging import staging_directory
from weaselish.files.swap import recover
from weaselish.locks.flock import locked
from weaselish.plan.digests import algorithm_of
from weaselish.plan.record import RecordedOutput
from weaselish.stores.base import Store
from weaselish.workspace import Workspace


def digest_of_object(
    workspace: Workspace, store: Store, key: str, output: RecordedOutput, report: SerialReporter
) -> str | None:
    """Return the digest of what an object of `output` unpacks to, by the algorithm of the recorded digest.

    Return None if the object is broken. Leaves nothing on the disk.
    """

    def chunks() -> Iterator[bytes]:
        for chunk in store.get(key):
            workspace.cancel.check()
            report(events.Transferred(key, len(chunk)))
            yield chunk

    with _empty_directory(workspace) as place:
        try:
            return unpack(chunks(), output.path, place, algorithm=algorithm_of(output.digest)).digested().digest
        except (BrokenArchive, NotInStore, UnsafePath):
            return None


@contextmanager
def _empty_directory(workspace: Workspace) -> Iterator[Path]:
    """Provide an empty directory for one process at a time. It first removes what a killed process left."""
    locks, target = workspace.state / "locks", workspace.state / "verify"
    if not locks.is_dir():  # in a dry run, which creates nothing
        with TemporaryDirectory() as place:
            yield Path(place)
        return
    with locked(locks / "verify", workspace.cancel):
        recover(target)
        with staging_directory(target) as empty:
            yield empty
