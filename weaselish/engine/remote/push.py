"""push: what recorded, successful runs made, filed under what went into them. Nothing else, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import dataclass, field, replace
from threading import Event, Lock

from weaselish.archive.pack import Packing
from weaselish.engine import events
from weaselish.engine.events import SerialReporter
from weaselish.engine.remote.tree import Published, RemoteTree, object_keys, outputs_of, record_bytes, record_key
from weaselish.engine.remote.workers import Workers
from weaselish.engine.run.recording import with_weasel_digests
from weaselish.engine.run.staleness import check_staleness
from weaselish.errors import ProjError, in_short
from weaselish.files.walk import Unreadable
from weaselish.model.project import Command
from weaselish.plan.digests import ABSENT
from weaselish.plan.reasons import ReasonKind
from weaselish.plan.record import Record, RecordedOutput
from weaselish.stores.base import Stored
from weaselish.workspace import Workspace

_HARMLESS = {ReasonKind.NO_SKIP, ReasonKind.FORCED}


@dataclass(frozen=True, slots=True)
class PushOptions:
    commands: tuple[str, ...] = ()  # only these; all if empty
    dry: bool = False
    verify: bool = False  # read what is there and has no record, instead of leaving the command out
    repair: bool = False  # replace what proved broken
    jobs: int = 4


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of one command. `stored`: keys of objects written now (or, in a dry run, to be written)."""

    command: str
    refused: str | None = None  # why nothing was published
    hint: str | None = None
    is_error: bool = False  # whether that is more than being out of date
    stored: tuple[str, ...] = ()
    already_there: bool = False
    size: int = 0  # bytes of content behind `stored`


@dataclass(slots=True)
class _Upload:
    command: Command
    record: Record
    output: RecordedOutput
    key: str
    replace: bool = False
    size_in_store: int = 0


@dataclass(slots=True)
class _Order:
    """One command on its way: what is to be stored before its record may be."""

    command: Command
    record: Record
    uploads: list[_Upload] = field(default_factory=list)
    there: dict[str, tuple[str, int]] = field(default_factory=dict)  # output -> (key, size in the store)
    failures: list[_NotPushed] = field(default_factory=list)
    done: int = 0  # of the uploads


class _NotPushed(Exception):
    def __init__(self, why: str, *, hint: str | None = None, is_error: bool = False) -> None:
        super().__init__(why)
        self.why, self.hint, self.is_error = why, hint, is_error

    def of(self, command: Command) -> Pushed:
        return Pushed(command.name, self.why, self.hint, self.is_error)


def push(
    workspace: Workspace, tree: RemoteTree, options: PushOptions, *, report: events.Reporter
) -> tuple[Pushed, ...]:
    """Publish every command that is up to date. Raises StoreError if the remote cannot be used at all."""
    return _Push(workspace, tree, options, SerialReporter(report)).run()


