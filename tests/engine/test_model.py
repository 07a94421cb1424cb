"""Random projects, edits and runs against a small model of what must run, what it leaves, and in which order it may.

Scripts run in an executor that does their work on the spot: each output's bytes are made of the version of its command
and of all that it reads. The model keeps whole file contents where proj keeps digests, and knows nothing else of it but
the plan, which tests/plan/test_graph.py holds to account.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weaselish.api.directory import store_opener
from weaselish.cancel import Cancel
from weaselish.engine import events
from weaselish.engine.events import StepState
from weaselish.engine.run.preview import preview
from weaselish.engine.run.run import RunOptions, run
from weaselish.errors import MissingDep, UsageError
from weaselish.executors.base import Ending, Executor, Job, JobOutput, Outcome, Refusal, ignore_handle
from weaselish.model.executors import LOCAL, Queue
from weaselish.model.project import Command, ProjectModel
from weaselish.plan.graph import Plan
from weaselish.plan.sequence import Cycle
from weaselish.workspace import Workspace

Tree = dict[str, bytes]  # path -> bytes of a file
View = tuple[tuple[str, bytes], ...] | None  # the files at a path, by relative paths; None: it does not exist

SOURCES = ("s1", "s2", "src/a", "src/b")
FILES = ("o1", "o2", "d/x", "d/y", "e/z")
DIRECTORIES = ("d", "e")
GLOBS = ("src/*", "d/*", "o?")
DID_RUN = (StepState.RAN, StepState.FAILED, StepState.NOT_RECORDED)


@dataclass(frozen=True)
class Task:
    """A command, and what its script does. `mode` is not a part of the project: no digest shows that it changed."""

    name: str
    deps: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    no_cache: tuple[str, ...] = ()
    version: int = 0
    no_skip: bool = False
    mode: str = "works"  # fails, fails late, forgets, edits a dep

    @property
    def all_outputs(self) -> tuple[str, ...]:
        return self.outputs + self.no_cache

    @property
    def command(self) -> Command:
        return Command(
            self.name,
            script=(f"work {self.version}",),
            deps=self.deps,
            outputs=self.outputs,
            outputs_no_cache=self.no_cache,
            no_skip=self.no_skip,
        )


# -- paths, in the model's own words ----------------------------------------------------------------------------------


def lies_in(path: str, top: str) -> bool:
    return path == top or path.startswith(f"{top}/")


def overlap(one: str, other: str) -> bool:
    return lies_in(one, other) or lies_in(other, one)


def view(tree: Tree, path: str) -> View:
    if path in tree:
        return (("", tree[path]),)
    return tuple(sorted((name[len(path) :], data) for name, data in tree.items() if lies_in(name, path))) or None


def matches(tree: Tree, dep: str) -> list[str]:
    """The paths that a dep stands for."""
    if not set("*?") & set(dep):
        return [dep]
    depth = dep.count("/") + 1
    tops = {"/".join(name.split("/")[:depth]) for name in tree if name.count("/") + 1 >= depth}
    return sorted(
        top for top in tops if fnmatch.fnmatchcase(top, dep) and top.split("/")[:-1] == dep.split("/")[:-1]
    ) or [dep]


def may_read(dep: str, path: str) -> bool:
    """Whether a dep could stand for a path, something in it, or a directory around it."""
    if not set("*?") & set(dep):
        return overlap(dep, path)
    return all(fnmatch.fnmatchcase(name, part) for part, name in zip(dep.split("/"), path.split("/"), strict=False))


def views(tree: Tree, deps: Sequence[str]) -> dict[str, View]:
    return {path: view(tree, path) for dep in deps for path in matches(tree, dep)}


# -- what a script does -----------------------------------------------------------------------------------------------


def work(task: Task, tree: Tree) -> tuple[Tree, int]:
    """The tree after a run of the script, and its exit code. Few different results, so that they are often the same."""
    tree = dict(tree)
    if task.mode == "fails":
        return tree, 3
    read = repr((task.version, sorted(views(tree, task.deps).items())))
    value = hashlib.sha1(read.encode()).digest()[0] % 3
    forgotten = task.all_outputs[:1] if task.mode == "forgets" else ()
    for output in task.all_outputs:
        if output in forgotten:
            continue
        tree = {path: data for path, data in tree.items() if not lies_in(path, output)}
        if output in DIRECTORIES:
            tree[f"{output}/x"] = tree[f"{output}/one"] = b"%d" % value
            tree[f"{output}/{value}"] = b""
        else:
            tree[output] = f"{task.name} {value}".encode()
    if task.mode == "edits a dep" and (inputs := [dep for dep in task.deps if dep in tree and is_input(task, dep)]):
        tree[inputs[0]] = tree[inputs[0]] + b"!"
    return tree, 4 if task.mode == "fails late" else 0


def is_input(task: Task, path: str) -> bool:
    return not any(overlap(path, made) for made in task.all_outputs)


@dataclass
class Scripts:
    """An executor that does the work of scripts on the spot, in a directory."""

    root: Path
    tasks: Mapping[str, Task] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)  # `+name` when a script began, `-name` when it ended
    lock: threading.Lock = field(default_factory=threading.Lock)

    def executor_for(self, command: Command) -> Executor:
        return self

    def name_for(self, command: Command) -> str:
        return LOCAL

    def queue_for(self, command: Command) -> Queue | None:
        return None

    def share_terminal(self) -> None:
        pass

    def named(self, name: str) -> Executor | None:
        return self

    def remote_of(self, name: str) -> str | None:
        return None

    def refusal(self, command: Command) -> Refusal | None:
        return None

    def run(
        self,
        job: Job,
        *,
        output: JobOutput,
        cancel: Cancel,
        keep_open: Sequence[int] = (),
        submitted: Callable[[str], None] = ignore_handle,
    ) -> Outcome:
        task = self.tasks[job.name]
        self._note(f"+{task.name}")
        used = (*task.deps, *task.all_outputs)
        before = {path: data for path, data in read_disk(self.root).items() if any(_may_use(path, one) for one in used)}
        after, code = work(task, before)
        write_disk(self.root, before, after)
        output.write(b"worked\n")
        self._note(f"-{task.name}")
        return Outcome(Ending.EXITED, code, None if code == 0 else 0)

    def _note(self, what: str) -> None:
        with self.lock:
            self.log.append(what)

    def close(self) -> None:
        pass


def _may_use(path: str, used: str) -> bool:
    top = used.split("*")[0].split("?")[0].rpartition("/")[0] if set("*?") & set(used) else used
    return not top or overlap(path, top)


def read_disk(root: Path) -> Tree:
    """Return all files outside `.proj`. Files that no step uses may vanish during the walk."""
    tree: Tree = {}
    for directory, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != ".proj"]
        for name in names:
            path = os.path.relpath(os.path.join(directory, name), root)
            if not path.startswith("project.lock"):
                try:
                    tree[path] = Path(directory, name).read_bytes()
                except FileNotFoundError:
                    continue
    return tree


def write_disk(root: Path, before: Tree, after: Tree) -> None:
    for path in before.keys() - after.keys():
        (root / path).unlink()
        for parent in list(Path(path).parents)[:-1]:
            if not os.listdir(root / parent):
                (root / parent).rmdir()
    for path, data in after.items():
        if before.get(path) != data:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)


# -- the model --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ran:
    """What the last successful run of a command used and made."""

    version: int
    deps: dict[str, View]
    all_outputs: dict[str, View]


@dataclass
class Model:
    tree: Tree
    last: dict[str, Ran] = field(default_factory=dict)
    inputs_changed: set[str] = field(default_factory=set)
    attempted: set[str] = field(default_factory=set)  # that started since the clone

    def must_run(self, task: Task, needed: set[str]) -> bool:
        last = self.last.get(task.name)
        if not task.all_outputs or task.no_skip or last is None or task.name in self.inputs_changed:
            return True
        if (last.version, last.deps) != (task.version, views(self.tree, task.deps)):
            return True
        now = {path: view(self.tree, path) for path in task.all_outputs}
        if last.all_outputs != now:
            return True
        absent = [path for path in task.all_outputs if now[path] is None]
        return any(path in task.outputs or any(overlap(path, dep) for dep in needed) for path in absent)

    def is_unrecorded(self, task: Task, tasks: Mapping[str, Task], needed: set[str]) -> bool:
        """Whether the outputs exist, and neither the task nor another producer of them ever ran."""
        shown = [
            path
            for path in task.all_outputs
            if not any(may_read(dep, path) for dep in task.deps)
            if path in task.outputs or not task.outputs or any(overlap(path, dep) for dep in needed)
        ]
        known = {*self.last, *self.attempted}
        producers = {
            other.name
            for other in tasks.values()
            if any(overlap(path, output) for path in shown for output in other.all_outputs)
        }
        return bool(shown) and all(view(self.tree, path) is not None for path in shown) and not producers & known

    def misses(self, task: Task) -> bool:
        return any(found is None and is_input(task, path) for path, found in views(self.tree, task.deps).items())

    def run_step(self, task: Task, needed: set[str]) -> StepState:
        if not self.must_run(task, needed):
            return StepState.UP_TO_DATE
        if self.misses(task):
            return StepState.FAILED
        self.attempted.add(task.name)
        before = {path: found for path, found in views(self.tree, task.deps).items() if is_input(task, path)}
        self.tree, code = work(task, self.tree)
        if code or any(view(self.tree, path) is None for path in task.outputs):
            self.inputs_changed.discard(task.name)
            return StepState.FAILED
        after = views(self.tree, task.deps)
        if before != {path: found for path, found in after.items() if is_input(task, path)}:
            self.inputs_changed.add(task.name)
            return StepState.NOT_RECORDED
        self.inputs_changed.discard(task.name)
        self.last[task.name] = Ran(task.version, after, {path: view(self.tree, path) for path in task.all_outputs})
        return StepState.RAN

    def run(self, plan: Plan, tasks: Mapping[str, Task], *, keep_going: bool) -> dict[str, StepState]:
        """What becomes of each step, one after the other."""
        needed = {dep for name in plan.commands if name not in plan.unrecorded for dep in tasks[name].deps}
        states: dict[str, StepState] = {}
        for step in plan.steps:
            stopped = not keep_going and StepState.FAILED in states.values()
            lost = any(states[before] in (StepState.FAILED, StepState.BLOCKED) for before in plan.needs[step])
            task = tasks[step.command]
            is_kept = step.command in plan.unrecorded and self.is_unrecorded(task, tasks, needed)
            if stopped or lost:
                states[step] = StepState.BLOCKED
            else:
                states[step] = StepState.UNRECORDED if is_kept else self.run_step(task, needed)
        return states


# -- a project on disk beside its model -------------------------------------------------------------------------------


class Bench:
    """One project, its directory and its model."""

    def __init__(self, root: Path, tree: Tree) -> None:
        self.root = root
        self.model = Model(dict(tree))
        self.scripts = Scripts(root)
        write_disk(root, {}, tree)

    def edit(self, change: Callable[[Tree], Tree]) -> None:
        after = change(dict(self.model.tree))
        write_disk(self.root, self.model.tree, after)
        self.model.tree = after

    def clone(self) -> None:
        """What a fresh clone has: all but .proj."""
        shutil.rmtree(self.root / ".proj", ignore_errors=True)
        self.model.inputs_changed.clear()
        self.model.attempted.clear()

    def run(
        self, tasks: Mapping[str, Task], listed: Sequence[str], targets: Sequence[str], options: RunOptions
    ) -> None:
        project = ProjectModel(
            commands={name: task.command for name, task in tasks.items()}, workflows={"all": tuple(listed)}
        )
        self.scripts.tasks, self.scripts.log = tasks, []
        workspace = Workspace(self.root, project)
        plans: list[Plan] = []
        announced: list[set[str]] = []

        def report(event: events.Event, /) -> None:
            if isinstance(event, events.RunStarted):
                plans.append(event.plan)
                previews = preview(workspace, event.plan, report=lambda event: None)
                announced.append({one.step.command for one in previews if one.reasons or one.is_unrecorded})

        try:
            with workspace.cancel:
                result = run(
                    workspace,
                    targets,
                    options,
                    executors=self.scripts,
                    open_store=store_opener(workspace),
                    report=report,
                )
        except (Cycle, MissingDep) as error:
            assert self.scripts.log == [], "what is wrong before the start is said before the start"
            deps = [dep for task in tasks.values() for dep in task.deps]
            absent = [dep for dep in deps if None in views(self.model.tree, [dep]).values()]
            made = [path for task in tasks.values() for path in task.all_outputs]
            open_choices = [
                path
                for dep in deps
                for path in made
                if made.count(path) > 1 and view(self.model.tree, path) is None and fnmatch.fnmatchcase(path, dep)
            ]
            assert isinstance(error, Cycle) or absent or open_choices
            return
        (plan,) = plans
        assert not plan.unrecorded & set(targets), "a step that is named runs"
        expected = self.model.run(plan, tasks, keep_going=options.keep_going)
        assert {one.step: one.state for one in result.results} == expected
        assert read_disk(self.root) == self.model.tree
        self.check_order(plan, options)
        self.check_lock(tasks)
        ran = {step.command for step in plan.steps if expected.get(step) in DID_RUN}
        rivals = any(
            overlap(a, b)
            for x in plan.commands
            for y in plan.commands
            if x < y
            for a in tasks[x].all_outputs
            for b in tasks[y].all_outputs
        )
        if not rivals and not any(task.mode == "edits a dep" for task in tasks.values()):
            assert ran <= announced[0], "a dry run names all that a run will run"

    def check_order(self, plan: Plan, options: RunOptions) -> None:
        begun = [what[1:] for what in self.scripts.log if what[0] == "+"]
        listed = [step.command for step in plan.steps]
        assert all(begun.count(name) <= listed.count(name) for name in begun)
        once = [step for step in plan.steps if listed.count(step.command) == 1 and step.command in begun]
        if options.jobs == 1:
            assert [name for name in begun if name in once] == once
        for step in once:
            for before in set(plan.waits_for[step]) & set(once):
                assert self.scripts.log.index(f"-{before}") < self.scripts.log.index(f"+{step}")

    def check_lock(self, tasks: Mapping[str, Task]) -> None:
        """project.lock holds what the model remembers, digests for contents."""
        data: dict[str, Any] = self.lock()
        known = {name for name in data if name != ".proj"}
        assert known == self.model.last.keys()
        for name in known:
            ran = self.model.last[name]
            assert data[name]["script"] == [f"work {ran.version}"]
            assert {item["path"]: item["md5"] for item in data[name]["deps"]} == _digests(ran.deps)
            assert {item["path"]: item["md5"] for item in data[name]["outs"]} == _digests(ran.all_outputs)

    def lock(self) -> dict[str, dict[str, list[dict[str, str]]]]:
        path = self.root / "project.lock"
        return yaml.safe_load(path.read_text()) if path.exists() else {}

    def comparable_lock(self) -> object:
        """project.lock without run ids."""
        data = self.lock()
        for block in data.get(".proj", {}).get("commands", {}).values():  # type: ignore[union-attr]
            del block["run"]
        return data, list(data)


def _digests(found: Mapping[str, View]) -> dict[str, str | None]:
    return {path: _digest(one) for path, one in found.items()}


def _digest(found: View) -> str | None:
    if found is None:
        return None
    if found[0][0] == "":
        return hashlib.md5(found[0][1]).hexdigest()
    lines = [b"f %b %b\0" % (hashlib.md5(data).hexdigest().encode(), path[1:].encode()) for path, data in found]
    return hashlib.md5(b"".join(lines)).hexdigest() + ".dir"


# -- random projects and edits ----------------------------------------------------------------------------------------

names = "abcdef"
readable = st.sampled_from([*SOURCES, *FILES, *FILES, *DIRECTORIES, *GLOBS])


@st.composite
def outputs(draw: st.DrawFn, so_far: Sequence[str] = ()) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Outputs of both kinds; of what others make so far (alternatives) only now and then."""
    made: list[str] = []
    rivals = draw(st.sampled_from([False, False, False, True]))
    for path in draw(st.lists(st.sampled_from([*FILES, *FILES, *DIRECTORIES]), max_size=3)):
        if not any(overlap(path, other) for other in (made if rivals else [*made, *so_far])):
            made.append(path)
    cut = draw(st.sampled_from([0, len(made), len(made), len(made)]))
    return tuple(made[:cut]), tuple(made[cut:])


