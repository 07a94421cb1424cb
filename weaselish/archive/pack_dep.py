"""Packs the content of a dep into an archive, as its digest sees it: links followed, ignored names left out."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from weaselish.archive.pack import MODE, Content, Packing, member, shown
from weaselish.archive.tar import header
from weaselish.errors import ProjError
from weaselish.plan.digests import Algorithm

CONTENT = "content"  # the name of the archive's first member, whatever the path of the dep


class DepPacking(Packing):
    """The archive of a dep. `below`: the paths in a directory that its digest counts, sorted; None for a file."""

    def __init__(self, root: Path, dep: str, below: Iterable[bytes] | None, *, algorithm: Algorithm) -> None:
        super().__init__(root, CONTENT, algorithm=algorithm, compress=True)
        self._top = os.path.join(os.fsencode(root), os.fsencode(dep))
        self._below = None if below is None else tuple(below)

    def _members(self, content: Content) -> Iterator[bytes]:
        top = os.path.realpath(self._top)
        name = CONTENT.encode()
        try:
            if self._below is None:
                yield from member(top, b"", name, content)
                return
            yield header(name, tarfile.DIRTYPE, os.stat(top).st_mode & MODE)
            for path in self._below:
                yield from _below(os.path.join(top, path), path, name + b"/" + path, content)
        except OSError as error:
            raise ProjError(f"cannot archive {shown(self._top)}: {error.strerror}") from error


def _below(full: bytes, path: bytes, name: bytes, content: Content) -> Iterator[bytes]:
    """Yield one entry of a directory: a file, or what a link leads to; a link that leads nowhere or up stays a link."""
    if os.path.isdir(full) and not os.path.islink(full):  # all in it is left out
        content.add(path, "d", "-")
        yield header(name, tarfile.DIRTYPE, os.stat(full).st_mode & MODE)
    else:
        yield from member(os.path.realpath(full) if os.path.isfile(full) else full, path, name, content)
