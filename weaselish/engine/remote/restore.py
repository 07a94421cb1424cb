"""Restores the outputs of a run: downloads them aside, swaps all of them in or none, and records the run."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path

from weaselish.archive.pack import Content
from weaselish.compat import weasel
from weaselish.engine import events
from weaselish.engine.remote.candidates import OutputObject, own_records
from weaselish.engine.remote.download import Downloader, NotPulled
from weaselish.engine.remote.own_files import own_file
from weaselish.engine.remote.published import outputs_of, without_remote_facts
from weaselish.engine.remote.tree import RemoteTree
from weaselish.engine.remote.verified import verified_fact
from weaselish.engine.run.recording import with_weasel_digests
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.files.atomic import writing
from weaselish.files.digests import Digests
from weaselish.files.remove import remove
from weaselish.files.staging import staging_directories
from weaselish.files.swap import recover_all, swap_in_all
from weaselish.model.project import Command
from weaselish.named_tuple import NamedTuple
from weaselish.plan.digests import ABSENT, algorithm_of, is_tree
from weaselish.plan.record import Origin, Record, RecordedOutput
from weaselish.records.journal_lines import AttemptEnd
from weaselish.workspace import Workspace


class _Download(NamedTuple):
    """An output that was downloaded to `new` and is not yet at its target."""

    output: str
    new: Path
    target: Path
    content: Content


_Noting = Callable[[Sequence[_Download]], AbstractContextManager[None]]


class Replaces(enum.Enum):
    """What a restore may replace."""

    STORED = "outputs that the remote has, too"
    AS_A_RUN = "what a run would replace: any output, but no directory with files that no run wrote"
    ANYTHING = "any output"


class Restorer:
    """Restores runs of one workspace from one remote. Thread-safe. The caller holds the locks of the command.

    `jobs`: downloads at a time, whatever their commands. `origin`: of the records that it adds.
    """

    def __init__(
        self,
        workspace: Workspace,
        tree: RemoteTree,
        *,
        jobs: int,
        replaces: Replaces,
        report: SerialReporter,
        origin: Origin = Origin.PULLED,
    ) -> None:
        self._workspace = workspace
        self._tree = tree
        self._replaces = replaces
        self._origin = origin
        self._report = report
        self._downloader = Downloader(workspace, tree, report, jobs=jobs)
        self._new_directories: set[Path] = set()  # created for outputs

    def close(self) -> None:
        """Remove the directories that were created for outputs and are still empty."""
        for directory in sorted(self._new_directories, reverse=True):  # the inner ones first
            with suppress(OSError):
                directory.rmdir()

    def missing(self, objects: Sequence[OutputObject]) -> list[OutputObject]:
        """Return the objects to download. Raises NotPulled for an output that must not be replaced."""
        missing = [wanted for wanted in objects if not self._is_local(wanted)]
        for wanted in missing:
            self._check_replaceable(wanted)
        return missing

    def _is_local(self, wanted: OutputObject) -> bool:
        if wanted.by_weasel:
            return weasel.digest(self._workspace.root / wanted.path) == wanted.digest
        digests = self._workspace.digests_with(algorithm_of(wanted.digest))
        return digests.digest(wanted.path, "output") == wanted.digest

    def _check_replaceable(self, wanted: OutputObject) -> None:
        """Refuse to replace what exists only locally, unless forced."""
        if self._replaces is Replaces.STORED and not self._is_stored(wanted.path):
            why = f"`{wanted.path}` differs from the remote and would be lost (`--force` replaces it)"
            raise NotPulled(why, is_error=True)

    def _is_stored(self, path: str) -> bool:
        """Return whether the remote has an output as it is on the disk, or whether it is missing there."""
        workspace = self._workspace
        if workspace.digests.digest(path, "output") is None:
            return True
        runs = self._tree.runs_of(path, compat=workspace.project.compat)
        stored = {outputs_of(run.record)[path] for run in runs}
        used = {algorithm_of(digest) for digest in stored}
        return any(workspace.digests_with(one).digest(path, "output") in stored for one in used)

    def _check_own_files(self, command: Command, downloads: Sequence[_Download]) -> None:
        """Refuse to replace a directory with files that no run wrote. Raises NotPulled."""
        workspace = self._workspace
        last = own_records(workspace, command)
        for one in downloads:
            runs = [(workspace.digests_with(run.algorithm), outputs_of(run).get(one.output)) for run in last]
            local = workspace.digests.digest(one.output, "output")
            if local is None or not is_tree(local) or one.target.is_symlink():
                continue
            if any(digests.digest(one.output, "output") == digest for digests, digest in runs):
                continue
            manifests = [digests.manifest(digest) for digests, digest in runs if digest is not None]
            file = own_file(workspace.digests.manifest(local), [one.content.entries, *manifests])
            if file is not None and not self._is_stored(one.output):
                hint = f"move it out of `{one.output}`, which is replaced as a whole"
                raise NotPulled(f"`{one.output}/{file}` exists only locally", hint=hint)

    def restore(
        self, command: Command, record: Record, missing: Sequence[OutputObject], *, outdated: Sequence[str] = ()
    ) -> tuple[int, tuple[str, ...]]:
        """Download what is missing of a run and record it. Return the bytes of content, and notes for the user.

        `outdated`: paths of another result, which are removed once the downloads are complete. Raises NotPulled.
        """
        was_unfinished = self._workspace.records.unfinished(command.name) is not None
        size = 0
        if missing:
            noting = partial(self._noting, command, record)
            size = self._download_and_swap(command, record, missing, outdated, noting)
        else:
            self._remove(outdated)
        verified = verified_fact(self._tree, missing)
        return size, self._record(command, record, verified, outranks=was_unfinished)

    def replace(
        self, command: Command, record: Record, missing: Sequence[OutputObject], *, outdated: Sequence[str] = ()
    ) -> None:
        """Download and swap in what is missing of a run without recording it. The caller has noted its start."""
        if missing:
            self._download_and_swap(command, record, missing, outdated, lambda downloads: nullcontext())
        else:
            self._remove(outdated)

    def _download_and_swap(
        self,
        command: Command,
        record: Record,
        missing: Sequence[OutputObject],
        outdated: Sequence[str],
        noting: _Noting,
    ) -> int:
        """Replace all outputs or none: the old ones are kept until all new ones are in place."""
        self._report(events.TransferStarted("pull", len(missing), sum(wanted.limits.size or 0 for wanted in missing)))
        modified = self._workspace.digests.past_time()
        targets = [self._workspace.root / wanted.path for wanted in missing]
        self._new_directories.update(above for one in targets for above in one.parents if not above.exists())
        with staging_directories(targets, self._workspace.staging_notes) as places:
            contents = self._downloader.download_all(missing, places, modified)
            downloads = [
                _Download(wanted.path, place / wanted.path, target, content)
                for wanted, place, target, content in zip(missing, places, targets, contents, strict=True)
            ]
            self._workspace.cancel.check()
            if self._replaces is Replaces.AS_A_RUN:
                self._check_own_files(command, downloads)
            with noting(downloads):
                self._remove(outdated)
                self._swap_and_note(downloads, modified, record)
        return sum(content.size for content in contents)

    @contextmanager
    def _noting(self, command: Command, record: Record, downloads: Sequence[_Download]) -> Iterator[None]:
        """Note the command as started for the block: after a kill in it, the next pull or run repairs the command."""
        records = self._workspace.records
        started = records.start(command.name, record.fingerprint.key)
        try:
            yield
        except BaseException:
            recover_all([download.target for download in downloads])  # if that fails, the command stays unfinished
            records.end(command.name, started, AttemptEnd.FAILED)
            raise
        records.end(command.name, started, AttemptEnd.PULLED)

    def _remove(self, paths: Sequence[str]) -> None:
        for path in paths:
            with writing(f"`{path}`"):
                remove(self._workspace.root / path)
        if paths:
            self._workspace.digests.forget()

    def _digests_of(self, record: Record) -> Digests:
        """Return the digests in which a record is verified: those of its algorithm, or the project's for Weasel's."""
        if record.origin is Origin.WEASEL:
            return self._workspace.digests
        return self._workspace.digests_with(record.algorithm)

    def _swap_and_note(self, downloads: Sequence[_Download], modified: int | None, record: Record) -> None:
        """Swap the downloads in, and note their digests so that they need not be read again.

        Those of directories are noted while the disk is busy.
        """
        trees = {one.output: (one.new, one.content.entries) for one in downloads if not one.content.is_file}
        files = {one.output: (one.target, one.content.entries) for one in downloads if one.content.is_file}
        self._workspace.digests.forget()
        digests = self._digests_of(record)
        try:
            pairs = [(one.new, one.target) for one in downloads]
            swap_in_all(pairs, during_flush=lambda: digests.put_restored(trees, modified))
        except BaseException:
            self._workspace.digests.forget()
            raise
        digests.put_restored(files, modified)

    def _record(
        self, command: Command, record: Record, verified: Mapping[str, object], *, outranks: bool
    ) -> tuple[str, ...]:
        """Record the restored outputs unless the lock already holds this run. Return notes for the user.

        `outranks`: the record must have an id of its own, which is newer than that of an unfinished run.
        """
        records, digests = self._workspace.records, self._digests_of(record)
        no_cache = tuple(self._no_cache_output(output) for output in record.outputs_no_cache)
        new = record._replace(
            command=command.name,
            outputs=tuple(self._restored(output, digests) for output in record.outputs),
            outputs_no_cache=no_cache,
            algorithm=digests.algorithm,
            origin=Origin.WEASEL if record.origin is Origin.WEASEL else self._origin,
            extra={**_kept_facts(record), **verified},
        )
        notes = _notes(no_cache, digests)
        held = own_records(self._workspace, command)
        if not outranks and (same := [own for own in held if _is_same_run(own, new)]):
            if any(own.run == new.run and records.complete(own).provenance is None for own in same):
                records.add(with_weasel_digests(self._workspace, new))  # the lock file has no metrics, host or time
            return notes
        is_later = all(own.run < record.run for own in held)  # clocks that were wrong give one id to two runs
        new = with_weasel_digests(self._workspace, new)
        keeps_id = is_later and record.run and not outranks and no_cache == record.outputs_no_cache
        if keeps_id:
            records.add(new)
        if not keeps_id or new.run not in [own.run for own in own_records(self._workspace, command)]:
            records.add(new._replace(run=records.next_id()))  # with its own id, a later run or a reset would outrank it
        return notes

    def _no_cache_output(self, output: RecordedOutput) -> RecordedOutput:
        """Return an `outputs_no_cache` path as this run left it, or as absent if it is not local."""
        return output if self._workspace.exists(output.path) else RecordedOutput(output.path, ABSENT)

    def _restored(self, output: RecordedOutput, digests: Digests) -> RecordedOutput:
        """Return an output as it is on the disk now. Raises NotPulled if that is not what was restored."""
        digested = digests.of(output.path, "output")
        if digested is None or output.digest not in ("", digested.digest):
            raise NotPulled(f"another process changed `{output.path}` right after it was restored", is_error=True)
        if is_tree(digested.digest):
            digests.keep_manifest(output.path, "output", digested.digest)
        return RecordedOutput(output.path, digested.digest, digested.size, digested.files)


def _notes(no_cache: Sequence[RecordedOutput], digests: Digests) -> tuple[str, ...]:
    return tuple(
        f"`{output.path}` is not from this run, so the step will run again"
        for output in no_cache
        if digests.digest(output.path, "output") not in (None, output.digest)
    )


def _kept_facts(record: Record) -> dict[str, object]:
    """Return the further keys of a published record that also hold for the pull of it."""
    return {name: value for name, value in without_remote_facts(record).extra.items() if name != "origin"}


def _is_same_run(own: Record, new: Record) -> bool:
    def digests(record: Record) -> list[tuple[str, str]]:
        return [(output.path, output.digest) for output in record.all_outputs]

    return own.fingerprint.key == new.fingerprint.key and digests(own) == digests(new)
