"""project.lock: what the last successful run of each command used and made, in a file for git.

Its entries have Weasel's four keys. What is ours stands in a last top-level mapping `.proj`, one block per command; a
block counts only while the entry that it was written with is unchanged. docs/formats.md defines both.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from weaselish.errors import BrokenState, InvalidProject, Problem
from weaselish.files.atomic import write_atomically
from weaselish.files.yaml_text import to_yaml
from weaselish.plan.digests import digest_bytes
from weaselish.records.lock_entry import LockEntry, entry_digest

FILE = "project.lock"
OURS = ".proj"
FORMAT = 1
_MARKER = re.compile(r"^(<{7}|\|{7}|={7}|>{7})(?: .*)?$", re.MULTILINE)


class Lock(NamedTuple):
    """project.lock as read. `entries` may hold several of one command: both sides of a merge conflict."""

    entries: Mapping[str, tuple[LockEntry, ...]] = MappingProxyType({})
    problem: str | None = None  # why the file counts as empty
    conflicted: bool = False
    digest: str | None = None  # of the file's bytes; None if there is none


def read_lock(root: Path, *, cache: Path | None = None) -> Lock:
    """The lock in `root`. A broken one counts as empty and says why. Raises BrokenState for a later format."""
    try:
        text = (root / FILE).read_bytes()
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
            problem = error.problems[0]
            return Lock(problem=problem.located(FILE), digest=digest)
        _keep(cache, digest, sides)
    entries: dict[str, list[LockEntry]] = {}
    for side in sides:
        for entry in _entries(side):
            known = entries.setdefault(entry.name, [])
            if entry not in known:
                known.append(entry)
    return Lock({name: tuple(found) for name, found in entries.items()}, None, len(sides) > 1, digest)


def _read_yaml(text: bytes) -> object:
    from weaselish.files import yaml12  # not on the way of who has nothing to do

    return yaml12.read(text, file=FILE)[0]


def _mapping(data: object) -> dict[str, Any]:
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise InvalidProject([Problem(1, 1, "a lockfile is a mapping of commands")])
    return data


def _sides(text: bytes) -> list[bytes]:
    """The file as each side of its merge conflicts has it; the file itself if there are none."""
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


def _entries(data: Mapping[str, Any]) -> Iterator[LockEntry]:
    ours = data.get(OURS)
    if isinstance(ours, dict) and isinstance(ours.get("format"), int) and ours["format"] > FORMAT:
        raise BrokenState(f"{FILE} was written by a newer proj (format {ours['format']})", hint="update proj")
    blocks = ours.get("commands") if isinstance(ours, dict) else None
    blocks = blocks if isinstance(blocks, dict) else {}
    for name, entry in data.items():
        if name == OURS or not isinstance(entry, dict):
            continue
        block = blocks.get(name)
        counts = isinstance(block, dict) and block.get("entry") == entry_digest(entry)
        yield LockEntry(name, entry, block if counts else None)


def _cached(cache: Path | None, digest: str) -> list[dict[str, Any]] | None:
    if cache is None:
        return None
    try:
        data = json.loads((cache / "lock.json").read_bytes())
        sides = data["sides"] if data["digest"] == digest else None
        return sides if isinstance(sides, list) and all(isinstance(side, dict) for side in sides) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _keep(cache: Path | None, digest: str, sides: list[dict[str, Any]]) -> None:
    if cache is not None:
        with contextlib.suppress(OSError):
            write_atomically(cache / "lock.json", [json.dumps({"digest": digest, "sides": sides}).encode()])


# -- writing ----------------------------------------------------------------------------------------------------------


def write_lock(root: Path, entries: Mapping[str, LockEntry], order: Iterable[str], *, cache: Path | None) -> None:
    """Replace project.lock whole: entries in the order of the file, those of commands unknown there last."""
    names = [name for name in order if name in entries]
    known = set(names)
    names += [name for name in entries if name not in known]
    data: dict[str, Any] = {name: entries[name].data for name in names}
    blocks = {name: entry.block for name in names if (entry := entries[name]).block is not None}
    if blocks:
        data[OURS] = {"format": FORMAT, "commands": blocks}
    text = to_yaml(data).encode()
    write_atomically(root / FILE, [text], durable=True)
    _keep(cache, digest_bytes(text, "md5"), [data])


def keep_beside(root: Path) -> Path:
    """Copy a lock that cannot be used to the first free `project.lock.broken-N`; nothing is lost with it."""
    number = 1
    while (kept := root / f"{FILE}.broken-{number}").exists():
        number += 1
    write_atomically(kept, [(root / FILE).read_bytes()])
    return kept


def modified(root: Path) -> tuple[int, int, int] | None:
    """What tells that the lock was replaced since it was read: mtime, size, inode; None if there is none."""
    try:
        status = os.stat(root / FILE)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
