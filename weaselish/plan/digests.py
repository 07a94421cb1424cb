"""The formulas of content digests. Golden vectors: `docs/formats.md`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, Protocol

from weaselish.errors import ProjError
from weaselish.model.project import Algorithm
from weaselish.named_tuple import NamedTuple

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = [
    "ABSENT",
    "TREE_SUFFIX",
    "Algorithm",
    "Hash",
    "ManifestEntry",
    "algorithm_of",
    "differences",
    "digest_bytes",
    "is_tree",
    "manifest",
    "new_hash",
    "read_manifest",
    "tree_digest",
]

_MD5_DIGITS = 32  # a BLAKE3 digest has 64
TREE_SUFFIX = ".dir"  # a directory's digest ends in it
ABSENT = "absent"  # stands for the digest of an `outputs_no_cache` path that was not there


class Hash(Protocol):
    def update(self, data: Buffer, /) -> object: ...
    def hexdigest(self) -> str: ...


class ManifestEntry(NamedTuple):
    """One line of a directory's manifest. `path` is relative to the directory, raw bytes, with `/`."""

    path: bytes
    kind: Literal["f", "l", "d"]  # file, symbolic link, empty directory
    digest: str  # of the file's bytes, or of the link's target text; `-` for a directory


def new_hash(algorithm: Algorithm) -> Hash:
    """Return a running hash: 32 hex digits for MD5, 64 for BLAKE3. Raises ProjError without the extra."""
    if algorithm == "md5":
        return hashlib.md5(usedforsecurity=False)
    try:
        from blake3 import blake3
    except ImportError:
        raise ProjError(
            "`digest: blake3` in project.yml needs a library that is not installed",
            hint="`pip install 'weaselish[blake3]'`",
        ) from None
    return blake3(max_threads=blake3.AUTO)


def digest_bytes(data: bytes, algorithm: Algorithm) -> str:
    running = new_hash(algorithm)
    running.update(data)
    return running.hexdigest()


def manifest(entries: Iterable[ManifestEntry]) -> bytes:
    """Return the text whose digest is the directory's digest: `TYPE DIGEST PATH\\0` per entry, sorted by path bytes."""
    return b"".join(b"%b %b %b\0" % (kind.encode(), digest.encode(), path) for path, kind, digest in sorted(entries))


def read_manifest(text: bytes) -> list[ManifestEntry]:
    """Return the entries of a manifest, in its order."""
    entries = []
    for line in text.split(b"\0")[:-1]:
        kind, digest, path = line.split(b" ", 2)
        entries.append(ManifestEntry(path, kind.decode(), digest.decode()))  # type: ignore[arg-type]
    return entries


def tree_digest(entries: Iterable[ManifestEntry], algorithm: Algorithm) -> str:
    return digest_bytes(manifest(entries), algorithm) + TREE_SUFFIX


def algorithm_of(digest: str) -> Algorithm:
    """Return the algorithm of a content digest: its length shows it."""
    return "md5" if len(digest.removesuffix(TREE_SUFFIX)) == _MD5_DIGITS else "blake3"


def is_tree(digest: str) -> bool:
    return digest.endswith(TREE_SUFFIX)


def differences(then: Iterable[ManifestEntry], now: Iterable[ManifestEntry], *, most: int = 3) -> str:
    """Describe the difference of two manifests, for a sentence: `changed a.txt, b.txt renamed to c.txt and 2 more`."""
    old = {entry.path: (entry.kind, entry.digest) for entry in then}
    new = {entry.path: (entry.kind, entry.digest) for entry in now}
    gone = {path: old[path] for path in sorted(old.keys() - new.keys())}
    added = {path: new[path] for path in sorted(new.keys() - old.keys())}
    found = [f"changed {_shown(path)}" for path in sorted(old.keys() & new.keys()) if old[path] != new[path]]
    twins: dict[tuple[str, str], list[bytes]] = {}
    for path, what in reversed(added.items()):
        twins.setdefault(what, []).append(path)
    for path, what in list(gone.items()):
        if twins.get(what):
            twin = twins[what].pop()
            found.append(f"{_shown(path)} renamed to {_shown(twin)}")
            del gone[path], added[twin]
    found += [f"new {_shown(path)}" for path in added] + [f"gone {_shown(path)}" for path in gone]
    more = len(found) - most
    return ", ".join(found[:most]) + (f" and {more} more" if more > 0 else "")


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")
