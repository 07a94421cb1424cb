"""Targets → a plan for this project directory: choices answered, unrecorded outputs respected."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from weaselish.engine import events
from weaselish.engine.run.environment import missing_env_files
from weaselish.engine.run.missing_deps import is_own_output
from weaselish.engine.run.unrecorded import is_unrecorded
from weaselish.engine.time_limit import TooLong
from weaselish.errors import InvalidProject, UsageError, listed
from weaselish.model.project import ProjectModel
from weaselish.model.targets import commands_of, listed_commands
from weaselish.plan.graph import Plan, make_plan
from weaselish.plan.producers import reads
from weaselish.plan.record import Record
from weaselish.plan.selection import ALL_STEPS, Selection
from weaselish.plan.sequence import SOURCE, Choice, Cycle
from weaselish.workspace import Workspace

# -- plans ------------------------------------------------------------------------------------------------------------


def explicitly_named(project: ProjectModel, targets: Sequence[str], selection: Selection) -> frozenset[str]:
    """Return the commands that run even if their outputs are unrecorded.

    These are the targets that are commands, each step of a matrix, and each match of a glob. A workflow does not name
    its steps one by one: it names them all only together with `force`. With `force_all` every command counts as named.
    """
    if selection.force_all:
        return frozenset(project.commands)
    if selection.force:
        return frozenset(listed_commands(project, targets))
    return frozenset(name for target in targets if target not in project.workflows for name in project.named(target))


def plan_for(
    workspace: Workspace,
    targets: Sequence[str],
    selection: Selection = ALL_STEPS,
    *,
    named: Collection[str] = (),
    lenient: bool = False,
    note: Callable[[events.Note], None] = lambda note: None,
) -> Plan:
    """Return the plan for `targets` in this directory. Its `choices` are those that nothing on disk answers.

    `named`: commands that run even if their outputs are unrecorded. Raises UnknownName, UsageError, Cycle, and unless
    `lenient` InvalidProject for errors in project.yml that are confined to steps of the plan.
    """
    if not lenient:
        check_usable(workspace, targets)
    answers: dict[Choice, str] = {}
    unanswered: list[Choice] = []
    unrecorded: set[str] = set()
    checked: set[str] = set()
    while True:
        workspace.cancel.check()
        plan = _make_plan(workspace, targets, only=selection.only, chosen=answers, unrecorded=unrecorded)
        if new := set(_unrecorded_of(workspace, plan, checked | set(named))):
            unrecorded |= new
            continue
        checked |= set(plan.commands)
        if not plan.choices:
            break
        for choice in plan.choices:
            answers[choice], is_missing = _answer(workspace, choice)
            if is_missing:
                unanswered.append(choice)
    plan = selection.cut(plan._replace(choices=tuple(unanswered)))
    if not lenient:
        check_usable(workspace, plan.commands)
    plan = plan._replace(unrecorded=plan.unrecorded & set(plan.commands))
    for message in _notes(workspace, plan, answers):
        note(message)
    return plan


def args_of(plan: Plan, args: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return the arguments after `--` by the step that gets them, the one that is named.

    Raises UsageError if several are named, or if the run leaves out the one.
    """
    if not args:
        return {}
    name = sole_command(plan.project, plan.targets)
    if name not in plan.steps:
        raise UsageError(f"arguments after `--` go to `{name}`, which this run leaves out")
    if plan.command(plan.steps[plan.steps.index(name)]).roles:
        raise roles_take_no_args(name)
    return {name: args}


def roles_take_no_args(name: str) -> UsageError:
    """Return the error of arguments for a command with roles."""
    message = f"`{name}` has roles, none of which could take the arguments after `--`"
    return UsageError(message, hint="put a variable into its script, and override it: `--vars.NAME VALUE`")


def sole_command(project: ProjectModel, targets: Sequence[str]) -> str:
    """Return the one command that `targets` name. Raises UnknownName and UsageError."""
    commands = dict.fromkeys(name for target in targets for name in commands_of(project, target))
    workflow = next((target for target in targets if target in project.workflows), None)
    if workflow is not None or len(targets) != 1:
        raise UsageError("arguments after `--` go to one command", hint="name one command, not a workflow")
    if len(commands) != 1:
        names = listed(commands, most=4)
        message = f"arguments after `--` go to one command, but `{targets[0]}` stands for {len(commands)}"
        raise UsageError(message, hint=f"name one of {names}")
    return next(iter(commands))


