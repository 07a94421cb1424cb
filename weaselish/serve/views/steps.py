"""One step: why it would run, its script, what it reads and writes, its runs and metrics."""

from __future__ import annotations

from dataclasses import dataclass

from weaselish.cancel import Cancel
from weaselish.engine.picture import DrawnStep, Picture
from weaselish.engine.status import Status
from weaselish.engine.why import Why
from weaselish.errors import UnknownName
from weaselish.graphs.markup import LABELS
from weaselish.model.project import Command
from weaselish.plan.reasons import ReasonKind
from weaselish.serve.views.logs import LogEnd, end_of_log
from weaselish.serve.views.metrics import Series, series_of
from weaselish.serve.views.projects import CheckState, StepItem, check_of, check_state, step_item
from weaselish.serve.views.runs import RunItem, item_of
from weaselish.serve.views.sources import Source

_RUNS = 20
_EXPLAINED = (
    ReasonKind.SCRIPT_CHANGED,
    ReasonKind.DEP_CHANGED,
    ReasonKind.DEP_ADDED,
    ReasonKind.ENV_CHANGED,
    ReasonKind.UPSTREAM_WILL_RUN,
)
_LIMIT = 0.1  # seconds that an explanation may read files


@dataclass(frozen=True, slots=True)
class CauseItem:
    """One reason to run, and where it comes from, as far as that is known."""

    reason: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PathItem:
    """A dep or output as project.yml has it, with the commands that produce or read it."""

    path: str
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StepView:
    """One step. `location`: the line of project.yml."""

    step: StepItem
    check: CheckState
    causes: tuple[CauseItem, ...]
    followers: tuple[str, ...]
    script: tuple[str, ...]
    settings: dict[str, str]
    deps: tuple[PathItem, ...]
    outputs: tuple[PathItem, ...]
    location: int
    runs: tuple[RunItem, ...]
    metrics: tuple[Series, ...]
    log: LogEnd | None


def show_step(source: Source, name: str) -> StepView:
    """Return one step. Raises UnknownName, and InvalidProject if project.yml cannot be used."""
    model = source.checked_model()
    command = model.commands.get(name)
    if command is None:
        raise UnknownName("step", name, model.commands)
    reading = check_of(source)
    drawn = next((one for one in reading.value.steps if one.command.name == name), None) if reading.value else None
    causes = _causes(source, drawn) if drawn else ()
    runs = source.history.newest(command=name, most=_RUNS)
    unchecked = StepItem(name, name, command.help, LABELS[Status.UNCHECKED], "unchecked", (), None, False, None)
    return StepView(
        step_item(drawn) if drawn else unchecked,
        check_state(reading),
        causes,
        _followers(reading.value, name) if reading.value else (),
        source.shown_script(name, command.script),
        _settings(command),
        tuple(PathItem(command.as_written(dep), source.producers_of(dep)) for dep in command.deps),
        tuple(PathItem(command.as_written(output)) for output in command.all_outputs),
        source.project.location_of(name)[0],
        tuple(map(item_of, runs)),
        series_of(source.history.metrics(name)),
        next((end_of_log(run.log, source.mask) for run in runs[:1] if run.log), None),
    )


def _causes(source: Source, drawn: DrawnStep) -> tuple[CauseItem, ...]:
    """Return the reasons of the check; where it may be known, with what they come from."""
    if not any(reason.kind in _EXPLAINED for reason in drawn.reasons):
        return tuple(CauseItem(str(reason), ()) for reason in drawn.reasons)
    name = drawn.command.name

    def read(cancel: Cancel) -> Why:
        return source.project.why(name, within=_LIMIT, past=source.history.past(), cancel=cancel)[0]

    why = source.readings.last(("why", source.name, name), read, version=source.version()).value
    found = {str(cause.reason): cause.sources for cause in why.causes} if why else {}
    return tuple(CauseItem(str(reason), found.get(str(reason), ())) for reason in drawn.reasons)


def _followers(picture: Picture, name: str) -> tuple[str, ...]:
    """Return the commands downstream of one, in the order of the plan."""
    found = {name}
    for producer, consumer in picture.edges:
        if producer.command in found:
            found.add(consumer.command)
    return tuple(dict.fromkeys(step.command.name for step in picture.steps if step.command.name in found - {name}))


def _settings(command: Command) -> dict[str, str]:
    """Return what project.yml says about how the step runs, unless it is the default."""
    found = {
        "workdir": "" if command.workdir == "." else command.workdir,
        "shell": str(command.shell) if command.shell else "",
        "timeout": f"{command.timeout:g} s" if command.timeout else "",
        "retries": str(command.retries) if command.retries else "",
        "mutex": ", ".join(command.mutex),
        "confirm": command.confirm or "",
        "no_skip": "yes" if command.no_skip else "",
        "cache": "" if command.cache else "off",
        "env": ", ".join(variable for variable, _ in command.env),
        "metrics": ", ".join(command.metrics),
    }
    return {name: text for name, text in found.items() if text}
