"""Compares two runs, or a run with the current state, for `proj diff`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from weaselish.engine import events
from weaselish.engine.broken_lock import report_broken_lock
from weaselish.engine.run.environment import environment_of
from weaselish.engine.run.metrics import read_metrics
from weaselish.engine.run.planning import check_usable
from weaselish.engine.run.secrets import hidden_values
from weaselish.engine.run.staleness import output_content
from weaselish.errors import ProjError, UnknownName, UsageError
from weaselish.model.project import Command
from weaselish.model.secret_words import masked_changes
from weaselish.model.targets import listed_commands, recorded_commands
from weaselish.named_tuple import NamedTuple
from weaselish.plan.comparison import Comparison, compare
from weaselish.plan.digests import ABSENT
from weaselish.plan.fingerprint import fingerprint
from weaselish.plan.record import Record, RecordedOutput
from weaselish.plan.run_ids import UnknownRun, find_run
from weaselish.records.history import PastRun, past_runs
from weaselish.workspace import Workspace


class RunDiff(NamedTuple):
    """What differs between two runs. `new` is None for the current state."""

    command: str
    old: Record
    new: Record | None
    comparison: Comparison


def diff(workspace: Workspace, words: Sequence[str], *, report: events.Reporter) -> list[RunDiff]:
    """Compare what `words` name: a command or workflow, and up to two run ids.

    Without an id, compare the last run of each command with the current state, with one that run with the last run of
    its command, with two these two. Raises UnknownName, UnknownRun and UsageError.
    """
    report_broken_lock(workspace, report, may_replace=False)
    known = _Known(workspace)
    names, ids = known.split(words)
    if len(ids) > 2:
        raise UsageError("at most two runs can be compared", hint="proj diff [STEP] [RUN] [RUN]")
    if not ids:
        return list(_with_current(workspace, names, report, is_named=bool(names)))
    runs = [known.record(text, names) for text in ids]
    old, new = runs if len(runs) == 2 else (runs[0], known.last(runs[0].command))
    return [diff_records(workspace, old, new)]


class _Known:
    """The runs on record, of the journals and of project.lock."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._past: list[PastRun] = past_runs(workspace.root)
        self._records: dict[tuple[int, str], Record] = {
            (record.run, record.command): record
            for command in workspace.project.commands
            for record in _last(workspace, command)
        }
        self._records |= {(run.run, run.command): run.record for run in self._past if run.record is not None}

    @property
    def _commands(self) -> set[str]:
        return {command for _, command in self._records}

    def split(self, words: Sequence[str]) -> tuple[list[str], list[str]]:
        """Return which words are names and which run ids."""
        project = self._workspace.project
        names, ids = [], []
        for word in words:
            try:
                recorded_commands(project, word, self._commands)
                names.append(word)
            except UnknownName:
                if not word.isdecimal():
                    raise
                ids.append(word)
        return names, ids

    def record(self, text: str, names: Sequence[str]) -> Record:
        """Return the record of a run, of the commands `names` if there are any. Raises UnknownRun."""
        project = self._workspace.project
        commands = {command for name in names for command in recorded_commands(project, name, self._commands)}
        every = {run.run: run for run in self._past}
        ids = sorted({run for run, command in self._records if not names or command in commands} | every.keys())
        run = find_run(text, ids)
        found = [record for (number, _), record in self._records.items() if number == run]
        if not found:
            raise UnknownRun(
                f"run `{text}` of `{every[run].command}` has no result to compare: {every[run].result.value}"
            )
        if names and found[0].command not in commands:
            raise UnknownRun(
                f"run `{text}` is one of `{found[0].command}`", hint="leave out the step, or name that one"
            )
        return found[0]

    def last(self, command: str) -> Record:
        """Return the latest record of a command."""
        return max((record for record in self._records.values() if record.command == command), key=lambda one: one.run)


def _last(workspace: Workspace, command: str) -> list[Record]:
    return [one for one in workspace.records.last(command) if isinstance(one, Record) and one.run]


def _with_current(
    workspace: Workspace, names: Sequence[str], report: events.Reporter, *, is_named: bool
) -> Iterator[RunDiff]:
    """Yield what differs between the last run of each command and now; of those not named only if something does."""
    check_usable(workspace, names)
    commands = listed_commands(workspace.project, names) if names else tuple(workspace.project.commands)
    for name in dict.fromkeys(commands):
        workspace.cancel.check()
        command = workspace.project.commands[name]
        records = _last(workspace, name)
        if not records:
            if len(commands) == 1 and is_named:
                raise ProjError(f"no run of `{name}` is recorded", hint=f"run it: `proj run {name}`")
            continue
        old = workspace.records.complete(records[0])
        try:
            found = diff_records(workspace, old, current_state(workspace, command, old))._replace(new=None)
        except ProjError as error:
            report(events.Note(f"`{name}` cannot be compared: {error.message}", error.hint))
            continue
        if is_named or not found.comparison.is_empty:
            yield found


def current_state(workspace: Workspace, command: Command, last: Record) -> Record:
    """Return the current state of a command as a record with the run id 0, in the digest algorithm of `last`."""
    digests = workspace.digests_with(last.algorithm)
    environment = environment_of(workspace, command, digests, last.fingerprint)

    def output(path: str) -> RecordedOutput:
        content = output_content(digests, command, path)
        return RecordedOutput(path, content.digest if content else ABSENT)

    return last._replace(
        run=0,
        fingerprint=fingerprint(command, workspace.env, digests.of_dep, environment=environment),
        outputs=tuple(map(output, command.outputs)),
        outputs_no_cache=tuple(map(output, command.outputs_no_cache)),
        metrics=read_metrics(workspace, command),
    )


def diff_records(workspace: Workspace, old: Record, new: Record) -> RunDiff:
    """Return what differs between two records, with the secrets in their scripts masked."""
    comparison = compare(old, new, workspace.digests_with(old.algorithm).difference)
    command = workspace.project.commands.get(new.command) or Command(new.command)
    script = masked_changes(comparison.script, hidden_values(workspace, command)) if comparison.script else ()
    return RunDiff(new.command, old, new, comparison._replace(script=script))
