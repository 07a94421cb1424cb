"""What a prune removes, what it never touches, and how it stays apart from pushes and from `proj gc`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from harness import ProjectDir, wait_until

from weaselish.cancel import Cancel
from weaselish.model.project import Remote
from weaselish.stores import open as opening
from weaselish.stores.directory import DirectoryStore

from . import reader
from .test_push_pull import push, tree, wipe


def prune(project: ProjectDir, *words: str) -> object:
    done = project.proj("snapshot", "prune", *words, "--yes", "--json")
    assert done.code == 0, done.err
    return done.json


def small(project: ProjectDir, remote: Path) -> ProjectDir:
    """Return a project without commands, with a snapshot on the remote."""
    project.project("commands: []\n")
    project.write("a.txt", project.path.name)
    push(project, str(remote))
    return project


@pytest.fixture
def siblings(tmp_path: Path, backup: Path) -> dict[str, ProjectDir]:
    return {name: small(ProjectDir(tmp_path / name, tmp_path / f"of-{name}"), backup) for name in ("iris", "iris2")}


def test_the_newest_stay_and_what_only_others_need_goes(siblings: dict[str, ProjectDir], backup: Path) -> None:
    iris = siblings["iris"]
    for number in range(4):
        iris.write("a.txt", f"{number}\n")
        (iris.path / "large.bin").write_bytes(os.urandom(300_000))
        push(iris, "-m", str(number))
    before = sum(file.stat().st_size for file in backup.rglob("*") if file.is_file())
    dry = iris.proj("snapshot", "prune", "--keep", "2", "--dry")
    assert (dry.code, "3 snapshots of iris to remove, 2 to keep" in dry.err) == (0, True)
    result = prune(iris, "--keep", "2")
    assert isinstance(result, dict)
    after = sum(file.stat().st_size for file in backup.rglob("*") if file.is_file())
    assert before - after > 590_000
    assert result["freed"] > 590_000
    left = reader.snapshots(backup)
    assert sorted(project for project, _ in left) == ["iris", "iris", "iris2"]
    assert len(list(backup.glob(".proj/contents/*/*"))) == 2
    wipe(siblings["iris2"])
    siblings["iris2"].proj("snapshot", "pull", "--from", str(backup), "--project", "iris2", "--into", ".")
    assert siblings["iris2"].read("a.txt") == "iris2"


def test_a_pack_of_which_little_is_needed_is_written_anew(iris: ProjectDir, backup: Path) -> None:
    for number in range(50):
        (iris.path / f"{number}.bin").write_bytes(os.urandom(10_000))
    push(iris)
    for number in range(45):
        iris.remove(f"{number}.bin")
    push(iris)
    before = tree(iris.path)
    prune(iris, "--keep", "1")
    size = sum(file.stat().st_size for file in backup.glob(".proj/packs/*"))
    assert size < 100_000
    reader.snapshots(backup)
    wipe(iris)
    assert iris.proj("snapshot", "pull", "--from", str(backup), "--into", ".").code == 0
    assert tree(iris.path) == before


def test_it_asks_and_without_a_terminal_removes_nothing(iris: ProjectDir, backup: Path) -> None:
    push(iris)
    push(iris)
    done = iris.proj("snapshot", "prune", "--keep", "1")
    assert done.code == 1
    assert "1 snapshot of iris to remove, 1 to keep; this frees" in done.err
    assert len(reader.snapshots(backup)) == 2


def test_the_newest_stays_however_old_unless_none_is_to_be_kept(iris: ProjectDir, backup: Path) -> None:
    for _ in range(2):
        push(iris)
    then = time.time() - 10 * 86400
    for file in backup.glob(".proj/snapshots/iris/*.json"):
        os.utime(file, (then, then))
    prune(iris, "--older-than", "20d")
    assert len(reader.snapshots(backup)) == 2
    prune(iris, "--older-than", "5d")
    assert len(reader.snapshots(backup)) == 1
    prune(iris, "--keep", "0")
    assert reader.snapshots(backup) == {}
    assert reader.contents(backup) == {}


def test_push_with_keep_is_a_daily_backup(iris: ProjectDir, backup: Path) -> None:
    for number in range(4):
        iris.write("in.txt", f"{number}\n")
        assert iris.proj("snapshot", "push", "--keep", "2", "--max-file-size", "100kB", "-q").code == 0
    listed = reader.snapshots(backup)
    assert len(listed) == 2
    assert all("large.bin" not in [entry["path"] for entry in entries] for entries in listed.values())


def test_while_a_push_is_under_way_nothing_is_deleted(iris: ProjectDir, backup: Path) -> None:
    push(iris)
    iris.write("in.txt", "changed\n")
    push(iris)
    marker = backup / ".proj/snapshots/other/20270101T000000-01234567.pending"
    marker.parent.mkdir()
    marker.write_text('{"format": 1, "host": "elsewhere", "pid": 1, "at": ""}')
    count = len(reader.contents(backup))
    result = prune(iris, "--keep", "1")
    assert isinstance(result, dict)
    assert (len(result["removed"]), result["freed"]) == (1, 0)
    assert "a push is under way" in result["postponed"]
    assert len(reader.contents(backup)) == count
    then = time.time() - 90_000
    os.utime(marker, (then, then))
    prune(iris)
    assert len(reader.contents(backup)) < count
    assert not marker.exists()


class Interposed(DirectoryStore):
    """A directory store that lets something happen just before the first deletion of contents."""

    before_deletion = staticmethod(lambda: None)

    def delete_many(self, keys: Sequence[str]) -> None:
        if any(key.startswith((".proj/packs/", ".proj/contents/")) for key in keys):
            happens, Interposed.before_deletion = Interposed.before_deletion, staticmethod(lambda: None)
            happens()
        super().delete_many(keys)


def test_a_push_during_the_deletion_waits_for_its_end(
    iris: ProjectDir, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The push wants what the prune is about to delete. A marker in the store makes it wait."""
    (iris.path / "wanted.bin").write_bytes(os.urandom(300_000))
    push(iris)
    other = iris.beside("other")
    other.project("commands: []\n")
    (other.path / "wanted.bin").write_bytes((iris.path / "wanted.bin").read_bytes())
    iris.remove("wanted.bin")
    push(iris)
    pushing = []

    def begin() -> None:
        pushing.append(other.start("snapshot", "push", str(backup)))
        marker = backup / ".proj/snapshots/other"
        wait_until(lambda: list(marker.glob("*.pending")), "the marker of the push")
        wait_until(lambda: "waiting for a prune" in pushing[0].err, "the push waits")

    def interposed(remote: Remote, *, cancel: Cancel, **_: object) -> DirectoryStore:
        return Interposed(backup, cancel=cancel)

    monkeypatch.setattr(opening, "open_store", interposed)
    monkeypatch.setattr(Interposed, "before_deletion", staticmethod(begin))
    prune(iris, "--keep", "1")
    done = pushing[0].wait()
    assert done.code == 0, done.err
    assert len([key for key in reader.snapshots(backup) if key[0] == "other"]) == 1


