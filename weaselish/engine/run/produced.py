"""Finds what a script wrote in place of an output that it did not produce."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

from weaselish.model.paths import OWN_FILES, is_executed_by_tools, is_outside
from weaselish.workspace import Workspace

_MOST_NAMES = 2000  # that a search reads
_MOST_SHOWN = 3
_EARLIER = 20_000_000  # ns by which the clock of a file system may be behind ours


def written_near(workspace: Workspace, output: str, since: int) -> list[str]:
    """Return files that appeared or changed since a time in ns, the most similar paths first.

    They are in the nearest directory above the output that has any. Declared outputs do not count.
    """
    if is_outside(output):
        return []
    directory = os.path.dirname(output)
    while True:
        found = list(_written_in(workspace, directory, since - _EARLIER))
        if found or not directory:
            return _most_similar(output, found)
        directory = os.path.dirname(directory)


def _written_in(workspace: Workspace, directory: str, since: int) -> Iterator[str]:
    read = 0
    for top, names, files in os.walk(workspace.root / directory):
        names[:] = [name for name in sorted(names) if not name.startswith((".", "__pycache__", "node_modules"))]
        for name in files:
            read += 1
            workspace.cancel.check()
            if read > _MOST_NAMES:
                return
            path = os.path.relpath(os.path.join(top, name), workspace.root)
            with suppress(OSError):
                is_new = os.lstat(os.path.join(top, name)).st_mtime_ns >= since
                if is_new and not is_executed_by_tools(path) and not _is_declared(workspace, path):
                    yield path


def _is_declared(workspace: Workspace, path: str) -> bool:
    return path in OWN_FILES or bool(workspace.producers.of(path))


def _most_similar(output: str, found: list[str]) -> list[str]:
    from difflib import SequenceMatcher

    return sorted(found, key=lambda path: -SequenceMatcher(None, output, path).ratio())[:_MOST_SHOWN]
