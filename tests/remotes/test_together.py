"""Commands that do not need each other are pushed and pulled together, never more objects at a time than was said."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from harness import TIMEOUT, ProjectDir

from weaselish.stores import open as opening
from weaselish.stores.directory import DirectoryStore

from .samples import leftovers, lines_of

LEAVES = 6
PATIENCE = 20.0  # seconds


@pytest.fixture
def fan(project: ProjectDir, tmp_path: Path) -> ProjectDir:
    """A trunk, leaves that need it, and a command that needs all leaves; run, but not pushed."""
    leaves = [f"out/leaf-{number}" for number in range(LEAVES)]
    deps_of = {"out/trunk": ["make.sh"], **{leaf: ["out/trunk"] for leaf in leaves}, "out/all": leaves}
    commands = [
        f"{{name: {Path(out).name}, script: [sh make.sh {out} {' '.join(deps)}], deps: {deps}, outputs: [{out}]}}"
        for out, deps in deps_of.items()
    ]
    project.write("make.sh", 'mkdir -p out; to=$1; shift; { echo "$to"; cat /dev/null "$@"; } > "$to"')
    project.write("project.yml", f"remotes: {{default: {tmp_path / 'remote'}}}\ncommands: [{', '.join(commands)}]\n")
    assert project.proj("run", "all").code == 0
    return project


class Watched(DirectoryStore):
    """Tells `enter` and `leave` of each object that is read or written."""

    def __init__(self, directory: Path, enter: Callable[[str], None], leave: Callable[[str], None]) -> None:
        super().__init__(directory)
        self._enter, self._leave = enter, leave

    def get(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        self._enter(key)
        yield from super().get(key, start=start, end=end)
        self._leave(key)

    def put(self, key: str, chunks: Iterable[bytes], *, replace: bool = False, if_version: str | None = None) -> bool:
        self._enter(key)
        written = super().put(key, chunks, replace=replace, if_version=if_version)
        self._leave(key)
        return written


def watch(
    monkeypatch: pytest.MonkeyPatch,
    directory: Path,
    enter: Callable[[str], None],
    leave: Callable[[str], None] = lambda key: None,
) -> None:
    monkeypatch.setattr(opening, "open_store", lambda *_, **__: Watched(directory, enter, leave))


@pytest.mark.parametrize("what", ["objects", "records"])
def test_leaves_are_pushed_and_pulled_together(
    fan: ProjectDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Each of two waits, in the store, for the other one."""
    barrier = threading.Barrier(2)
    of_leaves: set[str] = set()

    def enter(key: str) -> None:
        is_leaf = key.startswith("out%2Fleaf") if what == "objects" else ".proj/runs" in key
        if is_leaf and len(of_leaves) < 2 and key not in of_leaves:
            of_leaves.add(key)
            barrier.wait(PATIENCE)

    watch(monkeypatch, tmp_path / "remote", enter)
    assert lines_of(fan.proj("push"))["all"].startswith("pushed 1 output")
    assert len(of_leaves) == 2
    if what == "objects":
        shutil.rmtree(fan.path / "out")
        of_leaves.clear()
        assert lines_of(fan.proj("pull"))["all"] == "pulled out/all"
        assert len(of_leaves) == 2
    assert fan.proj("status", "--check").code == 0


@pytest.mark.parametrize("jobs", [1, 3])
def test_no_more_objects_are_transferred_at_a_time_than_jobs(
    fan: ProjectDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    lock = threading.Lock()
    now: list[str] = []
    most = 0
    is_full = threading.Event()  # as many as allowed are in the store at the same time

    def enter(key: str) -> None:
        nonlocal most
        if ".proj/runs" in key:
            return
        with lock:
            now.append(key)
            most = max(most, len(now))
            if most >= jobs:
                is_full.set()
        is_full.wait(TIMEOUT / 10)

    def leave(key: str) -> None:
        with lock:
            now[:] = [one for one in now if one != key]

    watch(monkeypatch, tmp_path / "remote", enter, leave)
    fan.proj("push", "-j", str(jobs))
    assert most == jobs
    shutil.rmtree(fan.path / "out")
    most = 0
    is_full.clear()
    assert lines_of(fan.proj("pull", "-j", str(jobs)))["all"] == "pulled out/all"
    assert (most, now, leftovers(fan)) == (jobs, [], [])


def test_what_one_needs_of_another_is_here_before_it_is_asked_for(
    fan: ProjectDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the lock file, a command's key is known only after its deps are restored."""
    fan.proj("push")
    for path in ("project.lock", ".proj", "out"):
        shutil.rmtree(fan.path / path) if (fan.path / path).is_dir() else (fan.path / path).unlink()
    asked: list[str] = []
    watch(monkeypatch, tmp_path / "remote", asked.append)
    assert {what.split()[0] for what in lines_of(fan.proj("pull")).values()} == {"pulled"}
    order = [key.split("/")[0] for key in asked if not key.startswith(".proj")]
    assert (order[0], order[-1], len(order)) == ("out%2Ftrunk", "out%2Fall", LEAVES + 2)
    assert fan.proj("status", "--check").code == 0
