"""Calls Slurm's programs: sbatch, squeue, scontrol, sacct, scancel."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

# states of a job that has not ended
GOING_ON = frozenset(
    {
        "PENDING",
        "RUNNING",
        "CONFIGURING",
        "COMPLETING",
        "SUSPENDED",
        "REQUEUED",
        "REQUEUE_FED",
        "REQUEUE_HOLD",
        "SPECIAL_EXIT",
        "RESIZING",
        "SIGNALING",
        "STAGE_OUT",
        "STOPPED",
        "PREEMPTED",
        "RESV_DEL_HOLD",
    }
)
_AWAY = re.compile(
    r"unable to contact slurm controller|socket timed out|connection refused|zero bytes were transmitted"
    r"|transport endpoint|unexpected missing socket|controller.* (?:standby|backup) mode",
    re.IGNORECASE,
)
_PREFIX = re.compile(r"^(?:sbatch|squeue|scancel|scontrol|sacct): (?:error: |fatal: )?")
_FAILED = "Batch job submission failed: "
_AT_ONCE = 4  # calls of sbatch, so that many ready steps do not overwhelm the controller
_LONGEST = 120.0  # seconds that a program may take


class ControllerAway(Exception):
    """Slurm's controller does not answer now. Its words."""


class Refused(Exception):
    """Slurm refuses a request. Its words."""


class Row(NamedTuple):
    """What Slurm says about a job."""

    state: str  # such as PENDING
    reason: str = ""  # for the state, such as Resources
    nodes: str = ""


class Verdict(NamedTuple):
    """How a job ended, as Slurm says."""

    state: str
    exit_code: int = 0
    signal: int = 0
    reason: str = ""


class Programs:
    """Thread-safe. `environ` is that of the caller, in which the programs find their cluster."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = {**environ, "LC_ALL": "C"}
        self._path = environ.get("PATH")
        self._submitting = threading.BoundedSemaphore(_AT_ONCE)

    @property
    def are_there(self) -> bool:
        return shutil.which("sbatch", path=self._path) is not None

    def submit(self, arguments: Sequence[str], environ: Mapping[str, str]) -> str:
        """Submit a batch script; return the job id. Raises ControllerAway or Refused."""
        with self._submitting:
            return self._call("sbatch", "--parsable", *arguments, environ=environ).strip().partition(";")[0]

    def find(self, name: str) -> str | None:
        """Return the id of our job of that name, None if Slurm knows none. Raises ControllerAway."""
        lines = self._call("squeue", "--me", "--noheader", "--states=all", f"--name={name}", "--format=%A").split()
        return lines[0] if lines else None

    def rows(self, jobs: Iterable[str]) -> dict[str, Row]:
        """Return what Slurm says about jobs, by id, without those that it has forgotten. Raises ControllerAway.

        A job with roles goes on as long as the part of any role does.
        """
        wanted = sorted(set(jobs))
        if not wanted:
            return {}
        try:
            text = self._call(
                "squeue", "--noheader", "--states=all", f"--jobs={','.join(wanted)}", "--format=%i|%T|%N|%r"
            )
        except Refused:  # it knows none of them
            return {}
        found: dict[str, Row] = {}
        for line in text.splitlines():
            part, state, nodes, reason = line.split("|", 3)
            job = part.partition("+")[0]
            if job not in found or (state in GOING_ON and found[job].state not in GOING_ON):
                found[job] = Row(state, reason, nodes)
        return found

    def verdict(self, job: str) -> Verdict | None:
        """Return how a job ended: by the accounting, or else by the controller's memory. None if neither knows."""
        try:
            return self._by_accounting(job) or self._by_controller(job)
        except (Refused, ControllerAway):
            return None

    def signal(self, job: str, name: str, *, everything: bool = False) -> None:
        """Send a signal to the batch script of a job, or to all its processes. Raises ControllerAway."""
        self._cancel(job, f"--signal={name}", "--full" if everything else "--batch")

    def cancel(self, jobs: Sequence[str]) -> None:
        """Cancel jobs, whether they run or wait. Raises ControllerAway."""
        self._cancel(*jobs)

    def _cancel(self, *words: str) -> None:
        try:
            self._call("scancel", *words)
        except Refused:
            return  # it has ended

    def _by_accounting(self, job: str) -> Verdict | None:
        if shutil.which("sacct", path=self._path) is None:
            return None
        try:
            text = self._call("sacct", f"--jobs={job}", "-X", "-n", "-P", "--format=State,ExitCode,Reason")
        except Refused:  # accounting is disabled here
            return None
        line = text.partition("\n")[0]
        if line.count("|") < 2:
            return None
        state, code, reason = line.split("|", 2)
        return _verdict(state.partition(" ")[0], code, reason)

    def _by_controller(self, job: str) -> Verdict | None:
        facts = dict(
            word.split("=", 1) for word in self._call("scontrol", "show", "job", "-o", job).split() if "=" in word
        )
        return _verdict(facts.get("JobState", ""), facts.get("ExitCode", "0:0"), facts.get("Reason", ""))

    def _call(self, *words: str, environ: Mapping[str, str] | None = None) -> str:
        """Run a program in a session of its own, so that Ctrl-C does not interrupt it half-way."""
        try:
            done = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                env=self._environ if environ is None else environ,
                timeout=_LONGEST,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise Refused(f"`{words[0]}` was not found on PATH") from None
        except subprocess.TimeoutExpired:
            raise ControllerAway(f"{words[0]} does not end") from None
        if done.returncode == 0:
            return done.stdout
        if _AWAY.search(done.stderr):
            raise ControllerAway(_said(done.stderr))
        raise Refused(_said(done.stderr))


def _said(text: str) -> str:
    """Return what a program complained about, without its own name."""
    lines = [_PREFIX.sub("", line).strip().removeprefix(_FAILED) for line in text.splitlines() if line.strip()]
    return "; ".join(dict.fromkeys(lines)) or "no reason given"


def _verdict(state: str, code: str, reason: str) -> Verdict:
    exit_code, _, number = code.partition(":")
    return Verdict(state, int(exit_code or 0), int(number or 0), "" if reason == "None" else reason)
