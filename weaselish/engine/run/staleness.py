"""Whether a command is up to date, and if not, why: the one answer for run, dry run, status and push."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from weaselish.engine.run.environment import environment_of
from weaselish.engine.run.secrets import hidden_values
from weaselish.engine.run.unrecorded import have_outputs, is_unrecorded, records_elsewhere
from weaselish.errors import InvalidProject
from weaselish.files.content import Digested
from weaselish.files.digests import Digests
from weaselish.files.walk import Unreadable
from weaselish.model.project import Command
from weaselish.named_tuple import NamedTuple
from weaselish.plan.digests import is_tree
from weaselish.plan.fingerprint import Fingerprint, fingerprint
from weaselish.plan.producers import reads
from weaselish.plan.reasons import Reason, ReasonKind, reasons_to_run
from weaselish.plan.record import Record
from weaselish.records.lock_entry import LockEntry
from weaselish.records.run_state import Attempt, RecordOrEntry
from weaselish.workspace import Workspace

Expected = Callable[[str, str | None], str | None]  # path, digest on the disk -> the digest that it counts with


def output_content(digests: Digests, command: Command, path: str) -> Digested | None:
    """Return the content of an output, None if it does not exist. Raises Unreadable.

    A metrics file that cannot be read, such as a pipe, counts as missing: it must not make the run fail.
    """
    try:
        return digests.of(path, "output")
    except Unreadable:
        if path in command.metrics and path not in command.outputs:
            return None
        raise


class Staleness(NamedTuple):
    """The result of a check: what would go into a run now, the last record, and the reasons to run."""

    now: Fingerprint
    last: Record | None
    reasons: tuple[Reason, ...]
    version: int  # of the records, read before anything else was: if it has risen since, this is out of date
    attempt: Attempt | None = None  # the last start, if no later run was recorded
    is_unrecorded: bool = False  # it never ran here, but its outputs exist

    @property
    def missing_deps(self) -> tuple[str, ...]:
        return tuple(path for path, digest in self.now.deps if digest is None)


def check_staleness(
    workspace: Workspace,
    command: Command,
    *,
    args: tuple[str, ...] = (),
    force: bool = False,
    needed: Collection[str] = (),
    expected: Expected | None = None,
) -> Staleness:
    """Compare the command with its last record. Of several candidates the first that holds is taken.

    Raises InvalidProject for a command with an error in project.yml.

    `needed` are deps of other steps: an `outputs_no_cache` path that may be missing for the record, as after a pull,
    may not be missing for them. If `expected` is given, a dep counts with the digest that it returns; if that is
    None, with the one in the last record.
    """
    if problems := workspace.project.faults_in("commands", command.name):
        raise InvalidProject(problems)
    version = workspace.records.version  # another thread may read on during the check
    compared = list(_comparisons(workspace, command, args, expected, needed))
    best = next((one for one in compared if not one.reasons), compared[0])
    attempt = workspace.records.last_attempt(command.name)
    unfinished = workspace.records.unfinished(command.name)
    reasons = _with_attempt(best.reasons, attempt, unfinished)
    if best.last is not None:
        reasons += tuple(_missing_for_others(best.digests, command, reasons, needed))
    if force:
        reasons = (Reason(ReasonKind.FORCED), *reasons)
    now = best.now
    if reasons and best.digests is not workspace.digests:  # the next record has the algorithm of the project
        now = _fingerprint(workspace.digests, workspace, command, args, best.last, expected)
    return Staleness(
        now,
        best.last,
        tuple(_explained(workspace, best, reason) for reason in reasons),
        version,
        attempt,
        best.last is None and attempt is None and is_unrecorded(workspace, command, needed),
    )


class _Comparison(NamedTuple):
    """A command compared with one record, in the record's own digest algorithm."""

    last: Record | None
    now: Fingerprint
    reasons: tuple[Reason, ...]
    digests: Digests


def _comparisons(
    workspace: Workspace,
    command: Command,
    args: tuple[str, ...],
    expected: Expected | None,
    needed: Collection[str],
) -> Iterator[_Comparison]:
    def secrets() -> Collection[str]:
        return hidden_values(workspace, command)

    for entry in _last(workspace, command, needed) or (None,):
        if entry is None or isinstance(entry, Record):
            last = entry
        else:
            from weaselish.engine.run.adoption import adopted

            last = adopted(workspace, command, entry)
        digests = workspace.digests_with(workspace.project.digest if last is None else last.algorithm)
        now = _fingerprint(digests, workspace, command, args, last, expected)
        outputs = _outputs(digests, command) if last is not None else {}
        reasons = reasons_to_run(command, now, last, outputs.get, secrets)
        if not reasons and isinstance(entry, LockEntry) and entry.is_mixed:
            reasons = (Reason(ReasonKind.ENTRY_CHANGED),)
        yield _Comparison(last, now, reasons, digests)