@st.composite
def tasks(draw: st.DrawFn, modes: Sequence[str]) -> dict[str, Task]:
    """Commands that read sources and mostly what those before them make."""
    found: dict[str, Task] = {}
    for name in names[: draw(st.integers(2, len(names)))]:
        so_far = [path for task in found.values() for path in task.all_outputs]
        pool = st.one_of(
            st.sampled_from(SOURCES),
            st.sampled_from([*so_far, *so_far, *SOURCES]),
            st.sampled_from([*GLOBS, *FILES, "d"]),
        )
        deps = draw(st.lists(pool, max_size=3, unique=True))
        found[name] = Task(
            name, tuple(deps), *draw(outputs(so_far)), mode=draw(st.sampled_from(["works", "works", *modes]))
        )
    return found


@st.composite
def listings(draw: st.DrawFn) -> list[str]:
    """The order of a workflow: most commands, some of them twice."""
    listed = draw(st.permutations(names))[: draw(st.sampled_from([3, 6, 6]))]
    return [*listed, *draw(st.lists(st.sampled_from(names), max_size=2))]


@dataclass(frozen=True)
class Edit:
    """Something that happens between two runs."""

    kind: str
    path: str = "s1"
    name: str = "a"
    data: bytes = b""
    mode: str = "works"
    deps: tuple[str, ...] = ()
    all_outputs: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    def of_task(self, task: Task) -> Task:
        if self.kind == "script":
            return replace(task, version=task.version + 1)
        if self.kind == "mode":
            return replace(task, mode=self.mode)
        if self.kind == "no_skip":
            return replace(task, no_skip=not task.no_skip)
        if self.kind == "deps":
            return replace(task, deps=self.deps)
        if self.kind == "outputs":
            return replace(task, outputs=self.all_outputs[0], no_cache=self.all_outputs[1])
        return task

    def of_files(self, tree: Tree) -> Tree:
        if self.kind == "write" and not any(lies_in(path, f"{self.path}") and path != self.path for path in tree):
            return {**tree, self.path: self.data}
        if self.kind == "delete":
            return {path: data for path, data in tree.items() if not lies_in(path, self.path)}
        return tree


