"""Finds files in an output directory that no run wrote: a restored directory would not have them, a run keeps them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from posixpath import basename

from weaselish.model.paths import PLACEHOLDERS
from weaselish.plan.digests import ManifestEntry


def own_file(local: Iterable[ManifestEntry], written: Iterable[Iterable[ManifestEntry]]) -> str | None:
    """Return the first file or link of a directory's manifest that none of the other ones has. None without one."""
    names = {entry.path for entries in written for entry in entries}
    own = (os.fsdecode(entry.path) for entry in local if entry.kind != "d" and entry.path not in names)
    return next((path for path in own if basename(path) not in PLACEHOLDERS), None)
