"""The run cache during one run: looks up results by key, restores them, and hands new ones to the writer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from threading import Lock

from weaselish.engine import events
from weaselish.engine.cache.rates import Rates
from weaselish.engine.cache.writer import CacheWriter
from weaselish.engine.remote.candidates import Candidate, Candidates, own_records
from weaselish.engine.remote.download import BadObject, NotPulled
from weaselish.engine.remote.published import outputs_of
from weaselish.engine.remote.resolve import OpenStore, open_tree
from weaselish.engine.remote.restore import Replaces, Restorer
from weaselish.engine.run.staleness import check_staleness
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.engine.workers import Workers, run_aside
from weaselish.engine.write_paths import check_output_path
from weaselish.errors import ProjError, StoreError
from weaselish.files.swap import recover_all
from weaselish.model.cache import CacheSettings
from weaselish.model.paths import is_outside
from weaselish.model.project import Command, Remote
from weaselish.named_tuple import NamedTuple
from weaselish.plan.digests import ABSENT
from weaselish.plan.fingerprint import Fingerprint
from weaselish.plan.producers import reads
from weaselish.plan.record import Origin, Record, RecordedOutput
from weaselish.workspace import Workspace

_JOBS = 4  # downloads at a time
_GRACE = 0.5  # seconds that a restore has to end its swap once it is cancelled, while the locks are held
_MARGIN = 1.5  # how much quicker than a run a restore must be under the policy `cheapest`
_LOOK_UPS = 8  # keys that are looked up at a time


class Restored(NamedTuple):
    """A result that was restored: bytes of content, and the record of the run that computed it."""

    size: int
    record: Record


class RunCache:
    """The cache of one run of one workspace. Thread-safe, and never raises StoreError.

    A store that fails is reported once; from then on nothing is looked up.
    """

    def __init__(
        self,
        workspace: Workspace,
        settings: CacheSettings,
        remote: Remote,
        *,
        open_store: OpenStore,
        report: SerialReporter,
    ) -> None:
        self.source = remote.name
        self._workspace = workspace
        self._settings = settings
        self._is_directory = "://" not in remote.url  # a URL of a directory may lead far away, as to a file server
        self._answers_at_once = remote.is_user_cache and not workspace.project.compat
        self._report = report
        self._tree = open_tree(workspace, remote, open_store)
        self._candidates = Candidates(workspace, self._tree)
        self._restorer = Restorer(
            workspace,
            self._tree,
            jobs=_JOBS,
            replaces=Replaces.AS_A_RUN,
            report=report,
            origin=Origin.RESTORED,
        )
        self._rates = Rates(workspace.root, self._tree.identity)
        self._writer = CacheWriter(workspace, self._tree, remote, report)
        self._lock = Lock()  # guards the rates and the two below
        self._is_down = False
        self._broken: set[str] = set()  # keys whose objects were broken

    def close(self) -> None:
        """Wait for the uploads, and close the store."""
        if self._settings.writes and not self._is_down and not self._workspace.cancel.level:
            self._writer.add_earlier()
        self._writer.finish()
        self._restorer.close()
        self._rates.save()
        with suppress(ProjError):
            self._tree.close()

    # -- reading ------------------------------------------------------------------------------------------------------

    def look_up(self, commands: Sequence[Command]) -> None:
        """List what the cache holds for the keys that are known by now, several at a time.

        They are the recorded keys and, where all deps exist, the current ones. In a directory a look costs nothing.
        """
        if not self.reads or self._is_directory:
            return
        keys = {key for command in commands if may_restore(command) for key in self._known_keys(command)}
        with self._reporting_failures(), Workers[object](_LOOK_UPS, self._workspace.cancel) as workers:
            for key in keys:
                workers.start(partial(self._tree.published, key))
            while workers.running:
                workers.wait()

    def _known_keys(self, command: Command) -> Iterator[str]:
        yield from (record.fingerprint.key for record in own_records(self._workspace, command))
        with suppress(ProjError):
            now = check_staleness(self._workspace, command).now
            if all(digest is not None for _, digest in now.deps):
                yield now.key

    def held(self, record: Record) -> Record | None:
        """Return the cached record with the outputs of a recorded run; None if they are missing or of another size."""
        if not self.reads:
            return None
        with self._reporting_failures():
            return run_aside(lambda: self._held(record), self._workspace.cancel)
        return None

    def _held(self, record: Record) -> Record | None:
        same = self._tree.run(record.fingerprint.key, record.run)
        runs = [same] if same is not None else [run for _, run in self._tree.published(record.fingerprint.key)]
        same_outputs = (run for run in runs if outputs_of(run.record) == outputs_of(record))
        return next((run.record for run in same_outputs if self._tree.is_intact(run)), None)

    def find(self, command: Command, now: Fingerprint) -> Record | None:
        """Return the run that `restore` would restore, as far as sizes tell; None if it would not."""
        if not self.reads:
            return None
        with self._reporting_failures():
            candidate = run_aside(lambda: next(self._matching(command, now), None), self._workspace.cancel)
            return candidate.record if candidate is not None and self._is_worth_it(candidate) else None
        return None

    def _matching(self, command: Command, now: Fingerprint) -> Iterator[Candidate]:
        return self._candidates.of(command, now, self._workspace.project.digest)

    def seconds_for(self, size: int) -> float | None:
        """Return how long a restore of `size` bytes will probably take, None if that is not known."""
        return self._rates.current.seconds(size)

    def _is_worth_it(self, candidate: Candidate) -> bool:
        """Return whether the policy wants a run restored. A rate that is not known yet speaks for it."""
        if self._settings.policy == "always":
            return True
        provenance = candidate.record.provenance
        computing = provenance.seconds if provenance else None
        restoring = self.seconds_for(sum(one.limits.size or 0 for one in candidate.objects))
        return computing is None or restoring is None or restoring * _MARGIN < computing

    def restore(self, command: Command, now: Fingerprint, needed: frozenset[str]) -> Restored | None:
        """Restore a result of the command with the inputs `now`; None if the cache has none that is intact.

        `needed`: deps of the plan's steps. The caller holds the command's locks.
        """
        if not self.reads or not may_restore(command):
            return None
        with self._reporting_failures():
            if self._answers_at_once and not self._tree.has_runs(now.key):
                return None  # without a thread, which would take longer than the answer
            return run_aside(lambda: self._restore(command, now, needed), self._workspace.cancel, grace=_GRACE)
        return None

    def _restore(self, command: Command, now: Fingerprint, needed: frozenset[str]) -> Restored | None:
        for candidate in self._matching(command, now):
            if self._lacks(candidate.record, needed) or not self._is_worth_it(candidate):
                continue
            try:
                return self._restore_candidate(command, candidate)
            except NotPulled as refusal:
                if isinstance(refusal, BadObject):
                    with self._lock:
                        self._broken.add(now.key)
                self._report_not_restored(command, refusal.why, refusal.hint)
            except StoreError:
                raise
            except ProjError as error:  # such as a full disk, which the script may need less of
                self._report_not_restored(command, error.message, error.hint)
                return None
        return None

    def _report_not_restored(self, command: Command, why: str, hint: str | None) -> None:
        self._report(events.Note(f"`{command.name}` was not restored from the cache: {why}", hint))

    def _lacks(self, record: Record, needed: frozenset[str]) -> bool:
        """Return whether another step needs an `outputs_no_cache` path that only a run would produce."""
        return any(
            not self._is_local(output) and any(reads(dep, output.path) for dep in needed)
            for output in record.outputs_no_cache
            if output.digest != ABSENT
        )

    def _is_local(self, output: RecordedOutput) -> bool:
        return self._workspace.digests.digest(output.path, "output") == output.digest

    def _restore_candidate(self, command: Command, candidate: Candidate) -> Restored:
        """Restore one run. Raises NotPulled, and BadObject if an object is missing or broken."""
        workspace = self._workspace
        for output in command.outputs:
            check_output_path(workspace, output, force=False)
        if recover_all([workspace.root / output for output in command.outputs]):
            workspace.digests.forget()
        outdated = self._outdated(command, candidate.record)
        missing = self._restorer.missing(candidate.objects)
        begun = time.monotonic()
        size, _ = self._restorer.restore(command, candidate.record, missing, outdated=outdated)
        if missing:
            with self._lock:
                self._rates.add(size, time.monotonic() - begun)
        return Restored(size, candidate.record)

    def _outdated(self, command: Command, cached: Record) -> list[str]:
        """Return the `outputs_no_cache` paths that an earlier run left. Raises NotPulled for one of unknown origin."""
        records = own_records(self._workspace, command)
        last = {output.path: output.digest for record in records for output in record.all_outputs}
        outdated = []
        for output in cached.outputs_no_cache:
            local = self._workspace.digests.digest(output.path, "output")
            if local is None or local == output.digest:
                continue
            if local != last.get(output.path) or is_outside(output.path):
                raise NotPulled(f"`{output.path}` exists only locally")
            outdated.append(output.path)
        return outdated

    def expect(self, record: Record) -> None:
        """Note that a job elsewhere has just published a run."""
        self._tree.forget(record.fingerprint.key)

    # -- writing ------------------------------------------------------------------------------------------------------

    def store(self, command: Command, record: Record) -> None:
        """Store the result of a run in the background."""
        if self._settings.writes and may_hold(command):
            repair = bool(self._broken) and record.fingerprint.key in self._broken
            self._writer.add(command, record, repair=repair)

    # -- failures -----------------------------------------------------------------------------------------------------

    @property
    def reads(self) -> bool:
        return self._settings.reads and not self._is_down

    @contextmanager
    def _reporting_failures(self) -> Iterator[None]:
        """Report that the store failed, once, and look nothing up from then on."""
        try:
            yield
        except StoreError as error:
            with self._lock:
                is_first, self._is_down = not self._is_down, True
            self._writer.stop()
            if is_first:
                self._report(events.Note(f"the cache cannot be used: {error.message}", error.hint))


def may_hold(command: Command) -> bool:
    """Return whether the cache may hold results of the command at all."""
    return command.cache and bool(command.outputs) and not any(map(is_outside, command.outputs))


def may_restore(command: Command) -> bool:
    """Return whether a result may stand in for a run: not if the user wants every run, or is asked before each."""
    return may_hold(command) and not command.no_skip and not command.confirm