def edits(modes: Sequence[str]) -> st.SearchStrategy[Edit]:
    kinds = [
        "write",
        "write",
        "write",
        "delete",
        "script",
        "mode",
        "mode",
        "no_skip",
        "deps",
        "outputs",
        "touch",
        "clone",
    ]
    return st.builds(
        Edit,
        kind=st.sampled_from(kinds),
        path=st.sampled_from([*SOURCES, *FILES]),
        name=st.sampled_from(names),
        data=st.sampled_from([b"", b"1", b"2"]),
        mode=st.sampled_from(modes),
        deps=st.lists(readable, max_size=2, unique=True).map(tuple),
        all_outputs=outputs(),
    )


def courses(modes: Sequence[str]) -> st.SearchStrategy[list[tuple[list[Edit], list[str]]]]:
    """Edits and then a run of these targets, a few times over."""
    targets = st.one_of(st.just(["all"]), st.just(["all"]), st.sampled_from(names).map(lambda name: [name]))
    return st.lists(st.tuples(st.lists(edits(modes), max_size=3), targets), min_size=2, max_size=5)


def apply(edit: Edit, benches: Sequence[Bench], found: dict[str, Task]) -> None:
    if edit.name in found:
        found[edit.name] = edit.of_task(found[edit.name])
    for bench in benches:
        bench.edit(edit.of_files)
        if edit.kind == "clone":
            bench.clone()
        if edit.kind == "touch" and edit.path in bench.model.tree:
            os.utime(bench.root / edit.path)


