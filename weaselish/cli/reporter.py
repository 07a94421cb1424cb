"""Shows the events of a run on the console as they happen, and what came of it at the end."""

from __future__ import annotations

import contextlib
import enum
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from weaselish.cli.console import duration, expect_table, paint, say, say_hint, table, warn
from weaselish.engine import events
from weaselish.engine.events import StepResult, StepState
from weaselish.engine.run.run import RunResult
from weaselish.errors import in_short
from weaselish.plan.reasons import Reason

_MOST_ROWS = 40
_LAST_LINES = 20


class OutputMode(enum.Enum):
    """What is shown of what scripts write; all of it is in the logs."""

    RAW = "raw"  # as it comes
    PREFIX = "prefix"  # in whole lines, each with its step's name before it
    GROUP = "group"  # each step's when it has ended
    QUIET = "quiet"  # the last lines of a failed step


class ConsoleReporter:
    """Shows scripts' output on `stdout`, the rest on stderr. Without `output`: prefixes in parallel, else raw."""

    def __init__(self, stdout: BinaryIO | None = None, *, output: OutputMode | None = None) -> None:
        self._stdout = stdout or sys.stdout.buffer
        self._wanted = output
        self._output = output or OutputMode.RAW
        self._steps = 0
        self._width = 0  # of the longest name
        self._partial: dict[str, bytes] = {}
        self._logs: dict[str, Path] = {}
        self._in_line = False  # whether what a script wrote last is half a line, on a terminal
        self.reasons: dict[str, tuple[Reason, ...]] = {}

    def __call__(self, event: events.Event, /) -> None:
        if self._in_line and not isinstance(event, events.StepOutput):
            self._write(b"\n")
        match event:
            case events.RunStarted(plan, jobs):
                self._output = self._wanted or (OutputMode.PREFIX if jobs > 1 else OutputMode.RAW)
                self._steps = len(plan.steps)
                self._width = max((len(step) for step in plan.steps), default=0)
            case events.Note(message, hint):
                warn(message, hint)
            case events.StepWaiting(step, holder):
                say(f"{paint(step, 'bold')}: waiting for {holder}")
            case events.StepStarted():
                self._show_start(event)
            case events.StepOutput(step, data):
                self._show_output(step, data)
            case events.StepDone(step, seconds, not_recorded):
                self._end_output(step)
                if not_recorded:
                    warn(f"`{step}`: {not_recorded}; the result is kept, but counts as stale", "run it again")
                else:
                    say(f"{paint('✔', 'green')} {step} {paint(duration(seconds), 'dim')}")
            case events.StepFailed(step, _, _, message, hint):
                self._end_output(step)
                self._show_last_lines(step)
                say(f"{paint('✘', 'red')} {message}")
                say_hint(hint)
            case _:
                pass

    def _show_start(self, event: events.StepStarted) -> None:
        if not self.reasons and self._steps > 1:
            expect_table()
        self.reasons[event.step] = event.reasons
        if event.log is not None:
            self._logs[event.step] = event.log
        why = f"attempt {event.attempt}" if event.attempt > 1 else in_short(event.reasons, most=3)
        say(f"{paint(event.step, 'bold')}: {why}")

    def _show_output(self, step: str, data: bytes) -> None:
        if self._output is OutputMode.RAW:
            self._write(data)
        elif self._output is OutputMode.PREFIX:
            *lines, rest = (self._partial.get(step, b"") + data).split(b"\n")
            self._partial[step] = rest
            self._show_lines(step, lines)

    def _end_output(self, step: str) -> None:
        rest = self._partial.pop(step, b"")
        if rest:
            self._show_lines(step, [rest])
        if self._output is OutputMode.GROUP and step in self._logs:
            with contextlib.suppress(OSError), open(self._logs[step], "rb") as log:
                while block := log.read(1 << 16):
                    self._write(block)

    def _show_lines(self, step: str, lines: Iterable[bytes]) -> None:
        """Of a line that was drawn over, as progress bars do, what it came to."""
        prefix = paint(step.ljust(self._width) + " | ", "dim", self._stdout).encode()
        shown = (line.rstrip(b"\r").rpartition(b"\r")[2] for line in lines)
        self._write(b"".join(prefix + line + b"\n" for line in shown))

    def _show_last_lines(self, step: str) -> None:
        """The end of a failed step's output, where it is not just above."""
        if step not in self._logs or self._output in (OutputMode.RAW, OutputMode.GROUP):
            return
        from weaselish.records.logs import last_lines

        lines = last_lines(self._logs[step], _LAST_LINES)
        if lines:
            say(paint(f"the last lines of {step} (all of them: proj log -v {step})", "dim"))
            self._show_lines(step, lines)

    def _write(self, data: bytes) -> None:
        if data:
            self._stdout.write(data)
            self._stdout.flush()
            self._in_line = not data.endswith(b"\n") and self._stdout.isatty()

    def summary(self, result: RunResult) -> str:
        """What became of the steps: a line where there is little to tell, else a table."""
        counts = {state: len(result.of(state)) for state in StepState}
        if counts[StepState.UP_TO_DATE] == len(result.results):
            steps = "step" if len(result.results) == 1 else "steps"
            return f"{paint('✔', 'green')} all up to date ({len(result.results)} {steps})"
        told = [f"{count} {state.value}" for state, count in counts.items() if count]
        mark = paint("✔", "green") if result.exit_code == 0 else paint("✘", "red")
        line = f"{mark} {', '.join(told)}"
        if len(result.results) == 1:
            return line
        return f"\n{table(self._rows(result), ('step', 'result', 'time', 'why'))}\n{line}"

    def _rows(self, result: RunResult) -> list[tuple[str, str, str, str]]:
        rows = [row for row in result.results if row.state is not StepState.UP_TO_DATE]
        if len(result.results) <= _MOST_ROWS:
            rows = list(result.results)
        shown = [self._row(row) for row in rows[:_MOST_ROWS]]
        hidden = len(result.results) - len(shown)
        return [*shown, *([(f"… {hidden} more", "", "", "")] if hidden else [])]

    def _row(self, row: StepResult) -> tuple[str, str, str, str]:
        why = in_short(self.reasons.get(row.step, ()), most=1)
        return row.step, row.state.value, duration(row.seconds) if row.seconds else "", why
