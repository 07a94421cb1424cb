"""Unites what the replicas of a job wrote to one output, as a directory that they share would have."""

from __future__ import annotations

import os
from pathlib import Path

from weaselish.archive.pack import Content
from weaselish.errors import ProjError
from weaselish.plan.digests import ManifestEntry

_HINT = "let one replica write it, or put `$REPLICA_INDEX` into its name"


class United:
    """One output, put together from those of several replicas at `place`, which does not exist yet."""

    def __init__(self, output: str, place: Path) -> None:
        self._output = output
        self._place = os.fsencode(place)
        self._files: dict[
            bytes, tuple[ManifestEntry, str]
        ] = {}  # path in the output -> what it is, the replica that wrote it
        self._directories: dict[bytes, str] = {}

    def add(self, replica: str, content: Content, place: Path) -> None:
        """Move what a replica wrote from `place`. Raises ProjError for a path that another one wrote differently."""
        if not content.is_file:
            self._add_directory(b"", replica)
        for entry in content.entries:
            for above in _above(entry.path):
                self._add_directory(above, replica)
            if entry.kind == "d":
                self._add_directory(entry.path, replica)
            else:
                self._add_file(entry, replica, os.fsencode(place))

    def _add_directory(self, path: bytes, replica: str) -> None:
        if path in self._files:
            raise self._conflict(path, self._files[path][1], replica)
        if path not in self._directories:
            self._directories[path] = replica
            os.mkdir(_joined(self._place, path))

    def _add_file(self, entry: ManifestEntry, replica: str, place: bytes) -> None:
        path = entry.path
        if path in self._directories:
            raise self._conflict(path, self._directories[path], replica)
        written, other = self._files.setdefault(path, (entry, replica))
        if written != entry:
            raise self._conflict(path, other, replica)
        if other == replica:
            os.rename(_joined(place, path), _joined(self._place, path))

    def _conflict(self, path: bytes, first: str, second: str) -> ProjError:
        name = os.fsdecode(_joined(os.fsencode(self._output), path))
        return ProjError(f"`{name}` was written by `{first}` and by `{second}` with different content", hint=_HINT)


def _above(path: bytes) -> list[bytes]:
    """Return the directories in an output that contain a path, from the top."""
    names = path.split(b"/")[:-1]
    return [b"/".join(names[:end]) for end in range(1, len(names) + 1)]


def _joined(top: bytes, path: bytes) -> bytes:
    return top + b"/" + path if path else top
