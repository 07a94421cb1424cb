"""Where the events of a run are shown: as lines and, in the mode LIVE, above the live view."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

from weaselish.cli.region import ERASE
from weaselish.cli.reporter import ConsoleReporter, OutputMode
from weaselish.engine import events
from weaselish.named_tuple import NamedTuple
from weaselish.plan.sequence import Step

if TYPE_CHECKING:
    from weaselish.cli.live import LiveView

Confirm = Callable[[str, str], bool]


class Estimates(NamedTuple):
    """Tells what a run will take. The view calls these functions in its thread; they may take a while."""

    usual_seconds: Callable[[], Mapping[str, float]]  # of each command
    up_to_date: Callable[[], Collection[str]]  # the commands that need not run


class Stage:
    """Passes events to `print_event`. The live view begins with the first step that runs or waits."""

    def __init__(
        self,
        reporter: ConsoleReporter,
        print_event: Callable[[events.Event], None],
        estimates: Estimates,
    ) -> None:
        self._reporter = reporter
        self._print = print_event
        self._estimates = estimates
        self._started: events.RunStarted | None = None
        self._view: LiveView | None = None
        self._asking: list[str] = []  # questions and interactive steps that have the terminal

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._view is not None:
            self._view.close()

    def __call__(self, event: events.Event, /) -> None:
        if isinstance(event, events.RunStarted):
            self._started = event
        elif self._view is None and isinstance(event, events.StepStarted | events.StepWaiting):
            self._view = self._open_view()
        if self._view is None:
            self._print(event)
            return
        if isinstance(event, events.StepStarted) and self._is_interactive(event.step) and event.attempt == 1:
            self._asking.append(event.step)
        self._view.show(event, self._print)
        if isinstance(event, events.StepDone | events.StepFailed) and event.step in self._asking:
            self._asking.remove(event.step)

    def _is_interactive(self, step: Step) -> bool:
        return self._started is not None and self._started.plan.command(step).interactive

    def _open_view(self) -> LiveView | None:
        if self._started is None or self._reporter.mode(self._started.jobs) is not OutputMode.LIVE:
            return None
        from weaselish.cli.live import LiveView
        from weaselish.cli.live_rows import LiveRows

        return LiveView(LiveRows(self._started.plan, self._started.jobs), self._estimates, lambda: bool(self._asking))

    def asking(self, confirm: Confirm) -> Confirm:
        """Return `confirm` such that the live view makes room for the question."""

        def ask(step: str, question: str) -> bool:
            self._asking.append(question)
            try:
                if self._view is not None:
                    self._view.erase()
                return confirm(step, question)
            finally:
                self._asking.remove(question)

        return ask

    def erasing(self) -> str:
        """Return what erases the live view. A signal handler may call it: it takes no lock."""
        return ERASE if self._view is not None and self._view.is_drawn else ""
