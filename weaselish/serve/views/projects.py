"""All projects, and one: its steps with their states of the last check."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from weaselish.engine.picture import DrawnStep, Picture
from weaselish.engine.status import Status
from weaselish.errors import ProjError
from weaselish.graphs.markup import LABELS, SLUGS
from weaselish.graphs.nodes import count_statuses
from weaselish.serve.views.readings import Reading
from weaselish.serve.views.runs import RunItem, item_of
from weaselish.serve.views.sources import Source

_LIMIT = 0.25  # seconds that a check may read files unless a visitor asked for it
_RECENT = 8


@dataclass(frozen=True, slots=True)
class CheckState:
    """The last check. `taken` in seconds since 1970, None before the first; `unchecked` steps need a longer one."""

    taken: float | None
    is_running: bool
    unchecked: int
    problem: str | None
    hint: str | None


@dataclass(frozen=True, slots=True)
class StateCount:
    """How many steps have a state. `slug` names its symbol."""

    state: str
    slug: str
    count: int


@dataclass(frozen=True, slots=True)
class StepItem:
    """A step with its state of the last check. `usual_seconds`: what it usually takes."""

    step: str
    command: str
    help: str
    state: str
    slug: str
    reasons: tuple[str, ...]
    usual_seconds: float | None
    is_critical: bool
    last: RunItem | None


@dataclass(frozen=True, slots=True)
class ProjectItem:
    """A project in the list of all."""

    name: str
    title: str
    directory: str
    counts: tuple[StateCount, ...]
    steps: int
    last: RunItem | None
    running: int
    problem: str | None


@dataclass(frozen=True, slots=True)
class ProjectView:
    """One project. `critical_seconds`: the shortest possible run of everything."""

    name: str
    title: str
    description: str
    directory: str
    check: CheckState
    problems: tuple[str, ...]  # of project.yml, each with its line and column
    counts: tuple[StateCount, ...]
    steps: tuple[StepItem, ...]
    workflows: dict[str, tuple[str, ...]]
    critical_seconds: float
    recent: tuple[RunItem, ...]
    running: tuple[RunItem, ...]


def check_of(source: Source) -> Reading[Picture]:
    """Return the last check. If project.yml or a journal has changed since, begin a short one, which hashes little."""
    return source.readings.last(
        ("check", source.name),
        lambda cancel: source.project.picture(within=_LIMIT, past=source.history.past(), cancel=cancel),
        version=source.version(),
    )


def check_again(source: Source) -> None:
    """Begin a complete check, which reads whatever has changed. Return at once."""
    source.readings.again(
        ("check", source.name),
        lambda cancel: source.project.picture(past=source.history.past(), cancel=cancel),
        version=source.version(),
    )


def list_projects(sources: list[Source]) -> tuple[ProjectItem, ...]:
    """Return all projects, in the order of the command line."""
    return tuple(map(_item, sources))


def show_project(source: Source) -> ProjectView:
    """Return one project. Raises ProjError if project.yml cannot be used and no earlier check exists."""
    reading = check_of(source)
    picture, model = reading.value, source.model()
    steps = steps_of(picture)
    if not steps and model:
        steps = tuple(
            StepItem(name, name, command.help, LABELS[Status.UNCHECKED], "unchecked", (), None, False, None)
            for name, command in model.commands.items()
        )
    return ProjectView(
        source.name,
        (model.title if model else "") or source.name,
        model.description if model else "",
        source.directory.name,
        check_state(reading),
        tuple(problem.located() for problem in model.faults) if model else (),
        _counts(picture),
        steps,
        {name: model.steps_of(name) for name in model.workflows} if model else {},
        picture.critical_seconds if picture else 0.0,
        tuple(map(item_of, source.history.newest(most=_RECENT))),
        tuple(map(item_of, source.history.running())),
    )


def check_state(reading: Reading[Picture]) -> CheckState:
    """Return how the last check went."""
    steps = reading.value.steps if reading.value else ()
    unchecked = sum(step.status is Status.UNCHECKED for step in steps)
    return CheckState(reading.taken, reading.is_running, unchecked, reading.problem, reading.hint)


def steps_of(picture: Picture | None) -> tuple[StepItem, ...]:
    """Return the steps of a check, in the order of the plan."""
    return tuple(map(step_item, picture.steps)) if picture else ()


def step_item(step: DrawnStep) -> StepItem:
    """Return a step of a check."""
    return StepItem(
        step.step,
        step.command.name,
        step.command.help,
        LABELS[step.status],
        SLUGS[step.status],
        tuple(map(str, step.reasons)),
        step.seconds,
        step.is_critical,
        item_of(step.last) if step.last else None,
    )


def _item(source: Source) -> ProjectItem:
    reading = check_of(source)
    model, newest = source.model(), source.history.newest(most=1)
    return ProjectItem(
        source.name,
        (model.title if model else "") or source.name,
        source.directory.name,
        _counts(reading.value),
        len(reading.value.steps) if reading.value else len(model.commands) if model else 0,
        item_of(newest[0]) if newest else None,
        len(source.history.running()),
        reading.problem or _problem(source),
    )


def _problem(source: Source) -> str | None:
    try:
        faults = source.checked_model().faults
    except ProjError as error:
        return error.message
    return faults[0].located() if faults else None


def _counts(picture: Picture | None) -> tuple[StateCount, ...]:
    found = count_statuses(picture.steps) if picture else ()
    return tuple(StateCount(LABELS[status], SLUGS[status], count) for status, count in found)


def count_results(runs: tuple[RunItem, ...]) -> dict[str, int]:
    """Return how many runs have each result."""
    return dict(Counter(run.result for run in runs))
