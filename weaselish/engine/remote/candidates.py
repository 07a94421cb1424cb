"""Which runs on a remote would do for a command as it stands here: proj's by their records, Weasel's by their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote_plus

from weaselish.archive.unpack import Limits
from weaselish.compat import weasel
from weaselish.engine.remote.tree import Published, RemoteTree, is_object_key, outputs_of
from weaselish.model.project import Command
from weaselish.plan.digests import ABSENT
from weaselish.plan.fingerprint import Fingerprint, fingerprint
from weaselish.plan.record import Origin, Record, RecordedOutput
from weaselish.records.lock_entry import LockEntry
from weaselish.stores.base import Stored
from weaselish.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Wanted:
    """One output of a run, to be downloaded. `digest` as its object is named: Weasel's for an object of Weasel's."""

    path: str
    key: str
    digest: str
    limits: Limits
    by_weasel: bool = False


def current_fingerprint(workspace: Workspace, command: Command, coming: Mapping[str, str]) -> Fingerprint:
    """What goes into a run now; a dep that is not here as the lock knows it, or as it would be after a pull.

    `coming`: paths that are not restored yet, with the digests that they are going to have.
    """
    locked: dict[str, str | None] = {}
    for known in reversed(recorded(workspace, command)):
        locked.update(known.fingerprint.deps)

    def digests_of(dep: str) -> Iterable[tuple[str, str | None]]:
        for path, digest in workspace.digests.of_dep(dep):
            yield path, coming.get(path) or digest or locked.get(path)

    return fingerprint(command, workspace.env, digests_of)


def recorded(workspace: Workspace, command: Command) -> list[Record]:
    """The last records of a command here; without entries of Weasel's."""
    return [known for known in workspace.records.last(command.name) if isinstance(known, Record)]


class Candidates:
    """Of one workspace, on one remote."""

    def __init__(self, workspace: Workspace, tree: RemoteTree) -> None:
        self._workspace = workspace
        self._tree = tree
        self._compat = workspace.project.compat

    def of(self, command: Command, now: Fingerprint) -> list[tuple[Record, list[Wanted]]]:
        """The runs that would do, the lock's first, then the newest by the store's clock."""
        found = self._tree.published(now.key)
        locked = recorded(self._workspace, command)

        def by_lock(pair: tuple[Stored, Published]) -> tuple[bool, bool]:
            record = pair[1].record
            is_run = any(known.run == record.run for known in locked)
            return not is_run, not any(outputs_of(known) == outputs_of(record) for known in locked)

        found.sort(key=by_lock)  # stable: the rest stays newest first
        fitting = [run for _, run in found if self._fits(command, run.record)]
        candidates = [(run.record, _wanted(run)) for run in fitting]
        if self._compat:
            candidates += self._of_weasel(command, now)
        return candidates

    def _fits(self, command: Command, record: Record) -> bool:
        """A record counts only if its outputs are the command's."""
        return (
            outputs_of(record).keys() == set(command.outputs)
            and {made.path for made in record.outputs_no_cache} == set(command.outputs_no_cache)
            and record.algorithm == self._workspace.project.digest
        )

    def _of_weasel(self, command: Command, now: Fingerprint) -> list[tuple[Record, list[Wanted]]]:
        """What Weasel itself pushed for the command: per output the object that the lock names, else the newest."""
        hashed = self._weasel_hash(command, now)
        if hashed is None:
            return []
        in_lock = self._weasel_digests_in_lock(command)
        wanted = []
        for output in command.outputs:
            there = self._tree.below(f"{quote_plus(command.as_written(output))}/{hashed}").values()
            stored = [one for one in there if is_object_key(one.key)]
            if not stored:
                return []
            best = max(stored, key=lambda one: (one.key.endswith(f"/{in_lock.get(output)}"), one.modified))
            wanted.append(Wanted(output, best.key, best.key.rpartition("/")[2], Limits(), by_weasel=True))
        made = tuple(RecordedOutput(output, "") for output in command.outputs)
        absent = tuple(RecordedOutput(output, ABSENT) for output in command.outputs_no_cache)
        return [(Record(0, command.name, now, made, absent, origin=Origin.WEASEL), wanted)]

    def _weasel_hash(self, command: Command, now: Fingerprint) -> str | None:
        """Weasel's command hash, as far as the deps are here."""
        deps = []
        for path, _ in now.deps:
            digest = weasel.digest(self._workspace.root / path)
            if digest is None:
                return None
            deps.append((command.as_written(path), digest))
        return weasel.command_hash(now.script, deps)

    def _weasel_digests_in_lock(self, command: Command) -> dict[str, str]:
        found: dict[str, str] = {}
        for known in self._workspace.records.last(command.name):
            if isinstance(known, Record):
                found |= {made.path: known.weasel.get(made.path, made.digest) for made in known.outputs}
            elif isinstance(known, LockEntry):
                found |= {str(out.get("path")): str(out.get("md5")) for out in known.data.get("outs") or ()}
        return found

    def nothing_there(self, command: Command, now: Fingerprint, coming: Mapping[str, str]) -> str:
        """Why nothing was found, with what is known of other runs."""
        awaited = [path for path, _ in now.deps if path in coming]
        if awaited:  # with links in it, it counts otherwise as a dep than as an output
            return f"what fits is not known before it is here: {', '.join(awaited)}"
        others = len(self._tree.runs_of(command.outputs[0], compat=self._compat))
        if others:
            runs = "run" if others == 1 else "runs"
            return f"no run of it as it stands is on the remote (there: {others} {runs} with other script, deps or env)"
        hashed = None if self._compat else self._weasel_hash(command, now)
        if hashed and self._tree.below(f"{quote_plus(command.as_written(command.outputs[0]))}/{hashed}"):
            return "only Weasel's own objects are there: `compat: weasel` in project.yml reads them"
        return "nothing of it is on the remote"


def _wanted(run: Published) -> list[Wanted]:
    return [
        Wanted(made.path, run.objects[made.path][0], made.digest, Limits(size=made.size, files=made.files))
        for made in run.record.outputs
    ]
