"""Runs jobs on this machine, each in an empty directory of its own: what a job needs, it must fetch."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from weaselish.cancel import Cancel
from weaselish.executors.base import Job, JobOutput, JobState, Outcome, Refusal, ignore_handle
from weaselish.executors.local.executor import LocalExecutor
from weaselish.executors.own_program import with_own_program
from weaselish.executors.processes_in import end_processes_in
from weaselish.interpreter import project_python
from weaselish.locks.flock import FileLock
from weaselish.model.project import Command

_TICK = 0.1  # seconds between two looks at a job that an earlier process started
_PREFIX = "proj-isolated-"  # of the name of a job's directory
_LOCK = ".proj-job"  # beside the directory of a job: its processes hold this lock


class DirectoryExecutor:
    """Each job gets a new directory, which is removed when it has ended; its path is the handle.

    A job outlives a killed `proj`: it does not hold the locks of its step, whose files it never touches. `python` means
    the interpreter of the project at `root`. `grace`: as of LocalExecutor.

    Each replica of a job with roles gets a directory of its own. Such a job ends with this process, which alone could
    start a replica again.
    """

    def __init__(self, name: str, root: Path, environ: Mapping[str, str], *, grace: float = 5.0) -> None:
        self._name = name
        self._root = root
        self._environ = dict(environ)
        self._grace = grace

    def run(
        self,
        job: Job,
        *,
        output: JobOutput,
        cancel: Cancel,
        keep_open: Sequence[int] = (),
        submitted: Callable[[str], None] = ignore_handle,
    ) -> Outcome:
        place = Path(os.path.realpath(mkdtemp(prefix=_PREFIX)))
        outcome = None
        try:
            (place / "job").mkdir()
            lock = FileLock(place / _LOCK)
            lock.take(exclusive=True)
            submitted(str(place))
            local = LocalExecutor(
                place / "job", self._environment(job), grace=self._grace, new_root=lambda: _new_place(place / "job")
            )
            mine = with_own_program(job, sys.executable)
            outcome = local.run(mine, output=output, cancel=cancel, keep_open=(lock.fd,))
            lock.release()
        finally:
            if outcome is None or not outcome.succeeded:
                end_processes_in(place)
            rmtree(place, ignore_errors=True)
        return outcome._replace(executor=self._name)

    def attach(self, job: Job, handle: str, *, output: JobOutput, cancel: Cancel) -> Outcome | None:
        """Wait for the end of a job. What it wrote to the console is lost, and its result is where it stored it."""
        if job.roles:
            self.stop(handle)
            return None
        while self._is_running(handle):
            cancel.sleep(_TICK)
        if (place := _place(handle)) is not None:
            rmtree(place, ignore_errors=True)
        return None

    def stop(self, handle: str) -> None:
        if (place := _place(handle)) is not None:
            end_processes_in(place)
            rmtree(place, ignore_errors=True)

    def states(self, handles: Sequence[str]) -> Mapping[str, JobState]:
        return {handle: JobState.RUNNING if self._is_running(handle) else JobState.GONE for handle in handles}

    def _is_running(self, handle: str) -> bool:
        place = _place(handle)
        if place is None or not (place / _LOCK).exists():
            return False
        lock = FileLock(place / _LOCK)
        is_free = lock.take(exclusive=True)
        lock.release()
        return not is_free

    def _environment(self, job: Job) -> dict[str, str]:
        """Return the environment of a job, in which the project's virtual environment is the active one."""
        prefix = os.path.dirname(os.path.dirname(project_python(self._root, {**self._environ, **job.env})))
        is_virtual = os.path.exists(os.path.join(prefix, "pyvenv.cfg"))
        return {**self._environ, "VIRTUAL_ENV": prefix} if is_virtual else self._environ

    def refusal(self, command: Command) -> Refusal | None:
        if command.image is not None or any(role.image is not None for role in command.roles):
            return Refusal(
                f"needs an image, and the executor `{self._name}` runs no containers",
                "choose an executor of type docker or podman: `executor:` in the command, or `--executor NAME`",
            )
        return None

    def close(self) -> None:
        pass


def _new_place(directory: Path) -> Path:
    return Path(mkdtemp(prefix="replica-", dir=directory))


def _place(handle: str) -> Path | None:
    """Return the directory of a job, None for other handles. The name of a job on a remote may precede it."""
    path = Path(handle.partition(" ")[2] or handle)
    return path if path.name.startswith(_PREFIX) else None
