"""Finds files in an output directory that no run wrote: a restored directory would not have them, a run keeps them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from weaselish.plan.digests import ManifestEntry

_PLACEHOLDERS = frozenset((b".gitkeep", b".gitignore", b".keep"))  # they keep an empty directory in git


def own_file(directory: Path, written: Iterable[Iterable[ManifestEntry]]) -> str | None:
    """Return the first file or link in a directory, by name, that none of the manifests has. None without one."""
    names = {entry.path for entries in written for entry in entries if entry.kind != "d"}
    top = os.fsencode(directory)
    found = sorted(
        os.path.relpath(os.path.join(parent, name), top)
        for parent, directories, files in os.walk(top)
        for name in (*files, *(one for one in directories if os.path.islink(os.path.join(parent, one))))
        if name not in _PLACEHOLDERS
    )
    return next((os.fsdecode(name) for name in found if name not in names), None)
