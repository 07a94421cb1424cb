"""Replaces a file or directory so that the old or the new one always exists, even after a kill.

During a swap these names exist beside the target `NAME`: `.NAME.proj-new-…` holds the successor while it is written.
`.NAME.proj-old-INODE-…` is the old one, until the new one, which has that inode, is safe. `.NAME.proj-gone-…` is about
to be deleted. The caller holds the lock of the output that the target is.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from weaselish.errors import ProjError
from weaselish.files.atomic import flush, flush_file_system, sync_directory
from weaselish.files.remove import remove

_LEFT = re.compile(r"\.(.+)\.proj-(new|old|gone)(?:-([0-9a-f]+))?-[0-9a-f]{8}", re.DOTALL)
_FEW = 4  # files that are flushed one by one


def swap_in(new: Path, target: Path) -> None:
    """Flush `new` to the disk and move it to `target`, which need not exist. Both are on one file system.

    If anything fails, the old one is back and the new one is gone; after a kill, `recover` sees to that. Raises
    ProjError.
    """
    swap_in_all([(new, target)])


def swap_in_all(pairs: Sequence[tuple[Path, Path]], *, during_flush: Callable[[], object] | None = None) -> None:
    """Swap in several (new, target): all of them, or none. See `swap_in`.

    This calls `during_flush` while the disk is busy, before it moves anything.
    """
    _put_back([target for _, target in pairs])
    if during_flush is None:
        _flush(pairs)
    else:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as thread:
            flushed = thread.submit(_flush, pairs)
            during_flush()
            flushed.result()
    swaps = [_Swap(new, target) for new, target in pairs]
    begun: list[_Swap] = []
    try:
        for swap in swaps:
            begun.append(swap)
            swap.replace()
        _sync_parents(pairs)
        for swap in swaps:
            swap.commit()
    except BaseException:
        _undo(begun)
        raise
    with suppress(ProjError):
        _sync_parents(pairs)
    for swap in swaps:
        with suppress(OSError):  # `recover` removes the rest of the old one
            swap.remove_old()


def _undo(swaps: Sequence[_Swap]) -> None:
    """Undo all swaps, even if one cannot be undone. Raises the first ProjError."""
    first: ProjError | None = None
    for swap in reversed(swaps):
        try:
            swap.undo()
        except ProjError as error:
            first = first or error
    if first is not None:
        raise first


class _Swap:
    """One target on its way from the old to the new content."""

    def __init__(self, new: Path, target: Path) -> None:
        self._new = new
        self._target = target
        self._existed = os.path.lexists(target)
        with _replacing(target):
            self._old = beside(target, f"old-{new.lstat().st_ino:x}")
        self._gone = beside(target, "gone")

    def replace(self) -> None:
        """Move the old one aside and the new one to the target."""
        with _replacing(self._target):
            if self._existed:
                self._target.rename(self._old)
            self._new.rename(self._target)

    def commit(self) -> None:
        """Rename the old one, so that `recover` keeps the new one from now on."""
        if self._existed:
            with _replacing(self._target):
                self._old.rename(self._gone)

    def undo(self) -> None:
        """Put the old one back."""
        with _replacing(self._target):
            if not self._existed and not os.path.lexists(self._new):
                remove(self._target)
            if os.path.lexists(self._gone):
                self._gone.rename(self._old)
            _put_back([self._target])

    def remove_old(self) -> None:
        if self._existed:
            remove(self._gone)


def discard(target: Path) -> None:
    """Delete a file or directory. After a kill it is gone or intact, and `recover` removes the rest. Raises OSError."""
    gone = beside(target, "gone")
    target.rename(gone)
    sync_directory(target.parent)
    remove(gone)


@contextmanager
def _replacing(target: Path) -> Iterator[None]:
    """Translate an OSError of the block into a ProjError: `target` cannot be replaced."""
    try:
        yield
    except OSError as error:
        hint = None
        if error.errno in (errno.EXDEV, errno.EBUSY):
            hint = f"it is a mount point, or belongs to a lower layer of its disk: delete `{target.name}` and try again"
        raise ProjError(f"cannot replace `{target}`: {error.strerror}", hint=hint) from error


def _sync_parents(pairs: Sequence[tuple[Path, Path]]) -> None:
    """Flush the targets' directories, so that the renames survive a power cut."""
    for parent, target in {target.parent: target for _, target in pairs}.items():
        with _replacing(target):
            sync_directory(parent)


def recover(target: Path) -> bool:
    """Undo or finish a swap of `target` that a kill interrupted. Return whether the old one was put back."""
    return recover_all([target])


def recover_all(targets: Sequence[Path]) -> bool:
    """Undo or finish swaps that a kill interrupted. Return whether an old one was put back.

    An old one is put back unless something other than the new one is at the target now.
    """
    was_put_back = _put_back(targets)
    for _, left, _ in _left_beside(targets, "new", "gone"):
        remove(left)
    return was_put_back


def _put_back(targets: Sequence[Path]) -> bool:
    was_put_back = False
    for target, old, inode in _left_beside(targets, "old"):
        current = target.lstat().st_ino if os.path.lexists(target) else None
        if current not in (None, inode):
            remove(old)
            continue
        try:
            gone = beside(target, "gone")
            if current:
                target.rename(gone)
            old.rename(target)
        except OSError as error:
            hint = f"it is kept as `{old}`"
            raise ProjError(f"cannot put back the old `{target}`: {error.strerror}", hint=hint) from error
        remove(gone)
        was_put_back = True
    return was_put_back


def beside(target: Path, kind: str) -> Path:
    """Return a path beside `target` that does not exist; its name tells what it is for: `new`, `gone`."""
    return target.with_name(f".{target.name}.proj-{kind}-{os.urandom(4).hex()}")


def is_staging_name(name: str) -> bool:
    """Return whether a successor is written under this name."""
    match = _LEFT.fullmatch(name)
    return match is not None and match[2] == "new"


def _left_beside(targets: Sequence[Path], *kinds: str) -> list[tuple[Path, Path, int]]:
    """Return what a swap left beside the targets: (target, path, the inode in its name or 0)."""
    targets_by_name = {(target.parent, target.name): target for target in targets}
    left = []
    for parent in dict.fromkeys(target.parent for target in targets):
        with suppress(FileNotFoundError, NotADirectoryError):
            for name in os.listdir(parent):
                match = _LEFT.fullmatch(name)
                target = targets_by_name.get((parent, match[1])) if match else None
                if match and target and match[2] in kinds:
                    left.append((target, parent / name, int(match[3] or "0", 16)))
    return left


def _flush(pairs: Sequence[tuple[Path, Path]]) -> None:
    """Flush a few files one by one; many files, or a directory, with everything on their file system."""
    flushed: set[int] = set()  # file systems
    for new, target in pairs:
        with _replacing(target):
            fd = os.open(new, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                status = os.fstat(fd)
                if status.st_dev in flushed:
                    continue
                if stat.S_ISREG(status.st_mode) and len(pairs) <= _FEW:
                    flush(fd)
                else:
                    flush_file_system(fd)
                    flushed.add(status.st_dev)
            finally:
                os.close(fd)
