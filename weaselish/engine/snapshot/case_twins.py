"""Refuses snapshots whose names differ only in case, or in how accents are encoded, on disks that ignore that."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from weaselish.errors import UnsafePath
from weaselish.model.paths import ancestors
from weaselish.plan.snapshot_entries import Entry


def check_case(directory: Path, entries: Sequence[Entry]) -> None:
    """Raise UnsafePath if two paths would be one on the disk that holds `directory`."""
    twins = case_twins(entries)
    if twins is not None and _ignores_case(directory):
        one, other = twins
        raise UnsafePath(
            f"the snapshot has `{one}` and `{other}`, which are one name on this disk",
            hint="pull into a directory on a disk that tells them apart: `--into DIR`",
        )


def case_twins(entries: Sequence[Entry]) -> tuple[str, str] | None:
    """Return two paths, of entries or of directories above them, that differ only in case or in encoding."""
    seen: dict[str, str] = {}
    for path in dict.fromkeys(path for entry in entries for path in (*ancestors(entry.path), entry.path)):
        folded = unicodedata.normalize("NFC", path).casefold()
        if seen.setdefault(folded, path) != path:
            return seen[folded], path
    return None


def _ignores_case(directory: Path) -> bool:
    name = f"case-{os.urandom(4).hex()}"
    probe = directory / name
    probe.touch()
    try:
        return os.path.lexists(directory / name.upper())
    finally:
        probe.unlink()
