"""What the live view of a run shows: a row for each running step, and a summary."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping

from weaselish.cli.activity import Pace
from weaselish.cli.region import Line, Piece, Size
from weaselish.cli.units import shown_left
from weaselish.engine import events
from weaselish.output_lines import last_line
from weaselish.plan.graph import Plan
from weaselish.plan.time_left import seconds_left
from weaselish.terminal import printable

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_TAIL = 4096  # bytes of a step's output that are kept
_FRESH = 1.0  # seconds for which the progress of an activity is shown
_NARROW = 60  # columns; below, there is no room for the expected duration
_ENDED = (
    events.StepAvailable,
    events.StepBlocked,
    events.StepDone,
    events.StepFailed,
    events.StepRestored,
    events.StepUnrecorded,
    events.StepUpToDate,
)


class Row:
    """A step that runs, or waits for another process: `holder`."""

    def __init__(self, step: str, begun: float, *, command: str = "", holder: str = "") -> None:
        self.step = step
        self.command = command
        self.begun = begun
        self.holder = holder
        self._tail = b""

    def feed(self, data: bytes) -> None:
        self._tail = (self._tail + data)[-_TAIL:]

    @property
    def last_line(self) -> str:
        return last_line(self._tail)


class LiveRows:
    """The state of a run as its events tell it, and its lines for a window of some size."""

    def __init__(self, plan: Plan, jobs: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.usual: Mapping[str, float] = {}  # command -> seconds that it usually takes
        self.up_to_date: Collection[str] = ()  # commands that were up to date, with all upstream, as the run began
        self._plan = plan
        self._jobs = jobs
        self._clock = clock
        self._running: dict[str, Row] = {}
        self._waiting: dict[str, Row] = {}
        self._ended: set[str] = set()
        self._pace = Pace(clock)
        self._activity = ("", 0.0)  # its text, and when it was reported

    def update(self, event: events.Event) -> None:
        """Take in one event."""
        match event:
            case events.StepOutput(step, data):
                if step in self._running:
                    self._running[step].feed(data)
            case events.StepStarted(step):
                self._waiting.pop(step, None)
                self._running[step] = Row(step, self._clock(), command=step.command)
            case events.StepWaiting(step, holder):
                self._waiting[step] = Row(step, self._clock(), holder=holder)
            case events.Preparing(_, done, total):
                is_over = done is not None and done == total
                self._activity = ("" if is_over else self._pace.text(event), self._clock())
            case _ if isinstance(event, _ENDED):
                self._running.pop(event.step, None)
                self._waiting.pop(event.step, None)
                self._ended.add(event.step)

    def lines(self, size: Size) -> list[Line]:
        """Return the lines to show: steps as far as there is room, the current activity, the summary."""
        now = self._clock()
        below = [*self._activity_line(now), self._summary(now)]
        rows = [*self._running.values(), *self._waiting.values()]
        room = max(size.rows - 2 - len(below), 0)
        shown = rows if len(rows) <= room else rows[: max(room - 1, 0)]
        width = min(max((_width(row.step) for row in shown), default=0), size.columns * 2 // 5)
        lines = [self._line(row, width, size.columns, now) for row in shown]
        if len(shown) < len(rows) and room:
            lines.append([Piece(f"… {len(rows) - len(shown)} more", "dim")])
        return [*lines, *below]

    def _line(self, row: Row, width: int, columns: int, now: float) -> Line:
        name = Piece(f" {_cut(row.step, width)}  ", "bold")
        if row.holder:
            return [Piece("⧗", "yellow"), name, Piece(f"waiting for {row.holder}", "yellow")]
        spinner = Piece(_SPINNER[int(now * 8) % len(_SPINNER)], "blue")
        return [spinner, name, Piece(self._times(row, columns, now)), Piece(row.last_line, "dim")]

    def _times(self, row: Row, columns: int, now: float) -> str:
        """Return how long a step runs, and in a wide window how long it usually takes, in columns of equal width."""
        elapsed = f"{_clock_time(now - row.begun):>5}"
        if columns < _NARROW or not self.usual:
            return f"{elapsed}  "
        usual = self.usual.get(row.command)
        return f"{elapsed} {'' if usual is None else f'of ~{_clock_time(usual)}':<9}  "

    def _activity_line(self, now: float) -> Iterator[Line]:
        text, at = self._activity
        if text and now - at < _FRESH:
            yield [Piece(text, "dim")]

    def _summary(self, now: float) -> Line:
        parts = [f"{len(self._ended)}/{len(self._plan.steps)} done", f"{len(self._running)} running"]
        if self._waiting:
            parts.append(f"{len(self._waiting)} waiting")
        left = self._seconds_left(now)
        if left is not None:
            parts.append(f"about {shown_left(left)} left")
        return [Piece(" · ".join(parts), "bold")]

    def _seconds_left(self, now: float) -> float | None:
        """Return the time left of the run, None if a step that has not ended never ran before."""
        left: dict[str, float] = {}
        for step in self._plan.steps:
            row = self._running.get(step)
            if step in self._ended or (row is None and step.command in self.up_to_date):
                continue
            usual = self.usual.get(step.command)
            if usual is None:
                return None
            left[step] = max(usual - (now - row.begun), 0.0) if row else usual
        return seconds_left(self._plan, left, jobs=self._jobs) if left else None


def _clock_time(seconds: float) -> str:
    """Return `0:09`, `12:30`, `1:02:03`."""
    minutes, rest = divmod(int(max(seconds, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _width(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(printable(text))


def _cut(text: str, width: int) -> str:
    """Return text in exactly that many columns."""
    from rich.cells import set_cell_size

    text = printable(text)
    return set_cell_size(text, width) if _width(text) <= width else set_cell_size(text, max(width - 1, 0)) + "…"