start = st.sets(st.sampled_from(FILES)).map(lambda more: {path: path.encode() for path in (*SOURCES, *sorted(more))})
BOUNDED = settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@BOUNDED
@given(
    start=start,
    found=tasks(["works", "edits a dep"]),
    listed=listings(),
    course=courses(["works", "works", "fails", "fails late", "forgets", "edits a dep"]),
    keep_going=st.booleans(),
)
def test_what_must_run_runs_and_nothing_else(
    start: Tree, found: dict[str, Task], listed: list[str], course: list[tuple[list[Edit], list[str]]], keep_going: bool
) -> None:
    listed = [name for name in listed if name in found] or ["a"]
    with tempfile.TemporaryDirectory() as place:
        bench = Bench(Path(place), start)
        for changes, targets in [*course, ([], ["all"]), ([], ["all"])]:
            for edit in changes:
                apply(edit, [bench], found)
            known = [target for target in targets if target in found or target == "all"] or ["all"]
            bench.run(found, listed, known, RunOptions(keep_going=keep_going))


@BOUNDED
@given(
    start=start,
    found=tasks(["works"]),
    listed=listings(),
    course=courses(["works", "works", "fails", "fails late", "forgets"]),
)
def test_eight_at_a_time_leave_what_one_at_a_time_leaves(
    start: Tree, found: dict[str, Task], listed: list[str], course: list[tuple[list[Edit], list[str]]]
) -> None:
    listed = [name for name in listed if name in found] or ["a"]
    with tempfile.TemporaryDirectory() as place:
        benches = [Bench(Path(place, str(jobs)), start) for jobs in (1, 8)]
        for changes, targets in course:
            for edit in changes:
                apply(edit, benches, found)
            known = [target for target in targets if target in found or target == "all"] or ["all"]
            for bench, jobs in zip(benches, (1, 8), strict=True):
                bench.run(found, listed, known, RunOptions(jobs=jobs, keep_going=True))
            one, eight = benches
            assert read_disk(one.root) == read_disk(eight.root)
            assert one.comparable_lock() == eight.comparable_lock()


def test_arguments_outside_utf8_are_refused_before_anything_starts() -> None:
    """project.lock could not hold them, and would keep every later run from ending well."""
    with tempfile.TemporaryDirectory() as place:
        bench = Bench(Path(place), {})
        with pytest.raises(UsageError, match="not text in UTF-8"):
            bench.run({"a": Task("a", outputs=("o1",))}, ["a"], ["a"], RunOptions(args=("\udcff",)))
        assert list(Path(place).iterdir()) == []
