"""Follows one job until it has ended: passes its output on, and requests to end on to Slurm."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from math import inf
from pathlib import Path
from time import monotonic, time

from weaselish.cancel import Cancel, Level
from weaselish.executors.base import Ending, Job, JobOutput, Line, Outcome
from weaselish.executors.replicas import replicas_of
from weaselish.executors.slurm.files import JobFiles
from weaselish.executors.slurm.poller import Poller, Seen
from weaselish.executors.slurm.programs import GOING_ON, WAITING, ControllerAway, Programs, Row
from weaselish.executors.slurm.stream import Began, Ended, Frame, LineBegan, NeedsSecrets, Output, read_frames
from weaselish.executors.slurm.verdicts import NEVER, outcome_of

_SOONEST, _LATEST = 0.02, 1.0  # seconds between two looks at the stream
_ASKING = 0.05  # seconds between two queries about one job that was cancelled
_SETTLING = 3.0  # seconds until the stream of a job that has ended surely arrived
_DECIDING = 0.5  # seconds until Slurm surely put a job into the queue again, if it does
_GIVING_UP = 3.0  # seconds that a job runs before Slurm may have given up its node; quicker jobs cost no query
_QUIET = 10.0  # seconds in the queue until it is worth a message
_LAST = 400  # characters of what Slurm printed
_SIGNALS = {Level.INTERRUPT: "INT", Level.TERMINATE: "TERM"}


class Following:
    """One job that was submitted. `give_secrets` writes its secrets again for a job that was started again."""

    def __init__(
        self,
        job: Job,
        job_id: str,
        files: JobFiles,
        programs: Programs,
        poller: Poller,
        output: JobOutput,
        cancel: Cancel,
        give_secrets: Callable[[], None],
    ) -> None:
        self._job = job
        self._id = job_id
        self._files = files
        self._programs = programs
        self._poller = poller
        self._output = output
        self._cancel = cancel
        self._give_secrets = give_secrets
        self._streams = [_Stream(files.stream, job.lines, output)]
        for replica in replicas_of(job):
            stream = _Stream(files.replica(replica.name), replica.role.lines, output.replica(replica.name))
            self._streams.append(stream)
        self._line: int | None = None  # that runs
        self._began: Began | None = None
        self._began_at = inf  # when we saw it
        self._ended: Outcome | None = None  # as the node reports it
        self._looked = self._begun = monotonic()
        self._submitted = time()
        with suppress(OSError):
            self._submitted = os.stat(files.description).st_mtime
        self._level = Level.RUN  # of the last request that was passed on
        self._shown = ""  # the last message about the queue
        self._gone_at: float | None = None  # since when Slurm says that the job has ended
        self._gives_up: Outcome | None = None  # the outcome of a job that we cancelled

    def outcome(self) -> Outcome:
        """Wait for the end of the job. If the receiver of the output raises, end the job first."""
        self._poller.watch(self._id)
        try:
            while (outcome := self._step()) is None:
                self._cancel.wait(self._pause(), above=min(self._cancel.level, Level.TERMINATE))
        except BaseException:
            self._end_at_once()
            raise
        finally:
            self._poller.forget(self._id)
        if self._cancel.level is Level.KILL:
            with suppress(ControllerAway):  # the parts of other roles may still be about to end
                wait_for_end(self._programs, self._id)
        began = self._began
        return outcome._replace(
            host=began.host if began else "", attempt=max(began.attempt if began else 1, outcome.attempt)
        )

    def _pause(self) -> float:
        """Return how long to wait: a tenth of the time since something happened."""
        return min(max((monotonic() - self._looked) / 10, _SOONEST), _LATEST)

    def _step(self) -> Outcome | None:
        """Look once at the stream, at Slurm's answers and at requests. Return the outcome if the job has ended."""
        seen = self._poller.seen(self._id)
        self._pass_on()
        self._pass_on_request(seen)
        if self._ended is not None and (self._ended.ended is not Ending.INTERRUPTED or self._cancel.level):
            self._withdraw()
            return self._final(self._ended)
        if self._was_ended():
            self._poller.ask_soon()
        if self._gone(seen):
            return self._without_result()
        self._tell(seen)
        self._check_queue(seen)
        return None

    # --- the stream

    def _pass_on(self) -> None:
        for stream in self._streams:
            for frame in stream.new_frames():
                self._looked = monotonic()
                if stream is self._streams[0]:
                    self._take(frame)

    def _take(self, frame: Frame) -> None:
        match frame:
            case LineBegan():
                self._line = frame.number
            case Began():
                self._began, self._ended, self._line = frame, None, None
                self._began_at = monotonic()
                if frame.attempt > 1:
                    self._say(f"started again on {frame.host}")
            case NeedsSecrets():
                self._give_secrets()
            case Ended():
                self._ended = frame.outcome

    # --- its end

    def _final(self, ended: Outcome) -> Outcome:
        if self._cancel.level:
            return Outcome(Ending.INTERRUPTED, self._cancel.exit_code, ended.line, python=ended.python)
        return ended

    def _withdraw(self) -> None:
        """Cancel the next start of a job whose node Slurm gave up although the job went on there and has ended."""
        if monotonic() - self._began_at < _GIVING_UP:
            return
        with suppress(ControllerAway):
            row = self._programs.row(self._id)
            if row is not None and row.state in WAITING:
                self._programs.cancel(self._id)

    def _was_ended(self) -> bool:
        """Return whether a user or Slurm has just ended the job. `proj stop` also removes its stream."""
        has_just_ended = self._ended is not None and monotonic() - self._looked < _SETTLING
        return has_just_ended or not self._files.stream.exists()

    def _gone(self, seen: Seen | None) -> bool:
        """Return whether Slurm says that the job has ended, and its stream has had the time to arrive."""
        if seen is None or (seen.row is not None and seen.row.state in GOING_ON):
            self._gone_at = None
            return False
        self._gone_at = self._gone_at or monotonic()
        has_arrived = self._began is None and self._gives_up
        settling = 0 if has_arrived else _DECIDING if self._was_ended() else _SETTLING
        return bool(self._cancel.level) or monotonic() - self._gone_at >= settling

    def _without_result(self) -> Outcome:
        if self._cancel.level:
            return Outcome(Ending.INTERRUPTED, self._cancel.exit_code, self._line or 0)
        if self._gives_up is not None:
            return self._gives_up
        verdict = self._programs.verdict(self._id)
        outcome = outcome_of(verdict, has_memory_limit=bool(self._job.limits.memory), printed=self._printed())
        return outcome._replace(line=self._line)

    def _printed(self) -> str:
        with suppress(OSError):
            return self._files.printed.read_text("utf-8", "replace").strip()[-_LAST:]
        return ""

    # --- requests to end

    def _pass_on_request(self, seen: Seen | None) -> None:
        level = self._cancel.level
        if level <= self._level:
            return
        with suppress(ControllerAway):
            if self._began is None or level is Level.KILL:
                self._programs.cancel(self._id)
            if level is Level.KILL:
                self._programs.signal(self._id, "KILL", everything=True)
            elif self._began is not None:
                self._programs.signal(self._id, _SIGNALS[level])
            self._level = level

    def _end_at_once(self) -> None:
        """Kill the job after an exception, and wait until Slurm has."""
        with suppress(ControllerAway):
            self._programs.signal(self._id, "KILL", everything=True)
            self._programs.cancel(self._id)
            wait_for_end(self._programs, self._id)

    # --- the queue

    def _tell(self, seen: Seen | None) -> None:
        """Say once why a job waits, and that the controller does not answer."""
        if self._poller.away is not None:
            self._say(f"Slurm's controller does not answer ({self._poller.away}); asking again")
        elif self._waits(seen) and (row := seen and seen.row) and monotonic() - self._begun > _QUIET:
            self._say(f"waits in the queue ({row.reason})")

    def _say(self, text: str) -> None:
        if text != self._shown:
            self._shown = text
            self._output.write(f"[job {self._id}] {text}\n".encode())

    def _waits(self, seen: Seen | None) -> bool:
        return self._began is None and seen is not None and seen.row is not None and seen.row.state == "PENDING"

    def _check_queue(self, seen: Seen | None) -> None:
        """Cancel a job that waited too long, or that can never start."""
        if self._gives_up is not None or not self._waits(seen) or seen is None or seen.row is None:
            return
        self._gives_up = self._why_to_give_up(seen.row)
        if self._gives_up is not None:
            with suppress(ControllerAway):
                self._programs.cancel(self._id)
                return
            self._gives_up = None

    def _why_to_give_up(self, row: Row) -> Outcome | None:
        if row.reason in NEVER:
            message = f"Slurm can never start its job as it is: {row.reason}"
            return Outcome(Ending.NOT_STARTED, 1, message=message, hint="change `resources`, `timeout` or the executor")
        limit = self._job.queue_timeout
        if limit is not None and time() - self._submitted > limit:
            message = f"waited {limit:g} s in the queue of Slurm ({row.reason})"
            return Outcome(Ending.NOT_STARTED, 1, message=message, hint="raise `queue_timeout`")
        return None


class _Stream:
    """Passes the output in one stream on."""

    def __init__(self, path: Path, lines: tuple[Line, ...], output: JobOutput) -> None:
        self._path = path
        self._lines = lines
        self._output = output
        self._offset = 0  # up to which it was passed on

    def new_frames(self) -> Iterator[Frame]:
        """Yield the frames that were not passed on yet."""
        for frame, offset in read_frames(self._path, self._offset):
            self._offset = offset
            if isinstance(frame, Output):
                self._output.write(frame.data)
            elif isinstance(frame, LineBegan):
                self._output.start_line(self._lines[frame.number], frame.program)
            yield frame


def wait_for_end(programs: Programs, job_id: str) -> None:
    """Wait until a job that was cancelled has ended. Raises ControllerAway."""
    from time import sleep

    while (row := programs.row(job_id)) is not None and row.state in GOING_ON:
        sleep(_ASKING)
