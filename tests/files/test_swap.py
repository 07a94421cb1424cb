from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from weaselish.errors import ProjError
from weaselish.files import swap
from weaselish.files.atomic import sync_directory
from weaselish.files.remove import remove
from weaselish.files.staging import staging_directory
from weaselish.files.swap import recover, swap_in, swap_in_all

KINDS = ["absent", "file", "directory", "link", "dangling link"]


def make(path: Path, kind: str, content: str) -> None:
    if kind == "file":
        path.write_text(content)
    elif kind == "directory":
        (path / "deep" / "er").mkdir(parents=True)
        (path / "deep" / "file").write_text(content)
        (path / "closed").mkdir(mode=0o500)
    elif kind == "link":
        (path.parent / "linked").write_text(content)
        path.symlink_to("linked")
    elif kind == "dangling link":
        path.symlink_to(content)


def seen(path: Path) -> object:
    """The content at a path, in a form that can be compared."""
    if path.is_symlink():
        return f"-> {os.readlink(path)}"
    if path.is_dir():
        return {each.name: seen(each) for each in path.iterdir()}
    return path.read_text() if path.exists() else None


@pytest.fixture(params=KINDS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    make(tmp_path / "out", request.param, "old")
    return str(request.param)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out"


def leftovers(target: Path) -> list[str]:
    return [name for name in os.listdir(target.parent) if ".proj-" in name]


@pytest.mark.parametrize("new", ["file", "directory"])
def test_anything_is_replaced_by_anything(old: str, new: str, target: Path) -> None:
    with staging_directory(target) as place:
        make(place / "x", new, "new")
        wanted = seen(place / "x")
        swap_in(place / "x", target)
    assert seen(target) == wanted
    assert leftovers(target) == []


class Counted:
    """Stands in for a function of `os`: from the nth call on, does something else."""

    def __init__(self, real: Callable[..., Any], at: int, instead: Callable[[], None], *, once: bool) -> None:
        self.real, self.at, self.instead, self.once = real, at, instead, once
        self.calls = 0

    def __call__(self, *args: Any, **named: Any) -> Any:
        self.calls += 1
        if self.calls == self.at or (self.calls > self.at and not self.once):
            self.instead()
        return self.real(*args, **named)


def no_space() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextlib.contextmanager
def in_its_place(happens: Callable[[], None]) -> Iterator[None]:
    """While this is open, `happens` is called when a new one is in its place, before that is on the disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(swap, "sync_directory", Counted(sync_directory, 1, happens, once=True))
        yield


def test_the_old_one_exists_until_the_new_one_is_safe(target: Path) -> None:
    target.write_text("old")
    found = []

    def look() -> None:
        (aside,) = (name for name in leftovers(target) if "old" in name)
        found.extend([target.read_text(), (target.parent / aside).read_text()])

    with in_its_place(look), staging_directory(target) as place:
        (place / "x").write_text("new")
        swap_in(place / "x", target)
    assert found == ["new", "old"]


def test_the_old_one_is_back_if_the_new_one_cannot_be_made_safe(old: str, target: Path) -> None:
    before = seen(target)
    with in_its_place(no_space), pytest.raises(ProjError, match="No space left"), staging_directory(target) as place:
        make(place / "x", "directory", "new")
        swap_in(place / "x", target)
    assert seen(target) == before
    assert leftovers(target) == []


def test_an_interrupt_brings_the_old_one_back(old: str, target: Path) -> None:
    before = seen(target)
    with in_its_place(interrupted), pytest.raises(KeyboardInterrupt), staging_directory(target) as place:
        make(place / "x", "file", "new")
        swap_in(place / "x", target)
    assert seen(target) == before


def interrupted() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("call", ["rename", "fsync"])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_the_old_or_the_new_one_exists_whatever_fails(
    old: str, call: str, at: int, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = seen(target)
    failing = Counted(getattr(os, call), at, no_space, once=True)
    with staging_directory(target) as place:
        make(place / "x", "file", "new")
        monkeypatch.setattr(os, call, failing)
        try:
            swap_in(place / "x", target)
        except ProjError as error:
            assert error.message == f"cannot replace `{target}`: No space left on device"
            assert seen(target) == before
        else:
            assert failing.calls < at or leftovers(target)  # it failed when the new one had proved good
            assert seen(target) == "new"
            recover(target)
            assert seen(target) == "new"
    assert leftovers(target) == []


def test_if_the_old_one_cannot_be_put_back_the_error_says_where_it_is(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target.write_text("old")
    with staging_directory(target) as place:
        (place / "x").write_text("new")
        with monkeypatch.context() as patched:
            patched.setattr(os, "rename", Counted(os.rename, 2, no_space, once=False))
            with pytest.raises(ProjError, match=r"cannot put back the old `.*out`") as failed:
                swap_in(place / "x", target)
    assert failed.value.hint is not None
    assert Path(failed.value.hint.split("`")[1]).read_text() == "old"
    assert recover(target)
    assert target.read_text() == "old"


def in_child(do: Callable[[], None]) -> None:
    child = os.fork()
    if not child:
        try:
            do()
        finally:
            os._exit(1)
    os.waitpid(child, 0)


STEPS = [("rename", at) for at in (1, 2, 3)] + [("fsync", at) for at in (1, 2, 3)] + [("unlink", 1), ("rmdir", 1)]


@pytest.mark.parametrize(("call", "at"), STEPS)
def test_the_old_or_the_new_one_is_intact_after_a_kill_at_any_point(old: str, call: str, at: int, target: Path) -> None:
    """The child dies just before a call that changes the disk."""
    before = seen(target)

    def replace() -> None:
        with staging_directory(target) as place:
            make(place / "x", "directory", "new")
            setattr(os, call, Counted(getattr(os, call), at, lambda: os._exit(9), once=True))
            swap_in(place / "x", target)

    in_child(replace)
    new = {"deep": {"er": {}, "file": "new"}, "closed": {}}
    assert seen(target) in (before, new, None)
    recover(target)
    assert seen(target) in (before, new)
    assert leftovers(target) == []
    assert not recover(target)


def killed_with_the_new_one_in_its_place(target: Path) -> None:
    def replace() -> None:
        with in_its_place(lambda: os._exit(9)), staging_directory(target) as place:
            (place / "x").write_text("new")
            swap_in(place / "x", target)

    in_child(replace)


def test_the_old_one_comes_back_after_a_kill_before_the_new_one_is_safe(target: Path) -> None:
    target.write_text("old")
    killed_with_the_new_one_in_its_place(target)
    assert target.read_text() == "new"
    assert recover(target)
    assert target.read_text() == "old"
    assert leftovers(target) == []


def test_a_target_created_after_a_kill_is_not_replaced_by_the_old_one(target: Path) -> None:
    target.write_text("old")
    killed_with_the_new_one_in_its_place(target)
    (target.parent / "later").write_text("made since")
    (target.parent / "later").rename(target)
    assert not recover(target)
    assert target.read_text() == "made since"
    assert leftovers(target) == []


def test_the_next_swap_recovers_from_a_kill(target: Path) -> None:
    target.write_text("old")
    killed_with_the_new_one_in_its_place(target)
    with in_its_place(no_space), pytest.raises(ProjError), staging_directory(target) as place:
        (place / "x").write_text("another")
        swap_in(place / "x", target)
    assert target.read_text() == "old"


def test_a_recovery_leaves_neighbours_alone(target: Path) -> None:
    neighbours = [".out2.proj-old-1-00000000", ".ou.proj-gone-00000000", ".out.proj-new", "out.proj-new-00000000"]
    for name in neighbours:
        (target.parent / name).write_text("x")
    assert not recover(target)
    assert sorted(os.listdir(target.parent)) == sorted(neighbours)
    assert not recover(target / "not" / "there")


def test_a_staging_directory_is_beside_its_target_and_is_always_removed(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), staging_directory(tmp_path / "models" / "best") as place:
        assert place.parent == tmp_path / "models"
        (place / "x").write_text("")
        raise ZeroDivisionError
    assert os.listdir(tmp_path / "models") == []


def test_a_directory_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("")
    with pytest.raises(ProjError, match="cannot write beside"), staging_directory(tmp_path / "models" / "best"):
        raise AssertionError


def test_without_syncfs_all_disks_are_flushed(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ctypes

    flushed: list[str] = []
    monkeypatch.setattr(ctypes, "CDLL", lambda *args, **named: object())
    monkeypatch.setattr(os, "sync", lambda: flushed.append("all"))
    with staging_directory(target) as place:
        make(place / "x", "directory", "new")
        swap_in(place / "x", target)
    assert flushed == ["all"]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")
def test_on_a_full_disk_the_old_one_stays(tmp_path: Path) -> None:
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmp_path], capture_output=True).returncode:
        pytest.skip("cannot mount here")
    try:
        (tmp_path / "out").write_bytes(b"1" * 600_000)
        with pytest.raises(OSError, match="No space left"), staging_directory(tmp_path / "out") as place:
            (place / "x").write_bytes(b"2" * 600_000)
            swap_in(place / "x", tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == b"1" * 600_000
        assert os.listdir(tmp_path) == ["out"]
    finally:
        subprocess.run(["umount", tmp_path], check=True)


REMOVE = """
import os, sys
from pathlib import Path
from weaselish.files.remove import remove
top = Path(sys.argv[1])
os.setuid(65534)
(top / "tree" / "a" / "b").mkdir(parents=True)
(top / "tree" / "a" / "b" / "file").write_text("")
(top / "tree" / "a" / "link").symlink_to(top / "outside")
(top / "outside").mkdir(mode=0o555)
for name in ("tree/a/b", "tree/a", "tree"):
    (top / name).chmod(0o000 if name == "tree/a" else 0o500)
remove(top / "tree")
print(os.listdir(top), oct((top / "outside").stat().st_mode & 0o777))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="changes the user")
def test_write_protected_directories_are_removed_and_links_are_not_followed(tmp_path: Path) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o777)
        done = subprocess.run([sys.executable, "-c", REMOVE, directory], capture_output=True, text=True)
        assert done.stdout == "['outside'] 0o555\n", done.stderr


