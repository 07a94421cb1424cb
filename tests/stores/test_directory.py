"""A directory as store."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from harness import TIMEOUT

from weaselish.cancel import Cancel
from weaselish.errors import Cancelled, StoreError
from weaselish.stores.base import Store
from weaselish.stores.directory import TEMPORARY, DirectoryStore
from weaselish.stores.directory_writes import ABANDONED, LOCK
from weaselish.stores.retry import PassingError

from .contract import MIB, OpenWith, StoreContract, keys, read


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return DirectoryStore(tmp_path / "store", remote="remote `test`")


class TestDirectory(StoreContract):
    @pytest.fixture
    def open_with(self, tmp_path: Path) -> OpenWith:
        return lambda cancel: DirectoryStore(tmp_path / "not created yet", remote="remote `test`", cancel=cancel)


class TestWithoutHardLinks(StoreContract):
    many = 100

    @pytest.fixture
    def open_with(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenWith:
        def refuse(*_: object) -> None:
            raise PermissionError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", refuse)
        return lambda cancel: DirectoryStore(tmp_path, remote="remote `test`", cancel=cancel)


def test_a_store_on_a_disk_that_is_not_mounted_is_an_error_and_is_not_created(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "disk/store", remote="remote `test`")
    for use in (
        lambda: keys(store),
        lambda: read(store, "a"),
        lambda: store.put("a", [b"x"]),
        lambda: store.delete("a"),
    ):
        with pytest.raises(StoreError) as caught:
            use()
        assert caught.value.message == f"remote `test`: the directory `{tmp_path}/disk` does not exist"
    assert list(tmp_path.iterdir()) == []


def test_listing_and_deleting_create_nothing(store: Store, tmp_path: Path) -> None:
    assert keys(store) == []
    store.delete("a/b")
    assert list(tmp_path.iterdir()) == []


def test_deleting_leaves_no_empty_directories(store: Store, tmp_path: Path) -> None:
    store.put("a/b/c", [b"x"])
    store.put("a/d", [b"x"])
    store.delete("a/b/c")
    assert not (tmp_path / "store/a/b").exists()
    store.delete("a/d")
    assert [entry.name for entry in (tmp_path / "store").iterdir()] == [TEMPORARY]


def test_no_temporary_file_is_left_when_a_put_ends_or_fails(store: Store, tmp_path: Path) -> None:
    def failing() -> Iterator[bytes]:
        yield b"x"
        raise ZeroDivisionError

    store.put("a", [b"x"])
    store.put("a", [b"y"])
    store.put("a", [b"z"], replace=True)
    with pytest.raises(ZeroDivisionError):
        store.put("b", failing())
    assert {file.name for file in (tmp_path / "store" / TEMPORARY).iterdir()} == {LOCK}


WRITER = """
import sys, time
from pathlib import Path
from weaselish.stores.directory import DirectoryStore

def chunks():
    yield bytes(2**21)
    print("writing", flush=True)
    time.sleep(600)

