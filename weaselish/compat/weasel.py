"""Weasel's formulas, for its lock files and remotes only."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from weaselish.files.hashing import BLOCK
from weaselish.plan.digests import digest_bytes, is_tree, new_hash
from weaselish.plan.record import Record


def cmd(command: str) -> str:
    """Return the text that Weasel writes into, and expects in, each entry of project.lock."""
    return f"python -m weasel run {command}"


def digest(path: Path) -> str | None:
    """Return Weasel's MD5 of a file, or of the bytes of all files in a directory; None if the path does not exist.

    Files are in the order of their paths, compared name by name. Links to directories are not entered.
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
    """Return Weasel's hash of a command: MD5 of the deps' digests, in the order of their paths, and the script lines.

    `deps` are (path, Weasel's digest). A dep that is listed twice counts twice.
    """
    ordered = sorted(deps, key=lambda dep: dep[0].split("/"))
    return digest_bytes(("".join(md5 for _, md5 in ordered) + "".join(script)).encode(), "md5")


def digests_of(root: Path, record: Record) -> dict[str, str]:
    """Return Weasel's digests of the directories that a record names: those of files are the same as ours."""
    paths = [path for path, digest in record.fingerprint.deps if digest and is_tree(digest)]
    paths += [output.path for output in record.all_outputs if is_tree(output.digest)]
    digests = {path: digest(root / path) for path in dict.fromkeys(paths)}
    return {path: md5 for path, md5 in digests.items() if md5}
