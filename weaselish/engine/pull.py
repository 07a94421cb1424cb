"""pull: outputs of one recorded run, verified aside and swapped in whole, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote_plus

from weaselish.engine import events
from weaselish.engine.look import look
from weaselish.engine.planning import plan_for
from weaselish.engine.remote_tree import Published, RemoteTree
from weaselish.engine.told import Told
from weaselish.errors import NotInStore, ProjError, StoreError
from weaselish.model.project import Command
from weaselish.plan.digests import ABSENT, is_tree
from weaselish.plan.fingerprint import Fingerprint, Made, Record, fingerprint
from weaselish.plan.graph import Cycle
from weaselish.stores.base import Store
from weaselish.workspace import weasel
from weaselish.workspace.claims import claimed
from weaselish.workspace.gzip_stream import BrokenArchive
from weaselish.workspace.lockfile import Entry
from weaselish.workspace.swap import recover, swap_in, workplace
from weaselish.workspace.unpack import Limits, unpack
from weaselish.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True)
class PullOptions:
    commands: tuple[str, ...] = ()  # only these; all if empty
    dry: bool = False
    force: bool = False  # replace also what exists only here
    jobs: int = 4


@dataclass(frozen=True, slots=True)
class Pulled:
    """What became of one command. `restored`: outputs that were downloaded (or, in a dry run, would be)."""

    command: str
    refused: str | None = None
    is_error: bool = False
    restored: tuple[str, ...] = ()
    already_here: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One output of a run, to be downloaded. `digest` as its object is named: Weasel's for an object of Weasel's."""

    path: str
    key: str
    digest: str
    limits: Limits
    by_weasel: bool = False


class _NotPulled(Exception):
    def __init__(self, why: str, *, is_error: bool = False) -> None:
        super().__init__(why)
        self.why, self.is_error = why, is_error


class _BadObject(_NotPulled):
    """An object that is missing, broken, or not what its name says: another run may do."""

    def __init__(self, why: str) -> None:
        super().__init__(why, is_error=True)


def pull(
    workspace: Workspace, tree: RemoteTree, options: PullOptions, *, report: events.Reporter
) -> tuple[Pulled, ...]:
    """Restore the outputs of every command as it stands. Raises StoreError if the remote cannot be used at all."""
    return _Pull(workspace, tree, options, Told(report)).run()


def digest_of_object(workspace: Workspace, store: Store, key: str, output: str) -> str | None:
    """What an object unpacks to, by its digest; None if it is broken. Leaves nothing behind."""
    with TemporaryDirectory(prefix="verify-", dir=workspace.state) as place:
        try:
            return unpack(store.get(key), output, Path(place), algorithm=workspace.project.digest).digest
        except ProjError:
            return None


