"""Weasel's formulas, for its lockfiles and remotes. Nothing else of proj uses them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from weaselish.files.hashing import BLOCK
from weaselish.plan.digests import digest_bytes, is_tree, new_hash
from weaselish.plan.record import Record


def cmd(command: str) -> str:
    """The text that Weasel writes into, and expects in, each entry of project.lock."""
    return f"python -m weasel run {command}"


def digest(path: Path) -> str | None:
    """Weasel's MD5 of a path: a file's bytes; a directory's are those of all its files, one after the other.

    Files in the order of their path's names, without links to directories; None if there is nothing.
    """
    running = new_hash("md5")
    if path.is_file():
        files: Sequence[str] = [str(path)]
    elif path.is_dir():
        files = sorted(_files(str(path)), key=lambda name: name.split(os.sep))
    else:
        return None
    for name in files:
        with open(name, "rb", buffering=0) as file:
            while block := file.read(BLOCK):
                running.update(block)
    return running.hexdigest()


def _files(directory: str) -> Iterator[str]:
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(entry.path)
            elif entry.is_file():
                yield entry.path


def command_hash(script: Sequence[str], deps: Sequence[tuple[str, str]]) -> str:
    """Weasel's hash of a command: MD5 of the deps' digests, by path, and of the script lines, nothing between them.

    `deps` are (path, Weasel's digest); a dep listed twice counts twice.
    """
    ordered = sorted(deps, key=lambda dep: dep[0].split("/"))
    return digest_bytes(("".join(md5 for _, md5 in ordered) + "".join(script)).encode(), "md5")


def digests_of(root: Path, record: Record) -> dict[str, str]:
    """Weasel's digests of what a record names, where they are not ours: of directories."""
    paths = [path for path, digest in record.fingerprint.deps if digest and is_tree(digest)]
    paths += [made.path for made in record.all_outputs if is_tree(made.digest)]
    found = {path: digest(root / path) for path in dict.fromkeys(paths)}
    return {path: md5 for path, md5 in found.items() if md5}
