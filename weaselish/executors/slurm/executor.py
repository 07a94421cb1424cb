"""Runs jobs in the queue of Slurm."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic

from weaselish.cancel import Cancel, Level
from weaselish.executors.base import Ending, Job, JobOutput, JobState, Outcome, Refusal, ignore_handle
from weaselish.executors.slurm.description import secrets_of
from weaselish.executors.slurm.files import JobFiles, new_files
from weaselish.executors.slurm.following import Following, wait_for_end
from weaselish.executors.slurm.options import request_options
from weaselish.executors.slurm.poller import Poller
from weaselish.executors.slurm.programs import GOING_ON, WAITING, ControllerAway, Programs, Refused
from weaselish.executors.slurm.submitting import Request, Submitter
from weaselish.executors.sources import source_environment
from weaselish.model.executors import SlurmSettings
from weaselish.model.interpolate import is_secret
from weaselish.model.project import Command

_STATE = ".proj"
_RETRY = 2.0, 30.0  # seconds between two attempts to submit while the controller is away: at first, at most
_KEPT = ("SLURM_CONF", "SLURM_CLUSTERS", "SLURM_JWT")  # of a batch job in which `proj` itself runs


class SlurmExecutor:
    """Each job is a batch job, or a task of an array, whose node runs the lines as the local executor does.

    A handle is the job's id in Slurm and the stem of its files. It is given out twice: before the job is submitted,
    with `?` in place of the id, so that a job is found again even if `proj` dies while it submits; and after it.
    """

    def __init__(
        self,
        root: Path,
        environ: Mapping[str, str],
        settings: SlurmSettings,
        *,
        grace: float = 5.0,
        interval: float = 2.0,
    ) -> None:
        self._root = root.resolve()
        self._settings = settings
        self._grace = grace
        self._ambient = {name: value for name, value in environ.items() if is_secret(name) and name not in _KEPT}
        self._environ = {
            name: value
            for name, value in environ.items()
            if name not in self._ambient and (name in _KEPT or not name.startswith("SLURM_"))
        }
        self._programs = Programs(self._environ)
        self._poller = Poller(self._programs, interval)
        self._submitter = Submitter(self._programs, self._environ)

    def run(
        self,
        job: Job,
        *,
        output: JobOutput,
        cancel: Cancel,
        keep_open: Sequence[int] = (),
        submitted: Callable[[str], None] = ignore_handle,
    ) -> Outcome:
        if cancel.level:
            return self._named(Outcome(Ending.INTERRUPTED, cancel.exit_code, 0))
        gpus = {"GPU_COUNT": str(job.resources.gpus)} if job.resources.gpus and not job.roles else {}
        job = job._replace(env={**source_environment(job, self._root), **gpus, **job.env})
        files = new_files(self._root / _STATE, job)
        files.write(job, self._root, self._grace, secrets_of(job, self._ambient))
        submitted(f"? {files.stem}")
        found = self._submit(job, files, output, cancel)
        if isinstance(found, Outcome):
            files.remove()
            return self._named(found)
        submitted(f"{found} {files.stem}")
        return self._follow(job, found, files, output, cancel)

    def attach(self, job: Job, handle: str, *, output: JobOutput, cancel: Cancel) -> Outcome | None:
        from weaselish.executors.slurm.node import ending

        job_id, files = self._parsed(handle)
        if job_id is None or (ending(files) is None and self.states([handle])[handle] is JobState.GONE):
            files.remove()
            return None
        return self._follow(job, job_id, files, output, cancel)

    def stop(self, handle: str) -> None:
        job_id, files = self._parsed(handle)
        if job_id is not None:
            self._programs.cancel(job_id)
            wait_for_end(self._programs, job_id)
        files.remove()

    def states(self, handles: Sequence[str]) -> Mapping[str, JobState]:
        ids = {handle: self._parsed(handle)[0] for handle in handles}
        rows = self._programs.rows(job_id for job_id in ids.values() if job_id is not None)
        states = {handle: rows[job_id].state if job_id in rows else "" for handle, job_id in ids.items()}
        return {handle: _state(state) for handle, state in states.items()}

    def refusal(self, command: Command) -> Refusal | None:
        if not self._programs.are_there:
            return Refusal("runs on Slurm, and `sbatch` was not found on PATH", "run `proj` where jobs are submitted")
        if command.image is not None or any(role.image is not None for role in command.roles):
            return Refusal("needs an image, and Slurm runs no containers here", "choose another executor")
        if command.interactive:
            return Refusal("is interactive, and a job in a queue has no terminal", "run it with `--executor local`")
        return None

    def close(self) -> None:
        self._poller.close()

    def _follow(self, job: Job, job_id: str, files: JobFiles, output: JobOutput, cancel: Cancel) -> Outcome:
        def give_secrets() -> None:
            files.write_secrets(secrets_of(job, self._ambient))

        following = Following(job, job_id, files, self._programs, self._poller, output, cancel, give_secrets)
        outcome = following.outcome()
        files.remove()
        return self._named(outcome)

    def _submit(self, job: Job, files: JobFiles, output: JobOutput, cancel: Cancel) -> str | Outcome:
        """Submit a job; return its id. While the controller is away, try again, and never submit a job twice."""
        withheld = job.secrets.intersection(self._environ)
        request = Request(request_options(job, self._settings, self._root), withheld)
        pause, begun, is_told = _RETRY[0], monotonic(), False
        while True:
            try:
                if is_told and (found := self._programs.find(*files.task)) is not None:
                    return found
                return self._submitter.submit(request, files, has_roles=bool(job.roles))
            except Refused as error:
                return Outcome(Ending.NOT_STARTED, 1, message=f"Slurm refuses its job: {error}")
            except ControllerAway as error:
                if not is_told:
                    output.write(f"Slurm's controller does not answer ({error}); trying again\n".encode())
                is_told = True
            if cancel.wait(pause) > Level.RUN:
                return self._withdrawn(files, cancel)
            if job.queue_timeout is not None and monotonic() - begun > job.queue_timeout:
                message = f"Slurm's controller did not answer for {job.queue_timeout:g} s"
                return Outcome(Ending.NOT_STARTED, 1, message=message, hint="raise `queue_timeout`")
            pause = min(pause * 2, _RETRY[1])

    def _withdrawn(self, files: JobFiles, cancel: Cancel) -> Outcome:
        """Cancel a job that may have been submitted although nothing confirmed it."""
        with suppress(ControllerAway):
            if (found := self._programs.find(*files.task)) is not None:
                self._programs.cancel(found)
        return Outcome(Ending.INTERRUPTED, cancel.exit_code, 0)

    def _parsed(self, handle: str) -> tuple[str | None, JobFiles]:
        """Return the id of a job, looked up where the handle lacks it, and its files."""
        job_id, _, stem = handle.partition(" ")
        files = JobFiles(self._root / _STATE / "jobs", stem)
        return self._programs.find(*files.task) if job_id == "?" else job_id, files

    def _named(self, outcome: Outcome) -> Outcome:
        return outcome._replace(executor=self._settings.name, host=outcome.host or os.uname().nodename)


def _state(state: str) -> JobState:
    if state in WAITING:
        return JobState.QUEUED
    return JobState.RUNNING if state in GOING_ON else JobState.GONE
