"""Stores results in the run cache in the background, while the next steps run."""

from __future__ import annotations

import threading
from functools import partial
from queue import SimpleQueue

from weaselish.cancel import Level
from weaselish.engine import events
from weaselish.engine.cache.unstored import Unstored
from weaselish.engine.remote.push_plan import NotPushed, Order, PushOptions, PushPlanner
from weaselish.engine.remote.tree import RemoteTree
from weaselish.engine.remote.upload import Uploader
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.engine.workers import Workers
from weaselish.errors import Cancelled, ProjError, StoreError
from weaselish.model.project import Command, Remote
from weaselish.named_tuple import NamedTuple
from weaselish.plan.record import Record
from weaselish.workspace import Workspace

_JOBS = 4  # objects at a time
_GRACE = 0.7  # seconds that an upload has to undo itself once the run is interrupted
_TICK = 0.1  # seconds between two looks at the token


class _Result(NamedTuple):
    """The result of one run; of the command's last run without a record.

    `repair`: objects that are stored already may be broken.
    """

    command: Command
    record: Record | None
    repair: bool


class CacheWriter:
    """Stores the results of one run of `proj run`. Steps in any thread add them; `finish` waits for the uploads.

    Once the store fails, for reading or writing, nothing more is stored.
    """

    def __init__(self, workspace: Workspace, tree: RemoteTree, remote: Remote, report: SerialReporter) -> None:
        self._workspace = workspace
        self._tree = tree
        self._remote = remote
        self._report = report
        self._cancel = workspace.cancel.child()
        self._results: SimpleQueue[_Result | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()  # guards _thread and the notes
        self._unstored = Unstored(workspace.root, tree.identity)
        self._earlier = self._unstored.commands()  # whose results an earlier run did not store
        self._gave_up = False

    def add(self, command: Command, record: Record, *, repair: bool) -> None:
        """Store the result of a run soon. `record` holds all sizes and facts."""
        with self._lock:
            self._unstored.add(command.name)
        if not self._gave_up:
            self._put(_Result(command, record, repair))

    def add_earlier(self) -> None:
        """Store what earlier runs did not, as far as it is up to date."""
        for name in self._earlier:
            command = self._workspace.project.commands.get(name)
            if command is not None and not self._gave_up:
                self._put(_Result(command, None, repair=False))

    def _put(self, result: _Result) -> None:
        self._results.put(result)
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._work, daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the system allows no further threads
                    self._give_up("the system allows no further threads", None)
                else:
                    self._thread = thread

    def stop(self) -> None:
        """Store nothing more: the cache could not be read, which was reported."""
        self._gave_up = True

    def finish(self) -> None:
        """Wait until all results are stored, or soon after the run is interrupted."""
        thread = self._thread
        if thread is not None:
            self._results.put(None)
            while thread.is_alive() and self._workspace.cancel.level is Level.RUN:
                thread.join(_TICK)
            if thread.is_alive():
                self._cancel.request(Level.INTERRUPT)
                thread.join(_GRACE)
            elif not self._gave_up and not self._workspace.cancel.level:
                self._unstored.clear()
        self._unstored.close()
        self._cancel.close()

    def _work(self) -> None:
        while (result := self._results.get()) is not None:
            if self._gave_up:
                continue
            try:
                self._store(result)
            except Cancelled:
                return
            except NotPushed as refusal:
                if refusal.by_store:
                    self._give_up(refusal.why, refusal.hint)
                elif result.record is not None:
                    self._warn(result.command, refusal.why, refusal.hint)
            except StoreError as error:
                self._give_up(error.message, error.hint)
            except ProjError as error:
                self._warn(result.command, error.message, error.hint)

    def _store(self, result: _Result) -> None:
        """Store the objects of one run, then its record. Raises NotPushed and ProjError."""
        self._cancel.check()
        options = PushOptions(repair=result.repair, replace_unverified=self._remote.is_user_cache)
        planner = PushPlanner(self._workspace, self._tree, options, self._report)
        if result.record is None:
            order = planner.order(result.command)
        else:
            order = planner.order_run(result.command, result.record, is_complete=True)
        if order is None:
            return
        if len(order.uploads) > 1:
            self._store_in_parallel(order)
            return
        uploader = Uploader(self._workspace, self._tree, self._report, self._cancel)
        if order.uploads:
            uploader.store(order.uploads[0], order)
        else:
            uploader.publish(order)

    def _store_in_parallel(self, order: Order) -> None:
        with Workers[bool](_JOBS, self._cancel) as workers:
            uploader = Uploader(self._workspace, self._tree, self._report, workers.cancel)
            for upload in order.uploads:
                workers.start(partial(uploader.store, upload, order))
            while workers.running:
                workers.wait()

    def _warn(self, command: Command, why: str, hint: str | None) -> None:
        self._report(events.Note(f"`{command.name}` was not stored in the cache: {why}", hint))

    def _give_up(self, why: str, hint: str | None) -> None:
        if not self._gave_up:
            self._gave_up = True
            self._report(events.Note(f"nothing more is stored in the cache: {why}", hint))
