"""Locks of paths outside the project: all projects that use a path find the same lock."""

from __future__ import annotations

import os
import pwd
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from weaselish.cancel import Cancel
from weaselish.errors import Busy, ProjError
from weaselish.files.state_dir import make_state_dir
from weaselish.locks.step_locks import hold_locks


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def a(tmp_path: Path) -> Path:
    return project(tmp_path / "repo/a")


@pytest.fixture
def b(tmp_path: Path) -> Path:
    return project(tmp_path / "repo/b")


def project(root: Path) -> Path:
    root.mkdir(parents=True)
    make_state_dir(root)
    return root


def test_an_unknown_home_directory_leaves_the_temporary_one(
    a: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_user(number: int) -> pwd.struct_passwd:
        raise KeyError(number)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", no_user)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.chdir(tmp_path)
    with step(a, writes=["../shared/x"]):
        assert list((tmp_path / "temporary").glob("proj-locks-*/*"))
    assert not (tmp_path / "~").exists()


def step(root: Path, *, writes: Sequence[str] = (), reads: Sequence[str] = ()) -> AbstractContextManager[object]:
    locks, name = root / ".proj/locks", f"step of {root.name}"
    return hold_locks(locks, name, writes=writes, reads=reads, on_wait=print, cancel=Cancel(), wait=False)


def excludes(one: AbstractContextManager[object], other: AbstractContextManager[object]) -> bool:
    with one:
        try:
            with other:
                return False
        except Busy:
            return True


def test_two_projects_exclude_each_other_from_a_shared_directory(a: Path, b: Path) -> None:
    for path in ("../data", "../data/x", str(a.parent / "data"), "../b/../data/x"):
        assert excludes(step(a, writes=[path]), step(b, reads=["../data/x"]))
        assert excludes(step(a, writes=[path]), step(b, writes=["../data/x/y"]))
    assert not excludes(step(a, writes=["../data/x"]), step(b, writes=["../data/y"]))
    assert not excludes(step(a, reads=["../data/x"]), step(b, reads=["../data/x"]))


def test_a_path_counts_by_where_its_links_lead(a: Path, b: Path, tmp_path: Path) -> None:
    (tmp_path / "disk/data").mkdir(parents=True)
    (a.parent / "shared").symlink_to(tmp_path / "disk")
    assert excludes(step(a, writes=["../shared/data"]), step(b, writes=[str(tmp_path / "disk/data")]))


def test_an_output_of_another_project_has_the_lock_of_that_project(a: Path, b: Path) -> None:
    assert excludes(step(a, writes=["out"]), step(b, reads=["../a/out"]))
    assert excludes(step(a, writes=["out/x"]), step(b, writes=["../a/out"]))
    assert excludes(step(b, writes=["../a"]), step(a, reads=["x"]))
    assert not excludes(step(a, writes=["out"]), step(b, reads=["../a/other"]))


def test_a_path_that_leads_back_into_the_project_has_its_own_lock(a: Path) -> None:
    (a.parent / "link").symlink_to(a)
    assert excludes(step(a, writes=["out"]), step(a, reads=["../link/out"]))


def test_the_locks_are_in_the_home_directory(a: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with step(a, writes=["../data"]):
        pass
    assert any("data" in name for name in os.listdir(home / ".cache/proj/locks"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "caches"))
    with step(a, writes=["../data"]):
        pass
    assert (home / "caches/proj/locks").is_dir()


def test_paths_in_the_project_need_no_home(a: Path, home: Path) -> None:
    with step(a, writes=["out"], reads=["data"]):
        assert not home.exists()


def test_without_a_home_directory_the_locks_are_in_the_temporary_directory(
    a: Path, b: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.touch()
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    assert excludes(step(a, writes=["../data"]), step(b, writes=["../data"]))
    (locks,) = temporary.iterdir()
    assert locks.stat().st_mode & 0o777 == 0o700


def test_a_planted_directory_of_locks_is_refused(
    a: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.touch()
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    (temporary / f"proj-locks-{os.getuid()}").symlink_to(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with (
        pytest.raises(ProjError, match="no directory for the locks of paths outside the project"),
        step(a, writes=["../data"]),
    ):
        pass
