"""Putting something new in the place of a file or directory, without ever being without both.

While it lasts there are, beside the target `NAME`: `.NAME.proj-new-…` (what is being made), `.NAME.proj-old-INODE-…`
(what was there, until the new one, which has that inode, is safe in its place), `.NAME.proj-gone-…` (what is being
deleted). All of this is for whoever holds the lock of the output that the target is.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from weaselish.errors import ProjError
from weaselish.files.atomic import sync_directory

__all__ = ["recover", "recover_all", "remove", "swap_in", "swap_in_all", "workplace"]

_LEFT = re.compile(r"\.(.+)\.proj-(new|old|gone)(?:-([0-9a-f]+))?-[0-9a-f]{8}", re.DOTALL)
_FEW = 4  # files that are flushed one by one


@contextmanager
def workplace(target: Path) -> Iterator[Path]:
    """An empty directory beside `target`, to make its successor in; removed on the way out, whatever happened."""
    place = _beside(target, "new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        place.mkdir(mode=0o700)
    except OSError as error:
        raise ProjError(f"cannot write beside `{target}`: {error.strerror}") from error
    try:
        yield place
    finally:
        remove(place)


def swap_in(new: Path, target: Path) -> None:
    """Flush `new` to the disk and put it in the place of `target`, which need not exist; both on one file system.

    If anything fails, the old one is back and the new one is not there; after a kill, `recover` sees to that. Raises
    ProjError.
    """
    swap_in_all([(new, target)])


def swap_in_all(pairs: Sequence[tuple[Path, Path]], *, meanwhile: Callable[[], object] | None = None) -> None:
    """As `swap_in`, of several (new, target) at once: all of them are replaced, or none.

    `meanwhile` is called while the disk is busy, before anything is moved.
    """
    _put_back([target for _, target in pairs])
    if meanwhile is None:
        _flush(pairs)
    else:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as helper:
            flushed = helper.submit(_flush, pairs)
            meanwhile()
            flushed.result()
    swaps = [_Swap(new, target) for new, target in pairs]
    begun: list[_Swap] = []
    try:
        for swap in swaps:
            begun.append(swap)
            swap.place()
        _sync_parents(pairs)
        for swap in swaps:
            swap.keep()  # from here on the new one stays
    except BaseException:
        _undo(begun)
        raise
    with suppress(ProjError):
        _sync_parents(pairs)
    for swap in swaps:
        with suppress(OSError):  # what is left of the old one, `recover` removes
            swap.remove_old()


def _undo(swaps: Sequence[_Swap]) -> None:
    """All of them, also where one cannot be undone. Raises the first ProjError of such a one."""
    first: ProjError | None = None
    for swap in reversed(swaps):
        try:
            swap.undo()
        except ProjError as error:
            first = first or error
    if first is not None:
        raise first


class _Swap:
    """One target on its way from the old to the new."""

    def __init__(self, new: Path, target: Path) -> None:
        self._new = new
        self._target = target
        self._was_there = os.path.lexists(target)
        with _replacing(target):
            self._old = _beside(target, f"old-{new.lstat().st_ino:x}")
        self._gone = _beside(target, "gone")

    def place(self) -> None:
        with _replacing(self._target):
            if self._was_there:
                self._target.rename(self._old)
            self._new.rename(self._target)

    def keep(self) -> None:
        if self._was_there:
            with _replacing(self._target):
                self._old.rename(self._gone)

    def undo(self) -> None:
        with _replacing(self._target):
            if not self._was_there and not os.path.lexists(self._new):
                remove(self._target)
            if os.path.lexists(self._gone):
                self._gone.rename(self._old)
            _put_back([self._target])

    def remove_old(self) -> None:
        if self._was_there:
            remove(self._gone)


@contextmanager
def _replacing(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ProjError(f"cannot replace `{target}`: {error.strerror}") from error


def _sync_parents(pairs: Sequence[tuple[Path, Path]]) -> None:
    """So that what was renamed there is renamed after a power cut too."""
    for parent, target in {target.parent: target for _, target in pairs}.items():
        with _replacing(target):
            sync_directory(parent)


def recover(target: Path) -> bool:
    """Mend what a kill left beside `target`; whether an old one was put back."""
    return recover_all([target])


def recover_all(targets: Sequence[Path]) -> bool:
    """Mend what a kill left beside any of the targets; whether an old one was put back.

    It is put back unless something else than the new one has taken its place since.
    """
    was_put_back = _put_back(targets)
    for _, left, _ in _left_beside(targets, "new", "gone"):
        remove(left)
    return was_put_back


def _put_back(targets: Sequence[Path]) -> bool:
    was_put_back = False
    for target, old, inode in _left_beside(targets, "old"):
        there = target.lstat().st_ino if os.path.lexists(target) else None
        if there not in (None, inode):
            remove(old)
            continue
        try:
            gone = _beside(target, "gone")
            if there:
                target.rename(gone)
            old.rename(target)
        except OSError as error:
            hint = f"it is kept as `{old}`"
            raise ProjError(f"cannot put back the old `{target}`: {error.strerror}", hint=hint) from error
        remove(gone)
        was_put_back = True
    return was_put_back


def remove(path: Path) -> None:
    """Delete a file, link or tree, if it is there, write-protected directories too."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    try:
        shutil.rmtree(path)
    except PermissionError:
        path.chmod(stat.S_IRWXU)
        for directory, names, _ in os.walk(path):
            for name in names:
                if not os.path.islink(below := os.path.join(directory, name)):
                    os.chmod(below, stat.S_IRWXU)
        shutil.rmtree(path)


def _beside(target: Path, kind: str) -> Path:
    return target.with_name(f".{target.name}.proj-{kind}-{os.urandom(4).hex()}")


def _left_beside(targets: Sequence[Path], *kinds: str) -> list[tuple[Path, Path, int]]:
    """What lies beside the targets of these kinds: (target, what lies there, the inode that its name holds, or 0)."""
    wanted = {(target.parent, target.name): target for target in targets}
    found = []
    for parent in dict.fromkeys(target.parent for target in targets):
        with suppress(FileNotFoundError):
            for name in os.listdir(parent):
                match = _LEFT.fullmatch(name)
                target = wanted.get((parent, match[1])) if match else None
                if match and target and match[2] in kinds:
                    found.append((target, parent / name, int(match[3] or "0", 16)))
    return found


def _flush(pairs: Sequence[tuple[Path, Path]]) -> None:
    """A few files by themselves; many, or a tree, with all of their file system, which takes a tenth of the time."""
    flushed: set[int] = set()  # file systems
    for new, target in pairs:
        with _replacing(target):
            fd = os.open(new, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                status = os.fstat(fd)
                if status.st_dev in flushed:
                    continue
                if stat.S_ISREG(status.st_mode) and len(pairs) <= _FEW:
                    os.fsync(fd)
                else:
                    _sync_file_system(fd)
                    flushed.add(status.st_dev)
            finally:
                os.close(fd)


def _sync_file_system(fd: int) -> None:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "syncfs"):
        os.sync()
    elif libc.syncfs(fd):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
