"""Passes on what a step's script writes: to the log and to the reporter, secrets masked."""

from __future__ import annotations

from collections.abc import Iterable

from weaselish.engine import events
from weaselish.executors.base import JobId, Line
from weaselish.model.masking import Masker
from weaselish.records.logs import LogWriter


class MaskedOutput:
    """Receives the output of one attempt of a step. `finish` must follow the attempt."""

    def __init__(self, job: JobId, log: LogWriter, report: events.Reporter, secrets: Iterable[str]) -> None:
        self._job = job
        self._log = log
        self._report = report
        self._masker = Masker(secrets)

    def start_line(self, line: Line, program: str) -> None:
        self.finish()
        self._log.write(_announcement(line.logged))
        self._report(events.StepOutput(self._job.step, _announcement(line.announced), self._job.run, program))

    def write(self, data: bytes) -> None:
        self._pass_on(self._masker.mask(data))

    def finish(self) -> None:
        """Pass on what was held back as the possible beginning of a secret."""
        self._pass_on(self._masker.flush())

    def _pass_on(self, data: bytes) -> None:
        if data:
            self._log.write(data)
            self._report(events.StepOutput(self._job.step, data, self._job.run))


def _announcement(text: str) -> bytes:
    return b"Running command: " + text.encode("utf-8", "backslashreplace") + b"\n"