def test_a_damaged_snapshot_stops_a_prune_because_what_it_needs_is_not_known(
    siblings: dict[str, ProjectDir], backup: Path
) -> None:
    (broken,) = backup.glob(".proj/snapshots/iris2/*.json")
    broken.write_text("{")
    push(siblings["iris"])
    count = len(reader.contents(backup))
    done = siblings["iris"].proj("snapshot", "prune", "--keep", "1", "--yes")
    assert (done.code, "nothing was pruned" in done.err) == (1, True)
    assert len(reader.contents(backup)) == count


def test_gc_keeps_the_runs_that_a_snapshot_names(iris: ProjectDir, backup: Path) -> None:
    pushed = push(iris)
    assert pushed["outputs"] == ["data"]
    before = tree(iris.path)
    iris.write("in.txt", "other\n")
    iris.proj("run", "all")
    iris.proj("push")
    then = time.time() - 9 * 86400
    for file in backup.rglob("*"):
        if file.is_file():
            os.utime(file, (then, then))
    words = ("gc", "--keep-last", "0", "--refs", "none", "--also-irreplaceable", "--yes", "--json")
    result = iris.proj(*words).json
    assert result["kept"]["named by a snapshot"]["runs"] == 1
    assert iris.proj("snapshot", "verify").code == 0
    wipe(iris)
    assert iris.proj("snapshot", "pull", "--from", str(backup), "--into", ".").code == 0
    assert tree(iris.path) == before
    (snapshot,) = backup.glob(".proj/snapshots/iris/*.json")
    assert json.loads(snapshot.read_text())["runs"]
