"""The archive of one recorded output, as a remote stores it."""

from __future__ import annotations

from collections.abc import Callable

from weaselish.archive.pack import Packing
from weaselish.engine.remote.tree import RemoteTree
from weaselish.plan.digests import algorithm_of
from weaselish.plan.record import RecordedOutput
from weaselish.workspace import Workspace


def packing_of(workspace: Workspace, tree: RemoteTree, output: RecordedOutput) -> Packing:
    """Return the archive of an output, digested by the algorithm of its recorded digest."""
    return Packing(workspace.root, output.path, algorithm=algorithm_of(output.digest), compress=tree.compress)


def packed_size(packing: Packing, passed: Callable[[int], object]) -> int:
    """Return the bytes of an archive. `passed` gets the size of each chunk, and may raise."""
    size = 0
    for chunk in packing:
        passed(len(chunk))
        size += len(chunk)
    return size
