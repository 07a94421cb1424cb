"""Passes on what a step's script writes: to the log and to the reporter, secrets masked."""

from __future__ import annotations

from collections.abc import Iterable

from weaselish.engine import events
from weaselish.executors.base import Line
from weaselish.model.masking import Masker
from weaselish.plan.sequence import Step
from weaselish.records.logs import LogWriter


class MaskedOutput:
    """Receives the output of one attempt of a step. `finish` must follow the attempt."""

    def __init__(
        self, step: Step, run: int | None, log: LogWriter, report: events.Reporter, secrets: Iterable[str]
    ) -> None:
        self._step = step
        self._run = run
        self._log = log
        self._report = report
        self._masker = Masker(secrets)

    def start_line(self, line: Line, program: str) -> None:
        self.finish()
        self._log.write(_announcement(line.logged))
        self._report(events.StepOutput(self._step, _announcement(line.announced), self._run, program))

    def write(self, data: bytes) -> None:
        self._pass_on(self._masker.mask(data))

    def finish(self) -> None:
        """Pass on what was held back as the possible beginning of a secret."""
        self._pass_on(self._masker.flush())

    def _pass_on(self, data: bytes) -> None:
        if data:
            self._log.write(data)
            self._report(events.StepOutput(self._step, data, self._run))


def _announcement(text: str) -> bytes:
    return b"Running command: " + text.encode("utf-8", "backslashreplace") + b"\n"
