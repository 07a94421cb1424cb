"""What push and pull have in common: how their work on a remote begins and ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from weaselish.engine import events
from weaselish.engine.broken_lock import report_broken_lock
from weaselish.engine.reading_events import ReadingEvents
from weaselish.engine.remote.resolve import OpenStore, open_tree
from weaselish.engine.remote.tree import RemoteTree
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.engine.workers import run_aside
from weaselish.model.project import Remote
from weaselish.workspace import Workspace

T = TypeVar("T")


def transfer(
    workspace: Workspace,
    remote: Remote,
    work: Callable[[RemoteTree, SerialReporter], T],
    *,
    dry: bool,
    open_store: OpenStore,
    report: events.Reporter,
    grace: float,
) -> T:
    """Call `work` in a thread, with what the remote holds. Afterwards, fold the records and save the caches.

    A `dry` transfer changes neither the project nor its records. `grace`: seconds to unwind after Ctrl-C.
    """
    if not dry:
        workspace.prepare_to_change()
    report_broken_lock(workspace, report)
    serial = SerialReporter(report)
    workspace.observer = ReadingEvents(serial)
    tree = open_tree(workspace, remote, open_store)

    def work_and_close() -> T:
        try:
            return work(tree, serial)
        finally:
            if not dry:
                workspace.records.close()
            workspace.save()
            tree.close()

    return run_aside(work_and_close, workspace.cancel, grace=grace)
