"""Whether a command is up to date, and if not, why: the one answer for run, dry run, status and push."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from weaselish.compat import weasel
from weaselish.errors import InvalidProject, MissingDep
from weaselish.model.interpolate import put_env
from weaselish.model.paths import overlap
from weaselish.model.project import Command
from weaselish.plan.digests import ABSENT, is_tree
from weaselish.plan.fingerprint import Fingerprint, fingerprint
from weaselish.plan.reasons import Reason, ReasonKind, reasons_to_run
from weaselish.plan.record import Origin, Record, RecordedOutput
from weaselish.records.lock_entry import LockEntry
from weaselish.workspace import Workspace


class Staleness(NamedTuple):
    """A command as it stands: what would go into a run now, the record of the last, and what speaks for running."""

    now: Fingerprint
    last: Record | None
    reasons: tuple[Reason, ...]
    version: int  # of the records, read before anything else was: if it has risen since, this is out of date

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
) -> Staleness:
    """Compare the command with its last record. Of several candidates the first that holds is taken.

    Raises InvalidProject for a command with an error in project.yml.

    `needed` are deps of other steps: an `outputs_no_cache` path that may be missing for the record, as after a pull,
    may not be for them.
    """
    problems = workspace.project.faults_in("commands", command.name)
    if problems:
        raise InvalidProject(problems)
    digests, records = workspace.digests, workspace.records
    version = records.version  # another thread may read on during the check
    now = fingerprint(command, workspace.env, digests.of_dep, args=args)

    def output(path: str) -> str | None:
        return digests.digest(path, "output")

    candidates: list[Record | None] = [
        known if isinstance(known, Record) else _adopted(workspace, command, known, now)
        for known in records.last(command.name)
    ]
    looks = [(last, reasons_to_run(command, now, last, output)) for last in candidates or [None]]
    last, reasons = next((found for found in looks if not found[1]), looks[0])
    unfinished = records.unfinished(command.name)
    if unfinished is not None:
        reasons = (Reason(unfinished), *(reason for reason in reasons if reason.kind is not ReasonKind.NEVER_RAN))
    if last is not None:
        reasons += tuple(
            Reason(ReasonKind.OUTPUT_MISSING, path, "needed")
            for path in command.outputs_no_cache
            if output(path) is None
            and not any(reason.subject == path for reason in reasons)
            and any(overlap(dep, path) for dep in needed)
        )
    if force:
        reasons = (Reason(ReasonKind.FORCED), *reasons)
    return Staleness(now, last, tuple(_explained(workspace, last, now, reason) for reason in reasons), version)


def check_deps(workspace: Workspace, command: Command, missing: tuple[str, ...]) -> None:
    """Raise MissingDep if a dep is absent that the command does not make itself."""
    for dep in missing:
        if not any(overlap(dep, made) for made in command.all_outputs):
            raise missing_dep(workspace, command, dep)


def missing_dep(workspace: Workspace, command: Command, dep: str) -> MissingDep:
    """The error for an absent dep, naming the asset, command or remote that could bring it."""
    project = workspace.project
    hint = "no command makes it, no asset brings it"
    asset = next((asset for asset in project.assets if overlap(asset.dest, dep)), None)
    makers = [
        other.name for other in project.commands.values() if any(overlap(dep, made) for made in other.all_outputs)
    ]
    if asset is not None:
        hint = "it is an asset: `proj assets` fetches it" if asset.url or asset.git else "put this private asset there"
    elif makers:
        hint = "it is made by " + " or ".join(f"`proj run {name}`" for name in makers)
        hint += ", or brought by `proj pull`" if project.remotes else ""
    return MissingDep(f"`{command.name}` needs `{dep}`, which is not there", hint=hint)


def _explained(workspace: Workspace, last: Record | None, now: Fingerprint, reason: Reason) -> Reason:
    """The reason with what changed inside a directory."""
    if last is None or reason.subject is None or reason.detail:
        return reason
    if reason.kind is ReasonKind.DEP_CHANGED:
        then, since = dict(last.fingerprint.deps)[reason.subject], dict(now.deps)[reason.subject]
    elif reason.kind is ReasonKind.OUTPUT_CHANGED:
        then = {made.path: made.digest for made in last.all_outputs}[reason.subject]
        since = workspace.digests.digest(reason.subject, "output")
    else:
        return reason
    if then is None or since is None or not is_tree(then) or not is_tree(since):
        return reason
    return reason._replace(detail=workspace.digests.difference(then, since))


# -- entries that Weasel wrote ----------------------------------------------------------------------------------------


def _adopted(workspace: Workspace, command: Command, entry: LockEntry, now: Fingerprint) -> Record:
    """Weasel's entry as a record: what verifies by Weasel's formula has its digest of today, the rest keeps Weasel's.

    Weasel does not note env. An entry of ours that lost its block, by a merge, say, keeps its digests; what env it had
    is not known, and counts as changed. Neither tells what an output was called when it was not there: `md5: null`
    holds only for an `outputs_no_cache` path.
    """
    data = entry.data
    script = tuple(str(line) for line in _items(data, "script"))
    resolved = tuple(put_env(line, workspace.env) for line in command.script)
    ours = data.get("cmd") == f"proj run {command.name}"
    deps = [_adopted_path(workspace, command, item, "dep", ours=ours) for item in _items(data, "deps")]
    outs = [_adopted_path(workspace, command, item, "output", ours=ours) for item in _items(data, "outs")]
    made = [RecordedOutput(path, digest or ABSENT) for path, digest in outs]
    return Record(
        run=0,
        command=command.name,
        fingerprint=Fingerprint(
            script=command.script if script == resolved else script,
            args=(),
            deps=tuple(deps),
            env=() if ours else now.env,
            shell=False,
            workdir=".",
        ),
        outputs=tuple(one for one in made if one.path not in command.outputs_no_cache),
        outputs_no_cache=tuple(one for one in made if one.path in command.outputs_no_cache),
        algorithm=workspace.project.digest,
        origin=Origin.WEASEL,
    )


def _items(data: Mapping[str, Any], key: str) -> list[Any]:
    """The list at `key`; none where somebody wrote something else there."""
    items = data.get(key)
    return items if isinstance(items, list) else []


def _adopted_path(
    workspace: Workspace, command: Command, item: object, view: str, *, ours: bool
) -> tuple[str, str | None]:
    if not isinstance(item, dict) or not isinstance(item.get("path"), str):
        return "", None
    written = item["path"]
    path = next((path for path, text in command.written if text == written), written)
    md5 = item.get("md5")
    if ours or not isinstance(md5, str) or md5 != weasel.digest(workspace.root / path):
        return path, md5 if isinstance(md5, str) else None
    return path, workspace.digests.digest(path, "dep" if view == "dep" else "output")