class _Push:
    def __init__(self, workspace: Workspace, tree: RemoteTree, options: PushOptions, report: SerialReporter) -> None:
        self._workspace = workspace
        self._tree = tree
        self._options = options
        self._report = report
        self._compat = workspace.project.compat
        self._stopped = Event()  # what is on its way is given up
        self._lock = Lock()  # of what is counted

    def run(self) -> tuple[Pushed, ...]:
        if not self._options.dry:
            self._workspace.prepare_to_change()
        if not self._options.commands:
            self._tree.list_at_once()
        try:
            results = {result.command: result for result in self._results()}
        finally:
            if not self._options.dry:
                self._workspace.records.close()
            self._tree.save()
        return tuple(results[command.name] for command in self._selected())

    def _results(self) -> Iterator[Pushed]:
        orders: list[_Order] = []
        for command in self._selected():
            try:
                order = self._order(command)
            except _NotPushed as refusal:
                yield refusal.of(command)
                continue
            except Unreadable as error:
                yield Pushed(command.name, error.message, error.hint, is_error=True)
                continue
            if order is None:
                yield Pushed(command.name, already_there=True)
            elif self._options.dry:
                yield _to_be_pushed(order)
            else:
                orders.append(order)
        yield from self._carry_out(orders)

    def _selected(self) -> list[Command]:
        commands = self._workspace.project.commands
        names = self._options.commands or tuple(commands)
        return [commands[name] for name in names if commands[name].outputs or name in self._options.commands]

    # -- what is to be done -----------------------------------------------------------------------------------------

    def _order(self, command: Command) -> _Order | None:
        """What is to be stored for a command; None if it is all there. Raises _NotPushed and Unreadable."""
        if not command.outputs:
            raise _NotPushed("it has no outputs that could be pushed", is_error=True)
        looked = check_staleness(self._workspace, command)
        reasons = [reason for reason in looked.reasons if reason.kind not in _HARMLESS]
        if reasons or looked.last is None:
            raise _NotPushed(in_short(reasons), is_error=bool(self._options.commands))
        known = [run for _, run in self._tree.published(looked.last.fingerprint.key)]
        made_now = {made.path: made.digest for made in looked.last.all_outputs if made.path in command.outputs}
        is_published = any(outputs_of(run.record) == made_now and self._tree.is_whole(run) for run in known)
        if is_published and not self._options.verify:
            return None
        order = _Order(command, self._whole_record(command, looked.last))
        keys = object_keys(command, order.record, compat=self._compat)
        for made in order.record.outputs:
            self._order_output(order, made, keys[made.path], known)
        if is_published and not order.uploads:
            return None
        key = record_key(order.record)
        if self._tree.get(key) is not None and not order.uploads and not self._options.repair:
            raise self._broken(key)
        return order

    def _whole_record(self, command: Command, record: Record) -> Record:
        """The record with sizes and facts: the lock names only digests. An adopted entry gets its run id now.

        A path may have moved between the command's two lists of outputs since.
        """
        records, digests = self._workspace.records, self._workspace.digests
        if record.run == 0 and not self._options.dry:
            record = record._replace(run=records.next_id())
            records.add(record)
        record = records.complete(record)
        found = {made.path: digests.of(made.path, "output") for made in record.all_outputs}
        sized = {path: RecordedOutput(path, one.digest, one.size, one.files) for path, one in found.items() if one}
        record = record._replace(
            outputs=tuple(sized[path] for path in command.outputs),
            outputs_no_cache=tuple(sized.get(path, RecordedOutput(path, ABSENT)) for path in command.outputs_no_cache),
        )
        return with_weasel_digests(self._workspace, record)

    def _order_output(self, order: _Order, made: RecordedOutput, key: str, known: Sequence[Published]) -> None:
        upload = _Upload(order.command, order.record, made, key)
        stored = self._tree.get(key)
        if stored is None:
            order.uploads.append(upload)
            return
        sizes = {size for run in known for path, (name, size) in run.objects.items() if name == key}
        verdict = self._verified(stored, upload) if self._options.verify else stored.size in sizes
        if not verdict and not sizes and not self._options.verify:
            # of a push that was cut off; where Weasel stores under the same names, it may be another archive
            verdict = not self._compat and stored.size == sum(map(len, self._packing(made)))
            if not verdict and not self._options.repair:
                raise _NotPushed(
                    f"unverified: `{key}` is there, but no record vouches for it (`--verify` reads it)", is_error=True
                )
        if verdict:
            order.there[made.path] = (key, stored.size)
        elif self._options.repair:
            order.uploads.append(replace(upload, replace=True))
        else:
            raise self._broken(key)

    def _broken(self, key: str) -> _NotPushed:
        return _NotPushed(f"broken: `{key}` is not what it should be (`--repair` replaces it)", is_error=True)

    def _packing(self, made: RecordedOutput) -> Packing:
        return Packing(self._workspace.root, made.path, algorithm=self._workspace.project.digest)

    def _verified(self, stored: Stored, upload: _Upload) -> bool:
        """Whether an object unpacks to what its record says."""
        from weaselish.engine.remote.restore import digest_of_object

        self._report(events.TransferStarted("verify", 1, stored.size))
        found = digest_of_object(self._workspace, self._tree.store, stored.key, upload.output.path)
        return found == upload.output.digest

    # -- doing it ---------------------------------------------------------------------------------------------------

    def _carry_out(self, orders: list[_Order]) -> Iterator[Pushed]:
        """Objects, the largest first and several at a time; each record as soon as its objects are all there."""
        uploads = sorted(
            ((upload, order) for order in orders for upload in order.uploads),
            key=lambda pair: -(pair[0].output.size or 0),
        )
        total = sum(upload.output.size or 0 for upload, _ in uploads)
        if uploads:
            self._report(events.TransferStarted("push", len(uploads), total))
        with Workers(self._options.jobs, self._stopped) as workers:
            futures: list[Future[Pushed | None]] = []
            futures += [workers.submit(self._publish, order) for order in orders if not order.uploads]
            futures += [workers.submit(self._store, upload, order) for upload, order in uploads]
            for future in as_completed(futures):
                result = future.result()
                if result is not None:
                    yield result

    def _store(self, upload: _Upload, order: _Order) -> Pushed | None:
        """Store one object. What became of the command, if it was the last one of it: then its record is published."""
        try:
            order.there[upload.output.path] = (upload.key, self._upload(upload))
        except ProjError as error:
            order.failures.append(_NotPushed(error.message, hint=error.hint, is_error=True))
        with self._lock:
            order.done += 1
            is_last = order.done == len(order.uploads)
        if not is_last:
            return None
        return order.failures[0].of(order.command) if order.failures else self._publish(order)

    def _upload(self, upload: _Upload) -> int:
        """Store one object; its size in the store. Raises ProjError if the output is no longer what was recorded."""
        chunks = _Checked(self._packing(upload.output), upload.output, self._progress(upload.key))
        if self._tree.store.put(upload.key, chunks, replace=upload.replace):
            return chunks.size
        # someone else was faster: theirs is fine if it is as large as ours
        stored = next(
            (one for one in self._tree.store.list(upload.key.rpartition("/")[0]) if one.key == upload.key), None
        )
        expected = sum(map(len, self._packing(upload.output)))
        if stored is None or stored.size != expected:
            raise ProjError(f"unverified: `{upload.key}` was stored by someone else meanwhile (`--verify` reads it)")
        return stored.size

    def _progress(self, key: str) -> Callable[[int], None]:
        def passed(size: int) -> None:
            if self._stopped.is_set():
                raise ProjError("stopped")
            self._report(events.Transferred(key, size))

        return passed

    def _publish(self, order: _Order) -> Pushed:
        """Store the record: from now on others can find the run."""
        outputs = [(path, *order.there[path]) for path in order.command.outputs]
        key, text = record_key(order.record), record_bytes(order.record, outputs)
        try:
            # one that was there is broken, or gives sizes of objects that are no more
            self._tree.store.put(key, [text], replace=self._tree.get(key) is not None)
        except ProjError as error:
            return Pushed(order.command.name, error.message, error.hint, is_error=True)
        self._tree.wrote(key, text)
        size = sum(upload.output.size or 0 for upload in order.uploads)
        result = Pushed(order.command.name, stored=tuple(upload.key for upload in order.uploads), size=size)
        self._report(events.CommandPushed(order.command.name, result.stored, size))
        return result


class _Checked:
    """The chunks of an archive. Raises at their end, so that nothing appears, if it is not what was recorded."""

    def __init__(self, packing: Packing, made: RecordedOutput, progress: Callable[[int], None]) -> None:
        self._packing = packing
        self._made = made
        self._progress = progress
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        self.size = 0
        for chunk in self._packing:
            self.size += len(chunk)
            self._progress(len(chunk))
            yield chunk
        packed = self._packing.packed
        if packed is None or packed.digest != self._made.digest:
            raise ProjError(f"output `{self._made.path}` changed while it was pushed")


def _to_be_pushed(order: _Order) -> Pushed:
    size = sum(upload.output.size or 0 for upload in order.uploads)
    return Pushed(order.command.name, stored=tuple(upload.key for upload in order.uploads), size=size)