DirectoryStore(Path(sys.argv[1])).put("a/b", chunks())
"""


def test_a_killed_writer_leaves_no_object_and_its_file_is_removed_a_day_later(store: Store, tmp_path: Path) -> None:
    argv = [sys.executable, "-c", WRITER, str(tmp_path / "store")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as writer:
        assert writer.stdout and writer.stdout.readline() == b"writing\n"
        writer.send_signal(signal.SIGKILL)
    assert keys(store) == []
    (left,) = (tmp_path / "store" / TEMPORARY).iterdir()
    assert store.put("a/b", [b"x"])
    assert left.exists()  # it might belong to a writer that is only slow
    long_ago = left.stat().st_mtime - ABANDONED - 60
    os.utime(left, (long_ago, long_ago))
    assert DirectoryStore(tmp_path / "store").put("a/c", [b"x"])
    assert not left.exists()


def test_a_link_counts_though_the_answer_was_lost(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    link = os.link

    def link_and_be_asked_again(source: Path, target: Path) -> None:
        link(source, target)
        raise FileExistsError(errno.EEXIST, "File exists")

    monkeypatch.setattr(os, "link", link_and_be_asked_again)
    assert store.put("key", [b"x"])
    assert read(store, "key") == b"x"


def test_objects_have_the_permissions_that_the_umask_allows(store: Store, tmp_path: Path) -> None:
    umask = os.umask(0o027)
    try:
        store.put("a/b", [b"x"])
    finally:
        os.umask(umask)
    assert (tmp_path / "store/a/b").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "store/a").stat().st_mode & 0o777 == 0o750


def test_a_key_inside_another_object_is_refused_and_changes_nothing(store: Store) -> None:
    store.put("a", [b"x"])
    store.put("b/c", [b"x"])
    for key, replace in (("a/b", False), ("a/b", True), ("b", False), ("b", True)):
        with pytest.raises(StoreError, match=f"remote `test`: .* while writing `{key}`"):
            store.put(key, [b"y"], replace=replace)
    assert keys(store) == ["a", "b/c"]
    assert read(store, "a") == b"x"


def test_a_key_cannot_name_the_directory_of_temporary_files(store: Store) -> None:
    with pytest.raises(StoreError, match="cannot begin with"):
        store.put(f"{TEMPORARY}/x", [b"x"])


def test_only_plain_files_are_listed(store: Store, tmp_path: Path) -> None:
    store.put("a/b", [b"x"])
    (tmp_path / "store/a/loop").symlink_to("..")
    (tmp_path / "store/a/dangling").symlink_to("nowhere")
    os.mkfifo(tmp_path / "store/a/pipe")
    assert keys(store) == ["a/b"]


def test_an_object_truncated_in_place_does_not_pass_for_complete(store: Store, tmp_path: Path) -> None:
    store.put("key", [bytes(3 * MIB)])
    pieces = store.get("key")
    next(pieces)
    os.truncate(tmp_path / "store/key", 2 * MIB)
    with pytest.raises(StoreError, match="`key` was changed in place"):
        list(pieces)


def test_a_stale_handle_of_a_network_file_system_is_a_passing_error(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stale(_: int) -> None:
        raise OSError(errno.ESTALE, "Stale file handle")

    monkeypatch.setattr(os, "fsync", stale)
    with pytest.raises(PassingError, match="remote `test`: Stale file handle while writing `key`"):
        store.put("key", [b"x"])
    assert keys(store) == []


def test_a_file_system_without_locks_replaces_but_not_conditionally(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    assert store.put("key", [b"1"])
    assert store.put("key", [b"2"], replace=True)
    head = store.head("key")
    assert head is not None
    with pytest.raises(StoreError, match="remote `test`: No locks available while writing `key`") as caught:
        store.put("key", [b"3"], if_version=head.version)
    assert caught.value.hint == "the file system does not support locks"
    assert read(store, "key") == b"2"
    store.delete("key")
    assert keys(store) == []


def test_the_wait_for_the_lock_ends_when_the_store_is_cancelled(tmp_path: Path) -> None:
    with Cancel() as cancel, ThreadPoolExecutor() as pool:
        store = DirectoryStore(tmp_path, cancel=cancel)
        store.put("a", [b"1"])
        version = store.head("a")
        assert version is not None
        uses: list[Callable[[], object]] = [
            lambda: store.delete("a"),
            lambda: store.put("a", [b"2"], replace=True),
            lambda: store.put("a", [b"2"], if_version=version.version),
        ]
        with open(tmp_path / TEMPORARY / LOCK, "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            waiting = [pool.submit(use) for use in uses]
            assert not wait(waiting, 0.1).done, "another process holds the lock"
            cancel.request()
            for future in waiting:
                with pytest.raises(Cancelled):
                    future.result(TIMEOUT)
    assert read(DirectoryStore(tmp_path), "a") == b"1"
    assert [path.name for path in (tmp_path / TEMPORARY).iterdir()] == [LOCK]


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP])
def test_directories_that_cannot_be_flushed_do_not_block(
    store: Store, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    flush = os.fsync

    def only_files(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(code, os.strerror(code))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", only_files)
    assert store.put("a/b", [b"x"])
    assert read(store, "a/b") == b"x"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("mounting a small file system needs root on Linux")
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk_is_an_error_that_changes_nothing(small_disk: Path) -> None:
    store = DirectoryStore(small_disk / "store", remote="remote `test`")
    store.put("old", [b"old"])
    for key in ("new", "old"):
        with pytest.raises(StoreError, match=f"remote `test`: No space left on device while writing `{key}`") as caught:
            store.put(key, [bytes(MIB)] * 3, replace=True)
        assert "free some space" in (caught.value.hint or "")
    assert keys(store) == ["old"]
    assert read(store, "old") == b"old"
    assert store.put("fits", [bytes(MIB // 2)])


def test_a_read_only_disk_is_readable_and_named_when_written(small_disk: Path) -> None:
    store = DirectoryStore(small_disk, remote="remote `test`")
    store.put("a", [b"x"])
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert read(store, "a") == b"x"
    for use in (lambda: store.put("b", [b"x"]), lambda: store.delete("a")):
        with pytest.raises(StoreError, match="remote `test`: Read-only file system while") as caught:
            use()
        assert caught.value.hint == "it is mounted read-only"


@contextlib.contextmanager
def as_an_ordinary_user() -> Iterator[None]:
    """Give up root's right to write everywhere, for the block."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def test_a_directory_without_permission_to_write_is_named() -> None:
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o555)
        with as_an_ordinary_user(), pytest.raises(StoreError, match="Permission denied while writing `a`"):
            DirectoryStore(Path(directory) / "store").put("a", [b"x"])


PUT = """
import sys
from pathlib import Path
from weaselish.stores.directory import DirectoryStore
DirectoryStore(Path(sys.argv[1])).put("a/b", [b"content"], replace=sys.argv[2] == "replace")
"""


@pytest.mark.parametrize("how", ["create", "replace"])
def test_an_object_is_flushed_before_it_appears_and_its_directories_after(tmp_path: Path, how: str) -> None:
    """strace shows the order of the system calls: a power cut between any two leaves no incomplete object."""
    if not shutil.which("strace") or subprocess.run(["strace", "-o/dev/null", "true"], capture_output=True).returncode:
        pytest.skip("this machine has no strace, or does not let it trace")
    log, store = tmp_path / "log", tmp_path / "store"
    strace = ["strace", "-f", "-qq", "-y", "-o", str(log), "-e", "trace=fsync,link,rename"]
    subprocess.run([*strace, sys.executable, "-c", PUT, str(store), how], check=True)
    calls = [line.split(maxsplit=1)[1] for line in log.read_text().splitlines()]
    (appears,) = (index for index, call in enumerate(calls) if call.startswith(("link(", "rename(")) and "a/b" in call)
    flushed = [re.search(r"^fsync\(\d+<(.*)>\) += 0", call) for call in calls]
    before = [match[1] for match in flushed[:appears] if match]
    after = [match[1] for match in flushed[appears:] if match]
    assert any(path.startswith(f"{store}/{TEMPORARY}/") for path in before), "the file itself"
    assert {str(tmp_path), str(store)} <= set(before), "the directories that were created"
    assert after[:2] == [str(store / "a"), str(store)]