def check_usable(workspace: Workspace, names: Sequence[str]) -> None:
    """Raise InvalidProject with the errors in project.yml that are confined to `names`, commands or workflows.

    Raises it also if a file under `env_files` is missing.
    """
    problems = [*workspace.project.problems_of(names), *missing_env_files(workspace)]
    if problems:
        raise InvalidProject(problems)


def _make_plan(
    workspace: Workspace,
    targets: Sequence[str],
    *,
    only: bool,
    chosen: Mapping[Choice, str],
    unrecorded: Collection[str],
) -> Plan:
    try:
        return make_plan(workspace.project, targets, only=only, chosen=chosen, unrecorded=unrecorded)
    except Cycle as cycle:
        from weaselish.engine.validate import place_of

        cycle.place = place_of(workspace, cycle.path[0])
        raise


def _unrecorded_of(workspace: Workspace, plan: Plan, settled: Collection[str]) -> Iterator[str]:
    needed = needed_deps(plan)
    for name in plan.commands:
        is_open = name not in settled and name not in plan.unrecorded
        if is_open and is_unrecorded(workspace, workspace.project.commands[name], needed):
            yield name


def _answer(workspace: Workspace, choice: Choice) -> tuple[str, bool]:
    """Return which of several producers a dep comes from, and whether the dep is missing.

    It comes from the command whose last run wrote what exists now. SOURCE if it exists, but no record vouches for it.
    """
    if not workspace.exists(choice.dep):
        return (choice.producers[0], False) if len(choice.producers) == 1 else (SOURCE, True)
    rivals = (*choice.producers, choice.consumer)
    recorded = [(record.run, name) for name in rivals if (record := _verified_record(workspace, name, choice.dep))]
    producer = max(recorded)[1] if recorded else SOURCE
    return (SOURCE if producer == choice.consumer else producer), False


def _verified_record(workspace: Workspace, name: str, dep: str) -> Record | None:
    """Return the command's last record, if its outputs overlapping `dep` are unchanged on disk."""
    for record in workspace.records.last(name):
        if isinstance(record, Record):
            digests = workspace.digests_with(record.algorithm)
            outputs = [output for output in record.all_outputs if reads(dep, output.path)]
            try:
                is_unchanged = all(digests.digest(output.path, "output") == output.digest for output in outputs)
            except TooLong:
                is_unchanged = True  # the caller does not wait; a step that it decides about counts as unchecked
            if outputs and is_unchanged:
                return record
    return None


def _notes(workspace: Workspace, plan: Plan, answers: Mapping[Choice, str]) -> Iterator[events.Note]:
    """Yield a note for everything that is used as it is although commands could produce it."""
    if plan.unrecorded:
        from weaselish.plan.folding import short_names

        unrecorded = [name for name in plan.commands if name in plan.unrecorded]
        names = short_names(plan.project, unrecorded)
        outputs, run = (
            ("its outputs exist", "no run of it") if len(unrecorded) == 1 else ("their outputs exist", "no run")
        )
        yield events.Note(
            f"{listed(names)} will not run: {outputs}, but {run} is recorded; they are used as they are",
            _ways_out(names, "them"),
        )
    for choice, producer in answers.items():
        is_used = producer == SOURCE and choice not in plan.choices and choice.consumer in plan.commands
        if is_used and not is_own_output(workspace.project.commands[choice.consumer], choice.dep):
            yield events.Note(
                f"`{choice.dep}` is used as it is: {listed(choice.producers)} produce it, but no run is recorded",
                _ways_out(choice.producers[:1], "it"),
            )


def _ways_out(names: Sequence[str], what: str) -> str:
    import shlex

    words = shlex.join(names)
    return f"`proj run {words}` produces {what} again; `proj lock accept {words}` records {what} as produced"


def needed_deps(plan: Plan) -> frozenset[str]:
    """Return the deps of all steps that may run."""
    commands = (plan.project.commands[name] for name in plan.commands if name not in plan.unrecorded)
    return frozenset(dep for command in commands for dep in command.deps)
