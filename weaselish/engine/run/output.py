"""Passes on what a step's script writes: to the log and to the reporter, secrets masked."""

from __future__ import annotations

from collections.abc import Iterable

from weaselish.engine import events
from weaselish.executors.base import Line
from weaselish.model.masking import Masker
from weaselish.output_lines import OutputLines
from weaselish.plan.sequence import Step
from weaselish.records.logs import LogWriter, open_replica_log


class MaskedOutput:
    """Receives the output of one attempt of a step. `finish` must follow the attempt."""

    def __init__(
        self, step: Step, run: int | None, log: LogWriter, report: events.Reporter, secrets: Iterable[str]
    ) -> None:
        self._step = step
        self._run = run
        self._log = log
        self._report = report
        self._secrets = tuple(secrets)
        self._masker = Masker(self._secrets)
        self._replicas: list[ReplicaOutput] = []

    def start_line(self, line: Line, program: str) -> None:
        self._flush()
        self.announce(line, program)

    def announce(self, line: Line, program: str, prefix: bytes = b"") -> None:
        """Note in the log and on the console that a line starts. Any thread may call it."""
        self._log.write(prefix + _announcement(line.logged))
        self._report(events.StepOutput(self._step, prefix + _announcement(line.announced), self._run, program))

    def write(self, data: bytes) -> None:
        self.pass_on(self._masker.mask(data))

    def replica(self, name: str) -> ReplicaOutput:
        log = open_replica_log(self._log.path, name)
        self._replicas.append(ReplicaOutput(self, name, log, self._secrets))
        return self._replicas[-1]

    def finish(self) -> None:
        """Pass on what was held back as the possible beginning of a secret, or of a line of a replica."""
        self._flush()
        for replica in self._replicas:
            replica.finish()

    def _flush(self) -> None:
        self.pass_on(self._masker.flush())

    def pass_on(self, data: bytes) -> None:
        """Write masked output to the log and the console. Any thread may call it with entire lines."""
        if data:
            self._log.write(data)
            self._report(events.StepOutput(self._step, data, self._run))


class ReplicaOutput:
    """Receives the output of one replica: for a log of its own, and in lines with its name in front for the step's."""

    def __init__(self, whole: MaskedOutput, name: str, log: LogWriter, secrets: Iterable[str]) -> None:
        self._whole = whole
        self._prefix = f"{name} │ ".encode()
        self._log = log
        self._masker = Masker(secrets)
        self._lines = OutputLines()

    def start_line(self, line: Line, program: str) -> None:
        self._flush()
        self._log.write(_announcement(line.logged))
        self._whole.announce(line, program, self._prefix)

    def write(self, data: bytes) -> None:
        self._pass_on(self._masker.mask(data))

    def replica(self, name: str) -> ReplicaOutput:
        raise ValueError(f"a replica has no replicas: {name}")

    def finish(self) -> None:
        """Pass on what was held back, and close the log."""
        self._flush()
        self._log.close()

    def _flush(self) -> None:
        self._pass_on(self._masker.flush())
        self._show(self._lines.end())

    def _pass_on(self, data: bytes) -> None:
        if data:
            self._log.write(data)
            self._show(self._lines.feed(data))

    def _show(self, lines: Iterable[bytes]) -> None:
        self._whole.pass_on(b"".join(self._prefix + line + b"\n" for line in lines))


def _announcement(text: str) -> bytes:
    return b"Running command: " + text.encode("utf-8", "backslashreplace") + b"\n"
