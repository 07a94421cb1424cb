"""project.lock: what the last successful run of each command used and produced, in a file for git.

Its entries have Weasel's four keys. A last top-level mapping `.proj` holds our own data, one block per command. A
block counts only while its entry is unchanged since both were written. docs/formats.md defines both.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from weaselish.errors import BrokenState, InvalidProject, Problem
from weaselish.files.atomic import write_atomically
from weaselish.files.cache_file import read_cache, write_cache
from weaselish.files.regular import read_regular
from weaselish.files.yaml_text import to_yaml
from weaselish.named_tuple import NamedTuple
from weaselish.plan.digests import digest_bytes
from weaselish.records.lock_entry import LockEntry, entry_digest, is_written_by_us
from weaselish.records.pins import Pin, SourcePin, read_pins, read_source_pins
from weaselish.records.untrusted import is_plain

FILE = "project.lock"
OURS = ".proj"
FORMAT = 1
_MARKER = re.compile(r"^(<{7}|\|{7}|={7}|>{7})(?: .*)?$", re.MULTILINE)

_Side = dict[str, Any]  # the file as one side of its merge conflicts has it: command -> entry


class Lock(NamedTuple):
    """project.lock as read. `entries` may hold several of one command: both sides of a merge conflict."""

    entries: Mapping[str, tuple[LockEntry, ...]] = MappingProxyType({})
    pins: Mapping[str, Pin] = MappingProxyType({})  # of imported artifacts; in a merge conflict those of the first side
    sources: Mapping[str, SourcePin] = MappingProxyType({})  # likewise
    problem: str | None = None  # why the file counts as empty
    conflicted: bool = False
    digest: str | None = None  # of the file's bytes; None if it does not exist


def read_lock(root: Path, *, cache: Path | None = None) -> Lock:
    """Return the lock in `root`. A broken one counts as empty. Raises BrokenState for a later format."""
    try:
        text = read_regular(root / FILE)
    except FileNotFoundError:
        return Lock()
    except OSError as error:
        raise BrokenState(f"{FILE} cannot be read: {error.strerror}") from None
    digest = digest_bytes(text, "md5")
    sides = _cached(cache, digest)
    if sides is None:
        try:
            sides = [_mapping(_read_yaml(side)) for side in _sides(text)]
        except InvalidProject as error:
            return Lock(problem=error.problems[0].located(FILE), digest=digest)
        _keep(cache, digest, sides)
    pins: dict[str, Pin] = {}
    sources: dict[str, SourcePin] = {}
    entries: dict[str, list[LockEntry]] = {}
    for side in sides:
        pins = read_pins(_ours(side).get("artifacts")) | pins
        sources = read_source_pins(_ours(side).get("sources")) | sources
        for entry in _entries(side, conflicted=len(sides) > 1):
            group = entries.setdefault(entry.name, [])
            if entry not in group:
                group.append(entry)
    grouped = {name: tuple(group) for name, group in entries.items()}
    return Lock(grouped, pins, sources, None, conflicted=len(sides) > 1, digest=digest)


def _read_yaml(text: bytes) -> object:
    from weaselish.files import yaml12  # a run with nothing to do reads the cache instead

    return yaml12.read(text, file=FILE)[0]


def _mapping(data: object) -> _Side:
    """Return the entries that a lock file can hold; leave out the rest. Raises InvalidProject for no mapping."""
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise InvalidProject([Problem(1, 1, "a lock file is a mapping of commands")])
    return {name: entry for name, entry in data.items() if is_plain({name: entry}) and isinstance(entry, dict)}


def _sides(text: bytes) -> list[bytes]:
    """Return the file as each side of its merge conflicts has it; the file itself if it has none."""
    decoded = text.decode("utf-8", "surrogateescape")
    if not _MARKER.search(decoded):
        return [text]
    sides: dict[str, list[str]] = {"<": [], ">": []}
    within = ""
    for line in decoded.splitlines(keepends=True):
        if _MARKER.match(line.rstrip("\r\n")):
            within = {"<": "<", "|": "|", "=": ">", ">": ""}[line[0]]
        else:
            for side, lines in sides.items():
                if within in ("", side):
                    lines.append(line)
    return ["".join(lines).encode("utf-8", "surrogateescape") for lines in sides.values()]


def _entries(side: _Side, *, conflicted: bool) -> Iterator[LockEntry]:
    """Yield the entries with the blocks that count.

    git merges by lines, so it can mix two entries into one that describes no run. Its block does not match then. Where
    Weasel may have rewritten the entry, it does not count as mixed.
    """
    ours = _ours(side)
    if isinstance(ours.get("format"), int) and ours["format"] > FORMAT:
        raise BrokenState(f"{FILE} was written by a newer proj (format {ours['format']})", hint="update proj")
    blocks = ours.get("commands")
    blocks = blocks if isinstance(blocks, dict) else {}
    for name, entry in side.items():
        if name != OURS:
            block = blocks.get(name)
            counts = isinstance(block, dict) and block.get("entry") == entry_digest(entry)
            is_mixed = not counts and block is not None and (conflicted or is_written_by_us(name, entry))
            yield LockEntry(name, entry, block if counts else None, is_mixed)


def _ours(side: _Side) -> Mapping[str, Any]:
    return side.get(OURS) or {}


def _cached(cache: Path | None, digest: str) -> list[_Side] | None:
    """Return what the cache holds of the lock with this digest, None if it holds another."""
    if cache is None:
        return None
    try:
        data = read_cache(cache / "lock.json")
    except (OSError, ValueError):
        return None
    sides = data.get("sides") if isinstance(data, dict) and data.get("digest") == digest else None
    is_valid = isinstance(sides, list) and all(isinstance(side, dict) and _holds_entries(side) for side in sides)
    return sides if is_valid else None


def _holds_entries(side: _Side) -> bool:
    return all(isinstance(entry, dict) for entry in side.values())


def _keep(cache: Path | None, digest: str, sides: list[_Side]) -> None:
    if cache is not None:
        with contextlib.suppress(OSError):
            write_cache(cache / "lock.json", {"digest": digest, "sides": sides})


# -- writing ----------------------------------------------------------------------------------------------------------


def write_lock(
    root: Path,
    entries: Mapping[str, LockEntry],
    order: Iterable[str],
    pins: Mapping[str, Pin] = MappingProxyType({}),
    sources: Mapping[str, SourcePin] = MappingProxyType({}),
    *,
    cache: Path | None,
) -> None:
    """Replace project.lock. Entries follow the `order` of project.yml; those of unknown commands come last."""
    names = [name for name in order if name in entries]
    ordered = set(names)
    names += [name for name in entries if name not in ordered]
    data: dict[str, Any] = {name: entries[name].data for name in names}
    blocks = {name: entry.block for name in names if (entry := entries[name]).block is not None}
    ours: dict[str, Any] = {"commands": blocks} if blocks else {}
    if pins:
        ours["artifacts"] = {name: pin._asdict() for name, pin in sorted(pins.items())}
    if sources:
        ours["sources"] = {name: pin.document for name, pin in sorted(sources.items())}
    if ours:
        data[OURS] = {"format": FORMAT, **ours}
    text = to_yaml(data).encode()
    write_atomically(root / FILE, [text], durable=True)
    _keep(cache, digest_bytes(text, "md5"), [data])


def keep_beside(root: Path) -> Path:
    """Copy a broken lock to the first free `project.lock.broken-N`, and return its path."""
    number = 1
    while (kept := root / f"{FILE}.broken-{number}").exists():
        number += 1
    write_atomically(kept, [read_regular(root / FILE)])
    return kept


def modified(root: Path) -> tuple[int, int, int] | None:
    """Return mtime, size and inode of the lock: if they differ, it was replaced. None if there is none."""
    try:
        status = os.stat(os.path.join(root, FILE))
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
