"""The entries of a snapshot: files, links, empty directories and outputs. docs/formats.md defines their form."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from weaselish.model.paths import ancestors, is_executed_by_tools, is_outside, normalise
from weaselish.named_tuple import NamedTuple
from weaselish.plan.digests import Algorithm
from weaselish.plan.snapshot_values import DIGEST, KEY, SHA256, count, mapping, matching, text

_quoted = json.encoder.encode_basestring_ascii


class FileEntry(NamedTuple):
    path: str
    mode: int  # permission bits
    size: int
    sha256: str


class LinkEntry(NamedTuple):
    path: str
    target: str


class DirectoryEntry(NamedTuple):
    """An empty directory."""

    path: str
    mode: int


class OutputEntry(NamedTuple):
    """An output that a run on the same remote holds."""

    path: str
    algorithm: Algorithm
    digest: str
    key: str
    run: int


Entry = FileEntry | LinkEntry | DirectoryEntry | OutputEntry
_KINDS: dict[str, type[Entry]] = {
    "file": FileEntry,
    "link": LinkEntry,
    "directory": DirectoryEntry,
    "output": OutputEntry,
}
_KIND_OF: dict[type[Entry], str] = {kind: name for name, kind in _KINDS.items()}


def kind_of(entry: Entry) -> str:
    """Return what `kind` an entry has in JSON."""
    return _KIND_OF[type(entry)]


def raw(path: str) -> bytes:
    """Return the bytes of a path or link target on the disk. Raises ValueError if no file system has such a name."""
    return path.encode("utf-8", "surrogateescape")


def entries_bytes(entries: Iterable[Entry]) -> bytes:
    """Encode entries, in the order of their paths: equal trees give equal bytes.

    A byte of a name that is not UTF-8 is `\\udcXX`, as in Python's file names.
    """
    ordered = sorted(entries, key=lambda entry: raw(entry.path))
    return "".join(map(_line, ordered)).encode()


def _line(entry: Entry) -> str:
    path = _quoted(entry.path)
    match entry:
        case FileEntry(_, mode, size, sha256):
            return f'{{"path":{path},"kind":"file","mode":{mode},"size":{size},"sha256":"{sha256}"}}\n'
        case LinkEntry(_, target):
            return f'{{"path":{path},"kind":"link","target":{_quoted(target)}}}\n'
        case DirectoryEntry(_, mode):
            return f'{{"path":{path},"kind":"directory","mode":{mode}}}\n'
        case OutputEntry(_, algorithm, digest, key, run):
            rest = f'"algorithm":"{algorithm}","digest":"{digest}","key":"{key}","run":{run}'
            return f'{{"path":{path},"kind":"output",{rest}}}\n'


def read_entries(data: bytes) -> tuple[Entry, ...]:
    """Decode and check entries. Raises ValueError if one is invalid, unsafe, out of order, or below a file."""
    entries: list[Entry] = []
    for number, line in enumerate(data.split(b"\n")[:-1], 1):
        try:
            entries.append(_entry(json.loads(line)))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"entry {number}: {error}") from None
    if data and not data.endswith(b"\n"):
        raise ValueError("the last entry is cut off")
    check_paths(entries)
    return tuple(entries)


def check_paths(entries: Sequence[Entry]) -> None:
    """Raise ValueError unless paths are sorted, unique, and none is below a file, link or output."""
    paths = [raw(entry.path) for entry in entries]
    for before, after, entry in zip(paths, paths[1:], entries[1:], strict=False):
        if before >= after:
            raise ValueError(
                f"`{entry.path}` is listed twice" if before == after else f"`{entry.path}` is out of order"
            )
    leaves = {entry.path for entry in entries if not isinstance(entry, DirectoryEntry)}
    for directory in {above for entry in entries for above in ancestors(entry.path)}:
        if directory in leaves:
            raise ValueError(f"`{directory}` is a file or link, and also holds other entries")


def check_path(path: str) -> str:
    """Return a path that may be in a snapshot as it is. Raises ValueError."""
    _check_name(path)
    if normalise(path) != path or is_outside(path) or path == ".":
        raise ValueError(f"`{path}` is not a path inside the project")
    if is_executed_by_tools(path):
        raise ValueError(f"`{path}` is a location whose content other tools execute")
    return path


def _check_name(text: str) -> None:
    if not text or "\0" in text or raw(text).decode("utf-8", "surrogateescape") != text:
        raise ValueError("not a name")


def _entry(value: object) -> Entry:
    data = mapping(value)
    kind = _KINDS.get(str(data.get("kind")))
    if kind is None:
        raise ValueError("unknown kind")
    path = check_path(text(data.get("path")))
    if kind is FileEntry:
        size = count(data.get("size"))
        return FileEntry(path, _mode(data.get("mode")), size, matching(SHA256, data.get("sha256")))
    if kind is DirectoryEntry:
        return DirectoryEntry(path, _mode(data.get("mode")))
    if kind is LinkEntry:
        target = text(data.get("target"))
        _check_name(target)
        return LinkEntry(path, target)
    return OutputEntry(
        path,
        _algorithm(data.get("algorithm")),
        matching(DIGEST, data.get("digest")),
        matching(KEY, data.get("key")),
        count(data.get("run")),
    )


def _mode(value: object) -> int:
    mode = count(value)
    if mode > 0o777:
        raise ValueError("not permission bits")
    return mode


def _algorithm(value: object) -> Algorithm:
    if value == "md5":
        return "md5"
    if value == "blake3":
        return "blake3"
    raise ValueError("an unknown algorithm")


class Difference(NamedTuple):
    """What differs between two snapshots. `changed`: the entry before and after."""

    added: tuple[Entry, ...]
    removed: tuple[Entry, ...]
    changed: tuple[tuple[Entry, Entry], ...]


def difference(before: Iterable[Entry], after: Iterable[Entry]) -> Difference:
    """Compare the entries of two snapshots by their paths."""
    old, new = ({entry.path: entry for entry in entries} for entries in (before, after))
    return Difference(
        tuple(entry for path, entry in new.items() if path not in old),
        tuple(entry for path, entry in old.items() if path not in new),
        tuple((old[path], entry) for path, entry in new.items() if path in old and old[path] != entry),
    )
