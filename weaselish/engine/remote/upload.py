"""Stores the objects of a push, and each record after all of its objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Lock

from weaselish.archive.pack import Packing
from weaselish.cancel import Cancel
from weaselish.engine import events
from weaselish.engine.remote.packing import packed_size, packing_of
from weaselish.engine.remote.published import record_bytes, record_key
from weaselish.engine.remote.push_plan import NotPushed, Order, Upload
from weaselish.engine.remote.tree import RemoteTree
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.errors import ProjError, StoreError
from weaselish.plan.record import RecordedOutput
from weaselish.workspace import Workspace


class Uploader:
    """Carries out the orders of one push. Thread-safe. `cancel` ends all uploads."""

    def __init__(self, workspace: Workspace, tree: RemoteTree, report: SerialReporter, cancel: Cancel) -> None:
        self._workspace = workspace
        self._tree = tree
        self._report = report
        self._cancel = cancel
        self._counting = Lock()  # guards `ended` of all orders

    def store(self, upload: Upload, order: Order) -> bool:
        """Store one object. Return whether it was the order's last: then its record is published too.

        Raises NotPushed with the last object if any object of the order failed.
        """
        try:
            order.stored[upload.output.path] = (upload.key, self._put(upload, order))
        except ProjError as error:
            order.failures.append(_refusal(error))
        with self._counting:
            order.ended += 1
            is_last = order.ended == len(order.uploads)
        if not is_last:
            return False
        if order.failures:
            raise order.failures[0]
        self.publish(order)
        return True

    def publish(self, order: Order) -> None:
        """Store the order's record: from now on others can find the run. Raises NotPushed."""
        try:
            # a record that is already stored is broken, or gives sizes of objects that were replaced
            self._put_record(order, replace=self._tree.get(record_key(order.record)) is not None)
            if self._replace_lost(order):
                self._put_record(order, replace=True)
        except ProjError as error:
            raise _refusal(error) from None
        keys = tuple(upload.key for upload in order.uploads)
        self._report(events.CommandPushed(order.command.name, keys, order.size))

    def _put_record(self, order: Order, *, replace: bool) -> None:
        outputs = [(path, *order.stored[path]) for path in order.command.outputs if path in order.stored]
        key, text = record_key(order.record), record_bytes(order.record, outputs)
        self._tree.store.put(key, [text], replace=replace)
        self._tree.wrote(key, text)

    def _replace_lost(self, order: Order) -> bool:
        """Store objects again that were in place, and that `gc` deleted before it could see the record.

        Return whether one of them has another size now.
        """
        is_other = False
        for output in order.record.outputs:
            if output.path in order.found:
                key, size = order.stored[output.path]
                if self._tree.look_up(key) is None:
                    order.stored[output.path] = (key, self._put(Upload(output, key), order))
                    is_other = is_other or order.stored[output.path][1] != size
        return is_other

    def _put(self, upload: Upload, order: Order) -> int:
        """Store one object and return its size in the store. Raises ProjError if the output changed since its run."""
        chunks = _CheckedChunks(self._packing(upload.output), upload.output, self._progress(upload.key))
        if self._tree.store.put(upload.key, chunks, replace=upload.replace):
            return chunks.size
        # another process was faster: its object is good if it is as large as ours
        order.found.add(upload.output.path)
        stored = self._tree.look_up(upload.key)
        if stored is None:  # and `gc` deleted it
            return self._put(upload, order)
        if stored.size != packed_size(self._packing(upload.output), lambda size: self._cancel.check()):
            raise ProjError(f"unverified: another process stored `{upload.key}` (`--verify` reads it)")
        return stored.size

    def _packing(self, output: RecordedOutput) -> Packing:
        return packing_of(self._workspace, self._tree, output)

    def _progress(self, key: str) -> Callable[[int], None]:
        def passed(size: int) -> None:
            self._cancel.check()
            self._report(events.Transferred(key, size))

        return passed


def _refusal(error: ProjError) -> NotPushed:
    return NotPushed(error.message, hint=error.hint, is_error=True, by_store=isinstance(error, StoreError))


class _CheckedChunks:
    """The chunks of an archive. Raises at their end, so that nothing appears, if the content is not as recorded."""

    def __init__(self, packing: Packing, output: RecordedOutput, progress: Callable[[int], None]) -> None:
        self._packing = packing
        self._output = output
        self._progress = progress
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        self.size = 0
        for chunk in self._packing:
            self.size += len(chunk)
            self._progress(len(chunk))
            yield chunk
        packed = self._packing.packed
        if packed is None or packed.digest != self._output.digest:
            raise ProjError(f"output `{self._output.path}` changed while it was pushed")