def deep_tree(path: Path, depth: int) -> Path:
    """Create a tree whose innermost path is longer than any system takes, with a file at each level."""
    path.mkdir()
    current = os.open(path, os.O_RDONLY)
    for _ in range(depth):
        os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=current))
        os.mkdir("deeper", dir_fd=current)
        below = os.open("deeper", os.O_RDONLY, dir_fd=current)
        os.close(current)
        current = below
    os.close(current)
    return path


def test_a_tree_of_any_depth_is_removed(tmp_path: Path) -> None:
    remove(deep_tree(tmp_path / "deep", 2000))
    assert os.listdir(tmp_path) == []


def test_trees_of_any_depth_change_places(tmp_path: Path) -> None:
    target = deep_tree(tmp_path / "out", 2000)
    with staging_directory(target) as place:
        new = deep_tree(place / "new", 2000)
        (new / "new").touch()
        swap_in(new, target)
    assert sorted(os.listdir(target)) == ["deeper", "file", "new"]
    assert os.listdir(tmp_path) == ["out"]
    remove(target)


def test_removing_a_missing_path_does_nothing(tmp_path: Path) -> None:
    remove(tmp_path / "nothing")
    (tmp_path / "link").symlink_to(tmp_path)
    remove(tmp_path / "link")
    assert os.listdir(tmp_path) == []


