"""Lists, tests and cleans the executors of a project."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from weaselish.engine import events
from weaselish.engine.running_steps import running_steps
from weaselish.errors import ProjError, UnknownName
from weaselish.executors.base import CleanableExecutor, ExecutorSource, Job, JobId, Line, Outcome
from weaselish.model.executors import LOCAL, ExecutorSettings
from weaselish.model.project import Command
from weaselish.model.roles import Image
from weaselish.named_tuple import NamedTuple
from weaselish.workspace import Workspace

_TEST = "test of an executor"  # in place of the name of a step


class ExecutorInfo(NamedTuple):
    """An executor as project.yml defines it. `settings` are those that differ from their defaults."""

    name: str
    type: str
    is_default: bool
    settings: Mapping[str, object]


class ExecutorTest(NamedTuple):
    name: str
    type: str
    seconds: float
    outcome: Outcome
    output: str


class Leftover(NamedTuple):
    """A job that is still on an executor although no `proj` waits for it."""

    handle: str
    step: str


def list_executors(workspace: Workspace) -> list[ExecutorInfo]:
    """Return the executors, `local` first."""
    model = workspace.project.executors
    ours = ExecutorInfo(LOCAL, LOCAL, model.default == LOCAL, {})
    return [ours, *(_info(settings, is_default=name == model.default) for name, settings in model.by_name.items())]


def _info(settings: ExecutorSettings, *, is_default: bool) -> ExecutorInfo:
    given = {
        name: _plain(value)
        for name, value in settings._asdict().items()
        if name not in ("name", "type") and value != type(settings)._field_defaults[name]
    }
    return ExecutorInfo(settings.name, settings.type, is_default, given)


def _plain(value: object) -> object:
    if isinstance(value, Image):
        return value.cpu if value.gpu is None else value._asdict()
    return list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value


class _Said:
    """Collects what the job of a test writes."""

    def __init__(self) -> None:
        self.text = b""

    def start_line(self, line: Line, program: str) -> None:
        pass

    def write(self, data: bytes) -> None:
        self.text += data

    def replica(self, name: str) -> _Said:
        return self


def run_test(workspace: Workspace, executors: ExecutorSource, name: str) -> ExecutorTest:
    """Run `true` on an executor. Raises UnknownName, and ProjError if it cannot be reached or takes no job."""
    model = workspace.project.executors
    executor = executors.named(name)
    if executor is None:
        raise UnknownName("executor", name, model.names)
    refusal = executor.refusal(Command(_TEST, script=("true",)))
    if refusal is not None:
        raise ProjError(f"a command without an image {refusal.message}", hint=refusal.hint)
    said = _Said()
    job = Job(JobId("test", "test", time.time_ns() // 1000), (Line(("true",), "true", "true"),), project=workspace.name)
    begun = time.monotonic()
    outcome = executor.run(job, output=said, cancel=workspace.cancel)
    seconds = time.monotonic() - begun
    kind = LOCAL if name == LOCAL else model.by_name[name].type
    return ExecutorTest(name, kind, seconds, outcome, said.text.decode("utf-8", "replace"))


def leftovers(
    workspace: Workspace, executors: ExecutorSource, name: str, report: events.Reporter
) -> tuple[CleanableExecutor, list[Leftover]]:
    """Return the jobs that an executor still has and no living `proj` waits for. Raises ProjError."""
    executor = executors.named(name)
    if executor is None:
        raise UnknownName("executor", name, workspace.project.executors.names)
    if not isinstance(executor, CleanableExecutor):
        raise ProjError(f"nothing can be left behind on `{name}`")
    running = [one for one in running_steps(workspace, executors, report) if one.pid is not None]
    in_use = {(one.handle or "").rpartition(" ")[2] for one in running}  # the name of a job on a remote may precede it
    return executor, list(_unused(executor.leftovers(), in_use))


def _unused(found: Mapping[str, str], in_use: set[str]) -> Iterator[Leftover]:
    for handle, step in sorted(found.items()):
        if handle not in in_use:
            yield Leftover(handle, step)


def clean(executor: CleanableExecutor, found: list[Leftover]) -> None:
    """Remove jobs, ending those that run."""
    for one in found:
        executor.stop(one.handle)
