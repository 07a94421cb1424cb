"""The lock of one file: taken, signed, queried, released, and where the file system has no flock."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from weaselish.cancel import Cancel
from weaselish.errors import Cancelled, ProjError
from weaselish.locks.flock import FileLock, NoLocks, is_locked, locked, take_for_life

LONG = 30.0  # seconds that nothing in these tests may take


@pytest.fixture(params=["flock", "no flock"])
def file(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock file, on a file system with flock or without it."""
    if request.param == "no flock":
        monkeypatch.setattr(fcntl, "flock", failing(errno.ENOSYS))
    return tmp_path / "lock"


def failing(code: int) -> Callable[[int, int], None]:
    def flock(fd: int, operation: int) -> None:
        raise OSError(code, os.strerror(code))

    return flock


def can_take(path: Path, *, exclusive: bool = True) -> bool:
    lock = FileLock(path)
    try:
        return lock.take(exclusive=exclusive)
    finally:
        lock.release()


def test_an_exclusive_lock_excludes_all_others(file: Path) -> None:
    with locked(file, Cancel()):
        assert not can_take(file)
        assert not can_take(file, exclusive=False)
    assert can_take(file)


def test_a_shared_lock_excludes_exclusive_ones(file: Path) -> None:
    lock = FileLock(file)
    assert lock.take(exclusive=False)
    assert can_take(file, exclusive=False)
    assert not can_take(file)
    lock.release()
    assert can_take(file)


def test_a_lock_names_its_holder(file: Path) -> None:
    with locked(file, Cancel()) as lock:
        lock.sign("a long signature of an earlier holder")
        lock.sign("me")
        other = FileLock(file)
        assert other.signature() == "me"
        other.release()


def test_a_released_lock_is_free_though_child_processes_have_it_open(file: Path) -> None:
    lock = FileLock(file)
    lock.take()
    child = subprocess.Popen(["sleep", "30"], pass_fds=[lock.fd])
    try:
        lock.release()
        assert can_take(file)
    finally:
        child.kill()
        child.wait(LONG)


def test_a_lock_stays_with_the_child_processes_of_a_killed_holder(file: Path) -> None:
    lock = FileLock(file)
    lock.take()
    child = subprocess.Popen(["sleep", "30"], pass_fds=[lock.fd])
    try:
        os.close(lock.fd)
        assert not can_take(file)
    finally:
        child.kill()
        child.wait(LONG)
    assert can_take(file)


def test_a_wait_for_a_lock_can_be_cancelled(file: Path) -> None:
    cancel = Cancel()
    cancel.request()
    with locked(file, Cancel()), pytest.raises(Cancelled), locked(file, cancel):
        pass
    with locked(file, cancel):
        pass  # nothing to wait for


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EIO, errno.EINVAL])
def test_a_disk_without_locks_is_named(tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", failing(code))
    with pytest.raises(NoLocks) as caught, locked(tmp_path / "lock", Cancel()):
        pass
    assert caught.value.message == f"files in `{tmp_path}` cannot be locked: {os.strerror(code)}"
    assert caught.value.hint is not None
    assert "the disk mounted at `/" in caught.value.hint


@pytest.mark.parametrize("block", ["a file", "missing", "unwritable"])
def test_a_directory_of_locks_that_cannot_be_used_is_one_line(tmp_path: Path, block: str) -> None:
    directory = tmp_path / "locks"
    if block == "a file":
        directory.touch()
    elif block == "unwritable":
        directory = Path("/proc/self")
    with pytest.raises(ProjError, match=f"`{directory}` cannot be written: ") as caught:
        FileLock(directory / "lock")
    assert "\n" not in caught.value.message


def is_alive(path: Path) -> bool | None:
    with open(path, "rb") as file:
        return is_locked(file.fileno())


HOLD = """
import os, sys, signal
from pathlib import Path
from weaselish.locks.flock import take_for_life
path = Path(sys.argv[1])
take_for_life(os.open(path, os.O_WRONLY | os.O_CREAT), path)
print("locked", flush=True)
signal.pause()
"""


HOLD_AS_0_1_0 = """
import fcntl, os, sys, signal
fcntl.flock(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT), fcntl.LOCK_EX)
print("locked", flush=True)
signal.pause()
"""


@pytest.mark.parametrize("hold", [HOLD, HOLD_AS_0_1_0], ids=["this version", "0.1.0"])
def test_a_query_shows_whether_the_owner_lives_and_takes_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hold: str
) -> None:
    path = tmp_path / "journal"
    path.touch()
    assert not is_alive(path)
    owner = subprocess.Popen([sys.executable, "-c", hold, str(path)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    assert owner.stdout.readline() == "locked\n"
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", failing(errno.ENOLCK))
        assert is_alive(path)
    owner.send_signal(signal.SIGKILL)
    owner.wait(LONG)
    owner.stdout.close()
    assert not is_alive(path)


def test_the_owner_itself_counts_as_alive(file: Path) -> None:
    fd = os.open(file, os.O_WRONLY | os.O_CREAT)
    take_for_life(fd, file)
    assert is_alive(file)
    os.close(fd)
    assert not is_alive(file)