def several(tmp_path: Path, count: int) -> list[tuple[Path, Path]]:
    """New files, and the old ones in whose places they are to be: each third is not there yet."""
    (tmp_path / "new").mkdir()
    pairs = [(tmp_path / f"new/{number}", tmp_path / f"out-{number}") for number in range(count)]
    for number, (new, target) in enumerate(pairs):
        new.write_text("new")
        if number % 3:
            target.write_text("old")
    return pairs


def test_a_thousand_files_are_replaced_at_once(tmp_path: Path) -> None:
    pairs = several(tmp_path, 1000)
    swap_in_all(pairs)
    assert {target.read_text() for _, target in pairs} == {"new"}
    assert not [name for name in os.listdir(tmp_path) if ".proj-" in name]


@pytest.mark.parametrize("at", range(1, 18))
def test_all_of_several_targets_are_replaced_or_none(at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six, four of which were there: ten renames to put the new ones in place, four to let the old ones go."""
    pairs = several(tmp_path, 6)
    monkeypatch.setattr(os, "rename", Counted(os.rename, at, no_space, once=True))
    if at > 14:
        swap_in_all(pairs)
    else:
        with pytest.raises(ProjError, match=r"cannot replace .*No space left"):
            swap_in_all(pairs)
    wanted = ["new"] * 6 if at > 14 else [None, "old", "old"] * 2
    assert [seen(target) for _, target in pairs] == wanted
    assert not [name for name in os.listdir(tmp_path) if ".proj-" in name]


def test_every_swap_is_undone_even_if_one_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one fails, and cannot be put back."""
    pairs = [(tmp_path / f"new-{name}", tmp_path / name) for name in "ab"]
    for new, target in pairs:
        new.write_text("new")
        target.write_text("old")
    rename = os.rename

    def fails(source: Any, target: Any, **options: Any) -> None:
        if Path(target).name == "b":
            no_space()
        rename(source, target, **options)

    monkeypatch.setattr(os, "rename", fails)
    with pytest.raises(ProjError, match="cannot"):
        swap_in_all(pairs)
    assert (tmp_path / "a").read_text() == "old"
    monkeypatch.undo()
    assert recover(tmp_path / "b")
    assert (tmp_path / "b").read_text() == "old"
