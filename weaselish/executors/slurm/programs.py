"""Calls Slurm's programs: sbatch, squeue, scontrol, sacct, scancel."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from weaselish.executors.slurm.gathering import Gathering
from weaselish.named_tuple import NamedTuple

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
WAITING = frozenset({"PENDING", "REQUEUED", "REQUEUE_HOLD", "CONFIGURING"})  # of these, of one that does not run
_AWAY = re.compile(
    r"unable to contact slurm controller|socket timed out|connection refused|zero bytes were transmitted"
    r"|transport endpoint|unexpected missing socket|controller.* (?:standby|backup) mode",
    re.IGNORECASE,
)
_PREFIX = re.compile(r"^(?:sbatch|squeue|scancel|scontrol|sacct): (?:error: |fatal: )?")
_FAILED = "Batch job submission failed: "
_AT_ONCE = 4  # calls of sbatch, so that many ready steps do not overwhelm the controller
_LONGEST = 120.0  # seconds that a program may take
_MOST = 500  # jobs that one call names


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
        self._finding = Gathering(self._find, most=_MOST)
        self._asking = Gathering(self._rows_of, most=_MOST)
        self._cancelling = Gathering(self._cancel, most=_MOST)

    @property
    def are_there(self) -> bool:
        return shutil.which("sbatch", path=self._path) is not None

    def submit(self, arguments: Sequence[str], environ: Mapping[str, str], *, script: str | None = None) -> str:
        """Submit a batch script, which may be given as text; return the job id. Raises ControllerAway or Refused."""
        with self._submitting:
            printed = self._call("sbatch", "--parsable", *arguments, environ=environ, stdin=script)
        return printed.strip().partition(";")[0]

    def find(self, name: str, index: int | None = None) -> str | None:
        """Return the id of our job of that name, or of a task of our array of that name. Raises ControllerAway.

        None if Slurm knows none.
        """
        return self._finding(None, (name, index))

    def _find(self, _: None, wanted: Sequence[tuple[str, int | None]]) -> list[str | None]:
        names = ",".join(dict.fromkeys(name for name, _ in wanted))
        text = self._call(
            "squeue", "--me", "--noheader", "--array", "--states=all", f"--name={names}", "--format=%j|%i"
        )
        found: dict[tuple[str, str], str] = {}
        for line in text.splitlines():
            name, part = line.rsplit("|", 1)
            job = part.partition("+")[0]
            found.setdefault((name, job.partition("_")[2]), job)
        return [found.get((name, "" if index is None else str(index))) for name, index in wanted]

    def row(self, job: str) -> Row | None:
        """Return what Slurm says about one job, None if it has forgotten it. Raises ControllerAway."""
        return self._asking(None, job)

    def _rows_of(self, _: None, jobs: Sequence[str]) -> list[Row | None]:
        rows = self.rows(jobs)
        return [rows.get(job) for job in jobs]

    def rows(self, jobs: Iterable[str]) -> dict[str, Row]:
        """Return what Slurm says about jobs, by id, without those that it has forgotten. Raises ControllerAway.

        A job with roles goes on as long as the part of any role does. Of an array, Slurm is asked about all tasks.
        """
        wanted = ",".join(sorted({job.partition("_")[0] for job in jobs}))
        if not wanted:
            return {}
        try:
            text = self._call(
                "squeue", "--noheader", "--array", "--states=all", f"--jobs={wanted}", "--format=%i|%T|%N|%r"
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
        self._cancelling((f"--signal={name}", "--full" if everything else "--batch"), job)

    def cancel(self, job: str) -> None:
        """Cancel a job, whether it runs or waits. Raises ControllerAway."""
        self._cancelling((), job)

    def _cancel(self, options: tuple[str, ...], jobs: Sequence[str]) -> list[None]:
        with suppress(Refused):  # some have ended; it goes on with the others
            self._call("scancel", *options, *jobs)
        return [None] * len(jobs)

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

    def _call(self, *words: str, environ: Mapping[str, str] | None = None, stdin: str | None = None) -> str:
        """Run a program in a session of its own, so that Ctrl-C does not interrupt it half-way."""
        try:
            done = subprocess.run(
                words,
                stdin=subprocess.DEVNULL if stdin is None else None,
                input=stdin,
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
