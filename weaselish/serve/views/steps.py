"""One step: why it would run, its script, what it reads and writes, its runs and metrics."""

from __future__ import annotations

from dataclasses import dataclass

from weaselish.engine.status import Status
from weaselish.engine.why import Why
from weaselish.errors import UnknownName
from weaselish.graphs.markup import LABELS
from weaselish.model.project import Command
from weaselish.serve.views.logs import LogEnd, end_of_log
from weaselish.serve.views.metrics import Series, series_of
from weaselish.serve.views.projects import CheckState, StepItem, check_of, check_state, step_item
from weaselish.serve.views.runs import RunItem, item_of
from weaselish.serve.views.sources import Source

_RUNS = 20
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
    model = source.project.shown_model
    command = model.commands.get(name)
    if command is None:
        raise UnknownName("step", name, model.commands)
    reading = check_of(source)
    drawn = next((one for one in reading.value.steps if one.command.name == name), None) if reading.value else None
    why = _why(source, name)
    runs = source.history.newest(command=name, most=_RUNS)
    unchecked = StepItem(name, name, command.help, LABELS[Status.UNCHECKED], "unchecked", (), None, False, None)
    return StepView(
        step_item(drawn) if drawn else unchecked,
        check_state(reading),
        tuple(CauseItem(str(cause.reason), cause.sources) for cause in why.causes) if why else (),
        why.followers if why else (),
        source.shown_script(name, command.script),
        _settings(command),
        tuple(PathItem(command.as_written(dep), source.producers_of(dep)) for dep in command.deps),
        tuple(PathItem(command.as_written(output)) for output in command.all_outputs),
        source.project.location_of(name)[0],
        tuple(map(item_of, runs)),
        series_of(source.history.metrics(name)),
        next((end_of_log(run.log, source.mask) for run in runs[:1] if run.log), None),
    )


def _why(source: Source, name: str) -> Why | None:
    def read() -> Why:
        return source.project.why(name, within=_LIMIT, past=source.history.past())[0]

    return source.readings.last(("why", source.name, name), lambda cancel: read(), version=source.version()).value


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