class _Pull:
    def __init__(self, workspace: Workspace, tree: RemoteTree, options: PullOptions, report: Told) -> None:
        self._workspace = workspace
        self._tree = tree
        self._options = options
        self._report = report
        self._compat = workspace.project.compat

    def run(self) -> tuple[Pulled, ...]:
        if not self._options.dry:
            self._workspace.prepare_to_change()
        if not self._options.commands:
            self._tree.list_all()
        results = []
        try:
            for command in self._in_graph_order():
                results.append(self._pulled(command))
        finally:
            self._workspace.records.close()
            self._workspace.save()
            self._tree.save()
        return tuple(results)

    def _in_graph_order(self) -> list[Command]:
        commands = self._workspace.project.commands
        names = self._options.commands or tuple(commands)
        try:
            plan = plan_for(self._workspace, list(commands), lenient=True)
        except Cycle:
            plan = plan_for(self._workspace, list(commands), only=True)
        return [
            commands[name] for name in plan.steps if name in names and (commands[name].outputs or self._named(name))
        ]

    def _named(self, name: str) -> bool:
        return name in self._options.commands

    def _pulled(self, command: Command) -> Pulled:
        try:
            return self._pull(command)
        except _NotPulled as refusal:
            return Pulled(command.name, refusal.why, refusal.is_error or self._named(command.name))
        except StoreError:
            raise
        except ProjError as error:
            return Pulled(command.name, error.message, is_error=True)

    def _pull(self, command: Command) -> Pulled:
        if not command.outputs:
            raise _NotPulled("it has no outputs that could be pulled")
        if self._is_here(command):
            return Pulled(command.name, already_here=True)
        now = self._as_it_stands(command)
        missing = [path for path, digest in now.deps if digest is None]
        if missing:
            raise _NotPulled(f"dep missing, here and in the lock: {', '.join(missing)}")
        candidates = self._candidates(command, now)
        bad: list[_BadObject] = []
        for record, wanted in candidates:
            try:
                return self._restore(command, record, wanted, len(candidates))
            except _BadObject as error:
                self._report(events.Note(f"`{command.name}`: {error.why}"))
                bad.append(error)
        if bad:
            raise bad[0]
        raise _NotPulled(self._nothing_there(command, now))

    def _is_here(self, command: Command) -> bool:
        looked = look(self._workspace, command)
        return not [reason for reason in looked.reasons if reason.why.value not in ("no_skip", "forced")]

    def _as_it_stands(self, command: Command) -> Fingerprint:
        """What goes into a run now; a dep that is not here as the lock knows it."""
        locked: dict[str, str | None] = {}
        for known in reversed(self._workspace.records.last(command.name)):
            if isinstance(known, Record):
                locked.update(known.fingerprint.deps)

        def digests_of(dep: str) -> Iterable[tuple[str, str | None]]:
            for path, digest in self._workspace.digests.of_dep(dep):
                yield path, digest if digest is not None else locked.get(path)

        return fingerprint(command, self._workspace.env, digests_of)

    # -- which run --------------------------------------------------------------------------------------------------

    def _candidates(self, command: Command, now: Fingerprint) -> list[tuple[Record, list[_Wanted]]]:
        """The runs that would do, the lock's first, then the newest by the store's clock."""
        found = self._tree.published(now.key)
        locked = {known.run for known in self._workspace.records.last(command.name) if isinstance(known, Record)}
        found.sort(key=lambda pair: pair[1].record.run not in locked)  # stable: the rest stays newest first
        fitting = [run for _, run in found if self._fits(command, run.record)]
        candidates = [(run.record, _wanted(run)) for run in fitting]
        if self._compat:
            candidates += self._of_weasel(command, now)
        return candidates

    def _fits(self, command: Command, record: Record) -> bool:
        """A record counts only if its outputs are the command's."""
        return (
            tuple(made.path for made in record.outputs) == command.outputs
            and tuple(made.path for made in record.outputs_no_cache) == command.outputs_no_cache
            and record.algorithm == self._workspace.project.digest
        )

    def _of_weasel(self, command: Command, now: Fingerprint) -> list[tuple[Record, list[_Wanted]]]:
        """What Weasel itself pushed for the command: per output the object that the lock names, else the newest."""
        hashed = self._weasel_hash(command, now)
        if hashed is None:
            return []
        in_lock = self._weasel_digests_in_lock(command)
        wanted = []
        for output in command.outputs:
            stored = list(self._tree.below(f"{quote_plus(command.as_written(output))}/{hashed}").values())
            if not stored:
                return []
            best = max(stored, key=lambda one: (one.key.endswith(f"/{in_lock.get(output)}"), one.modified))
            wanted.append(_Wanted(output, best.key, best.key.rpartition("/")[2], Limits(), by_weasel=True))
        made = tuple(Made(output, "") for output in command.outputs)
        absent = tuple(Made(output, ABSENT) for output in command.outputs_no_cache)
        return [(Record(0, command.name, now, made, absent, origin="weasel"), wanted)]

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
            elif isinstance(known, Entry):
                found |= {str(out.get("path")): str(out.get("md5")) for out in known.data.get("outs") or ()}
        return found

    def _nothing_there(self, command: Command, now: Fingerprint) -> str:
        """Why nothing was found, with what is known of other runs."""
        others = sum(len(self._tree.published(key)) for key in self._tree.hashes_of(quote_plus(command.outputs[0])))
        if others:
            runs = "run" if others == 1 else "runs"
            return f"no run of it as it stands is on the remote (there: {others} {runs} with other script, deps or env)"
        hashed = None if self._compat else self._weasel_hash(command, now)
        if hashed and self._tree.below(f"{quote_plus(command.as_written(command.outputs[0]))}/{hashed}"):
            return "only Weasel's own objects are there: `compat: weasel` in project.yml reads them"
        return "nothing of it is on the remote"

    # -- restoring --------------------------------------------------------------------------------------------------

    def _restore(self, command: Command, record: Record, wanted: Sequence[_Wanted], rivals: int) -> Pulled:
        """Download what is not here, verify it, swap it in, and record it. Raises _NotPulled."""
        notes = [f"{rivals} runs fit: taken is {record.run}"] if rivals > 1 else []
        missing = [one for one in wanted if not self._is_same(one)]
        for one in missing:
            self._check_replaceable(one)
        if self._options.dry:
            return Pulled(command.name, restored=tuple(one.path for one in missing), notes=tuple(notes))
        workspace = self._workspace
        with claimed(
            workspace.state / "locks",
            command.name,
            writes=command.made,
            reads=(),
            on_wait=lambda holder: self._report(events.StepWaiting(command.name, holder)),
        ):
            for output in command.outputs:
                workspace.check_inside(output, "output")
                recover(workspace.root / output)
            size = self._download_and_swap(command, record, missing)
            workspace.digests.forget()
            notes += self._record(command, record)
        restored = tuple(one.path for one in missing)
        self._report(events.CommandPulled(command.name, restored, size))
        return Pulled(command.name, restored=restored, already_here=not restored, notes=tuple(notes))

    def _is_same(self, one: _Wanted) -> bool:
        if one.by_weasel:
            return weasel.digest(self._workspace.root / one.path) == one.digest
        return self._workspace.digests.digest(one.path, "output") == one.digest

    def _check_replaceable(self, one: _Wanted) -> None:
        """What exists only here is not replaced without being told to."""
        here = self._workspace.digests.digest(one.path, "output")
        if here is None or self._options.force or self._tree.vouches_for(one.path, here):
            return
        raise _NotPulled(
            f"`{one.path}` is here with other content that is not on the remote (`--force` replaces it)", is_error=True
        )

    def _download_and_swap(self, command: Command, record: Record, wanted: Sequence[_Wanted]) -> int:
        """All outputs of a run, or none: the old ones are kept until all new ones are in place."""
        size = sum(one.limits.size or 0 for one in wanted)
        if wanted:
            self._report(events.TransferStarted("pull", len(wanted), size))
        with ExitStack() as places:
            targets = [self._workspace.root / one.path for one in wanted]
            fresh = [places.enter_context(workplace(target)) for target in targets]
            with ThreadPoolExecutor(max(1, self._options.jobs)) as threads:
                largest_first = sorted(range(len(wanted)), key=lambda index: -(wanted[index].limits.size or 0))
                futures = {
                    index: threads.submit(self._download, wanted[index], fresh[index]) for index in largest_first
                }
                done = [futures[index].result() for index in range(len(wanted))]
            if wanted:  # from here to the record, a kill leaves what the next run must mend
                self._workspace.records.start(command.name, record.fingerprint.key)
            _swap_all([(place / one.path, target) for place, one, target in zip(fresh, wanted, targets, strict=True)])
        return sum(done)

    def _download(self, one: _Wanted, place: Path) -> int:
        """Unpack one object and check what came out; its size in bytes. Raises _BadObject."""
        algorithm = self._workspace.project.digest
        try:
            found = unpack(self._told(one.key), one.path, place, algorithm=algorithm, limits=one.limits)
        except (BrokenArchive, NotInStore) as error:
            raise _BadObject(f"object `{one.key}`: {error.message}") from None
        digest = weasel.digest(place / one.path) if one.by_weasel else found.digest
        if digest != one.digest:
            raise _BadObject(f"object `{one.key}` is not what it should be: expected {one.digest}, found {digest}")
        return found.size

    def _told(self, key: str) -> Iterator[bytes]:
        for chunk in self._tree.store.get(key):
            self._report(events.Transferred(key, len(chunk)))
            yield chunk

    def _record(self, command: Command, record: Record) -> list[str]:
        """Keep the record of what is here now, unless the lock already says so. Gives what the user should know."""
        records, digests = self._workspace.records, self._workspace.digests
        notes = []
        no_cache = []
        for made in record.outputs_no_cache:
            here = digests.digest(made.path, "output")
            if here is not None and here != made.digest and made.digest != ABSENT:
                notes.append(f"`{made.path}` is not the one of this run: a reason to run")
            no_cache.append(replace(made, digest=ABSENT) if here is None else made)
        outputs = []
        for made in record.outputs:
            found = digests.of(made.path, "output")
            assert found is not None
            outputs.append(Made(made.path, found.digest, found.size, found.files))
            if is_tree(found.digest):
                digests.keep_manifest(made.path, "output", found.digest)
        known = [one for one in records.last(command.name) if isinstance(one, Record)]
        new = replace(
            record, outputs=tuple(outputs), outputs_no_cache=tuple(no_cache), algorithm=self._workspace.project.digest
        )
        if any(_is_same_run(one, new) for one in known) and records.unfinished(command.name) is None:
            return notes
        later = not known or record.run > max(one.run for one in known)
        keep_id = later and record.run and new.outputs_no_cache == record.outputs_no_cache
        keep_id = keep_id and records.unfinished(command.name) is None
        if self._compat:
            new = replace(new, weasel=weasel.digests_of(self._workspace.root, new))
        facts = {name: value for name, value in record.facts.items() if name != "objects"}
        origin = record.origin if record.origin == "weasel" else "pulled"
        records.add(replace(new, run=record.run if keep_id else records.next_id(), origin=origin, facts=facts))
        return notes


def _wanted(run: Published) -> list[_Wanted]:
    return [
        _Wanted(made.path, run.objects[made.path][0], made.digest, Limits(size=made.size, files=made.files))
        for made in run.record.outputs
    ]


def _is_same_run(known: Record, new: Record) -> bool:
    def digests(record: Record) -> list[tuple[str, str]]:
        return [(made.path, made.digest) for made in record.made]

    return known.fingerprint.key == new.fingerprint.key and digests(known) == digests(new)


def _swap_all(pairs: Sequence[tuple[Path, Path]]) -> None:
    """Each new one in its target's place; if one cannot be, all the old ones are back."""
    if not pairs:
        return
    (new, target), *rest = pairs

    def then(_: Path) -> None:
        _swap_all(rest)

    swap_in(new, target, verify=then if rest else None)
