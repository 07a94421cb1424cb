"""Shows the events of a run on the console as they happen, and a summary at the end."""

from __future__ import annotations

import contextlib
import enum
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from weaselish.cli.activity import ActivityLine
from weaselish.cli.console import done, failed, hint, paint, say, warn
from weaselish.cli.region import can_redraw
from weaselish.cli.units import counted, shown_duration, shown_size
from weaselish.engine import events
from weaselish.engine.events import StepResult, StepState
from weaselish.engine.run.run import RunResult
from weaselish.errors import in_short
from weaselish.output_lines import OutputLines
from weaselish.plan.reasons import Reason

_MOST_ROWS = 40
_LAST_LINES = 20


class OutputMode(enum.Enum):
    """What is shown of the output of scripts; the logs hold all of it."""

    RAW = "raw"  # as it comes
    PREFIX = "prefix"  # in lines, each with its step's name in front
    GROUP = "group"  # each step's output when the step has ended
    QUIET = "quiet"  # the last lines of a failed step
    LIVE = "live"  # the last line of each running step, in place


class ConsoleReporter:
    """Shows scripts' output on `stdout`, the rest on stderr.

    `is_verbose`: also the program that each script line executes. `can_be_live`: whether there may be a live view.
    """

    def __init__(
        self,
        stdout: BinaryIO | None = None,
        *,
        output: OutputMode | None = None,
        is_verbose: bool = False,
        can_be_live: bool = False,
    ) -> None:
        self._stdout = stdout or sys.stdout.buffer
        self._chosen = output
        self._is_verbose = is_verbose
        self._can_be_live = can_be_live
        self._output = output or OutputMode.RAW
        self._jobs = 1
        self._steps = 0
        self._interactive: frozenset[str] = frozenset()  # steps that have the terminal to themselves
        self._width = 0  # of the longest name
        self._lines: dict[str, OutputLines] = {}
        self._logs: dict[str, Path] = {}
        self._in_line = False  # whether a script's output ended within a line, on a terminal
        self._activity = ActivityLine()
        self.reasons: dict[str, tuple[Reason, ...]] = {}

    def __call__(self, event: events.Event, /) -> None:
        if not isinstance(event, events.Preparing):
            self._activity.clear()
        if self._in_line and not isinstance(event, events.StepOutput):
            self._write(b"\n")
        match event:
            case events.RunStarted(plan, jobs):
                self._output = self.mode(jobs)
                self._jobs, self._steps = jobs, len(plan.steps)
                self._interactive = frozenset(step for step in plan.steps if plan.command(step).interactive)
                self._width = max((len(step) for step in plan.steps), default=0)
            case events.Preparing():
                self._activity.show(event)
            case events.Note(message, advice):
                warn(message, advice)
            case events.StepWaiting(step, holder) if self._output is not OutputMode.LIVE:
                say(f"waiting for {holder}", step=step)
            case events.StepStarted():
                self._show_start(event)
            case events.StepRestored():
                self._show_restored(event)
            case events.StepOutput(step, data):
                self._show_output(step, data)
                if self._is_verbose and event.program is not None:
                    say(f"executes {event.program}", step=step)
            case events.StepDone():
                self._show_done(event)
            case events.StepFailed():
                self._show_failed(event)
            case _:
                pass

    def mode(self, jobs: int) -> OutputMode:
        """Return the mode: the chosen one, or by default LIVE in parallel, RAW otherwise. PREFIX stands in for LIVE."""
        if self._chosen is OutputMode.LIVE or (self._chosen is None and jobs > 1 and not self._is_verbose):
            return OutputMode.LIVE if self._can_be_live and self._has_screen() else OutputMode.PREFIX
        return self._chosen or (OutputMode.PREFIX if jobs > 1 else OutputMode.RAW)

    def _has_screen(self) -> bool:
        """Return whether scripts' output and the rest go to a terminal that shows the live view's characters."""
        encoding = (sys.stderr.encoding or "").lower()
        return encoding.startswith("utf") and can_redraw(sys.stderr) and self._stdout.isatty()

    def _show_start(self, event: events.StepStarted) -> None:
        if not self.reasons and self._steps > 1:
            from weaselish.cli.tables import preload_table

            preload_table()
        self.reasons[event.step] = event.reasons
        if event.log is not None:
            self._logs[event.step] = event.log
        if event.attempt > 1:
            say(f"attempt {event.attempt}", step=event.step)
        elif self._output is not OutputMode.LIVE:
            say(in_short(event.reasons, most=3), step=event.step)

    def _show_restored(self, event: events.StepRestored) -> None:
        saved = "" if event.saved is None else f", saved about {shown_duration(event.saved)}"
        done(f"restored {event.step} ({shown_size(event.size)} from {event.source}{saved})")

    def _show_done(self, event: events.StepDone) -> None:
        self._end_output(event.step)
        if event.not_recorded:
            warn(f"`{event.step}`: {event.not_recorded}; the outputs stay, but the step is out of date", "run it again")
        else:
            done(f"{event.step} {shown_duration(event.seconds)}")

    def _show_failed(self, event: events.StepFailed) -> None:
        self._end_output(event.step)
        if self._output in (OutputMode.QUIET, OutputMode.LIVE) and self._jobs == 1:
            self._show_last_lines(event.step)
        failed(event.message)
        hint(event.hint)

    # -- output of scripts ------------------------------------------------------------------------------------------

    def _show_output(self, step: str, data: bytes) -> None:
        if self._output is OutputMode.RAW or step in self._interactive:
            self._write(data)
        elif self._output is OutputMode.PREFIX:
            self._write_lines(step, self._lines.setdefault(step, OutputLines()).feed(data))

    def _end_output(self, step: str) -> None:
        lines = self._lines.pop(step, None)
        if lines is not None:
            self._write_lines(step, lines.end())
        if self._output is OutputMode.GROUP and step in self._logs:
            final = OutputLines(lambda: 0.0)  # of a progress bar, only the last state: the step has ended
            with contextlib.suppress(OSError), open(self._logs[step], "rb") as log:
                while block := log.read(1 << 16):
                    self._write(b"".join(line + b"\n" for line in final.feed(block)))
                self._write(b"".join(line + b"\n" for line in final.end()))

    def _write_lines(self, step: str, lines: Iterable[bytes]) -> None:
        prefix = paint(step.ljust(self._width) + " | ", "dim", self._stdout).encode()
        self._write(b"".join(prefix + line + b"\n" for line in lines))

    def _write(self, data: bytes) -> None:
        if data:
            self._stdout.write(data)
            self._stdout.flush()
            self._in_line = not data.endswith(b"\n") and self._stdout.isatty()

    def _show_last_lines(self, step: str) -> None:
        """Repeat the end of a failed step's log on stderr."""
        if step not in self._logs:
            return
        from weaselish.records.logs import last_lines

        lines = last_lines(self._logs[step], _LAST_LINES)
        if not lines:
            return
        say(f"the last lines of {step}:")
        for line in lines:
            [shown] = OutputLines().feed(line + b"\n")
            self._show_last_line(f"{paint(f'{step} | ', 'dim')}{shown.decode('utf-8', 'replace')}")
        hint(f"proj log -v {step}")

    def _show_last_line(self, text: str) -> None:
        print(text, file=sys.stderr)

    # -- the end ----------------------------------------------------------------------------------------------------

    def show_summary(self, summary: str, result: RunResult) -> None:
        """Print the summary; after a parallel run, the last lines of each failed step come first."""
        if self._jobs > 1:
            for row in result.of(StepState.FAILED):
                self._show_last_lines(row.step)
        if summary:
            print(summary, file=sys.stderr, flush=True)

    def summary(self, result: RunResult) -> str:
        """Return how the steps ended: one line, with a table in front if there are several steps."""
        if len(result.of(StepState.UP_TO_DATE)) == len(result.results):
            return f"{paint('✔', 'green')} all up to date ({counted(len(result.results), 'step')})"
        mark = paint("✔", "green") if result.exit_code == 0 else paint("✘", "red")
        line = f"{mark} {self.totals(result)}"
        if len(result.results) == 1:
            return line
        from weaselish.cli.tables import table

        return f"\n{table(self._rows(result), ('step', 'result', 'time', 'why'))}\n{line}"

    def totals(self, result: RunResult) -> str:
        """Return how many steps ended in each state: `2 ran, 1 failed`."""
        counts = {state: len(result.of(state)) for state in StepState}
        return ", ".join(f"{count} {state.value}" for state, count in counts.items() if count)

    def _rows(self, result: RunResult) -> list[tuple[str, str, str, str]]:
        rows = [row for row in result.results if row.state is not StepState.UP_TO_DATE]
        if len(result.results) <= _MOST_ROWS:
            rows = list(result.results)
        shown = [self._row(row) for row in rows[:_MOST_ROWS]]
        hidden = len(result.results) - len(shown)
        return [*shown, *([(f"… {hidden} more", "", "", "")] if hidden else [])]

    def _row(self, row: StepResult) -> tuple[str, str, str, str]:
        why = in_short(self.reasons.get(row.step, ()), most=1)
        return row.step, row.state.value, shown_duration(row.seconds) if row.seconds else "", why