def _last(workspace: Workspace, command: Command, needed: Collection[str]) -> tuple[RecordOrEntry, ...]:
    """Return the last record of a command; if there is none, but outputs exist, records that may stand for them."""
    records = workspace.records
    last = records.last(command.name)
    if last or records.last_attempt(command.name) is not None or not have_outputs(workspace, command, needed):
        return last
    return records_elsewhere(workspace, command)


def _outputs(digests: Digests, command: Command) -> dict[str, str]:
    """Return the digest of each output that exists."""
    contents = {path: output_content(digests, command, path) for path in command.all_outputs}
    return {path: content.digest for path, content in contents.items() if content is not None}


def _fingerprint(
    digests: Digests,
    workspace: Workspace,
    command: Command,
    args: tuple[str, ...],
    last: Record | None,
    expected: Expected | None,
) -> Fingerprint:
    environment = environment_of(workspace, command, digests, last and last.fingerprint)
    of_dep = _with_pins(workspace, command, digests) if workspace.project.artifacts else digests.of_dep
    if expected is None or (last is not None and last.algorithm != workspace.project.digest):
        return fingerprint(command, workspace.env, of_dep, args=args, environment=environment)
    recorded = dict(last.fingerprint.deps) if last is not None else {}

    def digests_of(dep: str) -> Iterator[tuple[str, str | None]]:
        for path, digest in of_dep(dep):
            yield path, expected(path, digest) or recorded.get(path)

    return fingerprint(command, workspace.env, digests_of, args=args, environment=environment)


def _with_pins(
    workspace: Workspace, command: Command, digests: Digests
) -> Callable[[str], Iterable[tuple[str, str | None]]]:
    """Return the digests of a dep, with that of the pinned version for an imported artifact that is not in place."""
    from weaselish.engine.artifacts.pins import expected_digests

    coming = expected_digests(workspace, command, digests.algorithm)
    return lambda dep: ((path, coming.get(path, digest)) for path, digest in digests.of_dep(dep))


def _with_attempt(
    reasons: tuple[Reason, ...], attempt: Attempt | None, unfinished: ReasonKind | None
) -> tuple[Reason, ...]:
    """Return the reasons with how the last attempt ended, in place of `never ran`."""
    if unfinished is not None:
        return (Reason(unfinished), *(reason for reason in reasons if reason.kind is not ReasonKind.NEVER_RAN))
    if attempt is None or not attempt.has_failed:
        return reasons
    detail = None if attempt.exit_code is None else f"exit code {attempt.exit_code}"
    failed = Reason(ReasonKind.FAILED, detail=detail)
    return tuple(failed if reason.kind is ReasonKind.NEVER_RAN else reason for reason in reasons)


def _missing_for_others(
    digests: Digests, command: Command, reasons: tuple[Reason, ...], needed: Collection[str]
) -> Iterator[Reason]:
    """Yield a reason for each absent `outputs_no_cache` path that another step needs."""
    subjects = {reason.subject for reason in reasons}
    for path in command.outputs_no_cache:
        is_needed = any(reads(dep, path) for dep in needed)
        if is_needed and path not in subjects and output_content(digests, command, path) is None:
            yield Reason(ReasonKind.OUTPUT_MISSING, path, "needed")


def _explained(workspace: Workspace, compared: _Comparison, reason: Reason) -> Reason:
    """Return the reason with what changed inside a directory, or the change of an artifact's version."""
    last, subject = compared.last, reason.subject
    if last is None or subject is None or reason.detail:
        return reason
    if reason.kind is ReasonKind.DEP_CHANGED and workspace.project.artifacts:
        from weaselish.engine.artifacts.pins import change_of_version

        if (change := change_of_version(workspace, subject, last)) is not None:
            return reason._replace(detail=change)
    if reason.kind is ReasonKind.DEP_CHANGED:
        then, now = dict(last.fingerprint.deps)[subject], dict(compared.now.deps)[subject]
    elif reason.kind is ReasonKind.OUTPUT_CHANGED:
        then = {output.path: output.digest for output in last.all_outputs}[subject]
        now = compared.digests.digest(subject, "output")
    else:
        return reason
    if then is None or now is None or not is_tree(then) or not is_tree(now):
        return reason
    return reason._replace(detail=compared.digests.difference(then, now))
