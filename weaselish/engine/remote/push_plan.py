"""Decides what a push stores: per command the objects that the remote lacks, or the reason to store nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from weaselish.engine import events
from weaselish.engine.events import Unit
from weaselish.engine.reading_events import Activity
from weaselish.engine.remote.packing import packed_size, packing_of
from weaselish.engine.remote.published import Published, object_keys, outputs_of, record_key
from weaselish.engine.remote.tree import RemoteTree
from weaselish.engine.remote.verified import is_verified
from weaselish.engine.remote.verify import digest_of_object
from weaselish.engine.run.recording import with_weasel_digests
from weaselish.engine.run.staleness import check_staleness, output_content
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.errors import in_short
from weaselish.model.paths import is_executed_by_tools
from weaselish.model.project import Command
from weaselish.plan.digests import ABSENT
from weaselish.plan.reasons import Reason, ReasonKind
from weaselish.plan.record import Record, RecordedOutput
from weaselish.stores.base import Stored
from weaselish.workspace import Workspace

_HARMLESS = {ReasonKind.NO_SKIP, ReasonKind.FORCED}


@dataclass(frozen=True, slots=True)
class PushOptions:
    commands: tuple[str, ...] = ()  # only these; all if empty
    dry: bool = False
    verify: bool = False  # read the objects that are already stored
    repair: bool = False  # read them, and replace those that are broken
    replace_unverified: bool = False  # replace the objects that no record vouches for
    jobs: int = 4

    @property
    def reads(self) -> bool:
        """Return whether to read the objects that are already stored."""
        return self.verify or self.repair


class NotPushed(Exception):
    """The reason why nothing is published for a command. `is_error`: it is more than being out of date.

    `by_store`: the store failed, so that further objects will probably fail, too.
    """

    def __init__(self, why: str, *, hint: str | None = None, is_error: bool = False, by_store: bool = False) -> None:
        super().__init__(why)
        self.why, self.hint, self.is_error, self.by_store = why, hint, is_error, by_store


@dataclass(frozen=True, slots=True)
class Upload:
    """One object to store."""

    output: RecordedOutput
    key: str
    replace: bool = False


@dataclass(slots=True)
class Order:
    """One command to publish: the objects to store before its record."""

    command: Command
    record: Record
    uploads: list[Upload] = field(default_factory=list)
    stored: dict[str, tuple[str, int]] = field(default_factory=dict)  # output -> (key, size in the store)
    failures: list[NotPushed] = field(default_factory=list)
    found: set[str] = field(default_factory=set)  # outputs whose objects another push or run stored
    ended: int = 0  # uploads that succeeded or failed

    @property
    def size(self) -> int:
        """Bytes of content to upload."""
        return sum(upload.output.size or 0 for upload in self.uploads)


class PushPlanner:
    """Compares the commands of one workspace with one remote."""

    def __init__(self, workspace: Workspace, tree: RemoteTree, options: PushOptions, report: SerialReporter) -> None:
        self._workspace = workspace
        self._tree = tree
        self._options = options
        self._report = report
        self._compat = workspace.project.compat

    def order(self, command: Command) -> Order | None:
        """Return what is to be stored for a command, None if it is published already. Raises NotPushed, Unreadable."""
        if not command.pushed_outputs:
            why = "its outputs are outside the project" if command.outputs else "it has no outputs that could be pushed"
            raise NotPushed(why, is_error=not command.outputs)
        last = self._record_to_publish(command)
        return self.order_run(command, last)

    def order_run(self, command: Command, last: Record, *, is_complete: bool = False) -> Order | None:
        """Return what is to be stored of a run, None if it is published already. Raises NotPushed, Unreadable.

        `is_complete`: the record holds all sizes and facts.
        """
        digests = {output.path: output.digest for output in last.all_outputs if output.path in command.outputs}
        key = last.fingerprint.key
        own = self._tree.run(key, last.run)
        if (
            own is not None
            and outputs_of(own.record) == digests
            and self._tree.is_intact(own)
            and not self._options.reads
        ):
            return None
        published = [run for _, run in self._tree.published(key)]
        is_published = any(outputs_of(run.record) == digests and self._tree.is_intact(run) for run in published)
        if is_published and not self._options.reads:
            return None
        order = Order(command, last if is_complete else self._complete_record(command, last))
        keys = object_keys(command, order.record, compat=self._compat)
        for output in order.record.outputs:
            if output.path in keys:
                self._order_output(order, Upload(output, keys[output.path]), published)
        if is_published and not order.uploads:
            return None
        key = record_key(order.record)
        if self._tree.get(key) is not None and not order.uploads and not self._options.repair:
            raise _broken(key)
        return order

    def _record_to_publish(self, command: Command) -> Record:
        """Return the command's last record. Raises NotPushed unless the command is up to date."""
        staleness = check_staleness(self._workspace, command)
        if staleness.is_unrecorded:
            raise NotPushed(
                "unrecorded: its outputs exist, but no run of it is recorded",
                hint=f"`proj run {command.name}` or `proj lock accept {command.name}` records them",
                is_error=bool(self._options.commands),
            )
        reasons = [reason for reason in staleness.reasons if reason.kind not in _HARMLESS]
        if reasons or staleness.last is None:
            hint = self._hint_of_variables(command, reasons)
            raise NotPushed(in_short(reasons), hint=hint, is_error=bool(self._options.commands))
        return staleness.last

    def _hint_of_variables(self, command: Command, reasons: Sequence[Reason]) -> str | None:
        """Return what to do about a run with `--vars`, if the command may have had one. No record holds the values."""
        is_changed = any(reason.kind is ReasonKind.SCRIPT_CHANGED for reason in reasons)
        if not is_changed or not self._workspace.project.vars:
            return None
        return f"`proj run {command.name}` runs it; or repeat the `--vars` of its last run here"

    def _complete_record(self, command: Command, record: Record) -> Record:
        """Return the record with sizes and facts, of which the lock has none. An adopted entry gets its run id now.

        A path may have moved between the command's two lists of outputs since. Raises NotPushed if another process
        just removed an output.
        """
        records, digests = self._workspace.records, self._workspace.digests_with(record.algorithm)
        if record.run == 0 and not self._options.dry:
            record = record._replace(run=records.next_id())
            records.add(record)
        record = records.complete(record)
        digested = {path: output_content(digests, command, path) for path in command.all_outputs}
        sized = {path: RecordedOutput(path, one.digest, one.size, one.files) for path, one in digested.items() if one}
        if missing := [path for path in command.outputs if path not in sized]:
            raise NotPushed(f"output missing: {', '.join(missing)}", is_error=True)
        record = record._replace(
            outputs=tuple(sized[path] for path in command.outputs),
            outputs_no_cache=tuple(sized.get(path, RecordedOutput(path, ABSENT)) for path in command.outputs_no_cache),
        )
        return with_weasel_digests(self._workspace, record)

    def _order_output(self, order: Order, upload: Upload, published: Sequence[Published]) -> None:
        """Add one output to the order: as stored, or as an upload. Raises NotPushed for a broken object."""
        stored = self._tree.get(upload.key)
        if stored is None:
            self._check_restorable(upload.output.path)
            order.uploads.append(upload)
        elif self._is_good(stored, upload, order.record, published):
            order.stored[upload.output.path] = (upload.key, stored.size)
            order.found.add(upload.output.path)
        elif self._options.repair or self._options.replace_unverified:
            order.uploads.append(replace(upload, replace=True))
        else:
            raise _broken(upload.key)

    def _is_good(self, stored: Stored, upload: Upload, record: Record, published: Sequence[Published]) -> bool:
        """Return whether a stored object is what it should be, as far as the options ask to find out."""
        if self._options.reads:
            return self._has_content(stored, upload)
        sizes = {size for run in published for key, size in run.objects.values() if key == upload.key}
        if sizes:
            return stored.size in sizes
        if is_verified(record, self._tree, stored):
            return True
        # a push that was cut off stored it; where Weasel stores under the same names, it may be another archive
        if not self._compat and stored.size == self._packed_size(upload.output):
            return True
        if self._options.replace_unverified:
            return False
        raise NotPushed(
            f"unverified: `{upload.key}` is on the remote, but no record vouches for it (`--verify` reads it)",
            is_error=True,
        )

    def _packed_size(self, output: RecordedOutput) -> int:
        self._report(events.Preparing(f"packing `{output.path}`"))
        packed = Activity(f"packing `{output.path}`", None, Unit.BYTES, self._report)

        def passed(size: int) -> None:
            self._workspace.cancel.check()
            packed(size)

        return packed_size(packing_of(self._workspace, self._tree, output), passed)

    def _has_content(self, stored: Stored, upload: Upload) -> bool:
        """Return whether an object unpacks to what its record says."""
        self._report(events.TransferStarted("verify", 1, stored.size))
        digest = digest_of_object(self._workspace, self._tree.store, stored.key, upload.output, self._report)
        return digest == upload.output.digest

    def _check_restorable(self, output: str) -> None:
        """Refuse to publish what no pull would restore."""
        for directory, names, files in os.walk(self._workspace.root / output):
            self._workspace.cancel.check()
            for name in (*names, *files):
                if is_executed_by_tools(name):
                    path = os.path.relpath(os.path.join(directory, name), self._workspace.root)
                    hint = "other tools execute what they find there: produce it elsewhere, or remove it in the script"
                    raise NotPushed(f"it holds `{path}`, which no pull would restore", hint=hint, is_error=True)


def _broken(key: str) -> NotPushed:
    return NotPushed(f"broken: `{key}` is not what it should be (`--repair` replaces it)", is_error=True)
