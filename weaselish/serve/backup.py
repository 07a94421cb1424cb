"""Makes the scheduled snapshot of each project, verifies it, and removes older ones."""

from __future__ import annotations

import datetime
import logging

from weaselish.cancel import Cancel
from weaselish.errors import Cancelled, ProjError
from weaselish.serve.serving import Serving
from weaselish.serve.settings import Backup
from weaselish.serve.storage.backups import begin_backup, end_backup, release_backup

MESSAGE = "scheduled by proj serve"
_log = logging.getLogger(__name__)


def last_due(schedule: tuple[int, int], now: float) -> int:
    """Return when a backup was due last: at hour and minute of the local time, today or yesterday."""
    hour, minute = schedule
    current = datetime.datetime.fromtimestamp(now).astimezone()
    due = current.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if due > current:
        due -= datetime.timedelta(days=1)
    return int(due.timestamp())


def make_due_backups(serving: Serving, *, cancel: Cancel) -> None:
    """Make the backups that are due and that no instance has made. Raises Cancelled, DatabaseError."""
    backup = serving.settings.backup
    if backup is None:
        return
    due = last_due(backup.schedule, serving.clock())
    for name, directory in serving.projects.directories.items():
        cancel.check()
        if begin_backup(serving.database, str(directory), due, now=serving.clock()):
            _back_up(serving, backup, name, due, cancel)


def _back_up(serving: Serving, backup: Backup, name: str, due: int, cancel: Cancel) -> None:
    """Make one backup and store its outcome. If the server ends before it, the claim is given up."""
    directory, snapshot, problem = str(serving.projects.directory(name)), "", ""
    try:
        snapshot, problem = _snapshot(serving, backup, name, cancel)
    except ProjError as error:
        problem = error.message
    except OSError as error:
        problem = f"{error.filename or directory}: {error.strerror or error}"
    except Cancelled:
        release_backup(serving.database, directory, due)
        raise
    if problem:
        _log.error("the backup of %s failed: %s", name, problem)
    end_backup(serving.database, directory, due, now=serving.clock(), snapshot=snapshot, problem=problem)


def _snapshot(serving: Serving, backup: Backup, name: str, cancel: Cancel) -> tuple[str, str]:
    """Push, verify and prune. Return the id of the snapshot, and what is wrong with it, if anything."""
    from weaselish.engine.snapshot.prune import PruneOptions

    snapshots = serving.projects.open(name).snapshots
    pushed = snapshots.push(backup.remote, message=MESSAGE, max_file_size=backup.max_file_size, cancel=cancel)
    verified = snapshots.verify(pushed.snapshot.id, remote=backup.remote, cancel=cancel)
    if verified.problems:
        path, problem = verified.problems[0]
        return pushed.snapshot.id, f"{path}: {problem}"
    snapshots.prune(remote=backup.remote, options=PruneOptions(keep=backup.keep), cancel=cancel)
    return pushed.snapshot.id, ""
