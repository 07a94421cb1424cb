"""Explains a step: why it would run, where each reason comes from, when it last ran, and what follows it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from weaselish.engine import events
from weaselish.engine.artifacts.pins import imported
from weaselish.engine.broken_lock import report_broken_lock
from weaselish.engine.picture import Past, past_of
from weaselish.engine.reading_events import ReadingEvents
from weaselish.engine.run.planning import plan_for
from weaselish.engine.run.preview import Preview, preview
from weaselish.engine.status import StepStatus, statuses
from weaselish.engine.time_limit import TimeLimit
from weaselish.errors import ProjError, in_short
from weaselish.files import yaml12
from weaselish.load import FILE, read_project_file
from weaselish.model.interpolate import MASK, is_secret
from weaselish.model.locations import Path
from weaselish.model.project import Command
from weaselish.model.targets import listed_commands
from weaselish.named_tuple import NamedTuple
from weaselish.plan.graph import Plan
from weaselish.plan.reasons import Reason, ReasonKind
from weaselish.plan.sequence import Cycle
from weaselish.records.history import PastRun, past_runs
from weaselish.workspace import Workspace

_REFERENCE = re.compile(r"\$\{\s*([^{}]*?)\s*\}")
_DEP_KINDS = (ReasonKind.DEP_CHANGED, ReasonKind.DEP_ADDED)
_OF_COMMAND = {ReasonKind.NO_SKIP: ("no_skip",), ReasonKind.NO_OUTPUTS: ()}


class Cause(NamedTuple):
    """One reason to run, and where it comes from, as far as that is known."""

    reason: Reason
    sources: tuple[str, ...] = ()


class Why(NamedTuple):
    """The explanation of one command. `last` is its last run, `followers` the commands downstream, in order."""

    status: StepStatus
    causes: tuple[Cause, ...]
    last: PastRun | None
    followers: tuple[str, ...]


def why(
    workspace: Workspace,
    targets: Sequence[str],
    *,
    given: Mapping[str, str],
    within: float | None = None,
    past: Past | None = None,
    report: events.Reporter,
) -> list[Why]:
    """Explain the commands that `targets` name. `given` says where overrides come from. Raises UnknownName, Cycle.

    After `within` seconds nothing more is read: steps that need it are UNCHECKED. `past` spares reading the journals.
    """
    names = tuple(dict.fromkeys(listed_commands(workspace.project, targets)))
    workspace.observer = ReadingEvents(report) if within is None else TimeLimit(within)
    report_broken_lock(workspace, report, may_replace=False)
    plan = plan_for(workspace, names, named=names, lenient=True)
    explaining = _Explaining(workspace, plan, given, past or past_of(past_runs(workspace.root)), report)
    return [explaining.why(name) for name in names]


class _Explaining:
    def __init__(
        self, workspace: Workspace, plan: Plan, given: Mapping[str, str], past: Past, report: events.Reporter
    ) -> None:
        self._workspace = workspace
        self._given = given
        items = preview(workspace, plan, report=report)
        self._previews: dict[str, Preview] = {item.step: item for item in items}
        self._statuses: dict[str, StepStatus] = {status.step: status for status in statuses(items)}
        self._past = past.last
        self._data = yaml12.read(read_project_file(workspace.root), file=FILE)[0]

    def why(self, name: str) -> Why:
        command, item = self._workspace.project.commands[name], self._previews[name]
        causes = tuple(Cause(reason, tuple(self._sources(command, item, reason))) for reason in item.reasons)
        return Why(self._statuses[name], causes, self._past.get(name), tuple(_followers(self._workspace, name)))

    def _sources(self, command: Command, item: Preview, reason: Reason) -> Iterator[str]:
        """Yield where a reason comes from."""
        subject = reason.subject or ""
        if reason.kind is ReasonKind.SCRIPT_CHANGED:
            yield from self._script_sources(command, item, subject)
        elif reason.kind in _DEP_KINDS:
            yield from self._imported(subject)
            yield from self._producers(subject)
        elif reason.kind is ReasonKind.ENV_CHANGED:
            yield self._variable(command, subject)
        elif reason.kind is ReasonKind.UPSTREAM_WILL_RUN:
            yield f"`{subject}`: {in_short(self._previews[subject].reasons)}"
        elif reason.kind in _OF_COMMAND:
            yield self._place(command.name, _OF_COMMAND[reason.kind])

    def _imported(self, dep: str) -> Iterator[str]:
        """Yield the artifact that is imported to a dep, with its range and the version that project.lock pins."""
        artifact = imported(self._workspace).get(dep)
        pin = self._workspace.records.pins.get(artifact.name) if artifact else None
        if artifact is not None:
            pinned = f", pinned to {pin.version}" if pin else ""
            yield f"artifact `{artifact.name}` of remote `{artifact.remote}`, {artifact.range}{pinned}"

    def _producers(self, dep: str) -> Iterator[str]:
        """Yield the commands that produce a dep, with their last runs."""
        for producer in self._workspace.producers.of(dep):
            run = self._past.get(producer)
            yield f"produced by `{producer}`" + (f", which last ran in run {run.run}" if run else "")

    def _variable(self, command: Command, name: str) -> str:
        """Return where a variable of the environment is set."""
        if not name.startswith("env."):
            return self._place(command.name, ("env", name))
        name = name.removeprefix("env.")
        variable = self._workspace.project.env.get(name, name)
        return f"environment variable {variable}"

    def _script_sources(self, command: Command, item: Preview, subject: str) -> Iterator[str]:
        """Yield the variables whose values changed a script line, or the line itself."""
        last = item.staleness.last if item.staleness else None
        number = subject.removeprefix("line ")
        if last is None or not number.isdecimal():
            if subject in ("shell", "workdir"):
                yield self._place(command.name, (subject,))
            return
        index = int(number) - 1
        then, now = last.fingerprint.script, command.recorded_script
        if index < len(now):
            old = then[index] if index < len(then) else None
            path, prefix = _places(command)[index]
            old = old.removeprefix(prefix) if old is not None and old.startswith(prefix) else None
            changed = list(self._changed_variables(command, path, old, now[index].removeprefix(prefix)))
            yield from changed or [self._place(command.name, path)]

    def _changed_variables(self, command: Command, path: Path, old: str | None, new: str) -> Iterator[str]:
        """Yield the variables that make the difference between two forms of a line, if they alone do."""
        written = self._written_line(command.name, path)
        if written is None or old is None:
            return
        pieces = _REFERENCE.split(written)  # text, name, text, name, …, text
        pattern = "".join(re.escape(piece) if at % 2 == 0 else "(.*?)" for at, piece in enumerate(pieces))
        before, after = re.fullmatch(pattern, old, re.DOTALL), re.fullmatch(pattern, new, re.DOTALL)
        if before is None or after is None:
            return
        found = zip(pieces[1::2], before.groups(), after.groups(), strict=True)
        for name, was, now in dict.fromkeys(found):
            if was != now:
                was, now = (MASK, MASK) if is_secret(name) else (was, now)
                yield f"`{name}` was `{was}`, is `{now}` ({self._given.get(name) or self._place_of_variable(name)})"

    def _written_line(self, name: str, at: Path) -> str | None:
        """Return a script line as project.yml has it, None if it is not text."""
        path = (*self._workspace.locations.commands.get(name, ()), *at)
        data = self._data
        try:
            for part in path:
                data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
        return data if isinstance(data, str) else None

    def _place_of_variable(self, name: str) -> str:
        return _located(self._workspace.locations.of(tuple(name.split("."))))

    def _place(self, command: str, path: Path) -> str:
        return _located(self._workspace.locations.of_command(command, path))


def _places(command: Command) -> list[tuple[Path, str]]:
    """Return for each recorded line where it is in the command, and what precedes it in the record."""
    prefixes = [role.prefix for role in command.roles] or [""]
    return [
        ((*path, index), prefix)
        for (path, script), prefix in zip(command.scripts, prefixes, strict=True)
        for index in range(len(script))
    ]


def _located(location: tuple[int, int]) -> str:
    line, column = location
    return f"{FILE}:{line}:{column}" if line else FILE


def _followers(workspace: Workspace, name: str) -> Iterator[str]:
    """Yield the commands that need what a command produces, directly or through others, in the order of a plan."""
    try:
        plan = plan_for(workspace, list(workspace.project.commands), lenient=True)
    except (Cycle, ProjError):
        return
    downstream = {name}
    for step in plan.steps:
        if step.command != name and any(producer.command in downstream for producer in plan.producers[step]):
            downstream.add(step.command)
            yield step.command
